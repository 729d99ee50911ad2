package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// from is not lowered yet.
func (l *lowering) from(cmd *spl.From) { l.unsupported(cmd) }

// makeresults is not lowered yet.
func (l *lowering) makeresults(cmd *spl.MakeResults) { l.unsupported(cmd) }
