package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// foreach is not lowered yet.
func (l *lowering) foreach(cmd *spl.Foreach) { l.unsupported(cmd) }

// mapSearches is not lowered yet.
func (l *lowering) mapSearches(cmd *spl.Map) { l.unsupported(cmd) }
