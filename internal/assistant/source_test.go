package assistant

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// listSource reads alerts of a list, straight after the contract.
type listSource struct {
	alerts []Alert
	// asked are the calls, and scopes their index patterns.
	asked  []string
	scopes [][]string
}

func (l *listSource) in(s Scope) []Alert {
	var in []Alert
	for _, a := range l.alerts {
		f := a.fields()
		at, err := time.Parse(time.RFC3339, first(f, "@timestamp"))
		if err != nil || at.Before(s.From) || at.After(s.To) || first(f, "kibana.alert.building_block_type") != "" {
			continue
		}
		in = append(in, a)
	}
	l.scopes = append(l.scopes, s.Index)
	return in
}

func statusOf(f []field) string {
	if s := first(f, "kibana.alert.workflow_status"); s != "" {
		return s
	}
	return StatusOpen
}

func (l *listSource) Counts(_ context.Context, s Scope) ([]Count, error) {
	l.asked = append(l.asked, "counts")
	var out []Count
	for _, severity := range append(slices.Clone(Severities), "") {
		for _, status := range []string{StatusAcknowledged, StatusClosed, StatusOpen} {
			n := 0
			for _, a := range l.in(s) {
				if f := a.fields(); first(f, "kibana.alert.severity") == severity && statusOf(f) == status {
					n++
				}
			}
			if n > 0 {
				out = append(out, Count{severity, status, n})
			}
		}
	}
	return out, nil
}

func (l *listSource) Open(ctx context.Context, s Scope, size int) (Page, error) {
	l.asked = append(l.asked, "open")
	return l.page(l.in(s), Filter{Status: []string{StatusOpen}}, size), nil
}

func (l *listSource) Search(_ context.Context, s Scope, f Filter, size int) (Page, error) {
	raw, _ := json.Marshal(f)
	l.asked = append(l.asked, "search "+string(raw))
	return l.page(l.in(s), f, size), nil
}

func (l *listSource) page(in []Alert, q Filter, size int) Page {
	var out []Alert
	for _, a := range in {
		f := a.fields()
		matches := func(want []string, names ...string) bool {
			return len(want) == 0 || slices.ContainsFunc(f, func(x field) bool {
				return slices.Contains(names, x.name) && slices.ContainsFunc(x.values, func(v any) bool {
					return slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, spelling(v)) })
				})
			})
		}
		if matches(q.Severity, "kibana.alert.severity") && (len(q.Status) == 0 || slices.Contains(q.Status, statusOf(f))) &&
			matches(q.Host, "host.name") && matches(q.User, "user.name") && (q.OS == "" || matches([]string{q.OS}, "host.os.type", "host.os.platform")) {
			out = append(out, a)
		}
	}
	score := func(a Alert) float64 {
		n, _ := strconv.ParseFloat(first(a.fields(), "kibana.alert.risk_score"), 64)
		return n
	}
	slices.SortStableFunc(out, func(a, b Alert) int { return int(score(b) - score(a)) })
	return Page{Alerts: out[:min(size, len(out))], Total: len(out)}
}

func (l *listSource) Values(_ context.Context, s Scope, fields []string, _ int) (map[string][]string, error) {
	l.asked = append(l.asked, "values")
	out := map[string][]string{}
	for _, a := range l.in(s) {
		for _, f := range a.fields() {
			if slices.Contains(fields, f.name) {
				for _, v := range f.values {
					out[f.name] = append(out[f.name], spelling(v))
				}
			}
		}
	}
	return out, nil
}

// alertsOf decodes alerts written with their _id among the fields.
func alertsOf(t testing.TB, raw []json.RawMessage) []Alert {
	t.Helper()
	var out []Alert
	for _, r := range raw {
		dec := json.NewDecoder(strings.NewReader(string(r)))
		dec.UseNumber()
		doc := map[string]any{}
		if err := dec.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		a := Alert{Source: doc}
		a.ID, _ = doc["_id"].(string)
		delete(doc, "_id")
		out = append(out, a)
	}
	return out
}

// script is a model that says what it is told to, and keeps what it was sent.
type script struct {
	says []string
	sent []ModelRequest
}

func (m *script) Generate(_ context.Context, r ModelRequest) (ModelReply, error) {
	m.sent = append(m.sent, r)
	n := min(len(m.sent), len(m.says)) - 1
	return ModelReply{Text: m.says[n]}, nil
}

// all is everything the model was sent that is not fixed text.
func (m *script) all() string {
	var b strings.Builder
	for _, r := range m.sent {
		for _, x := range r.Messages {
			if x.Role != RoleSystem {
				b.WriteString(x.Content + "\n")
			}
		}
	}
	return b.String()
}
