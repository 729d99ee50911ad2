package report

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestReviewIsReported: what people decided, and whose query it is, stands in every form of the report.
func TestReviewIsReported(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := func(id string, change func(*migration.Rule)) migration.Rule {
		r := migration.Rule{ID: id, Status: migration.StatusFinished, Result: migration.Partial, Original: migration.OriginalRule{ID: id, Title: "Rule " + id, Query: "index=x"},
			Compiled: &migration.ElasticRule{Query: "FROM compiled", Index: []string{"compiled"}}, Elastic: &migration.ElasticRule{Query: "FROM prebuilt"},
			Matched: &migration.Match{RuleID: "p", Name: "Prebuilt"}}
		change(&r)
		return r
	}
	rules := []migration.Rule{
		one("open", func(*migration.Rule) {}),
		one("accepted", func(r *migration.Rule) {
			r.Review = &migration.Review{State: migration.ReviewAccepted, By: "ann", At: at}
		}),
		one("edited", func(r *migration.Rule) {
			r.Elastic = &migration.ElasticRule{Query: "FROM written", Index: []string{"written"}}
			r.Edited = &migration.Edited{By: "bob", At: at}
			r.Review = &migration.Review{State: migration.ReviewRejected, By: "<b>ann", At: at}
		}),
	}
	b := NewBuilder(migration.Migration{ID: "m", State: migration.Finished}, at)
	for _, r := range rules {
		b.Add(r)
	}
	r := b.Report()
	if r.Reviews["open"] != 1 || r.Reviews["accepted"] != 1 || r.Reviews["rejected"] != 1 || r.Edited != 1 || r.Matched.Total != 2 ||
		r.Classes[ClassMatched] != 2 || len(r.Unfinished) != 1 || r.Unfinished[0].EditedBy != "bob" || r.Unfinished[0].Review != "rejected" {
		t.Errorf("report: %+v", r)
	}
	var sources []string
	for _, s := range r.BySource {
		sources = append(sources, s.Name)
	}
	if got := strings.Join(sources, " "); got != "compiled written" {
		t.Errorf("sources: %s", got)
	}
	page := written(t, FormatHTML, migration.Migration{ID: "m"}, reader(rules))
	for _, want := range []string{"Reviewed: 1 accepted, 1 rejected, 1 edited by people, 1 open.", "This rule is accepted: by ann on 2026-01-02 03:04 UTC.",
		"This rule is rejected: by &lt;b&gt;ann", "bob changed the Elastic rule on", "FROM written", "FROM compiled"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "takes its place.</p>"); n != 2 {
		t.Errorf("the page says of %d rules that a prebuilt one takes their place", n)
	}
	if text := written(t, FormatMarkdown, migration.Migration{ID: "m"}, reader(rules)); !strings.Contains(text, "Reviewed: 1 accepted, 1 rejected") {
		t.Error("the text says nothing of reviews")
	}
	if text := written(t, FormatJSON, migration.Migration{ID: "m"}, reader(rules)); !strings.Contains(text, `"accepted": 1`) || !strings.Contains(text, `"edited": 1`) {
		t.Error("the JSON says nothing of reviews")
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(written(t, FormatCSV, migration.Migration{}, reader(rules)), byteOrderMark))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	n := len(columns) - 5
	for i, want := range []string{"review,reviewed by,reviewed at,edited by", "open,,,", "accepted,ann,2026-01-02T03:04:05Z,", "rejected,<b>ann,2026-01-02T03:04:05Z,bob"} {
		if got := strings.Join(rows[i][n:n+4], ","); got != want {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
	}
	if rows[3][11] != "" || rows[3][21] != "FROM written" || rows[2][11] == "" {
		t.Errorf("rows: %q", rows)
	}
}
