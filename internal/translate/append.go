package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// appendRows is not lowered yet.
func (l *lowering) appendRows(cmd *spl.Append, _ []spl.Command) { l.unsupported(cmd) }

// multisearch is not lowered yet.
func (l *lowering) multisearch(cmd *spl.Multisearch, _ []spl.Command) { l.unsupported(cmd) }
