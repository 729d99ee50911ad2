package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// tail is not lowered yet.
func (l *lowering) tail(cmd *spl.Tail) { l.unsupported(cmd) }

// reverse is not lowered yet.
func (l *lowering) reverse(cmd *spl.Reverse) { l.unsupported(cmd) }

// filldown is not lowered yet.
func (l *lowering) filldown(cmd *spl.FillDown) { l.unsupported(cmd) }
