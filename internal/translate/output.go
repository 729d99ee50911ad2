package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// returnFields is not lowered yet.
func (l *lowering) returnFields(cmd *spl.Return) { l.unsupported(cmd) }

// format is not lowered yet.
func (l *lowering) format(cmd *spl.Format) { l.unsupported(cmd) }

// other is not lowered yet.
func (l *lowering) other(cmd *spl.Other) { l.unsupported(cmd) }
