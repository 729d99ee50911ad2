package translate

import "github.com/rulebridge/rulebridge/internal/spl"

// chart is chart and timechart.
func (l *lowering) chart(cmd *spl.Chart) { l.unsupported(cmd) }
