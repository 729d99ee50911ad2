package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// mvexpand is not lowered yet.
func (l *lowering) mvexpand(cmd *spl.MVExpand) { l.unsupported(cmd) }

// mvcombine is not lowered yet.
func (l *lowering) mvcombine(cmd *spl.MVCombine) { l.unsupported(cmd) }

// makemv is not lowered yet.
func (l *lowering) makemv(cmd *spl.MakeMV) { l.unsupported(cmd) }

// nomv is not lowered yet.
func (l *lowering) nomv(cmd *spl.NoMV) { l.unsupported(cmd) }
