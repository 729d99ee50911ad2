package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
)

// metadataColumns end every KEEP of a query without STATS: alerts de-duplicate by them.
var metadataColumns = []string{"_id", "_index", "_version"}

// finish puts FROM in front and the column list at the end, prints and decides the result.
func (l *lowering) finish() {
	if l.src == nil || len(l.indexPatterns()) == 0 {
		return
	}
	from := &esql.From{Indices: l.indexPatterns()}
	if !l.aggregated {
		from.Metadata = metadataColumns
	}
	from.Origin = l.sourceOrigin
	cmds := append([]esql.Command{from}, l.cmds...)
	if l.projected {
		var names []string
		for _, n := range l.env.order {
			c := l.env.cols[n]
			if c.hole || c.constant != nil {
				continue
			}
			names = appendNew(names, esql.EscapePattern(c.name))
		}
		if !l.aggregated {
			for _, m := range metadataColumns {
				names = appendNew(names, m)
			}
			names = appendNew(names, "@timestamp")
		}
		if len(names) > 0 {
			k := &esql.Keep{Names: names}
			k.Origin = origin(l.keepSpan)
			cmds = append(cmds, k)
		}
	}
	if len(l.helpers) > 0 && !l.projected {
		cmds = append(cmds, &esql.Drop{Names: l.helpers})
	}
	l.out.Index = l.indexPatterns()
	l.out.ESQL = &esql.Query{Commands: cmds}
	l.out.Query = esql.Print(l.out.ESQL)
	for i, st := range l.stages {
		for _, c := range cmds {
			if o, ok := l.stageIndex[c]; ok && o == i {
				st.ESQL = append(st.ESQL, esql.PrintCommand(c))
			}
		}
		if i == 0 {
			st.ESQL = append([]string{esql.PrintCommand(from)}, st.ESQL...)
		}
		if k, ok := cmds[len(cmds)-1].(*esql.Keep); ok && i == len(l.stages)-1 {
			st.ESQL = append(st.ESQL, esql.PrintCommand(k))
		}
		l.out.Stages = append(l.out.Stages, st)
	}
}

func (l *lowering) indexPatterns() []string {
	if len(l.opts.Index) > 0 {
		return l.opts.Index
	}
	return l.indices
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
	if c.out.ESQL == nil {
		c.command = ""
		c.diag("no_draft", wholeSpan(c.req.Query), "", "there is no draft: without a data source nothing can be searched; give an index pattern or add the source to the schema overrides")
	}
	switch {
	case c.out.ESQL == nil || worst == Error && !l.useful:
		c.out.Result = Untranslatable
		c.out.ESQL, c.out.Query = nil, ""
	case worst == Info:
		c.out.Result = Full
	default:
		c.out.Result = Partial
	}
}
