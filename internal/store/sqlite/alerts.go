package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store"
)

// importBatch is how many alerts one transaction writes.
const importBatch = 500

// ImportAlerts stores alerts; one with the id of a stored one in the same index replaces it. An alert that cannot be
// stored fails the call before anything of its batch is written. Callers check with store.Columns first.
func (a *Assistant) ImportAlerts(ctx context.Context, alerts []assistant.Alert) (added, replaced int, err error) {
	for len(alerts) > 0 {
		n := min(len(alerts), importBatch)
		more, again, err := a.importAlerts(ctx, alerts[:n])
		added, replaced, alerts = added+more, replaced+again, alerts[n:]
		if err != nil {
			return added, replaced, fmt.Errorf("import alerts: %w", err)
		}
	}
	return added, replaced, nil
}

func (a *Assistant) importAlerts(ctx context.Context, alerts []assistant.Alert) (added, replaced int, err error) {
	columns, documents := make([]store.AlertColumns, len(alerts)), make([]string, len(alerts))
	for i, alert := range alerts {
		if columns[i], err = store.Columns(alert.Source); err != nil {
			return 0, 0, fmt.Errorf("alert %q: %w", alert.ID, err)
		}
		text, err := json.Marshal(alert.Source)
		if err != nil {
			return 0, 0, fmt.Errorf("alert %q: %w", alert.ID, err)
		}
		documents[i] = string(text)
	}
	err = a.db.writeAlone(ctx, func(ctx context.Context, q *statements) error {
		added, replaced = 0, 0
		known := map[term]int64{} // of this transaction: what another one wrote may have been rolled back
		for i, alert := range alerts {
			was, err := importAlert(ctx, q, alert, columns[i], documents[i], known)
			if err != nil {
				return err
			}
			if was {
				replaced++
			} else {
				added++
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return added, replaced, nil
}

// term is a value of a field.
type term struct{ field, value string }

// importAlert reports whether the alert was there. known are the keys of terms that were written before.
func importAlert(ctx context.Context, q *statements, alert assistant.Alert, c store.AlertColumns, document string, known map[term]int64) (was bool, err error) {
	index := alert.Index
	if index == "" {
		index = store.DefaultAlertIndex
	}
	if _, err := q.exec(ctx, "INSERT INTO indices (name) VALUES (?) ON CONFLICT DO NOTHING", index); err != nil {
		return false, err
	}
	var x, n int64
	if err := q.row(ctx, "SELECT x FROM indices WHERE name = ?", []any{index}, &x); err != nil {
		return false, err
	}
	switch err := q.row(ctx, "SELECT n FROM alerts WHERE x = ? AND id = ?", []any{x, alert.ID}, &n); {
	case err == nil:
		was = true
		if _, err := q.exec(ctx, "DELETE FROM alert_terms WHERE n = ?", n); err != nil {
			return false, err
		}
	case !isDomain(err):
		return false, err
	}
	var risk any
	if c.Risk != nil {
		risk = *c.Risk
	}
	if err := q.row(ctx, `INSERT INTO alerts (x, id, ts, block, severity, status, risk, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET ts = excluded.ts, block = excluded.block, severity = excluded.severity, status = excluded.status,
		risk = excluded.risk, doc = excluded.doc RETURNING n`,
		[]any{x, alert.ID, c.At, c.BuildingBlock, c.Severity, c.Status, risk, document}, &n); err != nil {
		return false, err
	}
	if c.BuildingBlock {
		return was, nil
	}
	keys := []int64{}
	store.Leaves(alert.Source, func(field, value string) {
		if err != nil {
			return
		}
		t, ok := known[term{field, value}]
		if !ok {
			// The update changes nothing; without one a row that is there returns no number.
			if err = q.row(ctx, `INSERT INTO terms (field, value, folded) VALUES (?, ?, ?)
				ON CONFLICT DO UPDATE SET folded = excluded.folded RETURNING t`, []any{field, value, store.FoldASCII(value)}, &t); err != nil {
				return
			}
			known[term{field, value}] = t
		}
		keys = append(keys, t)
	})
	if err != nil {
		return false, err
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return false, err
	}
	// One statement for all of them is several times faster than one each.
	_, err = q.exec(ctx, "INSERT INTO alert_terms (t, ts, n) SELECT value, ?, ? FROM json_each(?) WHERE true ON CONFLICT DO NOTHING", c.At, n, string(list))
	return was, err
}

// conditions are the parts of a WHERE and their arguments.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

func (c *conditions) String() string { return strings.Join(c.parts, " AND ") }

// within are the conditions of a scope; none means that no index matches.
func within(ctx context.Context, q *statements, s assistant.Scope) (*conditions, error) {
	if err := store.CheckIndex(s.Index); err != nil {
		return nil, err
	}
	var all, chosen []any
	err := q.each(ctx, "SELECT x, name FROM indices ORDER BY x", nil, func(rows *sql.Rows) error {
		var x int64
		var name string
		if err := rows.Scan(&x, &name); err != nil {
			return err
		}
		all = append(all, x)
		for _, pattern := range s.Index {
			if store.MatchIndex(pattern, name) {
				chosen = append(chosen, x)
				break
			}
		}
		return nil
	})
	if err != nil || len(chosen) == 0 {
		return nil, err
	}
	c := &conditions{}
	c.add("block = 0 AND ts BETWEEN ? AND ?", s.From.UnixMilli(), s.To.UnixMilli())
	if len(chosen) < len(all) {
		c.add("x IN ("+marks(len(chosen))+")", chosen...)
	}
	return c, nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Counts implements assistant.AlertSource.
func (a *Assistant) Counts(ctx context.Context, s assistant.Scope) (counts []assistant.Count, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		counts = nil
		c, err := within(ctx, q, s)
		if err != nil || c == nil {
			return err
		}
		return q.each(ctx, "SELECT severity, status, count(*) FROM alerts WHERE "+c.String()+" GROUP BY severity, status", c.args, func(rows *sql.Rows) error {
			var n assistant.Count
			if err := rows.Scan(&n.Severity, &n.Status, &n.Alerts); err != nil {
				return err
			}
			counts = append(counts, n)
			return nil
		})
	})
	store.SortCounts(counts)
	return counts, err
}

// Open implements assistant.AlertSource.
func (a *Assistant) Open(ctx context.Context, s assistant.Scope, size int) (assistant.Page, error) {
	return a.page(ctx, s, size, false, func(c *conditions) { c.add("status = ?", assistant.StatusOpen) })
}

// Search implements assistant.AlertSource.
func (a *Assistant) Search(ctx context.Context, s assistant.Scope, f assistant.Filter, size int) (assistant.Page, error) {
	return a.page(ctx, s, size, true, func(c *conditions) { narrow(c, f) })
}

// narrow adds the conditions of a filter.
func narrow(c *conditions, f assistant.Filter) {
	column := func(name string, values []string) {
		if len(values) > 0 {
			c.add("lower("+name+") IN ("+marks(len(values))+")", folded(values)...)
		}
	}
	column("severity", f.Severity)
	column("status", f.Status)
	held := func(where string, args ...any) string {
		c.args = append(c.args, args...)
		return "n IN (SELECT n FROM alert_terms WHERE t IN (SELECT t FROM terms WHERE " + where + "))"
	}
	among := func(fields, values []string) string {
		args := make([]any, 0, len(fields)+len(values))
		for _, field := range fields {
			args = append(args, field)
		}
		return held("field IN ("+marks(len(fields))+") AND folded IN ("+marks(len(values))+")", append(args, folded(values)...)...)
	}
	for _, part := range []struct{ fields, values []string }{
		{store.HostFields, f.Host}, {store.UserFields, f.User}, {store.TechniqueFields, f.Technique},
	} {
		if len(part.values) > 0 {
			c.parts = append(c.parts, among(part.fields, part.values))
		}
	}
	if f.Rule != "" {
		c.parts = append(c.parts, held("field = ? AND instr(folded, ?) > 0", store.FieldRule, store.FoldASCII(f.Rule)))
	}
	if f.OS != "" {
		part := among(store.OSFields, []string{f.OS})
		if store.FoldASCII(f.OS) == "windows" {
			part = "(" + part + " OR " + held("field = ? AND folded LIKE 'windows%'", store.OSNameField) + ")"
		}
		c.parts = append(c.parts, part)
	}
}

func folded(values []string) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = store.FoldASCII(v)
	}
	return list
}

// page reads the first alerts of a scope that meet further conditions, and how many there are. narrowed says that the
// conditions look at values.
func (a *Assistant) page(ctx context.Context, s assistant.Scope, size int, narrowed bool, further func(*conditions)) (page assistant.Page, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		page = assistant.Page{}
		c, err := within(ctx, q, s)
		if err != nil || c == nil {
			return err
		}
		further(c)
		total := "0"
		if size <= 0 || !narrowed {
			if err := q.row(ctx, "SELECT count(*) FROM alerts WHERE "+c.String(), c.args, &page.Total); err != nil || size <= 0 {
				return err
			}
		} else {
			// Conditions on values are dearer than the counting: they are looked at once.
			total = "count(*) OVER ()"
		}
		known := page.Total
		// The inner query sorts what an index holds; documents are read for the page only.
		return q.each(ctx, `SELECT first.total, alerts.id, indices.name, alerts.doc
			FROM (SELECT n, risk, ts, id, `+total+` AS total FROM alerts WHERE `+c.String()+` ORDER BY risk DESC, ts DESC, id LIMIT ?) AS first
			JOIN alerts USING (n) JOIN indices USING (x) ORDER BY first.risk DESC, first.ts DESC, first.id`, append(c.args, size), func(rows *sql.Rows) error {
			var alert assistant.Alert
			var doc sql.RawBytes
			if err := rows.Scan(&page.Total, &alert.ID, &alert.Index, &doc); err != nil {
				return err
			}
			decoder := json.NewDecoder(bytes.NewReader(doc))
			decoder.UseNumber()
			if err := decoder.Decode(&alert.Source); err != nil {
				return fmt.Errorf("read alert document: %w", err)
			}
			page.Total = max(page.Total, known)
			page.Alerts = append(page.Alerts, alert)
			return nil
		})
	})
	return page, err
}

// Values implements assistant.AlertSource.
func (a *Assistant) Values(ctx context.Context, s assistant.Scope, fields []string, limit int) (values map[string][]string, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		values = map[string][]string{}
		c, err := within(ctx, q, s)
		if err != nil || c == nil {
			return err
		}
		// Without a condition on the index the list of terms decides alone.
		holds := "SELECT 1 FROM alert_terms WHERE t = terms.t AND ts BETWEEN ? AND ?"
		args := c.args
		if len(c.args) > 2 {
			holds = "SELECT 1 FROM alert_terms AS h JOIN alerts AS a ON a.n = h.n WHERE h.t = terms.t AND h.ts BETWEEN ? AND ? AND a." + c.parts[1]
		}
		for _, field := range fields {
			if _, done := values[field]; done {
				continue
			}
			var list []string
			err := q.each(ctx, "SELECT value FROM terms WHERE field = ? AND EXISTS ("+holds+") LIMIT ?", append(append([]any{field}, args...), limit),
				func(rows *sql.Rows) error {
					var v string
					if err := rows.Scan(&v); err != nil {
						return err
					}
					list = append(list, v)
					return nil
				})
			if err != nil {
				return err
			}
			if len(list) > 0 {
				values[field] = list
			}
		}
		return nil
	})
	return values, err
}

// Newest is the time of the newest alert that is no building block, and zero without any.
func (a *Assistant) Newest(ctx context.Context) (at time.Time, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		var ms sql.NullInt64
		if err := q.row(ctx, "SELECT max(ts) FROM alerts WHERE block = 0", nil, &ms); err != nil {
			return err
		}
		at = time.Time{}
		if ms.Valid {
			at = time.UnixMilli(ms.Int64).UTC()
		}
		return nil
	})
	return at, err
}
