package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// spath is not lowered yet.
func (l *lowering) spath(cmd *spl.SPath) { l.unsupported(cmd) }

// extract is not lowered yet.
func (l *lowering) extract(cmd *spl.Extract) { l.unsupported(cmd) }
