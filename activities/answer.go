package activities

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/llm/prompts"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// readAnswer reads a model's answer and lists what is wrong with it, in words the model can act on. A model may add what
// the holes that it fills allow, and nothing else: a wrong filter hides an attack.
func (a *Activities) readAnswer(rule migration.Rule, answer string) (prompts.Filling, []string) {
	filling, err := prompts.ReadFilling(answer)
	if err != nil {
		return filling, []string{err.Error()}
	}
	causes := migration.Causes(rule.Diagnostics)
	problems := listed(filling, len(causes))
	draft := draftOf(rule)
	if len(filling.Filled) == 0 {
		// Nothing is claimed, so the compiler's draft stands, and a query that differs from it was changed in silence.
		if !sameQuery(filling.Query, draft) && draft != "" && strings.TrimSpace(filling.Query) != "" {
			problems = append(problems, "no hole is listed as filled, but the query differs from the draft")
		}
		filling.Query = draft
		return filling, problems
	}
	query, err := esql.Parse(filling.Query)
	if err != nil {
		return filling, append(problems, "the query does not parse: "+err.Error())
	}
	before := &esql.Query{}
	if draft != "" {
		if before, err = esql.Parse(draft); err != nil {
			return filling, append(problems, "the draft does not parse, so nothing can be filled in: leave every hole open")
		}
	}
	for _, p := range esql.Check(query, esql.Env{Version: esql.VersionOf(before)}) {
		if !p.Lint {
			problems = append(problems, p.String())
		}
	}
	c := &comparison{known: a.Known, allowed: allowedBy(rule, filling, causes), protected: names(before.Commands), draftless: draft == ""}
	// Remarks of a model are not asked for, and they would end up in Kibana; those of the draft stay.
	query.Commands = slices.DeleteFunc(query.Commands, func(c esql.Command) bool {
		return isComment(c) && !slices.ContainsFunc(before.Commands, func(d esql.Command) bool { return printed(d) == printed(c) })
	})
	c.compare(slices.DeleteFunc(slices.Clone(before.Commands), isComment), query)
	problems = append(problems, c.problems...)
	problems = append(problems, complete(query)...)
	if draft != "" && sameQuery(filling.Query, draft) {
		problems = append(problems, "the query is the draft, so no hole is filled: list every hole in \"open\"")
	}
	filling.Query = esql.Print(query)
	return filling, problems
}

func isComment(c esql.Command) bool { _, is := c.(*esql.Comment); return is }

// sameQuery compares two queries without regard to layout and comments.
func sameQuery(a, b string) bool {
	p, err := esql.Parse(a)
	if err != nil {
		return false
	}
	q, err := esql.Parse(b)
	if err != nil {
		return false
	}
	p.Commands, q.Commands = slices.DeleteFunc(p.Commands, isComment), slices.DeleteFunc(q.Commands, isComment)
	return esql.Print(p) == esql.Print(q)
}

// listed checks that every hole is accounted for once.
func listed(f prompts.Filling, n int) (problems []string) {
	times := make([]int, n+1)
	count := func(hole int) {
		if hole < 1 || hole > n {
			problems = append(problems, fmt.Sprintf("there is no hole %d", hole))
			return
		}
		times[hole]++
	}
	for _, h := range f.Filled {
		count(h.Hole)
	}
	for _, h := range f.Open {
		count(h.Hole)
	}
	for hole := 1; hole <= n; hole++ {
		if times[hole] != 1 {
			problems = append(problems, fmt.Sprintf("hole %d is listed %d times, it must be once", hole, times[hole]))
		}
	}
	return problems
}

// complete checks what a detection rule needs beyond being ES|QL.
func complete(q *esql.Query) (problems []string) {
	from := source(q)
	if from == nil {
		return []string{"the query does not begin with FROM"}
	}
	if slices.ContainsFunc(q.Commands, func(c esql.Command) bool { _, is := c.(*esql.Stats); return is }) {
		return nil
	}
	for _, name := range []string{"_id", "_index", "_version"} {
		if !slices.Contains(from.Metadata, name) {
			problems = append(problems, "a query without STATS needs METADATA _id, _index, _version after FROM")
			break
		}
	}
	return problems
}

// source is the FROM that a query begins with, comments aside; nil if it begins otherwise.
func source(q *esql.Query) *esql.From {
	for _, c := range q.Commands {
		if isComment(c) {
			continue
		}
		from, _ := c.(*esql.From)
		return from
	}
	return nil
}
