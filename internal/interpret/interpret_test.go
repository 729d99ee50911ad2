package interpret

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

type given []migration.Resource

func (g given) Resources(_ context.Context, id string) ([]migration.Resource, error) {
	if id != "m" {
		return nil, fmt.Errorf("no migration %q", id)
	}
	return g, nil
}

func TestTry(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := Runner{given{
		{Type: migration.ResourceMacro, Name: "bad(1)", Arguments: []string{"n"}, Definition: "status>=$n$"},
		{Type: migration.ResourceLookup, Name: "hosts", Columns: []string{"host", "site"}, Rows: []map[string]string{{"host": "a", "site": "Bonn"}}},
	}}
	events := []string{`{"_time":1767323045,"host":"a","status":500,"user":["x","y"]}`, `{"@timestamp":"2026-01-02T03:04:00Z","host":"b","status":404}`}
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf(`{"_time":1,"n":%d}`, i)
	}
	for _, tt := range []struct {
		name, migration, spl string
		events               []string
		want                 string // columns and rows
		notes, fails         string
	}{
		{name: "rows", spl: "status>=500 | table host status user", events: events, want: `["host","status","user"] [["a",500,["x","y"]]]`},
		{name: "missing values", spl: "* | table host user | sort host", events: events, want: `["host","user"] [["a",["x","y"]],["b",null]]`},
		{name: "macro", migration: "m", spl: "`bad(404)` | stats count", events: events, want: `["count"] [[2]]`},
		{name: "lookup", migration: "m", spl: "* | lookup hosts host OUTPUT site | where isnotnull(site) | table host site", events: events, want: `["host","site"] [["a","Bonn"]]`},
		{name: "no macro without a migration", spl: "`bad(404)` | stats count", events: events, fails: "bad"},
		{name: "timestamp", spl: `* | where host="b" | eval s=_time | table s`, events: events, want: `["s"] [[1767323040]]`},
		{name: "export of Splunk", spl: "* | table a", events: []string{`{"preview":false,"offset":0,"lastrow":true,"result":{"a":"b","_time":"2026-01-02T03:04:05Z"}}`}, want: `["a"] [["b"]]`},
		{name: "a line", spl: `failed | rex "user=(?<u>\w+)" | table u`, events: []string{"login failed user=eva", "login ok user=tim"}, want: `["u"] [["eva"]]`,
			notes: "2 events are no JSON objects"},
		{name: "no time", spl: "earliest=-1m | stats count", events: []string{`{"a":1}`}, want: `["count"] [[1]]`, notes: "1 event has no _time"},
		{name: "value of a subsearch", spl: "* | where status > [| makeresults | eval v=450 | return $v] | table host", events: events, want: `["host"] [["a"]]`},
		{name: "no event", spl: "* | stats count", want: `["count"] [[0]]`},
		{name: "long numbers stay texts", spl: "* | table n", events: []string{`{"_time":1,"n":12345678901234567890}`}, want: `["n"] [["12345678901234567890"]]`},
		{name: "broken event", spl: "*", events: []string{`{"a":1}`, `{"a":`}, fails: "event 2"},
		{name: "broken search", spl: "index=a\n| stats count by", events: events, fails: "line 2"},
		{name: "what cannot be run", spl: "* | frobnicate", events: events, fails: "frobnicate"},
		{name: "too many rows held", spl: "* | eval x=1 | join type=inner max=0 x [| makeresults count=90000 | eval x=1]", events: many, fails: "needs more than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := r.Try(t.Context(), tt.migration, Request{SPL: tt.spl, Events: tt.events, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			if tt.fails != "" {
				if !strings.Contains(a.Error, tt.fails) || len(a.Rows) != 0 {
					t.Fatalf("%+v, want an error with %q", a, tt.fails)
				}
				return
			}
			columns, _ := json.Marshal(a.Columns)
			rows, _ := json.Marshal(a.Rows)
			if got := string(columns) + " " + string(rows); got != tt.want || a.Error != "" || a.Truncated {
				t.Errorf("%s, %+v; want %s", got, a, tt.want)
			}
			if notes := strings.Join(a.Notes, "\n"); !strings.Contains(notes, tt.notes) || tt.notes == "" && notes != "" {
				t.Errorf("notes %q, want %q", notes, tt.notes)
			}
		})
	}
	a, err := r.Try(t.Context(), "", Request{SPL: "| makeresults count=1001 | streamstats count as n | table n", Now: now})
	if err != nil || len(a.Rows) != maxRows || !a.Truncated {
		t.Errorf("%d rows, truncated %v, %v %s", len(a.Rows), a.Truncated, err, a.Error)
	}
	if _, err := r.Try(t.Context(), "unknown", Request{SPL: "*", Now: now}); err == nil {
		t.Error("no error of the resources")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Try(over, "", Request{SPL: "* | stats count", Events: events, Now: now}); err == nil {
		t.Error("no error after the caller went away")
	}
}
