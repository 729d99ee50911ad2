package translate

import (
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// TestCorpusSpelling rewrites every real rule in ways that mean the same in Splunk and expects the same draft.
func TestCorpusSpelling(t *testing.T) {
	c, reqs := corpus(t)
	ways := []struct {
		name string
		f    func(spl.Pipeline, string) string
	}{
		{"commands in capitals", capitalCommands},
		{"line breaks and spaces before pipes", func(p spl.Pipeline, q string) string {
			return beforeCommands(p, q, " \r\n\t ")
		}},
		{"comments before pipes", func(p spl.Pipeline, q string) string {
			return beforeCommands(p, q, " ```why | stats `not a macro` [here]``` ")
		}},
		{"space around", func(_ spl.Pipeline, q string) string { return "\r\n  " + q + "  \r\n" }},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			bad, rewritten := 0, 0
			for _, r := range reqs {
				want := c.Translate(r)
				parsed := spl.Parse(r.Query, spl.Options{})
				changed := r
				changed.Query = way.f(*parsed.Pipeline, r.Query)
				if changed.Query != r.Query {
					rewritten++
				}
				got := c.Translate(changed)
				if got.Query == want.Query && got.Result == want.Result {
					continue
				}
				if bad++; bad <= 5 {
					t.Errorf("%s: %s\n%s\n--- became %s\n%s\n--- of\n%s", r.ID, want.Result, want.Query, got.Result, got.Query, changed.Query)
				}
			}
			if rewritten < len(reqs)*9/10 {
				t.Errorf("only %d of %d rules were rewritten", rewritten, len(reqs))
			}
			if bad > 0 {
				t.Errorf("%d of %d rules differ", bad, len(reqs))
			}
		})
	}
}

// capitalCommands writes the names of the commands of the main search in capitals.
func capitalCommands(p spl.Pipeline, q string) string {
	b := []byte(q)
	for _, cmd := range p.Commands {
		at, name := int(cmd.Span().Start.Offset), cmd.Name()
		if end := at + len(name); end <= len(b) && strings.EqualFold(string(b[at:end]), name) && !strings.HasPrefix(q[end:], "(") {
			copy(b[at:end], strings.ToUpper(name))
		}
	}
	return string(b)
}

// beforeCommands puts text in front of the pipes of the main search.
func beforeCommands(p spl.Pipeline, q, text string) string {
	var out strings.Builder
	last := 0
	for _, cmd := range p.Commands {
		at := cmd.Span().Start.Offset
		pipe := strings.LastIndexByte(q[:at], '|')
		if pipe < last || strings.TrimSpace(q[pipe+1:at]) != "" {
			continue
		}
		out.WriteString(q[last:pipe] + text)
		last = pipe
	}
	return out.String() + q[last:]
}

// TestCorpusWithoutResources compiles every real rule with no macro and no lookup given: the macros of data sources and
// still resolve, and a rule that gets worse names what is missing, *_filter macros among it.
func TestCorpusWithoutResources(t *testing.T) {
	full, reqs := corpus(t)
	bare, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	before, after := map[Result]int{}, map[Result]int{}
	for _, r := range reqs {
		w, g := full.Translate(r), bare.Translate(r)
		before[w.Result]++
		after[g.Result]++
		if w.Result != Full || g.Result == Full {
			continue
		}
		if len(g.Missing) == 0 {
			t.Errorf("%s: %s although nothing is missing: %v", r.ID, g.Result, g.Diagnostics)
		}
	}
	t.Logf("with resources %v, without %v", before, after)
}
