package fidelity

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// randomConditions is how many conditions a run draws for each grammar; FIDELITY=all draws ten times as many.
const randomConditions = 150

// TestRandomConditions draws conditions of both grammars, writes them as SPL with no more brackets than needed, and
// compares what the translation finds with an evaluation of the drawn tree, which shares nothing with the compiler. The
// draw is the same in every run.
func TestRandomConditions(t *testing.T) {
	node, ctx := elasticsearch.Start(t), context.Background()
	types := map[string]string{"n": "long", "a": "keyword", "s": "keyword", "p": "long", "ip": "ip"}
	draw := rand.New(rand.NewPCG(20260102, 3))
	events := randomEvents(draw, 60)
	index := "random_conditions"
	properties := typeProperties(types)
	properties["@timestamp"] = map[string]any{"type": "date"}
	if err := node.DeleteIndex(ctx, index); err != nil {
		t.Fatal(err)
	}
	if err := node.CreateIndex(ctx, index, map[string]any{"mappings": map[string]any{"properties": properties}}); err != nil {
		t.Fatal(err)
	}
	var docs []any
	for i, e := range events {
		doc := map[string]any{"n": i, "@timestamp": pipelineStart.Format("2006-01-02T15:04:05Z")}
		for name, values := range e {
			if len(values) == 1 {
				doc[name] = values[0]
			} else {
				doc[name] = values
			}
		}
		docs = append(docs, doc)
	}
	if err := node.Bulk(ctx, index, docs...); err != nil {
		t.Fatal(err)
	}
	compiler, err := translate.New(translate.Options{Index: []string{index}})
	if err != nil {
		t.Fatal(err)
	}
	count := randomConditions
	if all() {
		count *= 10
	}
	wrong := 0
	for i := range 2 * count {
		c := condition{draw: draw, events: events, where: i%2 == 1}
		tree := c.group(2)
		text := tree.text
		switch after := i%4 >= 2; { // behind stats other forms are needed
		case after && c.where:
			text = collected + " | where " + text
		case after:
			text = collected + " | search " + text
		case c.where:
			text = "* | where " + text
		}
		out := compiler.Translate(translate.Request{Query: text, Types: types})
		// A condition that never holds is said to; the rows, none, are compared as those of a full draft.
		neverHolds := onlyNeverAlerts(out) && !slices.ContainsFunc(events, tree.holds)
		if out.Result != translate.Full && !neverHolds {
			t.Errorf("%s\n  %s: %s", text, out.Result, causes(out))
			wrong++
			continue
		}
		result, err := node.ESQL(ctx, out.Query, elasticsearch.ESQLOptions{})
		if err != nil {
			t.Errorf("%s\n  %v\n%s", text, err, out.Query)
			wrong++
			continue
		}
		found := map[int]bool{}
		for _, row := range result.Rows() {
			found[int(row["n"].(int64))] = true
		}
		var differ []string
		for n, e := range events {
			if want := tree.holds(e); want != found[n] {
				differ = append(differ, fmt.Sprintf("\n    want %v: %v", want, e))
			}
		}
		if len(differ) > 0 {
			wrong++
			t.Errorf("%s\n  %d of %d events differ:%s\n%s", text, len(differ), len(events), strings.Join(differ[:min(len(differ), 3)], ""), out.Query)
		}
	}
	t.Logf("FIGURE random conditions with exactly the expected events: %d of %d", 2*count-wrong, 2*count)
}

// onlyNeverAlerts says that a draft differs from a full one only in saying that the rule never alerts.
func onlyNeverAlerts(out translate.Output) bool {
	said := false
	for _, d := range out.Diagnostics {
		if d.Severity != translate.Info && d.Code != "never_alerts" {
			return false
		}
		said = said || d.Code == "never_alerts"
	}
	return said
}

// collected turns every event into a row of an aggregation with the same values.
const collected = "* | stats values(a) as a values(s) as s values(p) as p values(ip) as ip by n"

// event holds the values of each field as text.
type event map[string][]string

var randomWords = []string{
	"x", "y", "X", "xy", "yx", "abc", "ABC", "aXc", `C:\Windows\cmd.exe`, `C:\Temp\a b.txt`, "a?b", "a.b", "a|b", "(a)", "[x]{2}", "x+y", "$x", "^x",
	"100%", "x_y", "é", "É", "привет", "ПРИВЕТ", "日本", "two\nlines", `say "x"`, "", "/x/", "a@b", "#1", "x&y", "<x>", "~x", "x-y", "10", "-5", "*",
	"AND", "not", "null", "true", "x:y", "x=y", "x,y", "\ttab",
}

func randomEvents(draw *rand.Rand, n int) []event {
	pick := func(pool []string, most int) []string {
		var out []string
		for range draw.IntN(most + 1) {
			if w := pool[draw.IntN(len(pool))]; !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
		return out
	}
	numbers := []string{"0", "1", "-5", "10", "22", "80", "443", "4430", "1000000"}
	addresses := []string{"10.0.0.1", "10.1.2.3", "192.168.0.1", "192.168.255.255", "2001:db8::1", "127.0.0.1"}
	var events []event
	for range n {
		e := event{}
		if v := pick(randomWords, 3); len(v) > 0 {
			e["a"] = v
		}
		if v := pick(randomWords, 1); len(v) > 0 {
			e["s"] = v
		}
		if v := pick(numbers, 2); len(v) > 0 {
			e["p"] = v
		}
		if v := pick(addresses, 2); len(v) > 0 {
			e["ip"] = v
		}
		events = append(events, e)
	}
	return events
}

// drawn is a condition as text and as what it means.
type drawn struct {
	text  string
	holds func(event) bool
}

// condition draws conditions of one grammar.
type condition struct {
	draw   *rand.Rand
	events []event
	where  bool
}

// group is a chain of the operator that binds loosest, of chains of the other one. Search: AND of OR; where: OR of AND.
func (c condition) group(depth int) drawn {
	outer, inner := " ", " OR "
	if c.draw.IntN(3) == 0 {
		outer = " AND "
	}
	if c.where {
		outer, inner = " OR ", " AND "
	}
	var texts []string
	var chains [][]drawn
	for range 1 + c.draw.IntN(3) {
		var chain []drawn
		var parts []string
		for range 1 + c.draw.IntN(3) {
			x := c.operand(depth)
			chain, parts = append(chain, x), append(parts, x.text)
		}
		chains, texts = append(chains, chain), append(texts, strings.Join(parts, inner))
	}
	return drawn{strings.Join(texts, outer), func(e event) bool {
		holds := func(x drawn) bool { return x.holds(e) }
		if c.where {
			return slices.ContainsFunc(chains, func(and []drawn) bool {
				return !slices.ContainsFunc(and, func(x drawn) bool { return !x.holds(e) })
			})
		}
		return !slices.ContainsFunc(chains, func(or []drawn) bool { return !slices.ContainsFunc(or, holds) })
	}}
}

// operand is a comparison or a group in brackets, perhaps negated.
func (c condition) operand(depth int) drawn {
	var x drawn
	switch {
	case depth > 0 && c.draw.IntN(4) == 0:
		x = c.group(depth - 1)
		x.text = "(" + x.text + ")"
	case c.where:
		x = c.whereLeaf()
	default:
		x = c.searchLeaf()
	}
	if c.draw.IntN(3) == 0 {
		return drawn{"NOT " + x.text, func(e event) bool { return !x.holds(e) }}
	}
	return x
}

// value draws a value of a field as some event has it.
func (c condition) value(field string) string {
	for {
		if v := c.events[c.draw.IntN(len(c.events))][field]; len(v) > 0 {
			return v[c.draw.IntN(len(v))]
		}
	}
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// searchLeaf is f=v, f!=v, f IN (…), f<n or f=* of the search grammar.
func (c condition) searchLeaf() drawn {
	field := []string{"a", "a", "a", "s", "p", "ip"}[c.draw.IntN(6)]
	word := func() string {
		w := c.value(field)
		if field == "ip" && c.draw.IntN(3) == 0 {
			return []string{"10.0.0.0/8", "192.168.0.0/24", "2001:db8::/32", "0.0.0.0/0"}[c.draw.IntN(4)]
		}
		if c.draw.IntN(3) == 0 {
			w = strings.ToUpper(w)
		}
		if r := []rune(w); c.draw.IntN(2) == 0 {
			from := c.draw.IntN(len(r) + 1)
			to := from + c.draw.IntN(len(r)-from+1)
			w = string(r[:from]) + "*" + string(r[to:])
		}
		return w
	}
	equals := func(w string) func(string) bool {
		if field == "ip" {
			if p, err := netip.ParsePrefix(w); err == nil {
				return func(v string) bool { return p.Contains(netip.MustParseAddr(v)) }
			}
		}
		return func(v string) bool { return wild(strings.ToLower(w), strings.ToLower(v)) }
	}
	switch c.draw.IntN(6) {
	case 0, 1:
		w := word()
		return drawn{field + "=" + quoted(w), func(e event) bool { return slices.ContainsFunc(e[field], equals(w)) }}
	case 2:
		w := word()
		return drawn{field + "!=" + quoted(w), func(e event) bool {
			return slices.ContainsFunc(e[field], func(v string) bool { return !equals(w)(v) })
		}}
	case 3, 4:
		var words, texts []string
		for range 1 + c.draw.IntN(7) {
			w := word()
			words, texts = append(words, w), append(texts, quoted(w))
		}
		return drawn{field + " IN (" + strings.Join(texts, ", ") + ")", func(e event) bool {
			return slices.ContainsFunc(words, func(w string) bool { return slices.ContainsFunc(e[field], equals(w)) })
		}}
	}
	return c.order()
}

// order compares the number of an event.
func (c condition) order() drawn {
	op := []string{"<", "<=", ">", ">="}[c.draw.IntN(4)]
	n, _ := strconv.Atoi(c.value("p"))
	return drawn{"p" + op + strconv.Itoa(n), func(e event) bool {
		return slices.ContainsFunc(e["p"], func(v string) bool {
			x, _ := strconv.Atoi(v)
			switch op {
			case "<":
				return x < n
			case "<=":
				return x <= n
			case ">":
				return x > n
			}
			return x >= n
		})
	}}
}

// whereLeaf is a comparison or a function of the eval grammar.
func (c condition) whereLeaf() drawn {
	field := []string{"a", "a", "s"}[c.draw.IntN(3)]
	w := c.value(field)
	exact := func(v string) bool { return v == w }
	switch c.draw.IntN(8) {
	case 0:
		return drawn{field + "=" + quoted(w), func(e event) bool { return slices.ContainsFunc(e[field], exact) }}
	case 1:
		return drawn{field + "!=" + quoted(w), func(e event) bool {
			return slices.ContainsFunc(e[field], func(v string) bool { return v != w })
		}}
	case 2:
		return drawn{"isnull(" + field + ")", func(e event) bool { return len(e[field]) == 0 }}
	case 3:
		return drawn{"isnotnull(" + field + ")", func(e event) bool { return len(e[field]) > 0 }}
	case 4:
		other := c.value(field)
		return drawn{field + " IN (" + quoted(w) + ", " + quoted(other) + ")", func(e event) bool {
			return slices.ContainsFunc(e[field], func(v string) bool { return v == w || v == other })
		}}
	case 5:
		r := []rune(w)
		from := c.draw.IntN(len(r) + 1)
		head, tail := string(r[:from]), string(r[from:])
		if strings.ContainsAny(w, `%_\`) {
			head, tail = "x", ""
		}
		return drawn{"like(" + field + "," + quoted(head+"%"+tail) + ")", func(e event) bool {
			return slices.ContainsFunc(e[field], func(v string) bool {
				return len(v) >= len(head)+len(tail) && strings.HasPrefix(v, head) && strings.HasSuffix(v, tail)
			})
		}}
	case 6:
		return c.order()
	}
	// match with the letters and digits of a value, anchored or not
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 127 {
			return r
		}
		return -1
	}, w)
	if plain == "" {
		plain = "x"
	}
	start, end := c.draw.IntN(2) == 0, c.draw.IntN(2) == 0
	pattern := plain
	if start {
		pattern = "^" + pattern
	}
	if end {
		pattern += "$"
	}
	return drawn{"match(" + field + "," + quoted(pattern) + ")", func(e event) bool {
		return slices.ContainsFunc(e[field], func(v string) bool {
			switch {
			case start && end:
				return v == plain
			case start:
				return strings.HasPrefix(v, plain)
			case end:
				return strings.HasSuffix(v, plain)
			}
			return strings.Contains(v, plain)
		})
	}}
}

// wild says whether a text matches a pattern whose * stand for any text.
func wild(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for i := 0; i <= len(text); i++ {
		if wild(rest, text[i:]) {
			return true
		}
	}
	return false
}
