// Package storetest is the one suite that every store passes: what store.go promises, fences included.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Run runs the suite; open gives an empty store, or one in which nobody else uses the ids of this test, and closes it by
// t.Cleanup. spoil makes the stored document of a rule one that cannot be decoded.
func Run(t *testing.T, open func(*testing.T) store.Store, spoil func(ctx context.Context, s store.Store, id, ruleID string) error) {
	tests := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"Ready", testReady},
		{"CreateAndRead", testCreateAndRead},
		{"CreateTwice", testCreateTwice},
		{"Unknown", testUnknown},
		{"Chunks", testChunks},
		{"AppendByState", testAppendByState},
		{"StateFence", testStateFence},
		{"Rename", testRename},
		{"Claim", testClaim},
		{"ClaimAgain", testClaimAgain},
		{"ClaimFence", testClaimFence},
		{"ClaimSameTokenAtOnce", testClaimSameTokenAtOnce},
		{"ClaimAtOnce", testClaimAtOnce},
		{"Record", testRecord},
		{"RecordFence", testRecordFence},
		{"RecordAtOnce", testRecordAtOnce},
		{"RecordMeanwhile", testRecordMeanwhile},
		{"RecordKeepsIdentity", testRecordKeepsIdentity},
		{"Release", testRelease},
		{"Requeue", testRequeue},
		{"Restart", testRestart},
		{"RestartMany", testRestartMany},
		{"Results", testResults},
		{"ErrorCodes", testErrorCodes},
		{"Unreadable", testUnreadable},
		{"DeleteRule", testDeleteRule},
		{"Tombstone", testTombstone},
		{"List", testList},
		{"Changes", testChanges},
		{"Amend", testAmend},
		{"AmendMany", testAmendMany},
		{"AmendAtOnce", testAmendAtOnce},
		{"Settled", testSettled},
		{"Resources", testResources},
		{"Answers", testAnswers},
		{"Budget", testBudget},
		{"Text", testText},
		{"TwiceAndLate", testTwiceAndLate},
		{"Cancelled", testCancelled},
		{"Many", testMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.run(t, &suite{T: t, Store: open(t), ctx: t.Context(), spoil: spoil})
		})
	}
}

// suite is a store with the assertions of the suite.
type suite struct {
	*testing.T
	store.Store
	ctx   context.Context
	spoil func(ctx context.Context, s store.Store, id, ruleID string) error
	n     int
}

// start is when the migrations of the suite are created; a fixed time keeps documents comparable.
var start = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)

// newID gives an id no other test uses.
func (s *suite) newID() string {
	s.n++
	return fmt.Sprintf("m-%d-%d", time.Now().UnixNano(), s.n)
}

func originals(from, to int) []migration.OriginalRule {
	var rules []migration.OriginalRule
	for i := from; i < to; i++ {
		rules = append(rules, original(ruleID(i)))
	}
	return rules
}

func original(id string) migration.OriginalRule {
	return migration.OriginalRule{ID: id, Vendor: "splunk", Title: "Rule " + id, Description: "about " + id,
		Query: "index=main sourcetype=linux:audit | stats count by dest", QueryLanguage: "spl", MitreAttackIDs: []string{"T1136"}}
}

func ruleID(i int) string { return fmt.Sprintf("r%05d", i) }

// create makes a migration of n rules that is ready to start.
func (s *suite) create(n int) string {
	s.Helper()
	id := s.newID()
	s.must(s.CreateMigration(s.ctx, newMigration(id), originals(0, n)))
	return id
}

func newMigration(id string) migration.Migration {
	return migration.Migration{ID: id, Name: "test", State: migration.Ready, Vendor: "splunk", CreatedAt: start,
		CreatedBy: "ann", LastUpdated: start}
}

// running makes a migration of n rules that runs under start 1.
func (s *suite) running(n int) string {
	s.Helper()
	id := s.create(n)
	s.setState(id, migration.Running, 1)
	return id
}

func (s *suite) setState(id string, state migration.State, epoch int64) {
	s.Helper()
	s.must(s.SetState(s.ctx, id, store.Change{State: state, Epoch: epoch, By: "ann", At: start.Add(time.Duration(epoch) * time.Minute)}))
}

// settle waits until what Changes says of earlier writes is no older than they are: within two seconds.
func (s *suite) settle() {
	if d, ok := s.Store.(interface{ Delay() time.Duration }); ok {
		time.Sleep(d.Delay())
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) wantErr(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("error is %v, want %v", err, want)
	}
}

func (s *suite) claim(id string, token migration.Token, limit int, want ...string) {
	s.Helper()
	ids, counts, err := s.Claim(s.ctx, id, token, limit)
	s.must(err)
	if fmt.Sprint(ids) != fmt.Sprint(want) {
		s.Fatalf("claim %v holds %v, want %v", token, ids, want)
	}
	s.wantCounts(id, counts)
}

func token(epoch, claim int64) migration.Token { return migration.Token{Epoch: epoch, Claim: claim} }

func finish(r *migration.Rule) {
	r.Status, r.Result = migration.StatusFinished, migration.Full
	r.Elastic = &migration.ElasticRule{Title: r.Original.Title, Query: "FROM logs-*", QueryLanguage: "esql"}
}

func fail(r *migration.Rule) { r.Status, r.ErrorCode = migration.StatusError, "translate_failed" }

func counts(pending, processing, finished, failed int) migration.Counts {
	return migration.Counts{Total: pending + processing + finished + failed, Pending: pending, Processing: processing,
		Finished: finished, Failed: failed}
}

// wantCounts compares given counts with what Counts, Overview, the migration's total and the documents themselves say.
func (s *suite) wantCounts(id string, want migration.Counts) {
	s.Helper()
	got, err := s.Counts(s.ctx, id)
	s.must(err)
	if got != want {
		s.Fatalf("counts are %+v, want %+v", got, want)
	}
	if real := s.tally(id); real != want {
		s.Fatalf("the documents count %+v, want %+v", real, want)
	}
	m, err := s.Migration(s.ctx, id)
	s.must(err)
	if m.Total != want.Total {
		s.Fatalf("the migration's total is %d, want %d", m.Total, want.Total)
	}
	results := s.results(id)
	// Overview may be a second old.
	var seen store.Standing
	for range 100 {
		all, err := s.Overview(s.ctx)
		s.must(err)
		if i := slices.IndexFunc(all, func(m store.Standing) bool { return m.ID == id }); i >= 0 {
			if seen = all[i]; seen.Counts == want && seen.Total == want.Total && seen.Results == results {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Fatalf("the overview says %+v, want %+v and %+v", seen, want, results)
}

// tally counts the documents one by one.
func (s *suite) tally(id string) migration.Counts {
	s.Helper()
	var c migration.Counts
	for _, r := range s.all(id, store.RuleQuery{}) {
		c.Total++
		switch r.Status {
		case migration.StatusPending:
			c.Pending++
		case migration.StatusProcessing:
			c.Processing++
		case migration.StatusFinished:
			c.Finished++
		case migration.StatusError:
			c.Failed++
		default:
			s.Fatalf("rule %s has status %q", r.ID, r.Status)
		}
	}
	return c
}

// results counts what the documents of finished rules came to, one by one.
func (s *suite) results(id string) (c migration.Results) {
	s.Helper()
	for _, r := range s.all(id, store.RuleQuery{Status: migration.StatusFinished}) {
		switch r.Result {
		case migration.Full:
			c.Full++
		case migration.Partial:
			c.Partial++
		case migration.Untranslatable:
			c.Untranslatable++
		}
		if r.Matched != nil {
			c.Matched++
		}
	}
	return c
}

// all reads every page, and checks that ids rise and none comes twice.
func (s *suite) all(id string, q store.RuleQuery) []migration.Rule {
	s.Helper()
	var rules []migration.Rule
	last := ""
	for {
		page, next, err := s.List(s.ctx, id, q)
		s.must(err)
		for _, r := range page {
			if r.ID <= last {
				s.Fatalf("rule %q comes after %q", r.ID, last)
			}
			last = r.ID
		}
		rules = append(rules, page...)
		if next == "" {
			return rules
		}
		if len(page) == 0 {
			s.Fatal("an empty page has a next one")
		}
		q.After = next
	}
}

// snapshot is everything a store holds of a migration, without times that every write may move.
type snapshot struct {
	Migration migration.Migration
	Rules     []migration.Rule
	Resources []migration.Resource
	Version   int64
	Attempts  int
	Answers   int
}

func (s *suite) snapshot(id string) snapshot {
	s.Helper()
	var sn snapshot
	var err error
	sn.Migration, err = s.Migration(s.ctx, id)
	s.must(err)
	sn.Migration.LastUpdated = time.Time{}
	sn.Rules = s.all(id, store.RuleQuery{})
	sn.Resources, err = s.Resources(s.ctx, id)
	s.must(err)
	sn.Version, err = s.ResourcesVersion(s.ctx, id)
	s.must(err)
	sn.Attempts, sn.Answers, err = s.CallStats(s.ctx, id)
	s.must(err)
	return sn
}

// writes are all calls that write, on a migration that runs under start 1.
func (s *suite) writes(id string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"AppendRules": func(ctx context.Context) error {
			_, err := s.AppendRules(ctx, id, originals(0, 2), true, "bob")
			return err
		},
		"SetState": func(ctx context.Context) error {
			return s.SetState(ctx, id, store.Change{State: migration.Stopped, Epoch: 1, By: "bob", At: start})
		},
		"Requeue": func(ctx context.Context) error {
			_, err := s.Requeue(ctx, id, 1, store.Again{Failed: true})
			return err
		},
		"Claim": func(ctx context.Context) error { _, _, err := s.Claim(ctx, id, token(1, 99), 1); return err },
		"Record": func(ctx context.Context) error {
			return s.Record(ctx, id, ruleID(0), token(1, 1), finish)
		},
		"Amend": func(ctx context.Context) error {
			_, err := store.AmendOne(ctx, s, id, store.Amendment{RuleID: ruleID(2)}, func(r *migration.Rule) error {
				r.Comments = []migration.Comment{{Message: "m", CreatedAt: start, CreatedBy: "bob"}}
				return nil
			})
			return err
		},
		"Release":    func(ctx context.Context) error { _, err := s.Release(ctx, id, 1, []string{ruleID(0)}); return err },
		"ReleaseAll": func(ctx context.Context) error { _, err := s.Release(ctx, id, 1, nil); return err },
		"DeleteRule": func(ctx context.Context) error { return s.DeleteRule(ctx, id, ruleID(0)) },
		"UpsertResources": func(ctx context.Context) error {
			_, err := s.UpsertResources(ctx, id, []migration.Resource{{Type: migration.ResourceMacro, Name: "m"}})
			return err
		},
		"BeginCall": func(ctx context.Context) error {
			_, _, err := s.BeginCall(ctx, id, "k", store.Call{ConnectorID: "c"})
			return err
		},
		"SaveAnswer": func(ctx context.Context) error { return s.SaveAnswer(ctx, id, "k", store.Answer{Text: "a"}) },
	}
}

// reads are all calls that read one migration.
func (s *suite) reads(id string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Migration":        func(ctx context.Context) error { _, err := s.Migration(ctx, id); return err },
		"Rule":             func(ctx context.Context) error { _, err := s.Rule(ctx, id, ruleID(0)); return err },
		"ErrorCodes":       func(ctx context.Context) error { _, err := s.ErrorCodes(ctx, id); return err },
		"Counts":           func(ctx context.Context) error { _, err := s.Counts(ctx, id); return err },
		"Changes":          func(ctx context.Context) error { _, err := s.Changes(ctx, id, 0); return err },
		"List":             func(ctx context.Context) error { _, _, err := s.List(ctx, id, store.RuleQuery{}); return err },
		"Resources":        func(ctx context.Context) error { _, err := s.Resources(ctx, id); return err },
		"ResourcesVersion": func(ctx context.Context) error { _, err := s.ResourcesVersion(ctx, id); return err },
		"Answer":           func(ctx context.Context) error { _, err := s.Answer(ctx, id, "k"); return err },
		"CallStats":        func(ctx context.Context) error { _, _, err := s.CallStats(ctx, id); return err },
	}
}

func (s *suite) calls(id string) map[string]func(context.Context) error {
	all := s.writes(id)
	maps.Copy(all, s.reads(id))
	return all
}
