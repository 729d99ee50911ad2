package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// rename binds names anew: columns keep their ES|QL names, so that alerts carry ECS fields.
func (l *lowering) rename(cmd *spl.Rename) {
	l.ensureSource(cmd.Span())
	l.diag("renamed", cmd.Span(), "", "columns keep the names they have in Elasticsearch, so the rename needs nothing in the draft")
	// All pairs see the names as they were before.
	type move struct {
		from, to string
		c        *column
	}
	var few [24]move
	moves := few[:0]
	for _, p := range cmd.Pairs {
		if strings.Contains(p.From.Text, "*") {
			for _, n := range l.env.names(p.From.Text) {
				to, _ := respell(p.From.Text, p.To.Text, n)
				moves = append(moves, move{n, to, l.env.cols[n]})
			}
			if l.env.open {
				l.env.patterns = append(l.env.patterns, renamePattern{p.From.Text, p.To.Text})
			}
			continue
		}
		if p.From.Text == p.To.Text {
			continue
		}
		if _, bound := l.env.cols[p.From.Text]; !bound && !l.env.open && !l.env.partial() {
			// renaming a field that does not exist does nothing
			l.diag("field_absent", p.Span(), p.From.Text, "`"+p.From.Text+"` does not exist at this point, so the rename does nothing")
			continue
		}
		c := l.unsaidList(p.From.Text, p.From.Span())
		if c == nil {
			c = l.shown(p.From.Text, p.From.Span())
		}
		moves = append(moves, move{p.From.Text, p.To.Text, c})
	}
	var covered []*column // what the new names stood for before
	for _, m := range moves {
		if old := l.env.cols[m.to]; old != nil && old.computed && !old.hole && old.constant == nil {
			covered = append(covered, old)
		}
		l.env.unbind(m.from)
	}
	for _, m := range moves {
		l.env.bind(m.to, m.c)
	}
	l.dropCovered(covered, cmd.Span())
}

// dropCovered drops computed columns that no name stands for any more: an alert would show them under a name that is another
// column's.
func (l *lowering) dropCovered(covered []*column, at spl.Span) {
	var names []string
	for _, c := range covered {
		if !l.env.uses(c.name, "") && !slices.Contains(names, pattern(c.name)) {
			names = append(names, pattern(c.name))
		}
	}
	if len(names) == 0 {
		return
	}
	drop := &esql.Drop{Names: names}
	drop.Origin = origin(at)
	l.add(drop)
}
