package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// metadataColumns end every KEEP of a query without STATS: alerts de-duplicate by them.
var metadataColumns = []string{"_id", "_index", "_version"}

// finish puts FROM in front and the column list at the end, prints and decides the result.
func (l *lowering) finish() {
	l.sayEmptyRow()
	if l.src == nil || len(l.indexPatterns()) == 0 {
		return
	}
	from := &esql.From{}
	if !l.aggregated || l.needsID {
		from.Metadata = metadataColumns
	}
	from.Origin = l.sourceOrigin
	l.neverAlerts(l.cmds)
	cmds := append([]esql.Command{from}, l.cmds...)
	guardNulls(cmds)
	if cmd, why := esql.Oversized(cmds); cmd != nil {
		at := wholeSpan(l.req.Query)
		l.diag("too_complex", at, "", why+"; split the rule into simpler ones, or write its query by hand")
		return
	}
	if !l.aggregated && !hasLimit(l.cmds) {
		l.command = ""
		l.diag("row_limit", spl.Span{Start: spl.Pos{Line: 1, Column: 1}, End: spl.Pos{Line: 1, Column: 1}}, "", "every matching event is a row: ES|QL returns at most 1,000 of them in one run, 10,000 with a LIMIT, and Kibana alerts on at most max_signals of these, which is set to 1,000: the smaller number holds")
	}
	if l.projected {
		var names distinct
		for _, n := range l.env.order {
			c := l.env.cols[n]
			if c.hole || c.constant != nil {
				continue
			}
			names.add(pattern(c.name))
			if c.domain != "" && !names.has(pattern(c.domain)) {
				names.add(pattern(c.domain))
			}
			if !c.computed {
				for _, also := range c.mapping().Also {
					names.add(pattern(also))
				}
			}
		}
		if len(l.env.kept) > 0 && l.schema.IsIdentity() {
			for _, n := range sortedKeys(l.req.Types) {
				if anyStar(l.env.kept, n) && !l.env.gone[n] && !anyStar(l.env.dropped, n) {
					names.add(pattern(n))
				}
			}
		}
		if !l.aggregated {
			for _, m := range metadataColumns {
				names.add(m)
			}
			names.add("@timestamp")
		}
		if len(names.list) > 0 {
			k := &esql.Keep{Names: names.list}
			k.Origin = origin(l.keepSpan)
			cmds = append(cmds, k)
		}
	}
	if len(l.helpers) > 0 && !l.projected {
		cmds = append(cmds, &esql.Drop{Names: l.helpers})
	}
	cmds = append(cmds[:1], l.fitStreams(cmds[1:])...)
	l.setUnmapped(from, cmds[1:])
	from.Indices = l.indexPatterns()
	l.out.Index = from.Indices
	l.out.ESQL = &esql.Query{Commands: cmds}
	// Each command is printed once: the stages show the same text that the query is made of.
	l.out.Stages = l.stages
	text, parts := esql.PrintEach(l.budget, cmds)
	l.out.Query = text
	if len(l.stages) == 0 {
		return
	}
	offsets, at := make([]int32, len(cmds)), 0
	for i, part := range parts {
		offsets[i] = int32(at) // the parser takes no text of 2 GiB, and no draft comes near
		at += len(part) + len("\n| ")
	}
	last, run := -1, 0 // the stage of the command before, and how many in a row are its
	for i, c := range cmds {
		stage, ok := l.stageIndex[c]
		switch {
		case i == 0:
			stage = 0
		case !ok:
			stage = len(l.stages) - 1
		}
		if stage == last {
			run++
		} else {
			last, run = stage, 1
		}
		if s := &l.out.Stages[stage]; len(s.ESQL) == run-1 {
			s.ESQL, s.Offsets = parts[i+1-run:i+1:i+1], offsets[i+1-run:i+1:i+1] // all of its commands stand together
		} else {
			s.ESQL, s.Offsets = append(s.ESQL, parts[i]), append(s.Offsets, offsets[i])
		}
	}
}

func hasLimit(cmds []esql.Command) bool {
	return slices.ContainsFunc(cmds, func(c esql.Command) bool { _, ok := c.(*esql.Limit); return ok })
}

// pattern is a column name for KEEP, where * is a wildcard.
func pattern(name string) string {
	if strings.ContainsAny(name, `*\`) {
		return esql.EscapePattern(name)
	}
	return name
}

func (l *lowering) indexPatterns() []string {
	if len(l.opts.Index) > 0 {
		return l.opts.Index
	}
	return l.indices
}

// keepCondition counts a condition that the draft has.
func (l *lowering) keepCondition() {
	l.useful = true
	l.kept++
	if l == l.main && !l.aggregated {
		l.keptOfEvents++
	}
}

// leaveCondition counts a condition that is left out of the draft.
func (l *lowering) leaveCondition() {
	l.left++
	if l == l.main && !l.aggregated {
		l.leftOfEvents++
	}
}

// unfiltered says that the draft lost every condition on events that the search has: it would alert on everything, or count
// everything.
func (c *compilation) unfiltered() bool {
	return c.kept == 0 && c.left > 0 || c.keptOfEvents == 0 && c.leftOfEvents > 0
}

// classify decides full, partial or untranslatable.
func (c *compilation) classify(l *lowering) {
	worst := Info
	for _, d := range c.diags {
		switch d.Severity {
		case Error:
			worst = Error
		case Approximation:
			if worst == Info {
				worst = Approximation
			}
		}
	}
	if c.out.ESQL == nil && !slices.ContainsFunc(c.diags, func(d Diagnostic) bool { return d.Code == "too_complex" }) {
		c.command = ""
		c.diag("no_draft", wholeSpan(c.req.Query), "", "no query could be written: without a data source nothing can be searched; give an index pattern, or add the source to the schema overrides")
	}
	switch {
	case c.out.ESQL == nil || worst == Error && (!l.useful || c.unfiltered()):
		// A draft that lost all its conditions would alert on everything.
		if c.out.ESQL != nil {
			c.command = ""
			c.diag("no_draft", wholeSpan(c.req.Query), "", "no useful query could be written: each condition on events had to be left out, and without conditions the rule would alert on all of them; settle the other errors first")
		}
		c.out.Result = Untranslatable
		c.out.ESQL, c.out.Query, c.out.Stages, c.out.Index = nil, "", nil, nil
	case worst == Info:
		c.out.Result = Full
	default:
		c.out.Result = Partial
	}
}
