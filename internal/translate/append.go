package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// appendRows is append, appendpipe and appendcols.
func (l *lowering) appendRows(cmd *spl.Append, rest []spl.Command) {
	for _, o := range cmd.Options {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` of "+cmd.Kind+" limits what Splunk reads or names; the draft reads everything")
	}
	switch cmd.Kind {
	case "append":
		if cmd.Sub == nil || len(cmd.Sub.Commands) == 0 {
			l.diag("unsupported_command", cmd.Span(), "append", "append without a subsearch adds nothing; leave it out")
			return
		}
		l.ensureSource(cmd.Span())
		if reason := l.appendBranch(cmd.Sub, cmd.Span(), "append"); reason != "" {
			l.diag("unsupported_command", cmd.Span(), "append", "this append has no counterpart: "+reason+". The draft goes on without its rows: make it a rule of its own, or one search over both kinds of events")
			l.env.setPartial()
		}
	case "appendpipe":
		l.appendPipe(cmd)
	default:
		l.appendCols(cmd)
	}
}

// appendPipe adds rows computed from the rows so far.
func (l *lowering) appendPipe(cmd *spl.Append) {
	l.ensureSource(cmd.Span())
	if l.opts.Target != Target9 || cmd.Sub == nil || !l.aggregated || hasFork(l.cmds) {
		l.diag("needs_target_9", cmd.Span(), "appendpipe", "appendpipe computes more rows from the rows so far, which needs FORK (9.x) behind stats; the draft goes on without these rows. Make them a rule of their own")
		l.env.setPartial()
		return
	}
	outer, before := l.env.clone(), l.cmds
	l.cmds = nil
	name := l.compilation.command
	stages, index := l.stages, l.stageIndex
	l.stageIndex = nil
	l.pipeline(cmd.Sub)
	l.stages, l.stageIndex = stages, index
	l.compilation.command = name
	inner, added := l.env, l.cmds
	if len(added) == 0 {
		l.cmds, l.env = before, outer
		l.diag("unsupported_command", cmd.Span(), "appendpipe", "nothing of the pipeline inside appendpipe could be translated; the draft goes on without its rows")
		return
	}
	o := esql.At{Origin: origin(cmd.Span())}
	if !hasLimit(added) {
		added = append(added, &esql.Limit{At: o, N: defaultSortLimit})
	}
	f := &esql.Fork{At: o, Branches: [][]esql.Command{{&esql.Limit{At: o, N: defaultSortLimit}}, added}}
	l.cmds = append(before, f)
	for _, n := range inner.order {
		c := inner.cols[n]
		o, both := outer.cols[n]
		if n == partialName || c.hole || both && (o.name == c.name || o.hole) {
			continue
		}
		o2 := *c
		o2.nonNull = false
		outer.bind(n, &o2)
	}
	l.env = outer
	l.helpers = append(l.helpers, "_fork")
	l.diag("join_one_query", cmd.Span(), "appendpipe", "appendpipe became a second branch of FORK over the same rows; each branch returns 10,000 rows at most")
}

// multisearch is multisearch and union: the events of several searches.
func (l *lowering) multisearch(cmd *spl.Multisearch, rest []spl.Command) {
	for _, o := range cmd.Options {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` of "+cmd.Kind+" limits what Splunk reads; the draft reads everything")
	}
	if len(cmd.Datasets) > 0 {
		l.diag("unsupported_command", cmd.Span(), cmd.Kind, "`"+cmd.Kind+"` of datasets reads what only Splunk holds: "+nameList(cmd.Datasets)+"; put the searches they stand for in brackets")
		l.env.setPartial()
		return
	}
	subs := cmd.Subs
	if l.src == nil && len(l.cmds) == 0 && len(subs) > 0 {
		name := l.compilation.command
		stages := len(l.stages)
		l.pipeline(subs[0])
		l.stages = l.stages[:stages]
		for _, c := range l.cmds {
			l.stageIndex[c] = stages
		}
		l.compilation.command = name
		subs = subs[1:]
	}
	for _, s := range subs {
		if reason := l.appendBranch(s, s.Span(), cmd.Kind); reason != "" {
			l.diag("unsupported_command", s.Span(), cmd.Kind, "this search of "+cmd.Kind+" cannot be added: "+reason+". The draft goes on without its rows: make it a rule of its own, or one search over both kinds of events")
			l.env.setPartial()
		}
	}
}

// appendBranch adds the rows of another search; reason says why that cannot be done.
func (l *lowering) appendBranch(sub *spl.Pipeline, at spl.Span, command string) (reason string) {
	defer l.budget.Enter().Leave()
	if l.opts.Target == Target9 && hasFork(l.cmds) && command != "appendcols" {
		return l.forkBranch(sub, at)
	}
	if reason = l.mergeBranch(sub, at, command); reason == "" || command == "appendcols" {
		return reason
	}
	if l.opts.Target == Target9 && l.forkBranch(sub, at) == "" {
		return ""
	}
	return reason
}

// mergeBranch adds the rows of another search as one pipeline over the events of both.
func (l *lowering) mergeBranch(sub *spl.Pipeline, at spl.Span, command string) (reason string) {
	if len(sub.Commands) == 0 {
		return "its subsearch is empty"
	}
	if _, ok := sub.Commands[0].(*spl.InputLookup); ok {
		return "its subsearch reads a lookup, whose rows are not events"
	}
	r := l.compilation.lowering()
	var main *branch
	if l.aggregated {
		if main, reason = splitBranch(l, mainSide); main == nil {
			return "in the main search, " + reason
		}
		r.peer = newPeer(main)
	} else {
		r.peer = &peer{taken: map[string]bool{sideColumn: true}}
		for _, n := range l.env.order {
			if c := l.env.cols[n]; c.computed && !c.hole {
				r.peer.taken[c.name] = true
			}
		}
		for n := range writtenBy(l.cmds) {
			r.peer.taken[n] = true
		}
	}
	r.branchPipeline(sub)
	switch {
	case r.src == nil:
		return "the data it reads is not known"
	case r.aggregated != l.aggregated:
		return "one of the searches groups its events and the other does not"
	case !l.aggregated:
		return l.appendEvents(r, at, command)
	}
	b, reason := splitBranch(r, subSide)
	if b == nil {
		return "in the subsearch, " + reason
	}
	cmds, reason := merge(main, b, at)
	if reason != "" {
		return reason
	}
	if command != "appendcols" && (len(main.stats.By) == 0 || len(b.stats.By) == 0) {
		l.diag("join_approximate", at, command, "stats without BY gives a row in Splunk even where its search finds nothing (count 0); the draft has no row for that search then")
	}
	l.unite(r, cmds, at)
	l.diag("join_one_query", at, command, command+" became one query over both kinds of events: a column tells the rows of each search apart")
	l.diag("default_limit", at, command, "Splunk reads "+subsearchRows+" rows of a subsearch at most, the draft all of them")
	return ""
}

// appendEvents adds the events of another search over the same source.
func (l *lowering) appendEvents(r *lowering, at spl.Span, command string) (reason string) {
	if l.src != r.src || len(l.also)+len(r.also) > 0 {
		return "the searches read the events of different sources as they are; group them (stats) first"
	}
	if l.env.open != r.env.open {
		return "one of the searches has a list of fields and the other does not"
	}
	a, b := eventBranch(l, mainSide), eventBranch(r, subSide)
	if a == nil || b == nil {
		return "one of the searches orders, limits or expands its events"
	}
	if collide(a, b) || collide(b, a) {
		return "both searches compute a column that the other one reads"
	}
	cmds, ok := sides(a, b, at)
	if !ok {
		return "the searches look for bare words"
	}
	l.unite(r, cmds, at)
	l.diag("join_one_query", at, command, "the searches became one over the same events; an event that both find counts twice, as in Splunk")
	return ""
}

// eventBranch is a pipeline that filters events and computes columns; nil when it does more.
func eventBranch(l *lowering, side string) *branch {
	b := &branch{l: l, side: side, stats: &esql.Stats{}}
	for _, c := range l.cmds {
		switch c := c.(type) {
		case *esql.Where:
			if len(b.before) == 0 {
				b.filter = append(b.filter, c.Expr)
			} else {
				b.late = append(b.late, c.Expr)
			}
		case *esql.Eval, *esql.Dissect, *esql.Grok:
			b.before = append(b.before, c)
		default:
			return nil
		}
	}
	return b
}

// unite makes one environment of those of two branches whose rows stand in one stream.
func (l *lowering) unite(r *lowering, cmds []esql.Command, at spl.Span) {
	o := esql.At{Origin: origin(at)}
	ev := &esql.Eval{At: o}
	next := l.env.clone()
	next.order, next.cols = nil, map[string]*column{}
	taken := map[string]bool{sideColumn: true}
	for _, c := range l.env.cols {
		taken[c.name] = true
	}
	for _, c := range r.env.cols {
		taken[c.name] = true
	}
	names := append([]string(nil), l.env.order...)
	for _, n := range r.env.order {
		if _, ok := l.env.cols[n]; !ok {
			names = append(names, n)
		}
	}
	open := l.env.open
	written := map[string]bool{}
	for _, n := range names {
		a, b := l.env.cols[n], r.env.cols[n]
		if open {
			// a stored field is there on both sides
			if a == nil {
				a = r.peekStored(n, at)
			}
			if b == nil {
				b = l.peekStored(n, at)
			}
		}
		if a != nil && a.hole || b != nil && b.hole {
			next.bind(n, &column{name: n, hole: true})
			continue
		}
		if a != nil && b != nil && a.name == b.name && a.constant == nil && b.constant == nil {
			c := *a
			c.nonNull = a.nonNull && b.nonNull
			c.filled = a.filled && b.filled
			c.pending = joined(false, a.pending, b.pending)
			if b.array > c.array {
				c.array = b.array
			}
			next.bind(n, &c)
			continue
		}
		x, y := sideValue(a), sideValue(b)
		if x.null && y.null {
			next.bind(n, &column{name: n, typ: "null", constant: &esql.Literal{}})
			continue
		}
		vs, typ := l.unify([]value{x, y})
		c := &column{typ: typ, array: anyArray(vs), nonNull: x.nonNull && y.nonNull && a != nil && b != nil, computed: true}
		if a != nil {
			c.pending = a.pending
		}
		if b != nil {
			c.pending = joined(false, c.pending, b.pending)
		}
		c.name = columnName(n)
		if a != nil && a.constant == nil {
			c.name = a.name
		} else if b != nil && b.constant == nil {
			c.name = b.name
		} else {
			for i := 2; taken[c.name]; i++ {
				c.name = columnName(n) + "_" + itoa(i)
			}
			taken[c.name] = true
		}
		// two names of one column part where only one of them differs
		for i := 2; written[c.name]; i++ {
			c.name = columnName(n) + "_" + itoa(i)
		}
		written[c.name] = true
		args := []esql.Expr{binary("==", col(sideColumn), str(mainSide)), vs[0].expr, vs[1].expr}
		switch {
		case y.null:
			args = args[:2]
		case x.null:
			args = []esql.Expr{binary("==", col(sideColumn), str(subSide)), vs[1].expr}
		}
		ev.Assigns = append(ev.Assigns, &esql.Assign{At: o, Name: c.name, Expr: mark(call("CASE", args...), at)})
		next.bind(n, c)
	}
	ev.Assigns = inReadingOrder(ev.Assigns)
	if len(ev.Assigns) > 0 {
		cmds = append(cmds, ev)
	}
	stage := len(l.stages)
	for _, c := range cmds {
		if _, ok := l.stageIndex[c]; !ok {
			l.stageIndex[c] = stage
		}
	}
	used := map[string]bool{}
	for _, c := range next.cols {
		used[c.name] = true
	}
	drop := []string{sideColumn}
	for _, e := range []*env{l.env, r.env} {
		for _, n := range e.order {
			c := e.cols[n]
			if !used[c.name] && !c.hole && c.constant == nil && (c.computed || l.aggregated) {
				used[c.name] = true
				drop = append(drop, esql.EscapePattern(c.name))
			}
		}
	}
	cmds = append(cmds, &esql.Drop{At: o, Names: drop})
	l.stageIndex[cmds[len(cmds)-1]] = stage
	for n := range r.env.shadowed {
		next.shadow(n, r.env.shadowed[n])
	}
	for n := range r.env.gone {
		if _, ok := next.cols[n]; !ok {
			next.hide(n)
		}
	}
	l.env, l.cmds = next, cmds
	l.kinds = nil // the rows of either search alert
	for _, i := range r.indices {
		l.indices = appendNew(l.indices, i)
	}
	l.longestSpan = max(l.longestSpan, r.longestSpan)
	l.needsID = l.needsID || r.needsID
	l.fullText, l.projected = false, l.projected && r.projected
	l.present = nil
	l.eventCodes = nil
	l.helpers = append(l.helpers, r.helpers...)
	l.useful = true
}

// peekStored is a stored field of that name, nil when there is none.
func (l *lowering) peekStored(name string, at spl.Span) *column {
	c := l.peek(name, at)
	if c.hole || c.constant != nil {
		return nil
	}
	return c
}

// sideValue reads the column of one branch; one without it has null there.
func sideValue(c *column) value {
	if c == nil {
		return nullValue()
	}
	return c.value()
}
