package install_test

import (
	"maps"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestTakeAccepted: plan and installation take what somebody accepted, and the plan says why the others are left out. That a
// rule was installed without it makes it no accepted one.
func TestTakeAccepted(t *testing.T) {
	accepted := func(r *migration.Rule) {
		r.Review = &migration.Review{State: migration.ReviewAccepted, By: "ann", At: time.Now()}
	}
	edited := func(r *migration.Rule) { r.Edited = &migration.Edited{By: "bob", At: time.Now()} }
	i, db := stored(t, rule("a", "FROM logs-a", accepted), rule("b", "FROM logs-b"), rule("c", "FROM logs-c", matched("p")), rule("d", "index=main", edited))
	only := install.Options{Take: migration.TakeAccepted}
	plan, err := i.Plan(t.Context(), "prod", "m", only)
	want := migration.Omissions{migration.OmittedNotAccepted: 2, migration.OmittedRefusedQuery: 1}
	if err != nil || !maps.Equal(plan.LeftOut, want) || plan.Take != migration.TakeAccepted {
		t.Errorf("plan %+v, %v", plan, err)
	}
	for _, s := range plan.Rules {
		if left := s.Outcome == install.LeftOut; left != (s.ID != "a") || left != (s.Why != "") {
			t.Errorf("planned %+v", s)
		}
	}
	if plan, err := i.Plan(t.Context(), "prod", "m", install.Options{}); err != nil || !maps.Equal(plan.LeftOut, migration.Omissions{migration.OmittedRefusedQuery: 1}) {
		t.Errorf("plan of all %+v, %v", plan, err)
	}
	for id, want := range map[string]install.Outcome{"a": install.Created, "b": install.LeftOut, "d": install.LeftOut} {
		if r, err := i.Install(t.Context(), "prod", "m", id, "ann", only); err != nil || r.Outcome != want {
			t.Errorf("%s: %+v, %v", id, r, err)
		}
	}
	if r, err := i.Prebuilt(t.Context(), "prod", "m", "ann", []string{"c"}, migration.TakeAccepted); err != nil || r["c"].Outcome != install.LeftOut || r["c"].Code != "not_accepted" {
		t.Errorf("%+v, %v", r, err)
	}
	outcome(t, i, "b", false)
	if kind, why := install.Sort(reviewOf(t, db, "b"), migration.TakeAccepted); kind != install.Nothing || why != migration.OmittedNotAccepted {
		t.Errorf("installed without being accepted: %s, %s", kind, why)
	}
}
