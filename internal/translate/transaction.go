package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// transaction is not lowered yet.
func (l *lowering) transaction(cmd *spl.Transaction, _ []spl.Command) { l.unsupported(cmd) }
