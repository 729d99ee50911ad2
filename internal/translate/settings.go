package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// settings says what the schedule and the suppression of the rule need to know of the draft.
func (c *compilation) settings(l *lowering) {
	w := Window{Start: c.windowStart, PartLookBack: c.branchLook, OpenPart: c.openRange, Span: l.longestSpan, Baseline: c.baseline}
	if c.out.ESQL != nil {
		w.Combines, w.Keys = combines(c.out.ESQL)
		w.Rows = mostRows(c.out.ESQL)
	}
	c.out.Rule.Window = w
	if len(c.req.SuppressFields) == 0 {
		return
	}
	s := &Suppression{Duration: "5m"}
	if p, ok := parseSpan(c.req.SuppressPeriod); ok && p.length() > 0 {
		s.Duration = spl.TimeText(p.length())
	}
	for _, f := range c.req.SuppressFields {
		if k := l.peek(f, wholeSpan(c.req.Query)); !k.hole && k.constant == nil {
			s.Fields = appendNew(s.Fields, k.name)
		}
	}
	c.out.Rule.Suppression = s
}

// mostRows is the least LIMIT behind which no command adds rows, 0 without one.
func mostRows(q *esql.Query) (n int) {
	for _, cmd := range q.Commands {
		switch cmd := cmd.(type) {
		case *esql.Limit:
			if n == 0 || cmd.N < n {
				n = cmd.N
			}
		case *esql.MvExpand, *esql.LookupJoin, *esql.Fork, *esql.Other:
			n = 0
		}
	}
	return n
}

// fewRows is a LIMIT below which the rows depend on what else the run sees; larger ones only bound the answer.
const fewRows = 1000

// combines says whether a row of the query depends on several events, so that it matters which events one run sees
// together, and which columns tell its rows apart: those that the last aggregation groups by, but for one that packs
// rows, or runs beside them, and gives them back.
func combines(q *esql.Query) (yes bool, keys []string) {
	var packed string
	var outer []string
	for _, cmd := range q.Commands {
		switch cmd := cmd.(type) {
		case *esql.Stats:
			yes = true
			if cmd.Inline {
				continue
			}
			packed, outer, keys = packedIn(cmd), keys, nil
			for _, by := range cmd.By {
				keys = append(keys, by.ColumnName())
			}
		case *esql.MvExpand:
			if packed != "" && cmd.Field == packed {
				keys, packed = outer, ""
			}
		case *esql.Limit:
			yes = yes || cmd.N < fewRows
		case *esql.Fork, *esql.Other:
			yes = true
		}
	}
	return yes, keys
}

// packedIn is the column in which the aggregation keeps the rows that it was given, one text each; "" without one.
func packedIn(cmd *esql.Stats) string {
	for _, a := range cmd.Aggs {
		if f, ok := a.Expr.(*esql.Call); ok && f.Func == "VALUES" && strings.HasPrefix(a.Name, rowPrefix) {
			return a.Name
		}
	}
	return ""
}

// noteThreshold recognizes where COUNT > N after stats.
func (l *lowering) noteThreshold(cmd *spl.Where) {
	b, ok := cmd.Expr.(*spl.Binary)
	if !ok || !l.aggregated || (b.Op != ">" && b.Op != ">=") {
		return
	}
	f, ok1 := b.L.(*spl.FieldRef)
	n, ok2 := b.R.(*spl.NumberLit)
	if !ok1 || !ok2 {
		return
	}
	c := l.env.cols[f.Name]
	if c == nil || !c.computed || c.hole {
		return
	}
	fields, ok := l.countedBy(c.name)
	if !ok {
		return
	}
	v, err := strconv.Atoi(n.Text)
	if err != nil {
		return
	}
	if b.Op == ">" {
		v++
	}
	l.out.Rule.Threshold = &Threshold{Fields: fields, Value: v}
	l.diag("threshold", cmd.Span(), f.Name, "the condition waits for a number of events by group; a threshold rule with the threshold "+itoa(v)+" would do the same, the draft keeps the condition in its query")
}

// countedBy are the fields that the rows are grouped by, where the column counts the events of each group and nothing
// else was made of them since: what a threshold rule can say too. A threshold rule has intervals of its own, so that
// those of the search are no field of it.
func (l *lowering) countedBy(name string) (fields []string, ok bool) {
	for i := len(l.cmds) - 1; i >= 0; i-- {
		switch cmd := l.cmds[i].(type) {
		case *esql.Eval:
			continue
		case *esql.Stats:
			for _, a := range cmd.Aggs {
				ok = ok || a.ColumnName() == name && a.Where == nil && isCount(a.Expr)
			}
			for _, by := range cmd.By {
				switch key := l.columnNamed(by.ColumnName()); {
				case key == nil || key.hole:
					return nil, false
				case !key.computed:
					fields = appendNew(fields, key.name)
				case key.typ != "date":
					return nil, false
				}
			}
			return fields, ok
		default:
			return nil, false
		}
	}
	return nil, false
}

// columnNamed is the column that has the name in the draft, nil without one.
func (l *lowering) columnNamed(name string) *column {
	for _, c := range l.env.cols {
		if c.name == name {
			return c
		}
	}
	return nil
}

func isCount(e esql.Expr) bool {
	f, ok := e.(*esql.Call)
	if !ok || f.Func != "COUNT" || len(f.Args) != 1 {
		return false
	}
	_, ok = f.Args[0].(*esql.Star)
	return ok
}
