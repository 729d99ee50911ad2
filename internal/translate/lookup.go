package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// lookupTable adds columns of a lookup table to the rows.
func (l *lowering) lookupTable(cmd *spl.Lookup, _ []spl.Command) { l.unsupported(cmd) }

// inputlookup starts a search with the rows of a lookup, or appends them.
func (l *lowering) inputlookup(cmd *spl.InputLookup) { l.unsupported(cmd) }

// outputlookup writes the rows to a lookup.
func (l *lowering) outputlookup(cmd *spl.OutputLookup) { l.unsupported(cmd) }
