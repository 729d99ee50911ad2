package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// appendCols is appendcols: the columns of another search beside those of this one, row by row. Where both have one row,
// that is one row of both; ES|QL knows no row's position.
func (l *lowering) appendCols(cmd *spl.Append) {
	l.ensureSource(cmd.Span())
	at := cmd.Span()
	if reason := l.oneRowBeside(cmd, at); reason != "" {
		l.diag("unsupported_command", at, cmd.Kind, "appendcols puts the rows of two searches side by side by their position, which ES|QL does not have, and here "+reason+"; join them by a field with stats. The draft goes on without these columns")
		l.env.setPartial()
	}
}

func (l *lowering) oneRowBeside(cmd *spl.Append, at spl.Span) (reason string) {
	if cmd.Sub == nil || len(cmd.Sub.Commands) == 0 {
		return "its subsearch is empty"
	}
	last, ok := l.lastStats()
	if !l.aggregated || !ok || len(last.By) > 0 {
		return "the search before it has more than one row"
	}
	if !oneRow(cmd.Sub) {
		return "its subsearch has more than one row (only stats without BY gives one)"
	}
	filtered := false // a condition on the row itself leaves no count either
	for i := len(l.cmds) - 1; i >= 0 && l.cmds[i] != esql.Command(last); i-- {
		if _, ok := l.cmds[i].(*esql.Where); ok {
			filtered = true
		}
	}
	counts := map[string]bool{} // what is 0 without events
	names := append([]string(nil), l.env.order...)
	before := map[string]bool{}
	for _, n := range names {
		before[n] = true
		c := l.env.cols[n]
		counts[n] = !filtered && c != nil && c.nonNull && c.typ == "long"
	}
	for _, o := range cmd.Options {
		if o.Name == "override" && isYes(o.Value) {
			return "override=t prefers the other search's columns"
		}
	}
	for i, n := range cmd.Sub.Commands {
		filtered := false
		for _, after := range cmd.Sub.Commands[i:] {
			switch after.(type) {
			case *spl.Where, *spl.Search:
				filtered = true
			}
		}
		if s, ok := n.(*spl.Stats); ok {
			for i := range s.Aggs {
				if before[aggName(&s.Aggs[i])] {
					return "both searches have a column `" + aggName(&s.Aggs[i]) + "`"
				}
				f := s.Aggs[i].Func
				counts[aggName(&s.Aggs[i])] = !filtered && (f == "count" || f == "c" || f == "dc" || f == "distinct_count")
			}
		}
	}
	if reason := l.appendBranch(cmd.Sub, at, "appendcols"); reason != "" {
		return reason
	}
	o := esql.At{Origin: origin(at)}
	st := &esql.Stats{At: o}
	ev := &esql.Eval{At: o}
	next := newEnv(false)
	for _, n := range l.env.order {
		c := l.env.cols[n]
		if n == partialName {
			continue
		}
		if c.hole || c.constant != nil {
			next.bind(n, c)
			continue
		}
		merged := *c
		merged.nonNull = false
		fn := "MAX"
		switch {
		case c.multi():
			fn = "VALUES"
		case c.typ == "boolean" || c.typ == "version":
			fn = "VALUES"
		}
		st.Aggs = append(st.Aggs, &esql.Assign{At: o, Name: c.name, Expr: mark(call(fn, col(c.name)), at)})
		if counts[n] {
			merged.nonNull = true
			ev.Assigns = append(ev.Assigns, &esql.Assign{At: o, Name: c.name, Expr: mark(call("COALESCE", col(c.name), integer(0)), at)})
		}
		next.bind(n, &merged)
	}
	l.add(st)
	if len(ev.Assigns) > 0 {
		l.add(ev)
	}
	l.env, l.helpers = next, nil
	return ""
}

func (c *column) multi() bool { return c.value().multi() }

// oneRow says that a pipeline ends with one row: stats without BY, and after it nothing that makes or filters rows.
func oneRow(p *spl.Pipeline) bool {
	one := false
	for _, cmd := range p.Commands {
		switch c := cmd.(type) {
		case *spl.Stats:
			one = c.Kind == "stats" && len(c.By) == 0 || one && c.Kind == "eventstats"
		case *spl.TStats:
			one = len(c.By) == 0
		case *spl.Eval, *spl.Rename, *spl.Fields, *spl.Table, *spl.FillNull, *spl.Convert:
		case *spl.Where, *spl.Search:
			// fewer rows are fine
		default:
			one = false
		}
	}
	return one
}
