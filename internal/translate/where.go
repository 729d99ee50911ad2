package translate

import (
	"github.com/rulebridge/rulebridge/internal/spl"
)

func (l *lowering) where(cmd *spl.Where) {
	l.ensureSource(cmd.Span())
	x := l.cond(cmd.Expr, false)
	l.noteThreshold(cmd)
	if x != nil && !isTrue(x) {
		l.keepCondition()
	}
	l.filter(x)
	if x != nil {
		l.noteWhereChoices(cmd.Expr)
	}
}

// ensureSource gives a pipeline that starts without a search the source of a search for everything.
func (l *lowering) ensureSource(at spl.Span) {
	if l.src == nil && !l.aggregated && l.env.open {
		command := l.compilation.command
		l.compilation.command = "" // what the search lacks is no fault of the command that needs it
		l.useSources(nil, at)
		l.compilation.command = command
	}
}
