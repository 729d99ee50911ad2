package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// top is top and rare.
func (l *lowering) top(cmd *spl.Top) { l.unsupported(cmd) }
