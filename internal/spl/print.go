package spl

import (
	"strconv"
	"strings"
)

// Print writes a query so that it parses back to the same tree: one command after the other, options first.
func Print(q *Query) string {
	var w printer
	w.pipeline(q.Pipeline)
	return w.String()
}

// PrintCommand writes one command.
func PrintCommand(c Command) string {
	var w printer
	w.command(c)
	return w.String()
}

// PrintExpr writes an eval expression.
func PrintExpr(e Expr) string {
	var w printer
	w.expr(e, precXor)
	return w.String()
}

// PrintSearch writes a search expression.
func PrintSearch(e SearchExpr) string {
	var w printer
	w.search(e, precAnd)
	return w.String()
}

type printer struct{ strings.Builder }

// word writes s after a space, unless nothing or an opening parenthesis stands before it.
func (w *printer) word(s string) {
	if n := w.Len(); n > 0 {
		if c := w.String()[n-1]; c != ' ' && c != '(' && c != '[' {
			w.WriteByte(' ')
		}
	}
	w.WriteString(s)
}

func (w *printer) pipeline(pl *Pipeline) {
	if pl == nil {
		return
	}
	for i, c := range pl.Commands {
		s, implied := c.(*Search)
		implied = implied && s.Implied && i == 0
		u, unknown := c.(*Unknown)
		// Where no pipe stands before the first stage, it is read as a search.
		unknown = unknown && i == 0 && u.Implied
		if i > 0 {
			w.WriteString(" | ")
		} else if _, search := c.(*Search); !search && !unknown {
			w.WriteString("| ")
		}
		if implied {
			w.implied(s)
			continue
		}
		w.command(c)
	}
}

// implied writes a search without its name; parentheses keep its first word from being read as a command.
func (w *printer) implied(s *Search) {
	if s.Expr == nil {
		return
	}
	var e printer
	e.search(s.Expr, precAnd)
	text := e.String()
	if isCommand(firstWord(text)) {
		text = "(" + text + ")"
	}
	w.WriteString(text)
}

func (w *printer) command(c Command) {
	if u, ok := c.(*Unknown); ok {
		w.WriteString(u.Text)
		return
	}
	w.WriteString(c.Name())
	switch c := c.(type) {
	case *Search:
		if c.Expr != nil {
			w.word("")
			w.search(c.Expr, precAnd)
		}
	case *Where:
		w.word("")
		w.expr(c.Expr, precXor)
	case *Regex:
		w.word("")
		w.name(c.Field)
		if c.Negated {
			w.WriteByte('!')
		}
		w.WriteByte('=')
		w.pattern(c.Pattern)
	case *Eval:
		for i, a := range c.Assigns {
			if i > 0 {
				w.WriteByte(',')
			}
			w.word("")
			if a.Field.Quoted && !strings.ContainsRune(a.Field.Text, '\'') {
				w.WriteString("'" + a.Field.Text + "'")
			} else {
				w.name(a.Field)
			}
			w.WriteString(" = ")
			w.expr(a.Expr, precXor)
		}
	case *Stats:
		w.options(c.Options)
		for _, m := range c.Macros {
			w.word(m.Text)
		}
		w.aggs(c.Aggs)
		w.by("by", c.By)
	case *TStats:
		w.tstats(c)
	case *Chart:
		w.options(c.Options)
		w.aggs(c.Aggs)
		if c.Over != nil {
			w.word("over")
			w.byField(*c.Over)
		}
		w.by("by", c.By)
		if c.Where != nil {
			w.seriesWhere(c.Where)
		}
	case *Top:
		w.word(strconv.Itoa(c.Count))
		w.options(c.Options)
		w.names(c.Fields)
		if len(c.By) > 0 {
			w.word("by")
			w.names(c.By)
		}
	case *Rename:
		for i, p := range c.Pairs {
			if i > 0 {
				w.WriteByte(',')
			}
			w.word("")
			w.name(p.From)
			w.WriteString(" as ")
			w.name(p.To)
		}
	case *Fields:
		if c.Remove {
			w.word("-")
		} else if len(c.Names) > 0 {
			// The sign keeps a name that starts with one whole.
			w.word("+")
		}
		w.names(c.Names)
	case *Table:
		w.names(c.Names)
	case *Rex:
		w.rex(c)
	case *Sort:
		if c.Limit >= 0 {
			w.word(strconv.Itoa(c.Limit))
		}
		w.sortKeys(c.Keys)
		if c.Desc {
			w.word("desc")
		}
	case *Dedup:
		w.word(strconv.Itoa(c.Count))
		w.names(c.Fields)
		w.options(c.Options)
		if len(c.SortBy) > 0 {
			w.word("sortby")
			w.sortKeys(c.SortBy)
		}
	case *Head:
		w.options(c.Options)
		if c.Expr != nil {
			w.word("(")
			w.expr(c.Expr, precXor)
			w.WriteByte(')')
		}
		if c.Expr == nil || c.Count != 10 {
			w.word("limit=" + strconv.Itoa(c.Count))
		}
	case *Tail:
		w.word(strconv.Itoa(c.Count))
	case *FillNull:
		w.word("value=" + quote(c.Value))
		w.names(c.Fields)
	case *FillDown:
		w.names(c.Fields)
	case *Bin:
		w.options(c.Options)
		if !c.Assumed {
			w.names([]Name{c.Field})
		}
		w.as(c.As)
	case *Lookup:
		w.options(c.Options)
		w.names([]Name{c.Table})
		w.lookupFields(c.Keys)
		if c.OutputNew {
			w.word("OUTPUTNEW")
		} else if len(c.Outputs) > 0 {
			w.word("OUTPUT")
		}
		w.lookupFields(c.Outputs)
	case *InputLookup:
		w.options(c.Options)
		w.names([]Name{c.Table})
		if c.Where != nil {
			w.word("where ")
			w.search(c.Where, precAnd)
		}
	case *OutputLookup:
		w.options(c.Options)
		w.names([]Name{c.Table})
	case *Join:
		w.options(c.Options)
		w.names(c.Fields)
		if c.Where != nil {
			w.word("where ")
			w.expr(c.Where, precXor)
		}
		w.sub(c.Sub)
	case *Append:
		w.options(c.Options)
		w.sub(c.Sub)
	case *Multisearch:
		w.options(c.Options)
		w.names(c.Datasets)
		for _, s := range c.Subs {
			w.sub(s)
		}
	case *Transaction:
		w.options(c.Options)
		w.names(c.Fields)
		w.filter("startswith", c.StartsWith)
		w.filter("endswith", c.EndsWith)
	case *MakeMV:
		w.options(c.Options)
		w.names([]Name{c.Field})
	case *MVExpand:
		w.names([]Name{c.Field})
		if c.Limit > 0 {
			w.word("limit=" + strconv.Itoa(c.Limit))
		}
	case *MVCombine:
		w.options(c.Options)
		w.names([]Name{c.Field})
	case *NoMV:
		w.names([]Name{c.Field})
	case *SPath:
		for _, o := range []struct {
			name string
			n    *Name
		}{{"input", c.Input}, {"output", c.Output}, {"path", c.Path}} {
			if o.n == nil {
				continue
			}
			if o.name == "path" && !optionSafe(*o.n) {
				w.names([]Name{*o.n})
				continue
			}
			w.options([]Option{{Name: o.name, Value: o.n.Text, Quoted: o.n.Quoted}})
		}
	case *Extract:
		w.options(c.Options)
		w.names(c.Args)
	case *Convert:
		if c.Timeformat != "" {
			w.word("timeformat=" + quote(c.Timeformat))
		}
		for _, f := range c.Funcs {
			w.word(f.Func + "(")
			w.name(f.Field)
			w.WriteByte(')')
			w.as(f.As)
		}
	case *Foreach:
		w.options(c.Options)
		w.names(c.Patterns)
		w.word("[" + c.Template + "]")
	case *Map:
		w.options(c.Options)
		if c.Search != "" {
			w.word("search=" + quote(c.Search))
		}
		if c.Sub != nil {
			w.sub(c.Sub)
		}
	case *IPLocation:
		w.options(c.Options)
		w.names([]Name{c.Field})
	case *From:
		w.from(c)
	case *MakeResults:
		w.options(c.Options)
	case *Return:
		w.word(strconv.Itoa(c.Count))
		for _, f := range c.Fields {
			w.word("")
			if f.Alias != nil {
				w.name(*f.Alias)
				w.WriteByte('=')
			}
			if f.Dollar {
				w.WriteByte('$')
			}
			w.name(f.Field)
		}
	case *Format:
		w.options(c.Options)
		w.names(c.Args)
	case *Other:
		w.options(c.Options)
		w.names(c.Args)
		for _, s := range c.Subs {
			w.sub(s)
		}
	}
}

func (w *printer) tstats(c *TStats) {
	w.options(c.Options)
	w.aggs(c.Aggs)
	if c.From != nil {
		w.word("from datamodel=")
		w.optionValue(c.From.Text, c.From.Quoted)
	}
	if c.Nodename != nil || c.Where != nil {
		w.word("where")
		if c.Nodename != nil {
			w.word("nodename=")
			w.value(Value{Text: c.Nodename.Text, Quoted: c.Nodename.Quoted})
		}
		if c.Where != nil {
			w.word("")
			prec := precAnd
			if and, ok := c.Where.(*SearchAnd); ok && c.Nodename == nil && hasNodename(and) {
				prec = precOr
			}
			w.search(c.Where, prec)
		}
	}
	w.by("by", c.By)
}

// hasNodename says whether nodename would be taken out of the conjunction when it is read again.
func hasNodename(e *SearchAnd) bool {
	for _, x := range e.Exprs {
		if c, ok := x.(*Compare); ok && strings.EqualFold(c.Field.Text, "nodename") {
			return true
		}
	}
	return false
}

func (w *printer) from(c *From) {
	if c.Kind == "datamodel" {
		w.options(c.Options)
		if c.Model.Quoted {
			w.word(quote(c.Model.Text))
		} else {
			w.word(c.Model.Text)
		}
		if c.Mode != "" {
			w.word(c.Mode)
		}
		return
	}
	w.word(c.Dataset + ":")
	w.name(c.Model)
	w.options(c.Options)
}

func (w *printer) rex(c *Rex) {
	w.word("field=")
	w.optionValue(c.Field.Text, c.Field.Quoted)
	if c.Sed {
		w.word("mode=sed")
	}
	if c.MaxMatch != 1 {
		w.word("max_match=" + strconv.Itoa(c.MaxMatch))
	}
	if c.Offset != nil {
		w.word("offset_field=")
		w.optionValue(c.Offset.Text, c.Offset.Quoted)
	}
	w.word("")
	w.pattern(c.Pattern)
}

func (w *printer) pattern(n Name) {
	if n.Quoted {
		w.WriteString(quote(n.Text))
		return
	}
	w.WriteString(n.Text)
}

func (w *printer) sub(pl *Pipeline) {
	w.word("[")
	w.pipeline(pl)
	w.WriteByte(']')
}

func (w *printer) filter(name string, f Filter) {
	switch {
	case f.Eval != nil:
		w.word(name + "=eval(")
		w.expr(f.Eval, precXor)
		w.WriteByte(')')
	case f.Search != nil:
		w.word(name + "=(")
		w.search(f.Search, precAnd)
		w.WriteByte(')')
	}
}

func (w *printer) options(list []Option) {
	for _, o := range list {
		w.word(o.Name + "=")
		w.optionValue(o.Value, o.Quoted)
	}
}

func (w *printer) optionValue(v string, quoted bool) {
	if quoted {
		w.WriteString(quote(v))
		return
	}
	w.WriteString(v)
}

func optionSafe(n Name) bool {
	return n.Quoted || n.Text != "" && n.Text[0] != '\''
}

func (w *printer) aggs(list []Agg) {
	for _, g := range list {
		w.word(g.Func)
		switch {
		case g.Arg == nil:
			if !isBareAgg(g.Func) {
				w.WriteString("()")
			}
		case g.Eval && g.Func == "sparkline":
			w.WriteByte('(')
			if c, ok := g.Arg.(*Call); ok {
				w.list(c.Args)
			}
			w.WriteByte(')')
		case g.Eval && g.Func == "eval":
			w.WriteByte('(')
			w.expr(g.Arg, precXor)
			w.WriteByte(')')
		case g.Eval:
			w.WriteString("(eval(")
			w.expr(g.Arg, precXor)
			w.WriteString("))")
		default:
			w.WriteByte('(')
			if f, ok := g.Arg.(*FieldRef); ok {
				w.name(Name{Text: f.Name, Quoted: f.Quoted})
			} else {
				w.expr(g.Arg, precXor)
			}
			w.WriteByte(')')
		}
		w.as(g.As)
	}
}

func (w *printer) as(n *Name) {
	if n != nil {
		w.word("as ")
		w.name(*n)
	}
}

func (w *printer) by(word string, list []By) {
	if len(list) == 0 {
		return
	}
	w.word(word)
	for _, b := range list {
		w.byField(b)
	}
}

func (w *printer) byField(b By) {
	w.word("")
	w.name(b.Field)
	if b.Bucket != nil {
		w.options([]Option{*b.Bucket})
	}
}

func (w *printer) names(list []Name) {
	for _, n := range list {
		w.word("")
		w.name(n)
	}
}

func (w *printer) name(n Name) {
	if n.Quoted {
		w.WriteString(quote(n.Text))
		return
	}
	w.WriteString(n.Text)
}

func (w *printer) sortKeys(keys []SortKey) {
	for _, k := range keys {
		if k.Desc {
			w.word("-")
		} else {
			w.word("+")
		}
		if k.Func != "" {
			w.WriteString(k.Func + "(")
			w.name(k.Field)
			w.WriteByte(')')
			continue
		}
		w.name(k.Field)
	}
}

func (w *printer) lookupFields(list []LookupField) {
	for _, f := range list {
		w.word("")
		w.name(f.Column)
		if f.Column.Text != f.Field.Text || f.Column.Quoted != f.Field.Quoted {
			w.as(&f.Field)
		}
	}
}

// quote writes a string with \" and \\.
func quote(s string) string {
	if strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '\\') < 0 {
		return `"` + s + `"`
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func (w *printer) seriesWhere(c *SeriesWhere) {
	w.word("where")
	if c.Agg.Arg == nil {
		w.word(c.Agg.Func)
	} else {
		w.aggs([]Agg{c.Agg})
	}
	w.word(c.Op)
	switch {
	case c.Op == "<" || c.Op == ">":
		w.word(strconv.FormatFloat(c.Threshold, 'f', -1, 64))
	case c.Bottom:
		w.word("bottom" + strconv.Itoa(c.N))
	default:
		w.word("top" + strconv.Itoa(c.N))
	}
}
