package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// ended makes a migration whose rules full, partial, none and bad have come to an end; waiting is pending.
func (b *bench) ended() string {
	b.t.Helper()
	const id = "came-to-an-end"
	ctx := b.t.Context()
	var rules []migration.OriginalRule
	for _, r := range [][2]string{{"bad", "index=a"}, {"full", "index=a `mine`"}, {"none", "index=a | lookup allow.csv user"},
		{"partial", "index=a `outer`"}, {"waiting", "index=a `mine`"}} {
		rules = append(rules, migration.OriginalRule{ID: r[0], Vendor: "splunk", Query: r[1], QueryLanguage: "spl", MitreAttackIDs: []string{}})
	}
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	must(b.store.CreateMigration(ctx, migration.Migration{ID: id, State: migration.Ready, Vendor: "splunk"}, rules))
	_, err := b.store.UpsertResources(ctx, id, []migration.Resource{{Type: migration.ResourceMacro, Name: "outer", Definition: "`mine`"}})
	must(err)
	must(b.store.SetState(ctx, id, store.Change{State: migration.Running, Epoch: 1, At: time.Now()}))
	token := migration.Token{Epoch: 1, Claim: 1}
	_, _, err = b.store.Claim(ctx, id, token, 4)
	must(err)
	for ruleID, result := range map[string]migration.Result{"full": migration.Full, "partial": migration.Partial, "none": migration.Untranslatable, "bad": ""} {
		must(b.store.Record(ctx, id, ruleID, token, func(r *migration.Rule) {
			if r.Status, r.Result = migration.StatusFinished, result; result == "" {
				r.Status, r.ErrorCode = migration.StatusError, "crashed"
			}
		}))
	}
	must(b.store.SetState(ctx, id, store.Change{State: migration.Stopped, Epoch: 1, At: time.Now()}))
	return id
}

func (b *bench) pending(id string) (ids []string) {
	b.t.Helper()
	rules, _, err := b.store.List(b.t.Context(), id, store.RuleQuery{Status: migration.StatusPending})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestRetryFilter(t *testing.T) {
	for filter, want := range map[string]string{
		`{"failed":true}`:                               "bad",
		`{"not_fully_translated":true}`:                 "none partial",
		`{"failed":true,"not_fully_translated":true}`:   "bad none partial",
		`{"ids":["full","waiting"]}`:                    "full",
		`{"ids":["full"],"failed":true}`:                "bad full",
		`{"resources":["macro:mine"]}`:                  "full partial",
		`{"resources":["lookup:allow.csv","macro:xy"]}`: "none",
		`null`: "",
	} {
		t.Run(filter, func(t *testing.T) {
			b := newBench(t)
			id := b.ended()
			b.want(b.do("PUT", BasePath+"/"+id+"/start", fmt.Sprintf(`{"connectorId":"deterministic","retry_filter":%s}`, filter)), 200, `{"started":true}`)
			ids := append(strings.Fields(want), "waiting")
			slices.Sort(ids)
			if diff := cmp.Diff(ids, b.pending(id)); diff != "" {
				t.Errorf("pending (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRetryNothing: what takes no rule at an end starts nothing, when nothing is pending either.
func TestRetryNothing(t *testing.T) {
	for filter, want := range map[string]string{
		`{"failed":true}`:               `{"started":false}`,
		`{"not_fully_translated":true}`: `{"started":false}`,
		`{"resources":["macro:xy"]}`:    `{"started":false}`,
		`{"ids":["r1"]}`:                `{"started":true}`,
	} {
		t.Run(filter, func(t *testing.T) {
			b := newBench(t)
			id := b.create(1)
			ctx, token := t.Context(), migration.Token{Epoch: 1, Claim: 1}
			if _, _, err := b.store.Claim(ctx, id, token, 1); err != nil {
				t.Fatal(err)
			}
			rules, _, err := b.store.List(ctx, id, store.RuleQuery{})
			if err != nil {
				t.Fatal(err)
			}
			finish := func(r *migration.Rule) { r.Status, r.Result = migration.StatusFinished, migration.Full }
			if err := b.store.Record(ctx, id, rules[0].ID, token, finish); err != nil {
				t.Fatal(err)
			}
			filter := strings.ReplaceAll(filter, "r1", rules[0].ID)
			b.want(b.do("PUT", BasePath+"/"+id+"/start", fmt.Sprintf(`{"connectorId":"deterministic","retry_filter":%s}`, filter)), 200, want)
		})
	}
}

func TestRetryRefused(t *testing.T) {
	b := newBench(t)
	id := b.ended()
	var many []string
	for i := range maxRetryIDs + 1 {
		many = append(many, fmt.Sprintf(`"%d"`, i))
	}
	for filter, want := range map[string]string{
		`{}`:                            "takes no rule",
		`{"failed":false}`:              "takes no rule",
		`true`:                          "must be an object",
		`{"failed":"yes"}`:              "retry_filter.failed",
		`{"all":true}`:                  "retry_filter.all: is not known",
		`{"ids":["full","other"]}`:      `has no rule \"other\"`,
		`{"resources":["eventtype:x"]}`: "macro:NAME or lookup:NAME",
		`{"resources":["macro:"]}`:      "macro:NAME or lookup:NAME",
		`{"ids":[` + strings.Join(many, ",") + `]}`: "more than 5000",
	} {
		b.want(b.do("PUT", BasePath+"/"+id+"/start", fmt.Sprintf(`{"connectorId":"deterministic","retry_filter":%s}`, filter)), 400, want)
	}
	if got := b.pending(id); len(got) != 1 || len(b.flows.signals) != 0 {
		t.Errorf("a refused start changed something: pending %v, signals %+v", got, b.flows.signals)
	}
}

// TestRetrySignal: the workflow learns ids and kinds, and nothing of a rule or a resource.
func TestRetrySignal(t *testing.T) {
	b := newBench(t)
	id := b.ended()
	b.want(b.do("PUT", BasePath+"/"+id+"/start", `{"connectorId":"deterministic","retry_filter":{"failed":true,"resources":["macro:mine"]}}`), 200, "true")
	sig := b.flows.signals[0]
	if diff := cmp.Diff(&workflows.Again{RuleIDs: []string{"full", "partial"}}, sig.Again); diff != "" || !sig.Retry {
		t.Errorf("retry %v, again (-want +got):\n%s", sig.Retry, diff)
	}
}

// TestResourcesConcern: who adds a macro or lookup learns which results it may improve.
func TestResourcesConcern(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"macro","name":"mine","definition":"a=1"}`:  `{"upserted":1,"concerns":{"total":2,"rule_ids":["full","partial"]}}`,
		`{"type":"lookup","name":"allow.csv","rows":[]}`:     `{"upserted":1,"concerns":{"total":1,"rule_ids":["none"]}}`,
		`{"type":"macro","name":"other","definition":"a=1"}`: `{"upserted":1,"concerns":{"total":0,"rule_ids":[]}}`,
	} {
		t.Run(body, func(t *testing.T) {
			b := newBench(t)
			b.want(b.do("POST", BasePath+"/"+b.ended()+"/resources", "["+body+"]"), 200, want)
		})
	}
}

// TestRetryOfWhatWasSeen: rules that were chosen are not translated again over what somebody decided since.
func TestRetryOfWhatWasSeen(t *testing.T) {
	b := newBench(t)
	id := b.ended()
	revision := func() int64 {
		r, err := b.store.Rule(t.Context(), id, "full")
		if err != nil {
			t.Fatal(err)
		}
		return r.Revision
	}
	start := func(revisions ...int64) string {
		return fmt.Sprintf(`{"connectorId":"deterministic","retry_filter":{"ids":["full"],"revisions":%s}}`, strings.ReplaceAll(fmt.Sprint(revisions), " ", ","))
	}
	seen := revision()
	_, err := store.AmendOne(t.Context(), b.store, id, store.Amendment{RuleID: "full"}, func(r *migration.Rule) error {
		r.Edited, r.UpdatedBy, r.UpdatedAt = &migration.Edited{By: "ben", At: r.UpdatedAt}, "ben", r.UpdatedAt.Add(time.Second)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start(seen)), 409, `1 of these rules were edited or decided about meanwhile, such as \"full\" by ben`)
	if revision() != seen+1 {
		t.Errorf("the rule has revision %d, want %d", revision(), seen+1)
	}
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start(seen, seen)), 400, "retry_filter.revisions: has 2 elements")
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start(seen+1)), 200, `{"started":true}`)
}
