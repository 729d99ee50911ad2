package translate

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// catalogue reads the real field catalogue: index pattern → column → ES|QL type. It is independent of internal/schema on
// purpose.
func catalogue(t testing.TB) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for _, name := range []string{filepath.Join(dataDir(t), "ecs", "integration_fields.csv"), filepath.Join("..", "schema", "data", "fields.csv")} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[1:] {
			m := out[r[2]]
			if m == nil {
				m = map[string]string{}
				out[r[2]] = m
			}
			m[r[3]] = esqlType(r[4])
		}
	}
	return out
}

// ecsFields are the fields that every index of the catalogue may have.
func ecsFields(t testing.TB) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dataDir(t), "ecs", "fields.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rows[1:] {
		out[r[0]] = esqlType(r[1])
	}
	return out
}

func esqlType(t string) string {
	switch t {
	case "wildcard", "constant_keyword", "keyword":
		return "keyword"
	case "match_only_text", "text", "pattern_text":
		return "text"
	case "short", "byte", "integer":
		return "integer"
	case "float", "half_float", "scaled_float", "double":
		return "double"
	case "long", "boolean", "ip", "date", "unsigned_long", "version", "geo_point":
		return t
	}
	return "unsupported"
}

// TestCorpusChecks runs the checker over every draft: one that Elasticsearch would refuse is not full, and no draft should
// be.
func TestCorpusChecks(t *testing.T) {
	c, reqs := corpus(t)
	cat := catalogue(t)
	ecs := ecsFields(t)
	env := esql.Env{Columns: func(patterns []string) (map[string]string, bool) {
		all := map[string]string{}
		for k, v := range ecs {
			all[k] = v
		}
		for _, p := range patterns {
			if p == "logs-*" {
				return nil, false
			}
			for k, v := range cat[p] {
				if old, ok := all[k]; ok && old != v && ecs[k] == "" {
					v = "conflict"
				}
				all[k] = v
			}
		}
		return all, true
	}}
	bad := map[string]int{}
	n := 0
	for _, r := range reqs {
		out := c.Translate(r)
		if out.ESQL == nil {
			continue
		}
		q, err := esql.Parse(out.Query)
		if err != nil {
			t.Errorf("%s: %v\n%s", r.ID, err, out.Query)
			continue
		}
		for _, p := range esql.Check(q, env) {
			if p.Code == esql.CodeUnknownIndex {
				continue
			}
			if p.Code == esql.CodeUnknownColumn && strings.Contains(p.Message, ".0.") {
				continue // a dynamic template of the catalogue, with * for the number
			}
			if os.Getenv("CHECKS") != "" {
				t.Logf("%s %s", r.ID[:8], p)
			}
			key := string(p.Code) + " " + p.Message
			bad[key]++
			n++
			if out.Result == Full && !p.Lint && n < 400 {
				t.Errorf("%s is full: %s", r.ID[:8], p)
			}
		}
		if out.Result == Full {
			for _, p := range esql.CheckAlert(q) {
				t.Errorf("%s: %s", r.ID[:8], p)
			}
		}
	}
	for _, k := range sortedKeys(bad) {
		t.Logf("%4d %s", bad[k], strings.SplitN(k, "\n", 2)[0])
	}
}
