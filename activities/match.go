package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// author signs what the activities write.
const author = "rulebridge"

// MatchRule looks for a prebuilt rule that can replace the original, and records it with those that come near.
func (a *Activities) MatchRule(ctx context.Context, in workflows.RuleInput) (workflows.MatchOutput, error) {
	return do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (workflows.MatchOutput, error) {
		rule, err := a.held(ctx, in)
		if err != nil || a.Matcher == nil {
			return workflows.MatchOutput{}, err
		}
		compiled, err := a.Compiler.Compile(ctx, in.MigrationID, rule.Original)
		if err != nil {
			return workflows.MatchOutput{}, err
		}
		found, err := a.Matcher.Match(ctx, rule.Original, compiled.Rule, compiled.Diagnostics)
		if err != nil {
			return workflows.MatchOutput{}, err
		}
		matched, near, elastic := found.Matched, found.Near, found.Elastic
		if matched != nil && elastic == nil {
			return workflows.MatchOutput{}, fmt.Errorf("prebuilt rule %s matches but has no content", matched.RuleID)
		}
		if near == nil {
			near = []migration.Match{}
		}
		out := workflows.MatchOutput{Matched: matched != nil, Near: len(near)}
		if matched == nil && rule.Matched == nil && slices.Equal(near, rule.Near) {
			return out, nil
		}
		at := a.Now()
		return out, a.Rules.Record(ctx, in.MigrationID, in.RuleID, in.Token, func(r *migration.Rule) {
			r.Matched, r.Near, r.Elastic = matched, near, elastic
			if matched != nil {
				note(r, at, "matched", matched.RuleID)
			}
		})
	})
}

// held reads a rule that the token holds. Without the token the attempt is late, and nothing is worth doing any more.
func (a *Activities) held(ctx context.Context, in workflows.RuleInput) (migration.Rule, error) {
	rule, err := a.Rules.Rule(ctx, in.MigrationID, in.RuleID)
	if err != nil {
		return rule, err
	}
	if rule.Token != in.Token || rule.Status == migration.StatusPending {
		return rule, fmt.Errorf("rule %s is %s: %w", in.RuleID, rule.Status, store.ErrFenced)
	}
	return rule, nil
}

// note adds a step to the history of a rule; the same step twice is one entry.
func note(r *migration.Rule, at time.Time, action, detail string) {
	if n := len(r.History); n > 0 && r.History[n-1].Action == action && r.History[n-1].Detail == detail {
		return
	}
	r.History = append(slices.Clip(r.History), migration.HistoryEntry{At: at, By: author, Action: action, Detail: detail})
	r.UpdatedAt, r.UpdatedBy = at, author
}
