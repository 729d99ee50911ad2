package translate

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// watchdog is the longest that any input may take: far more than the budget of steps allows.
const watchdog = time.Minute

// splicer makes searches out of the stages, expressions, conditions and names of others. Mutations of bytes rarely get past
// the parser; a stage of one search behind those of another reaches what no author of either thought of.
type splicer struct {
	rnd                                                  *rand.Rand
	searches, stages, exprs, conditions, names, branches []string
}

// read takes a search apart.
func (s *splicer) read(text string) {
	q := spl.Parse(text, spl.Options{})
	if q.Pipeline == nil || len(q.Pipeline.Commands) == 0 {
		return
	}
	s.searches = append(s.searches, text)
	cut := func(list *[]string, n spl.Node) {
		if a, b := n.Span().Start.Offset, n.Span().End.Offset; a < b && int(b) <= len(text) {
			*list = append(*list, text[a:b])
		}
	}
	spl.Walk(q.Pipeline, func(n spl.Node) bool {
		switch n := n.(type) {
		case *spl.Pipeline:
			if n != q.Pipeline {
				cut(&s.branches, n)
			}
		case spl.Command:
			cut(&s.stages, n)
		case spl.Expr:
			cut(&s.exprs, n)
		case spl.SearchExpr:
			cut(&s.conditions, n)
		case *spl.Name:
			cut(&s.names, n)
		}
		return true
	})
}

func pick(r *rand.Rand, list []string) string {
	if len(list) == 0 {
		return "x"
	}
	return list[r.IntN(len(list))]
}

// next is a search that nobody wrote.
func (s *splicer) next() string {
	text := pick(s.rnd, s.searches)
	for range 1 + s.rnd.IntN(5) {
		text = s.mutate(text)
		if len(text) > 20_000 {
			return text[:20_000]
		}
	}
	return text
}

// mutate splices once.
func (s *splicer) mutate(text string) string {
	r := s.rnd
	q := spl.Parse(text, spl.Options{})
	if q.Pipeline == nil || len(q.Pipeline.Commands) == 0 {
		return text + " | " + pick(r, s.stages)
	}
	type place struct {
		from, to int
		with     []string
	}
	var places []place
	spl.Walk(q.Pipeline, func(n spl.Node) bool {
		a, b := int(n.Span().Start.Offset), int(n.Span().End.Offset)
		if a >= b || b > len(text) {
			return true
		}
		switch n.(type) {
		case *spl.Pipeline:
			if a > 0 {
				places = append(places, place{a, b, s.branches})
			}
		case spl.Command:
			places = append(places, place{a, b, s.stages})
		case spl.Expr:
			places = append(places, place{a, b, s.exprs})
		case spl.SearchExpr:
			places = append(places, place{a, b, s.conditions})
		case *spl.Name:
			places = append(places, place{a, b, s.names})
		}
		return true
	})
	if len(places) == 0 {
		return text + " | " + pick(r, s.stages)
	}
	p := places[r.IntN(len(places))]
	switch r.IntN(8) {
	case 0: // a stage more
		return text[:p.to] + " | " + pick(r, s.stages) + text[p.to:]
	case 1: // the end of another search
		other := pick(r, s.searches)
		if i := strings.IndexByte(other, '|'); i >= 0 {
			return text + " " + other[i:]
		}
		return text + " | " + other
	case 2: // a subsearch
		return text + " | " + []string{"append", "join type=left", "appendcols", "appendpipe", "multisearch [search x]", "union"}[r.IntN(6)] +
			" [" + strings.TrimPrefix(pick(r, s.searches), "|") + "]"
	case 3: // a part of the search itself at another place
		o := places[r.IntN(len(places))]
		return text[:p.from] + text[o.from:o.to] + text[p.to:]
	case 4: // a part wrapped
		return text[:p.from] + []string{"(", "NOT ", "-", "if(", "values(", "*", "'"}[r.IntN(7)] + text[p.from:p.to] + []string{")", "*", ",1,2)", "'"}[r.IntN(4)] + text[p.to:]
	}
	return text[:p.from] + pick(r, p.with) + text[p.to:]
}

// spliceCorpus reads the searches of testdata/splice, one a line, those of the goldens, and where they are the real ones.
func spliceCorpus(t testing.TB, seed uint64) *splicer {
	t.Helper()
	s := &splicer{rnd: rand.New(rand.NewPCG(seed, 1))}
	data, err := os.ReadFile(filepath.Join("testdata", "splice", "searches.spl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" {
			s.read(line)
		}
	}
	own := len(s.searches)
	files := goldens(t)
	for _, name := range sortedKeys(files) {
		for _, x := range files[name].Files {
			if x.Name == "spl" {
				s.read(string(x.Data))
			}
		}
	}
	if dir := os.Getenv("RULEBRIDGE_DATA"); dir != "" {
		for _, name := range []string{"rules.jsonl", "car.jsonl"} {
			readLines(t, filepath.Join(dir, "spl", name), func(b []byte) {
				var r struct{ Query string }
				if err := json.Unmarshal(b, &r); err != nil {
					t.Fatal(err)
				}
				s.read(r.Query)
			})
		}
	}
	if own < 60 {
		t.Fatalf("only %d searches in testdata/splice", own)
	}
	return s
}

// fuzzCompilers are one of each kind.
func fuzzCompilers(t testing.TB) []*Compiler {
	t.Helper()
	var list []*Compiler
	types := map[string]string{"n": "long", "d": "double", "ip": "ip", "b": "boolean", "at": "date"}
	for _, o := range []Options{
		{Lookups: fuzzLookups},
		{Schema: schema.Identity([]string{"events"}, types), Index: []string{"events"}, Lookups: fuzzLookups},
		{Lookups: fuzzLookups, Target: Target9},
		{Schema: schema.Identity([]string{"events"}, types), Index: []string{"events"}, Target: Target9},
	} {
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// survives compiles a text; whatever comes, it must end, and a draft must parse.
func survives(t testing.TB, c *Compiler, text string) (tooComplex bool) {
	t.Helper()
	timer := time.AfterFunc(watchdog, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("the compiler still works on this search after %s:\n%s", watchdog, text))
	})
	out, err := c.TranslateContext(context.Background(), Request{Query: text})
	timer.Stop()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range out.Diagnostics {
		if d.Code == "internal_error" {
			t.Errorf("%s\n%s", d.Message, text)
		}
		tooComplex = tooComplex || d.Code == "too_complex"
	}
	if out.Query != "" {
		if _, err := esql.Parse(out.Query); err != nil {
			t.Errorf("the draft does not parse: %v\n%s\n%s", err, text, out.Query)
		}
	}
	return tooComplex
}

// TestSplicedSearches compiles searches that are spliced from others: SPLICES of them (5,000), from SPLICE_SEED (1) on. A
// stack overflow ends the whole process, so the search at hand is always in the file that SPLICE_LAST names.
func TestSplicedSearches(t *testing.T) {
	n, seed := 5000, uint64(1)
	if testing.Short() && os.Getenv("CI") != "true" {
		n = 1500
	}
	if v, err := strconv.Atoi(os.Getenv("SPLICES")); err == nil {
		n = v
	}
	if v, err := strconv.ParseUint(os.Getenv("SPLICE_SEED"), 10, 64); err == nil {
		seed = v
	}
	last := os.Getenv("SPLICE_LAST")
	s, compilers := spliceCorpus(t, seed), fuzzCompilers(t)
	complex := 0
	slowest, slow := time.Duration(0), ""
	for i := range n {
		text := s.next()
		if last != "" {
			if err := os.WriteFile(last, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if survives(t, compilers[i%len(compilers)], text) {
			complex++
		}
		if took := time.Since(start); took > slowest {
			slowest, slow = took, text
		}
	}
	t.Logf("%d spliced searches of %d, %d too complex; the slowest took %s: %s", n, len(s.searches), complex, slowest.Round(time.Millisecond), clip(slow))
}

// TestSpliceSeeds compiles the searches that once ended or held the process, with every kind of compiler.
func TestSpliceSeeds(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "splice", "seeds", "*.spl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Fatalf("only %d seeds", len(files))
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range fuzzCompilers(t) {
			survives(t, c, strings.TrimSuffix(string(data), "\n"))
		}
	}
}
