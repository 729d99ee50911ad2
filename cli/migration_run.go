package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

// run is one migration driven from the command line.
type run struct {
	p         Program
	gateway   *gateway
	connector string
	batch     int            // 0: the gateway's own
	pause     *time.Duration // nil: the gateway's own
	zone      string         // of the search head, where the flag gives it; it is kept with the migration
	again     *retryFilter   // rules at an end that are translated again; nil: none
	out       string
	id        string
	name      string                // of a new migration
	stored    bool                  // the migration is there
	created   func(id string) error // hears of the id of a new migration; may be nil
	// where are the flags that name the place the migration is kept; empty in memory.
	where string
	// resources are the macros and lookups where a data folder is read; nil otherwise.
	resources compile.Resources
	// installed are the installations that a data folder has; nil where a gateway is asked.
	installed func(ctx context.Context, id string) ([]report.Installation, error)
	// rules reads the rules back.
	rules func(ctx context.Context, id string, f func(json.RawMessage, migration.Rule) error) error
}

// inherit takes over what the user set for this migration.
func (r *run) inherit(cfg config.Config) {
	if cfg.Source("migration.batch") != "default" {
		r.batch = cfg.Migration.Batch
	}
	if cfg.Source("migration.pause") != "default" {
		r.pause = &cfg.Migration.Pause
	}
}

// noPause leaves out the pause that spares a shared connector, unless the user set one.
func (r *run) noPause(cfg config.Config) {
	if r.pause == nil && cfg.Source("migration.pause") == "default" {
		r.pause = new(time.Duration)
	}
}

// migrate carries the migration through and writes what was asked for. However the migration ended, what is finished of it
// is written.
func (r *run) migrate(ctx context.Context, carryOut func(context.Context) (migration.Stats, error)) error {
	stats, err := carryOut(ctx)
	if !r.stored {
		return err
	}
	if err == nil {
		return r.result(ctx, stats)
	}
	// The context has ended with an interrupt; the result is read within its own time.
	read, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if now, serr := r.gateway.stats(read, r.id); serr == nil {
		stats = now
	}
	var failed *exitError
	if rerr := r.result(read, stats); rerr != nil && (!errors.As(rerr, &failed) || failed.code != ExitRules) {
		return errors.Join(err, rerr)
	}
	return err
}

// result writes the files, and shows the summary.
func (r *run) result(ctx context.Context, stats migration.Stats) error {
	rep, err := r.report(ctx, stats, nil)
	var unwritten *writeError
	if errors.As(err, &unwritten) {
		if rep, err = r.elsewhere(ctx, stats, unwritten); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := r.p.printSummary(rep, r.files()); err != nil {
		return err
	}
	if unwritten != nil {
		return fmt.Errorf("the result is in %s, since it could not be written where it belongs: %w", r.out, unwritten)
	}
	if n := rep.Statuses.Failed; n > 0 {
		return &exitError{ExitRules, fmt.Errorf("%d of %d rules ended in error; the report names them", n, rep.Statuses.Total)}
	}
	return nil
}

// elsewhere writes the result to a new folder for temporary files: of a migration in memory nothing else would be left.
func (r *run) elsewhere(ctx context.Context, stats migration.Stats, why *writeError) (report.Report, error) {
	dir, err := os.MkdirTemp("", "rulebridge-result-")
	if err != nil {
		return report.Report{}, errors.Join(why, err)
	}
	r.out = dir
	return r.report(ctx, stats, nil)
}

// execute creates and starts the migration and waits for its end.
func (r *run) execute(ctx context.Context, rules []migration.OriginalRule, resources []migration.Resource) (migration.Stats, error) {
	var err error
	if r.id, err = r.gateway.create(ctx, rules, resources, r.created); err != nil {
		return migration.Stats{}, r.badRequest(err)
	}
	r.stored = true
	r.p.name(ctx, r.gateway, r.id, r.name)
	return r.carryOut(ctx, len(rules))
}

// resume goes on with a migration that is there. rules and resources, when there are any, complete one whose creation
// broke off.
func (r *run) resume(ctx context.Context, rules []migration.OriginalRule, resources []migration.Resource) (migration.Stats, error) {
	stats, err := r.gateway.stats(ctx, r.id)
	switch {
	case errors.Is(err, errUnknown):
		return stats, usagef("--resume %s: there is no such migration here; leave the id out of rulebridge report to see those there are", r.id)
	case err != nil:
		return stats, err
	}
	r.stored = true
	if stats.Status == migration.Creating {
		if len(rules) == 0 {
			return stats, usagef("--resume %s: %s", r.id, brokenAdvice(r.p.Self, r.id, r.where))
		}
		if _, err := r.gateway.fill(ctx, r.id, rules, resources, nil); err != nil {
			return stats, r.badRequest(err)
		}
		stats.Rules.Total = len(rules)
	}
	_, _ = fmt.Fprintf(r.p.Stderr, "rulebridge: going on with migration %s: %d of %d rules are done\n", r.id,
		stats.Rules.Finished+stats.Rules.Failed, stats.Rules.Total)
	switch {
	case stats.Status == migration.Finished && r.again == nil:
		return stats, nil
	case stats.Status == migration.Running && r.again != nil:
		return stats, fmt.Errorf("migration %s runs: nothing is translated again until it has finished or is stopped; give --retry then", r.id)
	}
	return r.carryOut(ctx, stats.Rules.Total)
}

// brokenAdvice says what to do about a migration whose storing broke off; where are the flags that name its place.
func brokenAdvice(self, id, where string) string {
	into := fmt.Sprintf("--into %s %s", id, where)
	return fmt.Sprintf("its rules were not all stored. Add the same files, which takes nothing twice: %s import PATH… %s; or take it as it is: %s import --seal %s; or delete it: %s import --discard %s",
		self, into, self, into, self, into)
}

// carryOut starts the migration unless it runs, and waits for its end.
func (r *run) carryOut(ctx context.Context, total int) (migration.Stats, error) {
	before, err := r.gateway.stats(ctx, r.id)
	if err != nil {
		return before, err
	}
	started, err := r.gateway.start(ctx, r.id, r.connector, r.batch, r.pause, r.zone, r.again)
	if err != nil {
		return migration.Stats{}, r.badRequest(err)
	}
	if stats, err := r.gateway.stats(ctx, r.id); err == nil && !started && stats.Rules.Done() {
		return stats, nil // nothing was left to do
	}
	stats, err := r.wait(ctx, total, before)
	if wasInterrupted(ctx) {
		return stats, r.interrupted()
	}
	if err != nil {
		return stats, err
	}
	if stats.Status != migration.Finished {
		reason := stats.ParkReason
		if reason == "" {
			reason = "somebody stopped it"
		}
		return stats, fmt.Errorf("migration %s is %s: %s; %d of %d rules are done; %s", r.id, stats.Status, reason,
			stats.Rules.Finished+stats.Rules.Failed, stats.Rules.Total, r.goOn("when the cause is gone, "))
	}
	return stats, nil
}

// goOn says how the migration is carried on.
func (r *run) goOn(when string) string {
	if r.where == "" {
		return "it was kept in memory only, so a new one begins from the start; with --data-dir it could be resumed"
	}
	return fmt.Sprintf("%sgo on with: %s migrate --resume %s %s", when, r.p.Self, r.id, r.where)
}

// badRequest gives refusals of the input the exit code of bad input.
func (r *run) badRequest(err error) error {
	var answer *answerError
	if errors.As(err, &answer) && answer.Status >= 400 && answer.Status < 500 && answer.Status != 409 && answer.Status != 429 {
		return usage(err)
	}
	return err
}

// patience is how long the gateway may not answer while a migration runs.
const patience = 30 * time.Second

// wait polls the migration until it no longer runs, showing how far it is.
// wait follows a migration that was started until it ends. before is what it was before the start: a slow gateway may give
// that for a while.
func (r *run) wait(ctx context.Context, total int, before migration.Stats) (migration.Stats, error) {
	progress := r.p.newProgress(total)
	defer progress.stop()
	var failing time.Time
	began := time.Now()
	for {
		stats, err := r.gateway.stats(ctx, r.id)
		switch {
		case ctx.Err() != nil:
			return stats, context.Cause(ctx)
		case errors.Is(err, errUnknown):
			return stats, fmt.Errorf("migration %s was deleted", r.id)
		case err != nil:
			if failing.IsZero() {
				failing = time.Now()
			}
			if time.Since(failing) > patience {
				return stats, err
			}
		default:
			failing = time.Time{}
			progress.update(stats.Rules)
			unstarted := stats.Status == before.Status && stats.LastUpdated.Equal(before.LastUpdated) && time.Since(began) < patience
			if (stats.Status == migration.Finished || stats.Status == migration.Stopped) && !unstarted {
				return stats, nil
			}
		}
		select {
		case <-ctx.Done():
			return stats, context.Cause(ctx)
		case <-time.After(progress.every()):
		}
	}
}

// interrupted stops the migration and waits until nothing is being worked on.
func (r *run) interrupted() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _ = fmt.Fprintln(r.p.Stderr, "rulebridge: interrupted; stopping the migration")
	if err := r.gateway.stop(ctx, r.id); err != nil {
		return &exitError{ExitInterrupted, fmt.Errorf("stop migration %s: %w", r.id, err)}
	}
	for {
		stats, err := r.gateway.stats(ctx, r.id)
		if err == nil && stats.Status != migration.Running && stats.Rules.Processing == 0 {
			return &exitError{ExitInterrupted, fmt.Errorf("migration %s stopped: %d of %d rules are done, %d pending; %s", r.id,
				stats.Rules.Finished+stats.Rules.Failed, stats.Rules.Total, stats.Rules.Pending, r.goOn(""))}
		}
		select {
		case <-ctx.Done():
			return &exitError{ExitInterrupted, fmt.Errorf("migration %s did not stop within %s", r.id, patience)}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// files are the paths that report writes to.
func (r *run) files() []string {
	if r.out == "" {
		return nil
	}
	var files []string
	for _, name := range []string{reportHTML, reportMarkdown, reportJSON, rulesTable, rulesFile} {
		files = append(files, filepath.Join(r.out, name))
	}
	return files
}

// known are the definitions that the migration keeps and does not use.
func (r *run) known(ctx context.Context) ([]report.Known, error) {
	var all []migration.Resource
	var err error
	if r.resources != nil {
		all, err = r.resources.Resources(ctx, r.id)
	} else {
		var listed []struct {
			Type migration.ResourceType `json:"type"`
			Name string                 `json:"name"`
		}
		if err = r.gateway.do(ctx, http.MethodGet, "/"+url.PathEscape(r.id)+"/resources", nil, &listed); errors.Is(err, errUnknown) {
			err = nil // deleted meanwhile
		}
		for _, x := range listed {
			all = append(all, migration.Resource{Type: x.Type, Name: x.Name})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read what else the migration keeps: %w", err)
	}
	return report.KnownOf(all), nil
}

// more is what a report says of the migration beside its rules.
func (r *run) more(ctx context.Context) (m report.More, err error) {
	if m.Known, err = r.known(ctx); err != nil {
		return m, err
	}
	if r.installed != nil {
		m.Installations, err = r.installed(ctx, r.id)
		return m, err
	}
	err = r.gateway.do(ctx, http.MethodGet, "/"+url.PathEscape(r.id)+"/installations", nil, &m.Installations)
	var answer *answerError
	if errors.Is(err, errUnknown) || errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		err = nil // deleted meanwhile, or a gateway that keeps none
	}
	if err != nil {
		err = fmt.Errorf("read where the rules were installed: %w", err)
	}
	return m, err
}

// report reads all rules back, sums them up, and writes the files. each, when set, sees every rule.
func (r *run) report(ctx context.Context, stats migration.Stats, each func(migration.Rule)) (report.Report, error) {
	b := report.NewBuilder(r.about(stats), time.Now())
	more, err := r.more(ctx)
	if err != nil {
		return report.Report{}, err
	}
	b.Known(more.Known)
	b.Installed(more.Installations)
	var rules *ruleFiles
	if r.out != "" {
		var err error
		if rules, err = createRuleFiles(r.out, more.Installations); err != nil {
			return report.Report{}, &writeError{err}
		}
		defer rules.abandon()
	}
	err = r.each(ctx, func(raw json.RawMessage, rule migration.Rule) error {
		b.Add(rule)
		if each != nil {
			each(rule)
		}
		if rules == nil {
			return nil
		}
		if err := rules.add(raw, rule); err != nil {
			return &writeError{err}
		}
		return nil
	})
	rep := b.Report()
	if err != nil || r.out == "" {
		return rep, err
	}
	if err := rules.finish(); err != nil {
		return rep, &writeError{err}
	}
	if err := writeReport(r.out, rep); err != nil {
		return rep, &writeError{err}
	}
	return rep, r.writePage(ctx, rep)
}

// writeError says that a file of the result could not be written.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }
