//go:build record

package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/config"
	kibana "github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/test/replay"
	"github.com/rulebridge/rulebridge/worker"
	"github.com/rulebridge/rulebridge/workflows"
)

// installPath is one control path of the installation.
type installPath struct {
	name   string
	rules  int
	key    string
	enable bool
	// before steps in for the Kibana; n counts the rules that were sent.
	before func(w http.ResponseWriter, r *http.Request, n int) bool
	cancel bool
	run    int // rules of one run; 0: the default
}

func installPaths() []installPath {
	return []installPath{
		{name: "installed", rules: 12},
		{name: "continued", rules: 12, run: 5},
		{name: "enabled", rules: 6, enable: true},
		{name: "one-refused", rules: 6, before: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 3 {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"message":"` + replay.Marker + `"}`))
			}
			return n == 3
		}},
		{name: "down-for-a-while", rules: 6, before: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n >= 2 && n < 5 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return n >= 2 && n < 5
		}},
		{name: "down-for-good", rules: 6, before: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n >= 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return n >= 3
		}},
		{name: "wrong-key", rules: 3, key: "another"},
		{name: "cancelled", rules: 6, enable: true, cancel: true},
	}
}

func (p installPath) record(ctx context.Context, frontend, dir, folder string) (err error) {
	log := zap.NewNop()
	db, err := sqlite.Open(ctx, filepath.Join(dir, p.name+".db"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	id, token := "record-"+p.name, migration.Token{Epoch: 1, Claim: 1}
	var rules []migration.OriginalRule
	for i := range p.rules {
		rules = append(rules, migration.OriginalRule{ID: fmt.Sprintf("rule-%03d", i), Vendor: "splunk", QueryLanguage: "spl",
			Title: replay.Marker + " title", Query: replay.Marker})
	}
	if err := db.CreateMigration(ctx, migration.Migration{ID: id, State: migration.Ready, Vendor: "splunk"}, rules); err != nil {
		return err
	}
	ids, _, err := db.Claim(ctx, id, token, p.rules)
	if err != nil {
		return err
	}
	k := kibanatest.NewServer("key")
	defer k.Close()
	k.Prebuilt["prebuilt"] = 1
	for i, ruleID := range ids {
		err := db.Record(ctx, id, ruleID, token, func(r *migration.Rule) {
			r.Status, r.Result = migration.StatusFinished, migration.Full
			r.Elastic = &migration.ElasticRule{Title: r.Original.Title, Query: "FROM x METADATA _id // " + replay.Marker, QueryLanguage: "esql", Severity: "low", Index: []string{"x"}}
			switch {
			case i == 1:
				r.Matched = &migration.Match{RuleID: "prebuilt", Name: replay.Marker}
			case i == 2 && p.rules > 6:
				r.Result = migration.Untranslatable
			}
		})
		if err != nil {
			return err
		}
	}
	n := 0
	if p.before != nil {
		k.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, kibanatest.RulesPath) {
				return false
			}
			n++
			return p.before(w, r, n)
		})
	}
	key := "key"
	if p.key != "" {
		key = p.key
	}
	target, err := kibana.New(kibana.Options{URL: k.URL, Key: func() (string, error) { return key, nil }})
	if err != nil {
		return err
	}
	acts := activities.NewInstall(&install.Installer{Rules: db, Targets: map[string]install.Target{"prod": target}}, log)
	c, err := worker.Dial(ctx, client.Options{HostPort: frontend, Namespace: "default", Identity: "recorder"}, log)
	if err != nil {
		return err
	}
	defer c.Close()
	w, err := worker.New(worker.Deps{Client: c, Logger: log, Embedded: true, Settings: config.Default(nil).Worker, Grace: time.Second,
		Workflows:  func(r sdkworker.Registry) { workflows.Register(r) },
		Activities: func(r sdkworker.Registry) { acts.Register(r) }})
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	run, err := c.ExecuteWorkflow(ctx, workflows.InstallOptions(id, "prod"), workflows.InstallWorkflow, workflows.InstallInput{
		MigrationID: id, Kibana: "prod", Enable: p.enable, Spread: 15 * time.Second,
		Settings: workflows.Settings{RetryInterval: 5 * time.Millisecond, RunRules: p.run}})
	if err != nil {
		return err
	}
	first := run.GetRunID()
	if p.cancel {
		time.Sleep(7 * time.Second)
		if err := c.CancelWorkflow(ctx, run.GetID(), ""); err != nil {
			return err
		}
	}
	if err := run.Get(ctx, nil); err != nil && !p.cancel {
		return err
	}
	for i, runID := 1, first; runID != ""; i++ {
		h, err := history(ctx, c, run.GetID(), runID)
		if err != nil {
			return err
		}
		if err := save(h, filepath.Join(folder, fmt.Sprintf("%s.%d.json", p.name, i))); err != nil {
			return err
		}
		last := h.Events[len(h.Events)-1]
		runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return nil
}
