package translate

import (
	"strconv"

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
// together, and by which columns the last aggregation groups.
func combines(q *esql.Query) (yes bool, keys []string) {
	for _, cmd := range q.Commands {
		switch cmd := cmd.(type) {
		case *esql.Stats:
			yes, keys = true, nil
			for _, by := range cmd.By {
				keys = append(keys, by.ColumnName())
			}
		case *esql.Limit:
			yes = yes || cmd.N < fewRows
		case *esql.Fork, *esql.Other:
			yes = true
		}
	}
	return yes, keys
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
	if c == nil || !c.computed || c.hole || !(f.Name == "count" || c.typ == "long" && c.nonNull) {
		return
	}
	v, err := strconv.Atoi(n.Text)
	if err != nil {
		return
	}
	if b.Op == ">" {
		v++
	}
	t := &Threshold{Value: v}
	for _, name := range l.env.order {
		if c := l.env.cols[name]; !c.computed && !c.hole && c.constant == nil {
			t.Fields = appendNew(t.Fields, c.name)
		}
	}
	l.out.Rule.Threshold = t
	l.diag("threshold", cmd.Span(), f.Name, "the condition waits for a number of events by group; a threshold rule with the threshold "+itoa(v)+" would do the same, the draft keeps the condition in its query")
}
