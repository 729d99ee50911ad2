package api

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func read[T any](t *testing.T, b *bench, path string) T {
	t.Helper()
	w := b.do("GET", path, "")
	b.want(w, 200)
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSession(t *testing.T) {
	plain := newBench(t)
	want := sessionAnswer{
		User: sessionUser{"anonymous", "admin"}, Features: sessionFeatures{Migrations: true},
		Connectors: []sessionConnector{{"azureOpenAiGPT4o", "simulated"}, {"gpt", "ollama"}, {"deterministic", "deterministic"}},
		Kibanas:    []string{}, Places: []sessionPlace{},
	}
	if got := read[sessionAnswer](t, plain, PagePath+"/session"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	full := newBench(t, func(d *Deps) {
		d.Version, d.Compiler = "1.2.3", &Compiler{Version: "abc"}
		d.Places = []Place{{Name: "Data", Where: "/var/lib/rulebridge"}}
		d.TemporalUI = &TemporalUI{Address: "http://127.0.0.1:8233", Namespace: "default"}
		d.Settings.Features.SIEMMigrations = false
	})
	want.Version, want.CompilerVersion, want.Features.Migrations = "1.2.3", "abc", false
	want.Places = []sessionPlace{{"Data", "/var/lib/rulebridge"}}
	want.TemporalUI = &TemporalUI{"http://127.0.0.1:8233", "default"}
	if got := read[sessionAnswer](t, full, PagePath+"/session"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestSummaries: the list has what the documents have, and knows of what this gateway did since it was read.
func TestSummaries(t *testing.T) {
	now := time.Now()
	b := newBench(t, func(d *Deps) { d.Now = func() time.Time { return now } })
	const path = BasePath + "/migrations"
	if got := read[[]summary](t, b, path); len(got) != 0 {
		t.Fatalf("of nothing: %+v", got)
	}
	first := b.create(3)
	begun := now
	now = now.Add(time.Millisecond)
	second := b.create(2)
	got := read[[]summary](t, b, path)
	want := summary{ID: first, State: migration.Ready, Total: 3, CreatedAt: begun.UTC(), CreatedBy: "anonymous", LastUpdated: begun.UTC(),
		Rules: migration.Counts{Total: 3, Pending: 3}}
	if len(got) == 2 {
		want.Results = got[0].Results // as old as the overview, which may not have it yet
	}
	if len(got) != 2 || !reflect.DeepEqual(got[0], want) || got[1].ID != second {
		t.Fatalf("%+v, want first %+v", got, want)
	}
	b.want(b.do("PUT", BasePath+"/"+first+"/start", `{"connectorId": "deterministic"}`), 200, "true")
	if got := read[[]summary](t, b, path); got[0].State != migration.Running {
		t.Errorf("after a start: %+v", got[0])
	}
	b.flows.finish(t, first)
	now = now.Add(overviewStale + time.Second)
	if got := read[[]summary](t, b, path); got[0].State != migration.Finished || got[0].ConnectorID != "" || got[0].Rules != (migration.Counts{Total: 3, Finished: 3}) ||
		got[0].Results == nil || *got[0].Results != (migration.Results{ResultCounts: migration.ResultCounts{Full: 3}}) {
		t.Errorf("at the end: %+v", got[0])
	}
	b.want(b.do("DELETE", BasePath+"/"+first, ""), 200)
	if got := read[[]summary](t, b, path); len(got) != 1 || got[0].ID != second {
		t.Errorf("after a deletion: %+v", got)
	}
}
