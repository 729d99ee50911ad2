package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// join is not lowered yet.
func (l *lowering) join(cmd *spl.Join, _ []spl.Command) { l.unsupported(cmd) }
