package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// extend is a node with one change that makes the columns named.
func (l *lowering) extend(at spl.Span, input plan.Node, c plan.Change, names ...string) *plan.Extend {
	e := &plan.Extend{Step: step(at, input), Changes: []plan.Change{c}}
	for _, n := range names {
		if n == "" || strings.Contains(n, "*") {
			e.Scope.Open = true
			continue
		}
		e.Scope = e.Scope.With(l.column(n, value.Desc{Kind: value.Numeral, Missing: value.Maybe, Several: value.Maybe, Settled: true}, plan.Computed, at))
	}
	return e
}

// regex keeps the rows whose field the regular expression is found in, with != the others.
func (l *lowering) regex(c *spl.Regex, input plan.Node) plan.Node {
	f := plan.NewField(c.Field.At.At, l.find(input.Behind(), c.Field.Text))
	cond := apply(c.At.At, "match", value.InEval, f, plan.NewConst(c.Pattern.At.At, value.Str(c.Pattern.Text)))
	if c.Negated {
		cond = apply(c.At.At, "NOT", value.InEval, cond)
	}
	return &plan.Filter{Step: step(c.At.At, input), Cond: cond}
}

func (l *lowering) rex(c *spl.Rex, input plan.Node) plan.Node {
	if c.Sed {
		return l.extend(c.At.At, input, &plan.Edit{Field: c.Field.Text, Script: c.Pattern.Text}, c.Field.Text)
	}
	p, err := value.Compile(c.Pattern.Text)
	if err != nil {
		return hole(c.At.At, input, "rex", "%v", err)
	}
	m := &plan.Match{Field: c.Field.Text, Pattern: c.Pattern.Text, Max: c.MaxMatch}
	var made []string
	for _, g := range p.Groups() {
		if g != "" {
			made = append(made, g)
		}
	}
	if c.Offset != nil {
		m.Offset = c.Offset.Text
		made = append(made, m.Offset)
	}
	if len(made) == 0 {
		return hole(c.At.At, input, "rex", "the regular expression names no group: write (?<name>…)")
	}
	return l.extend(c.At.At, input, m, made...)
}

func (l *lowering) fillnull(c *spl.FillNull, input plan.Node) plan.Node {
	f := &plan.Fill{Step: step(c.At.At, input), Value: c.Value, Fields: texts(c.Fields)}
	for _, n := range f.Fields {
		col := l.find(f.Scope, n)
		if col.Desc.Missing == value.Always {
			col.Desc = value.Desc{Kind: value.Str(c.Value)[0].Kind(), Settled: true}
		}
		col.Desc.Missing = value.Never
		if col.ID == 0 {
			col = l.column(n, col.Desc, plan.Computed, c.At.At)
		}
		f.Scope = f.Scope.With(col)
	}
	return f
}

func (l *lowering) bin(c *spl.Bin, input plan.Node) plan.Node {
	b := &plan.Bin{Field: c.Field.Text, As: c.Field.Text, Span: option(c.Options, "span", ""), Bins: count(c.Options, "bins", 0),
		Start: option(c.Options, "start", ""), End: option(c.Options, "end", ""), Align: option(c.Options, "aligntime", ""), MinSpan: option(c.Options, "minspan", "")}
	if c.As != nil {
		b.As = c.As.Text
	}
	if c.Assumed {
		l.note(c.At.At, "bin names no field, which its documentation asks for: _time is taken")
	}
	if strings.Contains(b.Field, "*") {
		return hole(c.At.At, input, "bin", "bin takes one field, not the pattern %s", b.Field)
	}
	if b.Span != "" && !strings.Contains(b.Span, "log") {
		if _, ok := value.ParseSpan(strings.SplitN(b.Span, "@", 2)[0]); !ok {
			return hole(c.At.At, input, "bin", "span=%s is no width: write it as 10 or 5m", b.Span)
		}
	}
	return l.extend(c.At.At, input, b, b.As)
}

func (l *lowering) makemv(c *spl.MakeMV, input plan.Node) plan.Node {
	m := &plan.Split{Field: c.Field.Text, Delim: option(c.Options, "delim", " "), Tokenizer: option(c.Options, "tokenizer", ""),
		AllowEmpty: truth(c.Options, "allowempty", false), SetSV: truth(c.Options, "setsv", false)}
	if m.Tokenizer != "" {
		if _, err := value.Compile(m.Tokenizer); err != nil {
			return hole(c.At.At, input, "makemv", "%v", err)
		}
	}
	return l.extend(c.At.At, input, m, m.Field)
}

func (l *lowering) mvexpand(c *spl.MVExpand, input plan.Node) plan.Node {
	n := &plan.Expand{Step: step(c.At.At, input), Field: c.Field.Text, Limit: c.Limit}
	col := l.find(n.Scope, n.Field)
	col.Desc.Several = value.Never
	n.Scope = n.Scope.With(col)
	return n
}

func (l *lowering) mvcombine(c *spl.MVCombine, input plan.Node) plan.Node {
	return &plan.Combine{Step: step(c.At.At, input), Field: c.Field.Text, Delim: option(c.Options, "delim", " ")}
}

func (l *lowering) nomv(c *spl.NoMV, input plan.Node) plan.Node {
	j := &plan.Joined{Field: c.Field.Text, Delim: "\n"}
	switch before := input.(type) { // that command says by what nomv joins
	case *plan.Combine:
		if before.Field == j.Field {
			j.Delim = before.Delim
		}
	case *plan.Aggregate:
		if before.Delim != "" {
			j.Delim = before.Delim
		}
	}
	return l.extend(c.At.At, input, j, j.Field)
}

func (l *lowering) spath(c *spl.SPath, input plan.Node) plan.Node {
	r := &plan.ReadTree{Field: "_raw"}
	if c.Input != nil {
		r.Field = c.Input.Text
	}
	if c.Path == nil {
		return l.extend(c.At.At, input, r, "*")
	}
	r.Path, r.Output = c.Path.Text, c.Path.Text
	if c.Output != nil {
		r.Output = c.Output.Text
	}
	return l.extend(c.At.At, input, r, r.Output)
}

// extract is extract (kv), xmlkv, kvform, multikv and xpath.
func (l *lowering) extract(c *spl.Extract, input plan.Node) plan.Node {
	switch c.Kind {
	case "xpath":
		if len(c.Args) == 0 {
			return hole(c.At.At, input, c.Kind, "xpath needs a path in quotes")
		}
		x := &plan.ReadXML{Field: option(c.Options, "field", "_raw"), Path: c.Args[0].Text, Output: option(c.Options, "outfield", "xpath"), Default: option(c.Options, "default", "")}
		return l.extend(c.At.At, input, x, x.Output)
	case "erex":
		return hole(c.At.At, input, c.Kind, "erex learns a regular expression from examples: write it with rex")
	case "multikv":
		return l.multikv(c, input)
	case "xmlunescape":
		l.note(c.At.At, "xmlunescape is applied to _raw")
	}
	p := &plan.ReadPairs{Kind: c.Kind, Field: option(c.Options, "field", "_raw"), PairDelim: option(c.Options, "pairdelim", ""), KeyDelim: option(c.Options, "kvdelim", ""),
		Several: truth(c.Options, "mv_add", false), Max: max(0, count(c.Options, "limit", 50))}
	if c.Kind == "kv" {
		p.Kind = "extract"
	}
	if c.Kind == "xmlkv" && len(c.Args) > 0 {
		p.Field = c.Args[0].Text
	}
	return l.extend(c.At.At, input, p, "*")
}

func (l *lowering) convert(c *spl.Convert, input plan.Node) plan.Node {
	e := &plan.Extend{Step: step(c.At.At, input)}
	var except []string
	for _, f := range c.Funcs {
		if f.Func == "none" {
			except = append(except, f.Field.Text)
		}
	}
	for _, f := range c.Funcs {
		v := &plan.Convert{Func: f.Func, Field: f.Field.Text, As: f.Field.Text, Format: c.Timeformat, Except: except}
		if f.As != nil {
			v.As = f.As.Text
		}
		switch f.Func {
		case "auto", "ctime", "dur2sec", "memk", "mktime", "mstime", "none", "num", "rmcomma", "rmunit":
		default:
			return hole(f.At.At, input, "convert", "%s is no function of convert", f.Func)
		}
		e.Changes = append(e.Changes, v)
		if strings.Contains(v.As, "*") {
			e.Scope.Open = true
		} else {
			e.Scope = e.Scope.With(l.column(v.As, value.Desc{Kind: value.Numeral, Missing: value.Maybe, Several: value.Maybe}, plan.Computed, f.At.At))
		}
	}
	return e
}

func (l *lowering) iplocation(c *spl.IPLocation, input plan.Node) plan.Node {
	l.note(c.At.At, "iplocation reads a database of places, which there is none of here: its fields stay missing")
	p := &plan.Place{Field: c.Field.Text, Prefix: option(c.Options, "prefix", ""), All: truth(c.Options, "allfields", false)}
	return l.extend(c.At.At, input, p, p.Prefix+"Country", p.Prefix+"City", p.Prefix+"Region", p.Prefix+"lat", p.Prefix+"lon")
}

// multikv reads [fields F …] [filter T …] beside its options.
func (l *lowering) multikv(c *spl.Extract, input plan.Node) plan.Node {
	n := &plan.TextTable{Step: step(c.At.At, input), HeaderLine: count(c.Options, "forceheader", 1), NoHeader: truth(c.Options, "noheader", false), RemoveTable: truth(c.Options, "rmorig", true)}
	into := &n.Fields
	for _, a := range c.Args {
		switch strings.ToLower(a.Text) {
		case "fields":
			into = &n.Fields
		case "filter":
			into = &n.Filter
		default:
			*into = append(*into, a.Text)
		}
	}
	n.Scope.Open = true
	return n
}
