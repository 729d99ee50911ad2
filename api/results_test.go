package api

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
)

func init() {
	for _, kind := range []string{"text/csv", "text/markdown", "application/x-ndjson", "application/zip"} {
		openapi3filter.RegisterBodyDecoder(kind, func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
			text, err := io.ReadAll(body)
			return string(text), err
		})
	}
}

// compileFunc is a compiler.
type compileFunc func(ctx context.Context, rule migration.OriginalRule) (compile.Output, error)

func (f compileFunc) Compile(ctx context.Context, _ string, rule migration.OriginalRule) (compile.Output, error) {
	return f(ctx, rule)
}

// withCompiler is a gateway with a compiler.
func withCompiler(f compileFunc) func(*Deps) {
	return func(d *Deps) { d.Compiler = &Compiler{Compiler: f, Version: "v2"} }
}

// finished creates a migration of n rules and finishes it.
func (b *bench) finished(n int) string {
	b.t.Helper()
	id := b.create(n)
	if !b.start(id) {
		b.t.Fatal("not started")
	}
	b.flows.finish(b.t, id)
	b.server.changed(id)
	return id
}

func TestReportOfAMigration(t *testing.T) {
	b := newBench(t)
	id := b.finished(250)
	for _, tc := range []struct{ query, kind, want, policy string }{
		{"", "application/json; charset=utf-8", `"full": 250`, "default-src 'self'"},
		{"?format=json", "application/json; charset=utf-8", `"migration_id": "` + id, ""},
		{"?format=html", "text/html; charset=utf-8", "<details class=\"rule\"", "script-src 'sha256-"},
		{"?format=csv", "text/csv; charset=utf-8", "\ufeffid,title", ""},
		{"?format=md", "text/markdown; charset=utf-8", "# Migration", ""},
	} {
		w := b.do("GET", BasePath+"/"+id+"/report"+tc.query, "")
		b.want(w, 200, tc.want)
		if got := w.Header().Get("Content-Type"); got != tc.kind {
			t.Errorf("%s is %s", tc.query, got)
		}
		if got := w.Header().Get("Content-Security-Policy"); tc.policy != "" && strings.HasPrefix(tc.policy, "script") && !strings.Contains(got, tc.policy) {
			t.Errorf("%s: the policy is %q", tc.query, got)
		}
	}
	if n := strings.Count(b.do("GET", BasePath+"/"+id+"/report?format=html", "").Body.String(), "<details class=\"rule\""); n != 250 {
		t.Errorf("%d rules on the page", n)
	}
	b.want(b.do("GET", BasePath+"/"+id+"/report?format=pdf", ""), 400, "pdf", "html, csv, md, json")
	b.want(b.do("GET", BasePath+"/unknown/report", ""), 204)
}

func TestExportOfAMigration(t *testing.T) {
	b := newBench(t)
	id := b.finished(3)
	for query, want := range map[string]string{"": "kibana-rules.ndjson", "?format=toml": ".toml"} {
		w := b.do("GET", BasePath+"/"+id+"/export"+query, "")
		b.want(w, 200)
		z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range z.File {
			names = append(names, f.Name)
		}
		if all := strings.Join(names, " "); !strings.Contains(all, want) || !strings.Contains(all, "export.json") {
			t.Errorf("%s has %s", query, all)
		}
	}
	b.want(b.do("GET", BasePath+"/"+id+"/export?format=xml", ""), 400, "xml", "ndjson, toml")
	b.want(b.do("GET", BasePath+"/"+id+"/export?exceptions=true", ""), 400, "no compiler")
	b.want(b.do("GET", BasePath+"/"+id+"/export?exceptions=x", ""), 400, "exceptions")
	b.want(b.do("GET", BasePath+"/"+id+"/export?take=some", ""), 400, "take", "all or accepted")
	b.want(b.do("GET", BasePath+"/unknown/export", ""), 204)
	b.want(b.do("GET", BasePath+"/unknown/export/counts", ""), 204)
}

func TestDiffOfAMigration(t *testing.T) {
	var compiled func(rule migration.OriginalRule) (compile.Output, error)
	b := newBench(t, withCompiler(func(_ context.Context, rule migration.OriginalRule) (compile.Output, error) { return compiled(rule) }))
	id := b.finished(2)
	compiled = func(rule migration.OriginalRule) (compile.Output, error) {
		return compile.Output{Result: migration.Partial, Diagnostics: []migration.Diagnostic{{Code: "x", Severity: "error", Message: "m"}},
			Rule: &migration.ElasticRule{Query: "FROM z"}}, nil
	}
	w := b.do("GET", BasePath+"/"+id+"/diff?full=true", "")
	b.want(w, 200, `"result_after":"partial"`, `"query_diff":"--- before`, `{"summary":{"migration_id":"`+id, `"compiler_version":"v2","rules":2,"compared":2,"changed":2`)
	b.want(b.do("GET", BasePath+"/"+id+"/diff", ""), 200, `"query_lines_added":1`)
	b.want(b.do("GET", BasePath+"/"+id+"/diff?full=perhaps", ""), 400, "full")
	b.want(b.do("GET", BasePath+"/unknown/diff", ""), 204)
	compiled = func(migration.OriginalRule) (compile.Output, error) { return compile.Output{}, errors.New("crashed") }
	b.want(b.do("GET", BasePath+"/"+id+"/diff", ""), 200, `"fault":"crashed"`, `"faults":2`)
	compiled = func(migration.OriginalRule) (compile.Output, error) { return compile.Output{}, compile.ErrResources }
	b.want(b.do("GET", BasePath+"/"+id+"/diff", ""), 409, "macros and lookups")

	// A second comparison is refused while one runs.
	b.server.comparing <- struct{}{}
	b.want(b.do("GET", BasePath+"/"+id+"/diff", ""), 429, "another comparison")
	<-b.server.comparing
	rules, err := b.store.Rule(t.Context(), id, "0")
	if err == nil && rules.Result != migration.Full {
		t.Errorf("a comparison changed the rule: %+v", rules)
	}
	b.want(newBench(t).do("GET", BasePath+"/"+id+"/diff", ""), 404)
}
