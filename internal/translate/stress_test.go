package translate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/budget"
)

// TestHugeSearches compiles searches that are as long and as deep as the caps allow: each ends by itself, as a diagnostic
// where it is too much.
func TestHugeSearches(t *testing.T) {
	rep := strings.Repeat
	n := 100_000
	if testing.Short() {
		n = 5000
	}
	searches := map[string]string{
		"sums":             "index=a | eval x=" + rep("a+", n) + "1 | where x>1",
		"sums in parens":   "index=a | eval x=" + rep("(", 150) + rep("a+", n) + "1" + rep(")+b+b", 150) + " | where x>1",
		"concatenations":   "index=a | eval x=" + rep("a . ", n) + `"b" | where x="1"`,
		"comparisons":      "index=a | where " + rep("a=", n) + "1",
		"in of in":         "index=a | where a" + rep(" IN (b)", n/2),
		"xor":              "index=a | where " + rep("a=1 XOR ", n/2) + "b=2",
		"minus":            "index=a | eval x=" + rep("-", n) + "1",
		"not":              "index=a | where " + rep("NOT ", n) + "a=1",
		"search not":       "index=a " + rep("NOT ", n) + "a=1",
		"parens":           "index=a " + rep("(", n) + "a=1" + rep(")", n),
		"calls":            "index=a | eval x=" + rep("abs(", n) + "1" + rep(")", n),
		"subsearches":      "index=a " + rep("[search index=b ", n/4) + rep("]", n/4),
		"joins":            "index=a " + rep("| join x [search index=b ", 190) + rep("]", 190),
		"appends":          "index=a " + rep("| append [search index=b x=1] ", 900),
		"appendpipes":      "index=a " + rep("| appendpipe [stats count] ", 900),
		"or chain":         "index=a " + rep("a=1 OR ", n) + "b=2",
		"or of fields":     "index=a (" + rep("a=*x* OR ", n/2) + "b=2)",
		"and chain":        "index=a | where " + rep("a=1 AND ", n/2) + "b=2",
		"in list":          "index=a a IN (" + rep("x*,", n) + "y)",
		"pipes":            "index=a " + rep("| where a=1 ", n/2),
		"evals":            "index=a " + rep("| eval a=a+1 ", 900),
		"many assigns":     "index=a | eval " + rep("a=a+1, ", n/2) + "b=1",
		"stats":            "index=a | stats " + rep("count(x) ", n/2) + "by a",
		"by":               "index=a | stats count by " + rep("a b c ", n/4),
		"dollars":          "index=a | rename " + rep("a as b ", n/3),
		"foreach":          "index=a | stats " + rep("count as a1 sum(x) as a2 ", 20) + rep("| foreach a* [eval x_<<FIELD>>=<<FIELD>>] | foreach x_* [eval a_<<FIELD>>=1] ", 12),
		"eventstats":       "index=a " + rep("| eventstats count as c by a ", 300),
		"wildcards":        "index=a | stats values(*) as * by a " + rep("| rename * as x_* ", 800),
		"backticks":        "index=a " + rep("`", n),
		"macros":           "index=a " + rep("`m(a,b)` ", n/2),
		"quotes":           "index=a " + rep(`"a" `, n),
		"brackets":         rep("[", n),
		"regex repeats":    `index=a | where match(a,"` + rep("(a{1,50}){1,50}", 100) + `")`,
		"regex groups":     `index=a | rex field=a "` + rep("(?<g>", 900) + "a" + rep(")", 900) + `" | where match(b,"` + rep("(", 900) + rep(")*", 900) + `")`,
		"lookups":          "index=a " + rep("| lookup vip user OUTPUT is_vip ", 900),
		"transactions":     "index=a " + rep("| transaction a b maxspan=1h ", 900),
		"xyseries":         "index=a " + rep("| stats count by a b | xyseries a b count | fillnull value=0 x y ", 300),
		"multisearch":      "| multisearch " + rep("[search index=a x=1] ", 5000),
		"union of unions":  rep("| union [search index=a ", 190) + rep("]", 190),
		"nested multi":     rep("| multisearch [search index=a] [search index=b ", 190) + rep("]", 190),
		"case":             "index=a | eval x=case(" + rep(`a=1,"b",`, n/5) + `true(),"c") | where x="b"`,
		"nested if":        "index=a | eval x=" + rep("if(a=1,2,", 190) + "3" + rep(")", 190) + " | where x=3",
		"doubling":         "index=a | eval a=b" + rep(", a=a.a", 60) + " | where a=1",
		"doubling by case": "index=a | where " + rep("case(a=1,", 180) + "1" + rep(",b=2,1)=1", 180),
	}
	for name, text := range searches {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			compilers := fuzzCompilers(t)
			if testing.Short() {
				compilers = compilers[:2]
			}
			for _, c := range compilers {
				if len(text) > 1<<20 {
					t.Fatalf("%d bytes: the cap of bytes ends this search before anything else", len(text))
				}
				survives(t, c, text)
			}
		})
	}
}

// TestMacroBombs compiles calls whose definitions multiply or nest.
func TestMacroBombs(t *testing.T) {
	var doubling, nested []Macro
	for i := range 60 {
		next := itoa(i + 1)
		doubling = append(doubling, Macro{Name: "m" + itoa(i), Definition: "`m" + next + "` OR `m" + next + "`"})
		nested = append(nested, Macro{Name: "n" + itoa(i) + "_" + "x", Arguments: []string{"a"}, Definition: "`n" + next + "_x(\"$a$ $a$\")` $a$"})
	}
	c, err := New(Options{Macros: append(doubling, nested...)})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"index=a `m0`", "index=a `n0_x(b)` | stats count", "index=a | where `m0`", strings.Repeat("index=a `m40` ", 100)} {
		survives(t, c, text)
	}
}

// TestTooComplex spends budgets of every small size on real work: the end is always the diagnostic, and the compiler goes on.
func TestTooComplex(t *testing.T) {
	const text = "index=a [search index=b | fields user] | join host [search index=c x=1] | foreach a b [eval <<FIELD>>=1] | stats sum(eval(a+b)) as s by user | where s>1"
	ended := 0
	for steps := 1; ; steps++ {
		c, err := New(Options{MaxSteps: steps})
		if err != nil {
			t.Fatal(err)
		}
		out := c.Translate(Request{Query: text})
		if !hasCode(out, "too_complex") {
			break
		}
		ended++
		if out.Result != Untranslatable || len(out.Diagnostics) != 1 || out.Query != "" {
			t.Fatalf("with %d steps: %s with %d diagnostics and the draft %q", steps, out.Result, len(out.Diagnostics), out.Query)
		}
		if small := c.Translate(Request{Query: "x"}); steps > 50 && hasCode(small, "too_complex") {
			t.Fatalf("after a search that was too complex for %d steps, the next one is too", steps)
		}
	}
	if ended < 30 {
		t.Errorf("the search took %d steps: its loops and recursions are not counted", ended)
	}
}

func hasCode(out Output, code string) bool {
	for _, d := range out.Diagnostics {
		if d.Code == code {
			return true
		}
	}
	return false
}

// TestCanceled ends compilations from outside: at once when the context has ended before, soon when it ends meanwhile.
func TestCanceled(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.TranslateContext(ended, Request{Query: "index=a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended gives %v", err)
	}
	// Seconds of work, which steps do not end.
	long, err := New(Options{MaxSteps: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	text := "index=a | stats " + strings.Repeat("count(x) ", 100_000) + "by a"
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := long.TranslateContext(soon, Request{Query: text})
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a context that ended meanwhile gives %v", err)
		}
	case <-time.After(watchdog):
		t.Fatalf("the compiler still works %s after the end of its context", watchdog)
	}
}

// TestCorpusBudget compares what the real rules need with the limits.
func TestCorpusBudget(t *testing.T) {
	c, reqs := corpus(t)
	most, of := 0, ""
	for _, r := range reqs {
		b := budget.New(t.Context(), 0, 500)
		if _, err := c.translate(b, r); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
		if b.Used() > most {
			most, of = b.Used(), r.ID
		}
	}
	t.Logf("the most expensive of %d rules, %s, takes %d steps of %d", len(reqs), of, most, budget.DefaultSteps)
	if most > budget.DefaultSteps/50 {
		t.Errorf("rule %s takes %d steps: the budget of %d leaves no room for larger ones", of, most, budget.DefaultSteps)
	}
}
