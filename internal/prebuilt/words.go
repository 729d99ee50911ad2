package prebuilt

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

type set map[string]bool

func (s set) sorted() []string {
	out := make([]string, 0, len(s))
	for t := range s {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

func union(sets ...set) set {
	out := set{}
	for _, s := range sets {
		for t := range s {
			out[t] = true
		}
	}
	return out
}

var (
	word     = regexp.MustCompile(`[a-z0-9][a-z0-9_.$-]*[a-z0-9]|[a-z0-9]{2,}`)
	parts    = regexp.MustCompile(`[.$-]`)
	quoted   = regexp.MustCompile(`"""((?s).*?)"""|"((?:[^"\\]|\\.)*)"|[:=(]\s*([^\s"(),|]+)`)
	listed   = regexp.MustCompile(`(?:^|\s|\()([\w./-]+)(?:\s+or\b|\s*\))`)
	negation = regexp.MustCompile(`(?i)\bnot\b|!=`)
)

// noise are words that name nothing a rule looks for.
var noise = words0(`process processes registry filesystem event type start end host windows linux user parent name code
	true false null exe http https where from count time the and not for with that this dest info change creation
	created process_name outcome success command line`)

func words0(s string) set {
	out := set{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// words are the lower-case words of the texts, and the parts of dotted and dashed ones.
func words(texts ...string) set {
	out := set{}
	add := func(w string) {
		if len(w) > 2 && !noise[w] {
			out[w] = true
		}
	}
	for _, t := range texts {
		for _, w := range word.FindAllString(strings.ToLower(t), -1) {
			add(w)
			for _, p := range parts.Split(w, -1) {
				if p != w {
					add(p)
				}
			}
		}
	}
	return out
}

// literals are the values a prebuilt rule's query compares with, in any of Elastic's query languages. Reading them by
// pattern is enough: a wrong extra word costs a little weight and decides nothing alone.
func literals(query string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(query, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	for _, m := range listed.FindAllStringSubmatch(query, -1) {
		out = append(out, m[1])
	}
	return out
}

// facts are what matching needs to know of a Splunk rule.
type facts struct {
	literals, excluded, title set
	platform                  set
	aggregates                bool // a threshold, a window or a baseline decides
}

// factsOf reads a parsed query. Values under NOT or != are exclusions.
func factsOf(title string, q *spl.Query) facts {
	f := facts{title: words(title), platform: set{}}
	var pos, neg []string
	var search func(e spl.SearchExpr, negated bool)
	take := func(negated bool, text string) {
		if negated {
			neg = append(neg, text)
		} else {
			pos = append(pos, text)
		}
	}
	var pipeline func(p *spl.Pipeline)
	search = func(e spl.SearchExpr, negated bool) {
		switch e := e.(type) {
		case *spl.SearchAnd:
			for _, x := range e.Exprs {
				search(x, negated)
			}
		case *spl.SearchOr:
			for _, x := range e.Exprs {
				search(x, negated)
			}
		case *spl.SearchNot:
			search(e.Expr, !negated)
		case *spl.Compare:
			take(negated != (e.Op == "!="), e.Value.Text)
		case *spl.SearchIn:
			for _, v := range e.Values {
				take(negated, v.Text)
			}
		case *spl.Term:
			take(negated, e.Value.Text)
		case *spl.SubsearchExpr:
			pipeline(e.Pipeline)
		}
	}
	var eval func(e spl.Expr, negated bool)
	eval = func(e spl.Expr, negated bool) {
		switch e := e.(type) {
		case *spl.StringLit:
			take(negated, e.Value)
		case *spl.Binary:
			eval(e.L, negated != (e.Op == "!="))
			eval(e.R, negated != (e.Op == "!="))
			if _, number := e.R.(*spl.NumberLit); number && strings.ContainsAny(e.Op, "<>") {
				f.aggregates = true
			}
		case *spl.Unary:
			eval(e.X, negated != (e.Op == "NOT"))
		case *spl.Call:
			for _, a := range e.Args {
				eval(a, negated)
			}
		case *spl.InExpr:
			for _, a := range e.List {
				eval(a, negated)
			}
		}
	}
	pipeline = func(p *spl.Pipeline) {
		if p == nil {
			return
		}
		for _, c := range p.Commands {
			switch c := c.(type) {
			case *spl.Search:
				search(c.Expr, false)
			case *spl.TStats:
				search(c.Where, false)
				f.aggregates = f.aggregates || windowed(c.By)
			case *spl.Where:
				eval(c.Expr, false)
			case *spl.Regex:
				take(c.Negated, c.Pattern.Text)
			case *spl.Bin, *spl.Transaction, *spl.Join:
				f.aggregates = true
			case *spl.Stats:
				f.aggregates = f.aggregates || c.Kind != "stats"
			case *spl.Append:
				pipeline(c.Sub)
			}
		}
	}
	pipeline(q.Pipeline)
	f.literals, f.excluded = words(pos...), words(neg...)
	return f
}

func windowed(by []spl.By) bool {
	for _, b := range by {
		if b.Bucket != nil {
			return true
		}
	}
	return false
}
