package install_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// stored puts rules into a store, as they stand, and installs from there.
func stored(t *testing.T, list ...migration.Rule) (*install.Installer, *sqlite.Store) {
	t.Helper()
	i, _ := bench(t)
	db, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var originals []migration.OriginalRule
	for _, r := range list {
		originals = append(originals, r.Original)
	}
	token := migration.Token{Epoch: 1, Claim: 1}
	err = db.CreateMigration(t.Context(), migration.Migration{ID: "m", State: migration.Ready}, originals)
	if err == nil {
		_, _, err = db.Claim(t.Context(), "m", token, len(list))
	}
	for _, r := range list {
		err = errors.Join(err, db.Record(t.Context(), "m", r.ID, token, func(to *migration.Rule) {
			to.Status, to.Result, to.Elastic, to.Matched, to.Edited, to.Review, to.ErrorCode = r.Status, r.Result, r.Elastic, r.Matched, r.Edited, r.Review, r.ErrorCode
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
	i.Rules, i.Reviews = db, db
	return i, db
}

func reviewOf(t *testing.T, db *sqlite.Store, id string) migration.Rule {
	t.Helper()
	r, err := db.Rule(t.Context(), "m", id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestInstalledIsNoted: once, by whom and when, also by an attempt that finds what an earlier one made.
func TestInstalledIsNoted(t *testing.T) {
	i, db := stored(t, rule("a", "FROM logs-a"), rule("b", "FROM logs-b", matched("p")), rule("c", "FROM logs-c"))
	for n, want := range []install.Outcome{install.Created, install.Unchanged} {
		if r := outcome(t, i, "a", false); r.Outcome != want {
			t.Errorf("%+v, want %s", r, want)
		}
		r := reviewOf(t, db, "a")
		if r.Review == nil || r.Review.State != migration.ReviewInstalled || r.Review.By != "ann" || time.Since(r.Review.At) > time.Minute || len(r.History) != 1 ||
			r.History[0].Action != migration.ActionInstalled || r.History[0].Detail != "prod" || r.Revision != 4 {
			t.Errorf("attempt %d: %+v", n, r)
		}
	}
	// The note is lost when its attempt dies between both: the next one makes it.
	i.Reviews = nil
	outcome(t, i, "c", false)
	i.Reviews = db
	if outcome(t, i, "c", false); reviewOf(t, db, "c").Review == nil {
		t.Error("what an earlier attempt installed is not noted")
	}
}

// changing changes a rule between the moment it is read and the moment it is noted as installed.
type changing struct {
	*sqlite.Store
	t *testing.T
}

func (c changing) Rule(ctx context.Context, id, ruleID string) (migration.Rule, error) {
	r, err := c.Store.Rule(ctx, id, ruleID)
	if err == nil {
		_, err = store.AmendOne(ctx, c.Store, id, store.Amendment{RuleID: ruleID}, func(r *migration.Rule) error {
			r.Comments = append(r.Comments, migration.Comment{Message: "meanwhile"})
			return nil
		})
	}
	return r, err
}

func TestARuleThatChangedMeanwhileIsNotNoted(t *testing.T) {
	i, db := stored(t, rule("a", "FROM logs-a"))
	i.Rules = changing{db, t}
	if r := outcome(t, i, "a", false); r.Outcome != install.Created {
		t.Errorf("%+v", r)
	}
	if r := reviewOf(t, db, "a"); r.Review != nil {
		t.Errorf("noted: %+v", r.Review)
	}
}

// TestWhatPeopleDecidedIsInstalled: a person's query in the place of a match or of no translation, and nothing that was
// rejected; an edited rule is not taken for one that is fully translated.
func TestWhatPeopleDecidedIsInstalled(t *testing.T) {
	edited := func(r *migration.Rule) { r.Edited = &migration.Edited{By: "bob", At: time.Now()} }
	rejected := func(r *migration.Rule) {
		r.Review = &migration.Review{State: migration.ReviewRejected, By: "ann", At: time.Now()}
	}
	failed := func(r *migration.Rule) { r.Status, r.Result, r.ErrorCode = migration.StatusError, "", "crashed" }
	nothing := func(r *migration.Rule) { r.Result = migration.Untranslatable }
	for name, tc := range map[string]struct {
		rule migration.Rule
		kind install.Kind
		tag  string
	}{
		"edited full":           {rule("a", "FROM a", edited), install.Custom, kibana.TagEdited},
		"edited match":          {rule("b", "FROM b", matched("p"), edited), install.Custom, kibana.TagEdited},
		"edited error":          {rule("c", "FROM c", failed, edited), install.Custom, kibana.TagEdited},
		"edited untranslatable": {rule("d", "FROM d", nothing, edited), install.Custom, kibana.TagEdited},
		"error":                 {rule("e", "FROM e", failed), install.Nothing, ""},
		"rejected":              {rule("f", "FROM f", rejected), install.Nothing, ""},
		"rejected match":        {rule("g", "FROM g", matched("p"), rejected), install.Nothing, ""},
		"rejected edit":         {rule("h", "FROM h", edited, rejected), install.Nothing, ""},
		"full":                  {rule("i", "FROM i"), install.Custom, kibana.TagFull},
	} {
		if got := install.KindOf(tc.rule); got != tc.kind {
			t.Errorf("%s: %s, want %s", name, got, tc.kind)
		}
		if tc.kind != install.Custom {
			continue
		}
		made, _, why, err := kibana.Make(tc.rule, kibana.LookupNames{})
		if err != nil || why != "" || !slices.Contains(made.Tags, tc.tag) || len(made.Tags) != 2 || made.Query != tc.rule.Elastic.Query {
			t.Errorf("%s: %v with %q, %v", name, made.Tags, why, err)
		}
		i, _ := stored(t, tc.rule)
		outcome(t, i, tc.rule.ID, false)
		enabled, err := i.Enable(t.Context(), "prod", "m", tc.rule.ID, install.Options{})
		if err != nil || enabled != (tc.tag == kibana.TagFull) {
			t.Errorf("%s: enabled %v, %v", name, enabled, err)
		}
	}
}
