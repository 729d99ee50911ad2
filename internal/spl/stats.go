package spl

import (
	"math"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/nearest"
)

func (p *parser) stats(at At, kind string) Command {
	c := &Stats{At: at, Kind: kind}
	for p.peek() != 0 {
		if p.peek() == '`' && len(c.By) == 0 {
			m, ok := scanMacro(p.buf, p.pos, p.end)
			if ok {
				c.Macros = append(c.Macros, MacroText{p.at(p.pos, m.end), m.name, p.buf[p.pos:m.end]})
			}
			p.skipMacro()
			continue
		}
		if p.separator() {
			continue
		}
		if p.atByKeyword() {
			p.pos += 2
			c.By, c.Options = p.byList(c.By, c.Options, nil)
			continue
		}
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		g, ok := p.agg()
		if !ok {
			break
		}
		c.Aggs = append(c.Aggs, g)
	}
	if p.err == nil && len(c.Aggs) == 0 && len(c.Macros) == 0 {
		p.syntax("aggregation expected, such as count")
	}
	return c
}

func (p *parser) atByKeyword() bool {
	return p.atKeyword("by") && !p.operatorFollows()
}

// byList reads the fields after BY. The span of a field goes with it; other options are the command's.
func (p *parser) byList(by []By, opts []Option, stop func() bool) ([]By, []Option) {
	first := len(by)
	for {
		p.separators()
		if stop != nil && stop() {
			break
		}
		if o, ok := p.option(); ok {
			if o.Name == "span" && len(by) > first {
				b := &by[len(by)-1]
				// span belongs to _time wherever it stands.
				for i := first; i < len(by); i++ {
					if by[i].Field.Text == "_time" {
						b = &by[i]
					}
				}
				if b.Bucket == nil {
					span := o // alone, so that an option costs nothing elsewhere
					b.Bucket = &span
					if b == &by[len(by)-1] {
						b.At.At.End = o.At.At.End
					}
					continue
				}
			}
			opts = append(opts, o)
			continue
		}
		n, ok := p.name()
		if !ok {
			break
		}
		by = append(by, By{At: n.At, Field: n})
	}
	if p.err == nil && len(by) == first {
		p.syntax("field expected after BY")
	}
	return by, opts
}

// aggregationNames are the functions of stats, for the correction of slips.
var aggregationNames = strings.Fields(`avg count dc distinct_count earliest earliest_time estdc first last latest latest_time list max
	mean median min mode range rate stdev stdevp sum sumsq values var varp`)

// agg reads FUNC, FUNC(ARG) or eval(EXPR), with AS NAME.
func (p *parser) agg() (Agg, bool) {
	a := p.posAfterSpace()
	e := p.wordEnd(a, nameStops)
	if e == a {
		if p.peek() != 0 {
			p.syntax("aggregation expected, found %s", quoteShort(p.buf[a:p.end]))
		}
		return Agg{}, false
	}
	g := Agg{Func: strings.ToLower(p.buf[a:e])}
	open := skipSpace(p.buf, e, p.end)
	switch {
	case open < p.end && p.buf[open] == '(':
		p.pos = open
		p.aggArg(&g)
		if p.err == nil && p.pos > open+1 {
			g.text = strings.TrimSpace(p.buf[open+1 : p.pos-1])
		}
	case isBareAgg(g.Func):
		p.pos = e
	default:
		p.syntax("%s is no aggregation%s: write FUNCTION(FIELD)", quoteShort(p.buf[a:e]), nearest.Hint(p.buf[a:e], aggregationNames))
	}
	if p.err != nil {
		return Agg{}, false
	}
	end := p.pos
	if p.keyword("as") {
		n := p.asName()
		if p.err != nil {
			return Agg{}, false
		}
		g.As = &n
		end = p.pos
	}
	g.At = p.at(a, end)
	return g, true
}

func isBareAgg(f string) bool {
	switch f {
	case "count", "c", "sparkline", "eps", "per_second", "per_minute", "per_hour", "per_day":
		return true
	}
	return false
}

// aggArg reads (…) after the name of an aggregation: a field with or without wildcards, eval(EXPR), or, leniently, an
// expression.
func (p *parser) aggArg(g *Agg) {
	open := p.pos
	if g.Func == "eval" || g.Func == "sparkline" {
		// eval(EXPR) as an aggregation of chart; sparkline takes an aggregation and a span.
		p.next()
		args := p.exprList()
		if p.err != nil {
			return
		}
		p.pos = p.prev
		g.Eval = true
		if g.Func == "sparkline" {
			g.Arg = &Call{p.at(open, p.pos), "sparkline", args}
		} else if len(args) == 1 {
			g.Arg = args[0]
		} else {
			p.fail(open, CodeSyntax, "one expression expected in eval(…)")
		}
		return
	}
	p.pos++
	a := p.posAfterSpace()
	if p.accept(')') {
		return
	}
	if p.atKeyword("eval") {
		if i := skipSpace(p.buf, p.pos+4, p.end); i < p.end && p.buf[i] == '(' {
			p.pos = i
			p.next()
			args := p.exprList()
			if p.err != nil {
				return
			}
			p.pos = p.prev
			if len(args) != 1 {
				p.fail(a, CodeSyntax, "one expression expected in eval(…)")
				return
			}
			g.Arg, g.Eval = args[0], true
			p.closeAgg(open)
			return
		}
	}
	if n, ok := p.aggField(); ok {
		g.Arg = &FieldRef{At: n.At, Name: n.Text, Quoted: n.Quoted}
		p.pos++
		return
	}
	if p.err != nil {
		return
	}
	p.pos = a
	if g.Arg = p.expr(); p.err == nil {
		g.Eval = true
		p.closeAgg(open)
	}
}

func (p *parser) closeAgg(open int) {
	if !p.accept(')') {
		p.fail(open, CodeSyntax, "parenthesis is never closed: add the missing )")
	}
}

// aggField reads one name that reaches to the closing parenthesis, and leaves p.pos before it.
func (p *parser) aggField() (Name, bool) {
	if p.peek() == '`' {
		return Name{}, false
	}
	n, ok := p.name()
	if !ok || p.peek() != ')' {
		return Name{}, false
	}
	return n, true
}

func (p *parser) tstats(at At, kind string) Command {
	c := &TStats{At: at, Kind: kind}
	stop := func() bool {
		return (p.atKeyword("from") || p.atKeyword("where")) && !p.operatorFollows()
	}
	for p.peek() != 0 {
		switch {
		case p.separator():
		case p.atByKeyword():
			p.pos += 2
			c.By, c.Options = p.byList(c.By, c.Options, stop)
		case p.atKeyword("groupby") && !p.operatorFollows():
			p.pos += len("groupby")
			c.By, c.Options = p.byList(c.By, c.Options, stop)
		case p.atKeyword("where") && !p.operatorFollows():
			a := p.pos
			p.pos += len("where")
			if c.Where != nil || c.Nodename != nil {
				p.fail(a, CodeSyntax, "a second WHERE: join both with AND")
				return nil
			}
			e := p.searchExpr(searchMode{by: true})
			if p.err == nil && e == nil {
				p.syntax("condition expected after WHERE")
			}
			if p.err != nil {
				return nil
			}
			c.Where = c.takeNodename(e)
		case p.atKeyword("from") && !p.operatorFollows():
			p.pos += len("from")
			p.tstatsFrom(c)
		default:
			if o, ok := p.option(); ok {
				if o.Name == "datamodel" && c.From == nil {
					c.From = &Name{o.At, o.Value, o.Quoted}
					continue
				}
				c.Options = append(c.Options, o)
				continue
			}
			g, ok := p.agg()
			if !ok {
				// Whatever it is, the stage is not read to its end and becomes Unknown.
				return c
			}
			c.Aggs = append(c.Aggs, g)
		}
	}
	if len(c.Aggs) == 0 {
		c.Aggs = nil
	}
	if p.err == nil && c.Aggs == nil && len(c.By) == 0 {
		p.syntax("aggregation expected, such as count")
	}
	return c
}

func (p *parser) tstatsFrom(c *TStats) {
	if c.From != nil {
		p.syntax("a second FROM")
		return
	}
	if o, ok := p.option(); ok {
		if o.Name == "datamodel" {
			c.From = &Name{o.At, o.Value, o.Quoted}
		} else {
			c.Options = append(c.Options, o)
		}
		return
	}
	n := p.mustName("datamodel=NAME")
	if p.err != nil {
		return
	}
	if rest, ok := strings.CutPrefix(n.Text, "datamodel:"); ok && rest != "" {
		n.Text = rest
	} else if strings.EqualFold(n.Text, "datamodel") {
		n = p.mustName("data model")
	}
	c.From = &n
}

// takeNodename moves nodename=X out of the top level of the condition.
func (c *TStats) takeNodename(e SearchExpr) SearchExpr {
	take := func(e SearchExpr) bool {
		cmp, ok := e.(*Compare)
		if !ok || c.Nodename != nil || cmp.Op != "=" || !strings.EqualFold(cmp.Field.Text, "nodename") {
			return false
		}
		c.Nodename = &Name{cmp.Value.At, cmp.Value.Text, cmp.Value.Quoted}
		return true
	}
	if take(e) {
		return nil
	}
	and, ok := e.(*SearchAnd)
	if !ok {
		return e
	}
	for i, x := range and.Exprs {
		if take(x) {
			rest := append(append([]SearchExpr{}, and.Exprs[:i]...), and.Exprs[i+1:]...)
			if len(rest) == 1 {
				return rest[0]
			}
			return &SearchAnd{and.At, rest}
		}
	}
	return e
}

func (p *parser) chart(at At, kind string) Command {
	c := &Chart{At: at, Kind: kind}
	for p.peek() != 0 {
		if p.separator() {
			continue
		}
		if p.atByKeyword() {
			p.pos += 2
			c.By, c.Options = p.byList(c.By, c.Options, func() bool { return p.atKeyword("over") || p.atKeyword("where") })
			continue
		}
		if c.Over == nil && len(c.Aggs) > 0 && p.keyword("over") {
			n := p.mustName("field")
			if p.err != nil {
				return nil
			}
			c.Over = &By{At: n.At, Field: n}
			if e, ok := p.atOption(); ok && strings.EqualFold(p.buf[p.pos:e], "span") {
				o, _ := p.option()
				c.Over.Bucket = &o
				c.Over.At.At.End = o.At.At.End
			}
			continue
		}
		if c.Where == nil && len(c.By) > 0 && p.keyword("where") {
			if c.Where = p.seriesWhere(); p.err != nil {
				return nil
			}
			continue
		}
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		g, ok := p.agg()
		if !ok {
			break
		}
		c.Aggs = append(c.Aggs, g)
	}
	if p.err == nil && len(c.Aggs) == 0 {
		p.syntax("aggregation expected, such as count")
	}
	return c
}

// seriesWhere reads what follows WHERE of chart: max in top5, count(x) notin bottom3, sum > 100. The aggregation may
// stand without its field.
func (p *parser) seriesWhere() *SeriesWhere {
	a := p.posAfterSpace()
	w := &SeriesWhere{}
	e := p.wordEnd(a, nameStops)
	if open := skipSpace(p.buf, e, p.end); open < p.end && p.buf[open] == '(' {
		w.Agg, _ = p.agg()
	} else if e > a {
		p.pos = e
		w.Agg = Agg{At: p.at(a, e), Func: strings.ToLower(p.buf[a:e])}
	}
	if p.err != nil {
		return nil
	}
	const want = "WHERE of chart takes an aggregation and in top5, notin bottom5, > 10 or < 10"
	switch {
	case w.Agg.Func == "":
		p.syntax(want)
		return nil
	case p.keyword("in"):
		w.Op = "in"
	case p.keyword("notin"):
		w.Op = "notin"
	case p.accept('<'):
		w.Op = "<"
	case p.accept('>'):
		w.Op = ">"
	default:
		p.syntax(want)
		return nil
	}
	n := strings.ToLower(p.mustName("top5, bottom5 or a number").Text)
	if p.err != nil {
		return nil
	}
	var err error
	if w.Op == "in" || w.Op == "notin" {
		rest, bottom := strings.CutPrefix(n, "bottom")
		if w.Bottom = bottom; !bottom {
			rest = strings.TrimPrefix(n, "top")
		}
		w.N, err = strconv.Atoi(rest)
	} else {
		w.Threshold, err = strconv.ParseFloat(n, 64)
	}
	if err != nil || w.N < 0 || math.IsNaN(w.Threshold) || math.IsInf(w.Threshold, 0) {
		p.fail(a, CodeSyntax, want)
		return nil
	}
	w.At = p.at(a, p.pos)
	return w
}

func (p *parser) top(at At, kind string) Command {
	c := &Top{At: at, Kind: kind, Count: 10}
	if n, ok := p.integer(); ok {
		c.Count = n
	}
	stop := func() bool { return p.atByKeyword() }
	for p.peek() != 0 {
		if p.separator() {
			continue
		}
		if o, ok := p.option(); ok {
			if o.Name == "limit" {
				if n, err := strconv.Atoi(o.Value); err == nil && n >= 0 {
					c.Count = n
					continue
				}
			}
			c.Options = append(c.Options, o)
			continue
		}
		if p.atByKeyword() {
			p.pos += 2
			c.By = append(c.By, p.names(func() bool { _, ok := p.atOption(); return ok })...)
			continue
		}
		if stop() {
			continue
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Fields = append(c.Fields, n)
	}
	if p.err == nil && len(c.Fields) == 0 {
		p.syntax("field expected")
	}
	return c
}
