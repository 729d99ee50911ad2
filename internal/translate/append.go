package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// appendRows is not lowered yet.
func (l *lowering) appendRows(cmd *spl.Append) { l.unsupported(cmd) }

// multisearch is not lowered yet.
func (l *lowering) multisearch(cmd *spl.Multisearch) { l.unsupported(cmd) }
