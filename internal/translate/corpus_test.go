package translate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"
)

// dataDir finds the real rules: RULEBRIDGE_DATA, else shared/data beside the checkout. A missing folder skips, in CI it
// fails.
func dataDir(t testing.TB) string {
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "spl", "rules.jsonl")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no real rules in %s: set RULEBRIDGE_DATA", dir)
		}
		t.Skipf("no real rules in %s: set RULEBRIDGE_DATA to run this", dir)
	}
	return dir
}

func readLines(t testing.TB, path string, each func([]byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 16<<20)
	for s.Scan() {
		each(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

// matchType reads WILDCARD(column) and CIDR(column).
var matchType = regexp.MustCompile(`(WILDCARD|CIDR)\(([^)]*)\)`)

func corpus(t testing.TB) (*Compiler, []Request) {
	t.Helper()
	dir := dataDir(t)
	var opts Options
	readLines(t, filepath.Join(dir, "spl", "macros.jsonl"), func(b []byte) {
		var m struct {
			Name, Definition string
			Arguments        []string
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		name := m.Name
		for i, r := range name {
			if r == '(' {
				name = name[:i]
				break
			}
		}
		opts.Macros = append(opts.Macros, Macro{Name: name, Arguments: m.Arguments, Definition: m.Definition})
	})
	readLines(t, filepath.Join(dir, "spl", "lookups.jsonl"), func(b []byte) {
		var k struct {
			Name, Kind    string
			Columns       []string
			Rows          []map[string]string
			TotalRows     int    `json:"total_rows"`
			MatchType     string `json:"match_type"`
			CaseSensitive string `json:"case_sensitive_match"`
			DefaultMatch  string `json:"default_match"`
			MaxMatches    int    `json:"max_matches"`
			MinMatches    int    `json:"min_matches"`
		}
		if err := json.Unmarshal(b, &k); err != nil {
			t.Fatalf("%s: %v", b[:80], err)
		}
		match := map[string]string{}
		for _, m := range matchType.FindAllStringSubmatch(k.MatchType, -1) {
			match[m[2]] = m[1]
		}
		opts.Lookups = append(opts.Lookups, Lookup{
			Name: k.Name, Kind: k.Kind, Columns: k.Columns, Rows: k.Rows, TotalRows: k.TotalRows, MatchType: match, DefaultMatch: k.DefaultMatch,
			CaseSensitive: k.CaseSensitive != "false", MaxMatches: k.MaxMatches, MinMatches: k.MinMatches,
		})
	})
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	var reqs []Request
	readLines(t, filepath.Join(dir, "spl", "rules.jsonl"), func(b []byte) {
		var r struct {
			ID, Title, Query string
			Mitre            []string `json:"mitre_attack_ids"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		reqs = append(reqs, Request{ID: r.ID, Title: r.Title, Query: r.Query})
	})
	return c, reqs
}

// TestCorpus compiles every real rule and reports results and causes. RESULTS names a file for the result of each rule and
// its causes, so that two builds can be compared; SETS=1 logs which causes come together.
func TestCorpus(t *testing.T) {
	c, reqs := corpus(t)
	results := map[Result]int{}
	approx := 0
	causes := map[string]int{}
	sole := map[string]int{}
	sets := map[string]int{}
	var each strings.Builder
	start := time.Now()
	for _, r := range reqs {
		out := c.Translate(r)
		results[out.Result]++
		worst := Info
		mine := map[string]bool{}
		for _, d := range out.Diagnostics {
			if d.Severity == Info {
				continue
			}
			if d.Severity == Error {
				worst = Error
			}
			if d.Code == "depends_on_hole" {
				continue
			}
			mine[string(d.Severity)[:3]+" "+d.Code+" "+d.Command+" "+d.Subject] = true
			if d.Code == "internal_error" {
				t.Errorf("%s: %s", r.ID, d.Message)
			}
		}
		for k := range mine {
			causes[k]++
			if len(mine) == 1 {
				sole[k]++
			}
		}
		fmt.Fprintln(&each, r.ID, out.Result, strings.Join(sortedKeys(mine), " + "))
		if len(mine) > 1 {
			sets[strings.Join(sortedKeys(mine), " + ")]++
		}
		if out.Result == Partial && worst == Info {
			approx++
		}
	}
	took := time.Since(start)
	if path := os.Getenv("RESULTS"); path != "" {
		if err := os.WriteFile(path, []byte(each.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := float64(len(reqs))
	t.Logf("%d rules: full %d (%.1f%%), full+approximations %d (%.1f%%), partial %d, untranslatable %d; %.0f rules/s", len(reqs), results[Full],
		100*float64(results[Full])/n, results[Full]+approx, 100*float64(results[Full]+approx)/n, results[Partial], results[Untranslatable], n/took.Seconds())
	if os.Getenv("SETS") != "" {
		names := sortedKeys(sets)
		sort.SliceStable(names, func(i, j int) bool { return sets[names[i]] > sets[names[j]] })
		for i, k := range names {
			if i < 60 {
				t.Logf("%4d set %s", sets[k], k)
			}
		}
	}
	keys := sortedKeys(causes)
	sort.SliceStable(keys, func(i, j int) bool { return causes[keys[i]] > causes[keys[j]] })
	for i, k := range keys {
		if i == 90 {
			break
		}
		t.Logf("%4d (alone %4d) %s", causes[k], sole[k], k)
	}
}

// TestCorpusAccounted checks that no token of a real rule is dropped in silence.
func TestCorpusAccounted(t *testing.T) {
	c, reqs := corpus(t)
	bad := 0
	for _, r := range reqs {
		for _, u := range Account(c.Translate(r), r.Query) {
			bad++
			if bad <= 60 {
				from, to := max(0, u.Start-50), min(len(r.Query), u.End+30)
				t.Errorf("%s: %q in %q", r.ID[:8], u.Text, r.Query[from:to])
			}
		}
	}
	t.Logf("%d tokens", bad)
}
