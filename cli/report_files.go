package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

// Names of the files of a result.
const (
	reportHTML     = "report.html"
	reportMarkdown = "report.md"
	reportJSON     = "report.json"
	rulesTable     = "rules.csv"
	rulesFile      = "rules.ndjson"
)

// about is the migration as a report names it.
func (r *run) about(stats migration.Stats) migration.Migration {
	return migration.Migration{ID: r.id, Name: r.name, State: stats.Status, ParkReason: stats.ParkReason, ConnectorID: r.connector}
}

// each reads the rules back, in id order.
func (r *run) each(ctx context.Context, f func(json.RawMessage, migration.Rule) error) error {
	if r.rules != nil {
		return r.rules(ctx, r.id, f)
	}
	return r.gateway.rules(ctx, r.id, f)
}

// ruleFiles are the files that have a line for each rule.
type ruleFiles struct {
	documents, rows *outFile
	table           *report.Table
}

func createRuleFiles(dir string, installed []report.Installation) (f *ruleFiles, err error) {
	f = &ruleFiles{}
	if f.documents, err = createOut(filepath.Join(dir, rulesFile)); err != nil {
		return nil, err
	}
	if f.rows, err = createOut(filepath.Join(dir, rulesTable)); err == nil {
		f.table, err = report.NewTable(f.rows.w, installed)
	}
	if err != nil {
		f.abandon()
		return nil, err
	}
	return f, nil
}

func (f *ruleFiles) add(raw json.RawMessage, rule migration.Rule) error {
	if err := f.documents.line(raw); err != nil {
		return err
	}
	return f.table.Add(rule)
}

func (f *ruleFiles) finish() error {
	if err := f.table.Finish(); err != nil {
		return err
	}
	if err := f.rows.finish(); err != nil {
		return err
	}
	return f.documents.finish()
}

func (f *ruleFiles) abandon() {
	f.documents.abandon()
	if f.rows != nil {
		f.rows.abandon()
	}
}

// writeReport writes the files that need the summary only.
func writeReport(dir string, rep report.Report) error {
	for name, write := range map[string]func(*outFile) error{
		reportJSON:     func(o *outFile) error { return rep.WriteJSON(o.w) },
		reportMarkdown: func(o *outFile) error { return rep.WriteMarkdown(o.w) },
	} {
		if err := writeOut(filepath.Join(dir, name), write); err != nil {
			return err
		}
	}
	return nil
}

// writePage writes the page, for which the rules are read once more.
func (r *run) writePage(ctx context.Context, rep report.Report) error {
	var unread, unwritten error
	err := writeOut(filepath.Join(r.out, reportHTML), func(o *outFile) error {
		return rep.WriteHTML(o.w, func(each func(migration.Rule) error) error {
			unread = r.each(ctx, func(_ json.RawMessage, rule migration.Rule) error {
				unwritten = each(rule)
				return unwritten
			})
			return unread
		})
	})
	if err != nil && (unread == nil || unwritten != nil) {
		return &writeError{err}
	}
	return err
}

// writeOut writes a file, which is there when it is whole.
func writeOut(path string, write func(*outFile) error) error {
	o, err := createOut(path)
	if err != nil {
		return err
	}
	defer o.abandon()
	if err := write(o); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return o.finish()
}
