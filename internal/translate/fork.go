package translate

import (
	"slices"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// FORK (9.x) runs several pipelines over the same rows and puts their rows together: what append, union and multisearch
// need where the searches cannot become one pipeline. It is the second choice: each branch returns a limited number of
// rows, and there is one FORK a query.

// forkBranches is how many branches a FORK may have.
const forkBranches = 8

// forkBranch adds the rows of another search as a branch of FORK; reason says why that cannot be done.
func (l *lowering) forkBranch(sub *spl.Pipeline, at spl.Span) (reason string) {
	defer l.budget.Enter().Leave()
	old, extends := l.lastFork()
	switch {
	case l.opts.Target != Target9:
		return "8.19 has no FORK"
	case !extends && hasFork(l.cmds):
		return "a query has one FORK"
	case extends && len(old.Branches) >= forkBranches:
		return "FORK has at most " + itoa(forkBranches) + " branches"
	}
	r := l.compilation.lowering()
	r.branchPipeline(sub)
	switch {
	case r.src == nil || l.src == nil:
		return "the data it reads is not known"
	case r.src != l.src || len(l.also)+len(r.also) > 0:
		return "the searches read different data, and FORK reads the rows of one"
	case hasFork(r.cmds):
		return "FORK does not nest"
	case l.aggregated != r.aggregated:
		return "one of the searches groups its events and the other does not"
	}
	if reason := l.alignBranch(r, at); reason != "" {
		return reason
	}
	o := esql.At{Origin: origin(at)}
	cut := !l.aggregated && (!extends && !hasLimit(l.cmds) || !hasLimit(r.cmds))
	branch := func(l *lowering) []esql.Command {
		cmds := slices.Clone(l.cmds)
		if len(l.helpers) > 0 {
			cmds = append(cmds, &esql.Drop{At: o, Names: l.helpers})
		}
		if !hasLimit(cmds) {
			cmds = append(cmds, &esql.Limit{At: o, N: defaultSortLimit})
		}
		return cmds
	}
	if extends {
		old.Branches = append(old.Branches, branch(r))
	} else {
		l.cmds = []esql.Command{&esql.Fork{At: o, Branches: [][]esql.Command{branch(l), branch(r)}}}
		l.helpers = nil
	}
	l.helpers = appendNew(l.helpers, "_fork")
	l.longestSpan = max(l.longestSpan, r.longestSpan)
	l.needsID = l.needsID || r.needsID
	l.fullText, l.projected, l.present, l.eventCodes = false, l.projected && r.projected, map[string]bool{}, nil
	l.useful = true
	if cut {
		l.diag("truncation", at, "fork", "each search became a branch of FORK, which returns 10,000 events at most: beyond that rows are missing")
	} else {
		l.diag("join_one_query", at, "fork", "each search became a branch of FORK, which returns 10,000 rows at most")
	}
	return ""
}

// lastFork is the FORK that ends the pipeline, which a further branch extends.
func (l *lowering) lastFork() (*esql.Fork, bool) {
	if len(l.cmds) != 1 {
		return nil, false
	}
	f, ok := l.cmds[0].(*esql.Fork)
	return f, ok
}

func hasFork(cmds []esql.Command) bool {
	return slices.ContainsFunc(cmds, func(c esql.Command) bool { _, ok := c.(*esql.Fork); return ok })
}

// alignBranch gives the columns of another branch the names that they have in this one, and makes one environment of
// both.
func (l *lowering) alignBranch(r *lowering, at spl.Span) (reason string) {
	next := l.env.clone()
	for _, n := range l.env.order {
		c := l.env.cols[n]
		if b := r.env.cols[n]; b == nil && !c.hole && c.constant == nil && !(r.env.open && !c.computed) {
			one := *c
			one.nonNull = false // the other branch has no such column
			next.bind(n, &one)
		}
	}
	ev := &esql.Eval{At: esql.At{Origin: origin(at)}}
	written := map[string]bool{}
	for _, n := range r.env.order {
		b := r.env.cols[n]
		if n == partialName || b == nil || b.constant != nil {
			continue
		}
		a := l.env.cols[n]
		if a == nil && l.env.open && !b.hole {
			a = l.peekStored(n, at)
		}
		if b.hole || a != nil && a.hole {
			next.bind(n, &column{name: n, hole: true})
			continue
		}
		one := *b
		one.nonNull = false
		if a == nil || a.constant != nil {
			if l.env.uses(b.name, n) {
				return "both searches have a column `" + b.name + "` for different fields"
			}
			next.bind(n, &one)
			continue
		}
		v := b.value()
		if !sameKind(a.value().typ, v.typ) {
			return "`" + n + "` has another type in each search"
		}
		one = *a
		one.nonNull, one.array = a.nonNull && b.nonNull, max(a.array, b.array)
		next.bind(n, &one)
		if plain, ok := v.expr.(*esql.Column); ok && plain.Name == a.name {
			continue
		}
		if r.env.uses(a.name, n) || written[b.name] {
			return "both searches have a column `" + a.name + "` for different fields"
		}
		written[a.name] = true
		ev.Assigns = append(ev.Assigns, &esql.Assign{At: ev.At, Name: a.name, Expr: mark(v.expr, at)})
	}
	if len(ev.Assigns) > 0 {
		r.cmds = append(r.cmds, ev)
	}
	l.env = next
	return ""
}

// sameKind says that two types can stand in one column.
func sameKind(a, b string) bool {
	return a == b || isText(a) && isText(b) || isInteger(a) && isInteger(b) && a == b
}
