package review

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
)

var ann, bob = Who{"ann", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, Who{"bob", time.Date(2026, 1, 3, 3, 4, 5, 0, time.UTC)}

func text(s string) *string { return &s }

func finished(change ...func(*migration.Rule)) migration.Rule {
	r := migration.Rule{ID: "r", Status: migration.StatusFinished, Result: migration.Full, Verification: migration.VerificationPassed,
		Original: migration.OriginalRule{Title: "T", Severity: "high"},
		Elastic:  &migration.ElasticRule{Title: "T", Query: "FROM logs-a*", QueryLanguage: "esql", Index: []string{"logs-a*"}}}
	for _, f := range change {
		f(&r)
	}
	return r
}

func no(r *migration.Rule)      { r.Elastic, r.Result = nil, migration.Untranslatable }
func matched(r *migration.Rule) { r.Elastic.PrebuiltRuleID, r.Elastic.QueryLanguage = "p", "kuery" }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEditThenReset(t *testing.T) {
	for name, was := range map[string]migration.Rule{"translated": finished(), "nothing": finished(no), "matched": finished(matched)} {
		r := was
		before := was.Elastic
		var copied migration.ElasticRule
		if before != nil {
			copied = *before
		}
		must(t, Edit{Query: text("FROM logs-b*, logs-c | LIMIT 1")}.Apply(&r, ann))
		must(t, Edit{Severity: text("low"), RiskScore: new(int)}.Apply(&r, bob))
		if e := r.Elastic; e.Query != "FROM logs-b*, logs-c | LIMIT 1" || e.QueryLanguage != "esql" || e.PrebuiltRuleID != "" || e.Severity != "low" || e.Title != "T" ||
			cmp.Diff([]string{"logs-b*", "logs-c"}, e.Index) != "" || r.Draft != before || r.Edited.By != "bob" || r.Verification != migration.VerificationNotRun {
			t.Errorf("%s: %+v, %+v", name, r, e)
		}
		if before != nil && cmp.Diff(copied, *before) != "" {
			t.Errorf("%s: the draft was changed", name)
		}
		must(t, Reset(&r, ann))
		must(t, Reset(&r, ann)) // nothing more
		if r.Elastic != before || r.Draft != nil || r.Edited != nil || len(r.History) != 3 || r.UpdatedBy != "ann" {
			t.Errorf("%s after the reset: %+v", name, r)
		}
	}
	r := finished()
	must(t, Edit{Query: text("FROM logs-a*"), Title: text("T")}.Apply(&r, ann))
	if r.Edited != nil || len(r.History) != 0 {
		t.Errorf("an edit that alters nothing: %+v", r)
	}
	must(t, Edit{Query: text("nonsense (")}.Apply(&r, ann))
	if cmp.Diff([]string{"logs-a*"}, r.Elastic.Index) != "" {
		t.Errorf("of a query that cannot be read: %v", r.Elastic.Index)
	}
}

func TestDecide(t *testing.T) {
	edit := func(query string) func(*migration.Rule) {
		return func(r *migration.Rule) { must(t, Edit{Query: &query}.Apply(r, bob)) }
	}
	decided := func(state migration.ReviewState) func(*migration.Rule) {
		return func(r *migration.Rule) { must(t, Decide(r, state, "", bob)) }
	}
	installed := func(r *migration.Rule) { must(t, Installed(r, "prod", bob)) }
	pending := func(r *migration.Rule) { r.Status = migration.StatusPending }
	for name, tc := range map[string]struct {
		rule  migration.Rule
		state migration.ReviewState
		want  migration.ReviewState
		by    string
		why   string
	}{
		"accept":                   {finished(), "accepted", "accepted", "ann", ""},
		"reject":                   {finished(no), "rejected", "rejected", "ann", ""},
		"open what is open":        {finished(), "open", "open", "", ""},
		"open again":               {finished(decided("accepted")), "open", "open", "", ""},
		"accept again":             {finished(decided("accepted")), "accepted", "accepted", "bob", ""},
		"reject what was accepted": {finished(decided("accepted")), "rejected", "rejected", "ann", ""},
		"accept nothing":           {finished(no), "accepted", "open", "", "no query"},
		"accept nonsense":          {finished(edit("FROM |")), "accepted", "open", "", "no ES|QL"},
		"accept an edit":           {finished(edit("FROM a")), "accepted", "accepted", "ann", ""},
		"accept what is installed": {finished(installed), "accepted", "installed", "bob", ""},
		"reject what is installed": {finished(installed), "rejected", "rejected", "ann", ""},
		"say installed":            {finished(), "installed", "open", "", "only an installation"},
		"accept a pending rule":    {finished(pending), "accepted", "open", "", "pending"},
	} {
		r, n := tc.rule, len(tc.rule.History)
		err := Decide(&r, tc.state, "", ann)
		why, refused := Refused(err)
		if refused != (tc.why != "") || !strings.Contains(why, tc.why) || r.ReviewState() != tc.want || tc.by != "" && r.Review.By != tc.by {
			t.Errorf("%s: %s by %+v, %v", name, r.ReviewState(), r.Review, err)
		}
		if changed := tc.rule.ReviewState() != tc.want; changed != (len(r.History) > n) {
			t.Errorf("%s: history %+v", name, r.History)
		}
	}
	// An edit opens what was decided, and says what it was.
	r := finished(decided("accepted"))
	must(t, Edit{Title: text("U")}.Apply(&r, ann))
	if h := r.History[len(r.History)-1]; r.Review != nil || h.Detail != "title; it was accepted by bob" {
		t.Errorf("%+v, %+v", r.Review, h)
	}
	if err := (Edit{Title: text("U")}).Apply(&migration.Rule{Status: migration.StatusPending}, ann); err == nil {
		t.Error("a pending rule was edited")
	}
}

func TestSettled(t *testing.T) {
	r := finished()
	for _, step := range []struct {
		do   func() error
		want bool
	}{
		{func() error { return nil }, false},
		{func() error { return Installed(&r, "prod", ann) }, false},
		{func() error { return Decide(&r, "open", "", ann) }, false},
		{func() error { return Decide(&r, "accepted", "", ann) }, true},
		{func() error { return Installed(&r, "prod", ann) }, true},
		{func() error { return Decide(&r, "rejected", "no", ann) }, true},
		{func() error { return Decide(&r, "open", "", ann) }, false},
		{func() error { return Edit{Title: text("V")}.Apply(&r, ann) }, true},
		{func() error { return Reset(&r, ann) }, false},
	} {
		must(t, step.do())
		if r.Settled() != step.want {
			t.Errorf("after %s: settled %v", r.History[len(r.History)-1].Action, r.Settled())
		}
	}
}
