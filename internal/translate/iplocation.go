package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// iplocation is not lowered yet.
func (l *lowering) iplocation(cmd *spl.IPLocation) { l.unsupported(cmd) }
