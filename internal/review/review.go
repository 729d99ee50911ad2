// Package review holds what people decide about translated rules: edits of the Elastic rule, sign-off, comments. Each
// decision is a pure change of a rule document with an entry in its history, for store.Amend.
package review

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Refusal says why a decision cannot be made about a rule, in words for the person.
type Refusal struct{ Why string }

func (r *Refusal) Error() string { return r.Why }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Who makes a decision, and when.
type Who struct {
	By string
	At time.Time
}

func (w Who) note(r *migration.Rule, action, detail string) {
	r.History = append(slices.Clip(r.History), migration.HistoryEntry{At: w.At, By: w.By, Action: action, Detail: detail})
	r.UpdatedAt, r.UpdatedBy = w.At, w.By
}

// Edit is what a person changes of an Elastic rule; what is nil stays.
type Edit struct {
	Query, Title, Description, Severity, Interval, From *string
	RiskScore                                           *int
}

// None says whether nothing is changed.
func (e Edit) None() bool { return e == Edit{} }

// Apply changes the Elastic rule. The first edit keeps what was there as the draft. What was decided about the rule held for
// the rule as it was, so it is open again.
func (e Edit) Apply(r *migration.Rule, w Who) error {
	if err := ended(*r); err != nil {
		return err
	}
	now := migration.ElasticRule{Title: r.Original.Title, Description: r.Original.Description, Severity: r.Original.Severity, QueryLanguage: "esql", Index: []string{}}
	if r.Elastic != nil {
		now = *r.Elastic
	}
	var changed []string
	set := func(name string, to *string, value *string) {
		if value != nil && *to != *value {
			*to = *value
			changed = append(changed, name)
		}
	}
	set("query", &now.Query, e.Query)
	set("title", &now.Title, e.Title)
	set("description", &now.Description, e.Description)
	set("severity", &now.Severity, e.Severity)
	set("interval", &now.Interval, e.Interval)
	set("from", &now.From, e.From)
	if e.RiskScore != nil && now.RiskScore != *e.RiskScore {
		now.RiskScore = *e.RiskScore
		changed = append(changed, "risk_score")
	}
	if len(changed) == 0 {
		return nil
	}
	if slices.Contains(changed, "query") {
		now.QueryLanguage = "esql"
		if q, err := esql.Parse(now.Query); err == nil {
			if from := sources(q); from != nil {
				now.Index = from
			}
		}
		r.Verification = migration.VerificationNotRun // it was said of another query
	}
	now.PrebuiltRuleID = "" // a person's rule is no prebuilt one any more
	if r.Edited == nil {
		r.Draft = r.Elastic
	}
	r.Elastic, r.Edited = &now, &migration.Edited{By: w.By, At: w.At}
	detail := strings.Join(changed, ", ")
	if r.Review != nil {
		detail += fmt.Sprintf("; it was %s by %s", r.Review.State, r.Review.By)
		r.Review = nil
	}
	w.note(r, migration.ActionEdited, detail)
	return nil
}

// sources are the index patterns of a query's FROM; nil where it has none.
func sources(q *esql.Query) []string {
	for _, c := range q.Commands {
		if from, ok := c.(*esql.From); ok {
			return slices.Clone(from.Indices)
		}
	}
	return nil
}

// Reset puts the Elastic rule back to what the compiler, a model or the match made.
func Reset(r *migration.Rule, w Who) error {
	if err := ended(*r); err != nil {
		return err
	}
	if r.Edited == nil {
		return nil
	}
	detail := ""
	if r.Review != nil {
		detail = fmt.Sprintf("it was %s by %s", r.Review.State, r.Review.By)
	}
	r.Elastic, r.Draft, r.Edited, r.Review = r.Draft, nil, nil, nil
	w.note(r, migration.ActionReset, detail)
	return nil
}

// Comment adds a remark. The same one by the same person twice is one: a call may have been repeated.
func Comment(r *migration.Rule, message string, w Who) error {
	if n := len(r.Comments); n > 0 && r.Comments[n-1].CreatedBy == w.By && r.Comments[n-1].Message == message {
		return nil
	}
	r.Comments = append(slices.Clip(r.Comments), migration.Comment{Message: message, CreatedAt: w.At, CreatedBy: w.By})
	w.note(r, migration.ActionCommented, "")
	return nil
}

var actions = map[migration.ReviewState]string{
	migration.ReviewOpen: migration.ActionReopened, migration.ReviewAccepted: migration.ActionAccepted, migration.ReviewRejected: migration.ActionRejected,
}

// Decide accepts, rejects or opens a rule again, with a comment if one is given. A rule that is installed counts as
// accepted. The same decision twice is one.
func Decide(r *migration.Rule, state migration.ReviewState, comment string, w Who) error {
	if err := ended(*r); err != nil {
		return err
	}
	was, before := r.ReviewState(), r.Review
	switch state {
	case migration.ReviewOpen, migration.ReviewRejected:
	case migration.ReviewAccepted:
		if r.Elastic == nil || strings.TrimSpace(r.Elastic.Query) == "" {
			return refuse("there is no query to accept: write one, or reject the rule")
		}
		if r.Edited != nil {
			if _, err := esql.Parse(r.Elastic.Query); err != nil {
				return refuse("the query that %s wrote is no ES|QL: %s", r.Edited.By, err)
			}
		}
		if was == migration.ReviewInstalled {
			return nil
		}
	default:
		return refuse("only an installation says that a rule is %s", state)
	}
	if was == state {
		return nil
	}
	r.Review = &migration.Review{State: state, By: w.By, At: w.At}
	detail := ""
	if state == migration.ReviewOpen {
		detail = fmt.Sprintf("it was %s by %s", before.State, before.By)
		r.Review = nil
	}
	if comment != "" {
		if err := Comment(r, comment, w); err != nil {
			return err
		}
	}
	w.note(r, actions[state], detail)
	return nil
}

// Installed says that a Kibana has the rule as it is now.
func Installed(r *migration.Rule, kibana string, w Who) error {
	if r.ReviewState() == migration.ReviewInstalled {
		return nil
	}
	r.Review = &migration.Review{State: migration.ReviewInstalled, By: w.By, At: w.At}
	w.note(r, migration.ActionInstalled, kibana)
	return nil
}

// Refused says whether the error is a Refusal, and its words.
func Refused(err error) (string, bool) {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Why, true
	}
	return "", false
}

func ended(r migration.Rule) error {
	if !r.Ended() {
		return refuse("the rule is %s: it can be decided when it is translated", r.Status)
	}
	return nil
}
