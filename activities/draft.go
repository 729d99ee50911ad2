package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/llm/prompts"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/workflows"
)

// Codes of what a model's answer adds to a rule. A model's word never makes a rule full.
const (
	// CodeModelFilled replaces the error of a hole that a model filled: an approximation, for a person to check.
	CodeModelFilled = "model_filled"
	// CodeModelUnusable says that no answer could be used; the compiler's draft stands.
	CodeModelUnusable = "model_unusable"
)

// CheckDraft reads a recorded answer and checks its ES|QL. A usable one becomes the draft; for another the next round
// asks again, and the last one leaves the compiler's draft.
func (a *Activities) CheckDraft(ctx context.Context, in workflows.CheckInput) (workflows.CheckOutput, error) {
	return do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (workflows.CheckOutput, error) {
		rule, err := a.held(ctx, in.RuleInput)
		if err != nil {
			return workflows.CheckOutput{}, err
		}
		if rule.Status == migration.StatusFinished {
			return workflows.CheckOutput{Finished: true, Result: rule.Result, Holes: compile.Holes(rule.Diagnostics)}, nil
		}
		answer, err := a.Answers.Answer(ctx, in.MigrationID, in.Key)
		if err != nil {
			return workflows.CheckOutput{}, err
		}
		filling, problems := a.readAnswer(rule, answer.Text)
		out := workflows.CheckOutput{Finished: len(problems) == 0 || in.Last, Problems: len(problems)}
		if !out.Finished {
			return out, nil
		}
		at := a.Now()
		change := func(r *migration.Rule) {
			if len(problems) > 0 {
				reject(r, answer.ConnectorID, problems, at)
			} else {
				fill(r, answer.ConnectorID, filling, at)
			}
			r.Status = migration.StatusFinished
		}
		change(&rule)
		out.Result, out.Holes = rule.Result, compile.Holes(rule.Diagnostics)
		return out, a.Rules.Record(ctx, in.MigrationID, in.RuleID, in.Token, change)
	})
}

// question builds what a model is asked about a rule whose draft is recorded. The key names connector, round and the
// whole text, so that a changed draft is a new question and an unchanged one is never asked twice.
func (a *Activities) question(ctx context.Context, in workflows.CallInput, rule migration.Rule) (llm.Request, error) {
	messages, err := fillOf(rule).Messages()
	if err != nil {
		return llm.Request{}, err
	}
	if in.Previous != "" {
		answer, err := a.Answers.Answer(ctx, in.MigrationID, in.Previous)
		if err != nil {
			return llm.Request{}, err
		}
		_, problems := a.readAnswer(rule, answer.Text)
		if messages, err = prompts.Again(messages, answer.Text, problems); err != nil {
			return llm.Request{}, err
		}
	}
	sum := sha256.New()
	for _, m := range messages {
		fmt.Fprintf(sum, "%s\x00%d\x00%s\x00", m.Role, len(m.Text), m.Text)
	}
	key := fmt.Sprintf("fill/%s/%s/%d/%s", in.ConnectorID, in.RuleID, in.Round, hex.EncodeToString(sum.Sum(nil)[:12]))
	return llm.Request{Key: key, Messages: messages, Schema: prompts.FillSchema()}, nil
}

func fillOf(rule migration.Rule) prompts.Fill {
	f := prompts.Fill{Title: rule.Original.Title, Description: rule.Original.Description, SPL: rule.Original.Query, Draft: draftOf(rule)}
	for i, d := range migration.Causes(rule.Diagnostics) {
		f.Holes = append(f.Holes, prompts.Hole{Number: i + 1, Line: d.Start.Line, Column: d.Start.Column, Command: d.Command, Message: d.Message})
	}
	return f
}

func draftOf(rule migration.Rule) string {
	if rule.Elastic == nil {
		return ""
	}
	return rule.Elastic.Query
}

// fill puts a usable answer into the document: the query becomes the model's, each filled hole an approximation that says
// so, and the result at best partial.
func fill(r *migration.Rule, connector string, f prompts.Filling, at time.Time) {
	numbers := map[int]string{}
	for _, h := range f.Filled {
		numbers[h.Hole] = h.How
	}
	r.Diagnostics = slices.Clone(r.Diagnostics)
	causes := migration.Causes(r.Diagnostics)
	number := 0
	for i := range r.Diagnostics {
		d := &r.Diagnostics[i]
		if number == len(causes) || *d != causes[number] {
			continue
		}
		number++
		how, ok := numbers[number]
		if !ok {
			continue
		}
		d.Code, d.Severity = CodeModelFilled, string(translate.Approximation)
		d.Message = fmt.Sprintf("the model %s filled this hole: %s. Compare it with the SPL before use. The hole was: %s", connector, strings.TrimSuffix(oneLine(how), "."), d.Message)
	}
	for _, h := range f.Open {
		comment(r, connector, fmt.Sprintf("left hole %d open: %s", h.Hole, oneLine(h.Why)), at)
	}
	if len(f.Filled) == 0 {
		note(r, at, "model", connector+" left every hole open")
		return
	}
	note(r, at, "model", fmt.Sprintf("%s filled %d of %d holes", connector, len(f.Filled), number))
	if r.Elastic == nil {
		r.Elastic = &migration.ElasticRule{Title: r.Original.Title, Description: r.Original.Description, Severity: r.Original.Severity, QueryLanguage: "esql"}
		if q, err := esql.Parse(f.Query); err == nil {
			if from := source(q); from != nil {
				r.Elastic.Index = from.Indices
			}
		}
	} else {
		elastic := *r.Elastic
		r.Elastic = &elastic
	}
	r.Elastic.Query = f.Query
	r.Result = migration.Partial
}

// reject notes that no answer could be used; what the compiler recorded stands.
func reject(r *migration.Rule, connector string, problems []string, at time.Time) {
	r.Diagnostics = append(slices.Clone(r.Diagnostics), migration.Diagnostic{
		Code: CodeModelUnusable, Severity: string(translate.Info),
		Message: fmt.Sprintf("the model %s was asked to complete the draft, but none of its answers could be used, so the draft is the compiler's; what was wrong with the last one: %s", connector, problems[0]),
		Start:   migration.Position{Line: 1, Column: 1}, End: migration.Position{Line: 1, Column: 1},
	})
	note(r, at, "model", connector+" gave no usable answer")
}

func comment(r *migration.Rule, by, message string, at time.Time) {
	r.Comments = append(slices.Clip(r.Comments), migration.Comment{Message: message, CreatedAt: at, CreatedBy: by})
}

// oneLine bounds a remark of a model.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 500 {
		s = string(runes[:500]) + " […]"
	}
	return s
}
