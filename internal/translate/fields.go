package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// table keeps the named columns.
func (l *lowering) table(cmd *spl.Table) { l.keep(cmd.Names, cmd.Span(), false) }

// fields keeps (with _time) or removes the named columns.
func (l *lowering) fields(cmd *spl.Fields) {
	if !cmd.Remove {
		l.keep(cmd.Names, cmd.Span(), true)
		return
	}
	l.ensureSource(cmd.Span())
	l.diag("renamed", cmd.Span(), "", "removed columns are not used further; stored fields of an event stay in the alert")
	for _, n := range cmd.Names {
		for _, name := range l.env.names(n.Text) {
			l.env.unbind(name)
		}
		switch {
		case strings.Contains(n.Text, "*"):
			if l.env.open || len(l.env.kept) > 0 {
				l.env.dropped = append(l.env.dropped, n.Text)
			}
		case l.env.open || len(l.env.kept) > 0:
			l.env.hide(n.Text)
		}
	}
	if !l.env.open {
		l.projected = true
		l.keepSpan = cmd.Span()
	}
}

func (l *lowering) keep(names []spl.Name, at spl.Span, internal bool) {
	l.ensureSource(at)
	next := newEnv(false)
	if l.env.partial() {
		next.setPartial()
	}
	add := func(name string, span spl.Span) {
		if strings.Contains(name, "*") {
			if name == "*" && l.env.open {
				return
			}
			for _, n := range l.env.names(name) {
				next.bind(n, l.env.cols[n])
			}
			if l.env.open || len(l.env.kept) > 0 {
				next.keepStored(l.env, name)
			}
			return
		}
		if _, bound := l.env.cols[name]; !bound && !l.env.open && !anyStar(l.env.kept, name) && !l.env.partial() {
			l.diag("field_absent", span, name, "`"+name+"` does not exist at this point in Splunk either; the column would be empty")
			return
		}
		next.bind(name, l.shown(name, span))
	}
	all := false
	for _, n := range names {
		if n.Text == "*" {
			all = true
		}
		add(n.Text, n.Span())
	}
	if internal {
		if c, ok := l.env.cols["_time"]; ok {
			next.bind("_time", c)
		} else if l.env.open {
			next.bind("_time", l.stored("_time", at))
		}
	}
	l.diag("renamed", at, "", "the columns of this list keep the names they have in Elasticsearch")
	l.useful = true
	if all && l.env.open {
		return
	}
	l.env = next
	l.projected = true
	l.keepSpan = at
}
