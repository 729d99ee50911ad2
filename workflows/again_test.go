package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// TestStartAgain: a finished migration translates again exactly what a start names, over several runs, and the names are
// not carried further than the run that used them.
func TestStartAgain(t *testing.T) {
	for _, tc := range []struct {
		name  string
		retry bool
		again *workflows.Again
		want  []string
	}{
		{"nothing", false, nil, nil},
		{"failed", true, nil, []string{"r0002"}},
		{"not full", false, &workflows.Again{NotFull: true}, []string{"r0001", "r0004"}},
		{"chosen", false, &workflows.Again{RuleIDs: []string{"r0000", "r0002"}}, []string{"r0000", "r0002"}},
		{"failed and chosen", true, &workflows.Again{RuleIDs: []string{"r0003"}}, []string{"r0002", "r0003"}},
		{"finds nothing", false, &workflows.Again{RuleIDs: []string{"gone"}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(5)
			for i, r := range f.rules {
				r.status, r.partial = migration.StatusFinished, i == 1 || i == 4
			}
			f.rules[2].status = migration.StatusError
			f.m.State, f.m.Epoch, f.stateEpoch = migration.Finished, 1, 1
			p := newPlay(t, f)
			p.in.Settings.RunRules = 1
			p.next(func(env *testsuite.TestWorkflowEnvironment) {
				s := start("a")
				s.Retry, s.Again = tc.retry, tc.again
				at(env, 0, workflows.SignalStart, s)
			})
			for p.err != nil {
				p.continued()
				if c := p.in.Carry; c.Start != nil {
					require.Nil(t, c.Start.Again, "a later run carries what was asked again")
				}
				p.next(nil)
			}
			require.Equal(t, tc.want, f.again)
			require.Equal(t, len(tc.want), f.calls[workflows.ActivityTranslate])
			require.Equal(t, migration.Finished, f.m.State)
			require.Equal(t, 5, f.counts().Finished+f.counts().Failed)
		})
	}
}
