package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// joinRows is how many rows of the subsearch of join and append count, Splunk's default.
const joinRows = 50_000

func (l *lowering) lookup(c *spl.Lookup, input plan.Node) plan.Node {
	n := &plan.Lookup{Step: step(c.At.At, input), Table: c.Table.Text, New: c.OutputNew, Local: truth(c.Options, "local", false)}
	for _, k := range c.Keys {
		n.Keys = append(n.Keys, plan.LookupField{Column: k.Column.Text, Field: k.Field.Text})
	}
	for _, o := range c.Outputs {
		n.Outputs = append(n.Outputs, plan.LookupField{Column: o.Column.Text, Field: o.Field.Text})
		col := l.column(o.Field.Text, value.Desc{Kind: value.Numeral, Missing: value.Maybe, Several: value.Maybe, Settled: true}, plan.LookedUp, o.At.At)
		col.From = o.Column.Text
		n.Scope = n.Scope.With(col)
	}
	if len(n.Outputs) == 0 {
		n.Scope.Open = true
	}
	return n
}

func (l *lowering) inputlookup(c *spl.InputLookup, input plan.Node) plan.Node {
	src := &plan.Source{Step: plan.Step{At: c.At.At, Scope: plan.Scope{Open: true}}, Kind: plan.Table, Name: c.Table.Text,
		Start: max(0, count(c.Options, "start", 0)), Max: count(c.Options, "max", 1_000_000_000)}
	var n plan.Node = src
	if c.Where != nil {
		n = &plan.Filter{Step: step(c.At.At, n), Cond: l.condition(c.Where, n.Behind())}
	}
	if input != nil && truth(c.Options, "append", false) {
		return union(c.At.At, input, n)
	}
	if input != nil {
		return hole(c.At.At, input, "inputlookup", "inputlookup behind other commands needs append=true, or it must start the search")
	}
	return n
}

func union(at spl.Span, first plan.Node, rest ...plan.Node) *plan.Union {
	u := &plan.Union{Step: step(at, first), Subs: rest}
	for _, r := range rest {
		u.Scope = merged(u.Scope, r.Behind())
	}
	return u
}

// merged is the scope of rows that come from either of two.
func merged(a, b plan.Scope) plan.Scope {
	out := plan.Scope{Open: a.Open || b.Open}
	for _, c := range a.Columns {
		d, ok := b.Find(c.Name)
		if !ok && d.Desc.Missing == value.Always || ok && d.ID != c.ID {
			c.Desc.Missing = max(c.Desc.Missing, value.Maybe)
			if ok && d.Desc.Kind != c.Desc.Kind {
				c.Desc.Kind = value.Any
			}
		}
		out.Columns = append(out.Columns, c)
	}
	for _, c := range b.Columns {
		if _, ok := a.Find(c.Name); !ok {
			c.Desc.Missing = max(c.Desc.Missing, value.Maybe)
			out.Columns = append(out.Columns, c)
		}
	}
	return out
}

func (l *lowering) join(c *spl.Join, input plan.Node) plan.Node {
	j := &plan.Join{Step: step(c.At.At, input), Fields: texts(c.Fields), Max: max(0, count(c.Options, "max", 1)), SubLimit: joinRows,
		Keep: !truth(c.Options, "overwrite", true), UseTime: truth(c.Options, "usetime", false), Earlier: truth(c.Options, "earlier", true)}
	switch t := strings.ToLower(option(c.Options, "type", "inner")); t {
	case "inner":
	case "left", "outer":
		j.Left = true
	default:
		return hole(c.At.At, input, "join", "type=%s: join knows inner, left and outer", t)
	}
	if c.Where != nil {
		j.LeftAlias, j.RightAlias = option(c.Options, "left", ""), option(c.Options, "right", "")
		if !l.joinOn(j, c.Where) {
			return hole(c.At.At, input, "join", "the condition of join is equality of fields of both sides, joined by AND: L.a = R.b")
		}
	}
	j.Sub = l.pipeline(c.Sub, nil)
	j.Scope = merged(j.Scope, j.Sub.Behind())
	return j
}

// joinOn reads L.a = R.b AND ….
func (l *lowering) joinOn(j *plan.Join, e spl.Expr) bool {
	b, ok := e.(*spl.Binary)
	if !ok {
		return false
	}
	if b.Op == "AND" {
		return l.joinOn(j, b.L) && l.joinOn(j, b.R)
	}
	x, ok1 := b.L.(*spl.FieldRef)
	y, ok2 := b.R.(*spl.FieldRef)
	if !ok1 || !ok2 || b.Op != "=" && b.Op != "==" {
		return false
	}
	left, right := x.Name, y.Name
	if strings.HasPrefix(left, j.RightAlias+".") {
		left, right = right, left
	}
	left, ok1 = strings.CutPrefix(left, j.LeftAlias+".")
	right, ok2 = strings.CutPrefix(right, j.RightAlias+".")
	j.On = append(j.On, plan.Pair{From: left, To: right})
	return ok1 && ok2
}

// append is append, appendcols and appendpipe.
func (l *lowering) append(c *spl.Append, input plan.Node) plan.Node {
	if input == nil {
		input = &plan.Source{Step: plan.Step{At: c.At.At}, Kind: plan.Nothing}
	}
	switch c.Kind {
	case "appendpipe":
		above := &plan.Source{Step: plan.Step{At: c.At.At, Scope: input.Behind()}, Kind: plan.Above}
		return union(c.At.At, input, l.pipeline(c.Sub, above))
	case "appendcols":
		j := &plan.Join{Step: step(c.At.At, input), Position: true, Keep: !truth(c.Options, "override", false), SubLimit: joinRows, Sub: l.pipeline(c.Sub, nil)}
		if n := count(c.Options, "maxout", 0); n > 0 {
			j.SubLimit = min(n, joinRows)
		}
		j.Scope = merged(j.Scope, j.Sub.Behind())
		return j
	}
	u := union(c.At.At, input, l.pipeline(c.Sub, nil))
	u.SubLimit = joinRows
	if n := count(c.Options, "maxout", 0); n > 0 {
		u.SubLimit = min(n, joinRows)
	}
	return u
}

// multisearch is multisearch and union.
func (l *lowering) multisearch(c *spl.Multisearch, input plan.Node) plan.Node {
	var subs []plan.Node
	for _, s := range c.Subs {
		subs = append(subs, l.pipeline(s, nil))
	}
	for _, d := range c.Datasets {
		kind, name, _ := strings.Cut(d.Text, ":")
		subs = append(subs, l.dataset(d.At.At, strings.ToLower(kind), strings.Trim(name, `"`), nil))
	}
	if input == nil {
		input = &plan.Source{Step: plan.Step{At: c.At.At}, Kind: plan.Nothing}
	}
	u := union(c.At.At, input, subs...)
	u.ByTime = true
	return u
}

func (l *lowering) transaction(c *spl.Transaction, input plan.Node) plan.Node {
	s := input.Behind()
	n := &plan.Session{Step: step(c.At.At, input), Fields: texts(c.Fields), MaxSpan: -1, MaxPause: -1, MaxEvents: count(c.Options, "maxevents", 1000),
		Connected: truth(c.Options, "connected", true), KeepEvicted: truth(c.Options, "keepevicted", false), Orphans: truth(c.Options, "keeporphans", false), MVRaw: truth(c.Options, "mvraw", false),
		Delim: option(c.Options, "delim", " "), NullStr: option(c.Options, "nullstr", "NULL")}
	for name, into := range map[string]*float64{"maxspan": &n.MaxSpan, "maxpause": &n.MaxPause} {
		v := option(c.Options, name, "")
		if v == "" || v == "-1" {
			continue
		}
		sec, ok := value.SpanSeconds(v)
		if !ok {
			return hole(c.At.At, input, "transaction", "%s=%s is no span of time such as 5m", name, v)
		}
		*into = sec
	}
	switch v := option(c.Options, "mvlist", "false"); strings.ToLower(v) {
	case "t", "true", "1":
		n.MVList = true
	case "f", "false", "0":
	default:
		n.MVListFields = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
	}
	n.Starts, n.Ends = l.filter(c.StartsWith, s), l.filter(c.EndsWith, s)
	n.Scope.Open = true
	for _, name := range []string{"duration", "eventcount"} {
		n.Scope = n.Scope.With(l.column(name, value.Desc{Kind: value.Number, Settled: true}, plan.Aggregated, c.At.At))
	}
	return n
}

func (l *lowering) filter(f spl.Filter, s plan.Scope) plan.Expr {
	switch {
	case f.Eval != nil:
		return l.expr(f.Eval, s)
	case f.Search != nil:
		return l.condition(f.Search, s)
	}
	return nil
}
