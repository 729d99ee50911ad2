package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// table keeps the columns listed, in that order.
func (l *lowering) table(c *spl.Table, input plan.Node) plan.Node {
	p := &plan.Project{Step: step(c.At.At, input), Keep: texts(c.Names), Table: true}
	if len(p.Keep) == 0 {
		p.Keep = []string{"*"}
	}
	l.register(p.Keep, p.Scope)
	p.Scope = l.known(p.Scope, p.Keep).Keep(p.Keep)
	return p
}

// fields keeps or removes columns; internal fields such as _time and _raw stay unless they are named.
func (l *lowering) fields(c *spl.Fields, input plan.Node) plan.Node {
	p := &plan.Project{Step: step(c.At.At, input)}
	if c.Remove {
		p.Drop = texts(c.Names)
		p.Scope = p.Scope.Drop(p.Drop)
		return p
	}
	p.Keep = texts(c.Names)
	p.Scope = l.known(p.Scope, p.Keep).Keep(append([]string{"_time", "_raw"}, p.Keep...))
	return p
}

// rename gives columns other names, one pair after the other.
func (l *lowering) rename(c *spl.Rename, input plan.Node) plan.Node {
	p := &plan.Project{Step: step(c.At.At, input)}
	for _, pair := range c.Pairs {
		from, to := pair.From.Text, pair.To.Text
		p.Renames = append(p.Renames, plan.Pair{From: from, To: to})
		if strings.Contains(from, "*") {
			s := plan.Scope{Open: p.Scope.Open}
			for _, col := range p.Scope.Columns {
				if stars, ok := value.WildParts(col.Name, from); ok {
					col.Name = fill(to, stars)
				}
				s = s.With(col)
			}
			p.Scope = s
			continue
		}
		col := l.find(p.Scope, from)
		if col.Desc.Missing == value.Always {
			p.Scope = p.Scope.Drop([]string{to}) // renaming what is not there removes what has the new name
			continue
		}
		if col.From == "" && col.Origin == plan.Stored {
			col.From = from
		}
		col.Name = to
		p.Scope = p.Scope.Drop([]string{from}).With(col)
	}
	return p
}

// fill puts what the stars of one pattern stood for into another.
func fill(pattern string, stars []string) string {
	for _, s := range stars {
		pattern = strings.Replace(pattern, "*", s, 1)
	}
	return pattern
}

// register gives ids to stored fields that are named.
func (l *lowering) register(names []string, s plan.Scope) {
	for _, n := range names {
		if !strings.Contains(n, "*") {
			l.find(s, n)
		}
	}
}

// known is the scope with the stored fields of the list as columns.
func (l *lowering) known(s plan.Scope, names []string) plan.Scope {
	for _, n := range names {
		if strings.Contains(n, "*") {
			continue
		}
		if _, ok := s.Find(n); !ok {
			if c := l.find(s, n); c.Desc.Missing != value.Always {
				s = s.With(c)
			}
		}
	}
	return s
}
