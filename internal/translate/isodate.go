package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// isoDate writes a format with the ISO week or weekday: %V, %G, %u. DATE_FORMAT's letters for these go by the node's
// language, so they are computed. Splunk's list of variables has none of the three; what Splunk makes of them is up to
// the system it runs on.
func (l *lowering) isoDate(format string, d esql.Expr, at spl.Span) (esql.Expr, bool) {
	var parts []esql.Expr
	text, iso := "", ""
	flush := func() bool {
		if text == "" {
			return true
		}
		f, bad := javaDate(text)
		text = ""
		if bad != "" {
			return false
		}
		parts = append(parts, call("DATE_FORMAT", str(f), d))
		return true
	}
	extract := func(part string, x esql.Expr) esql.Expr { return call("DATE_EXTRACT", str(part), x) }
	weekday := func() esql.Expr { return extract("DAY_OF_WEEK", d) } // Monday is 1
	// A week belongs to the year of its Thursday.
	thursday := func() esql.Expr {
		monday := call("DATE_TRUNC", &esql.Duration{N: 1, Unit: "week"}, d)
		return binary("+", monday, &esql.Duration{N: 3, Unit: "day"})
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			text += format[i : i+1]
			continue
		}
		i++
		var x esql.Expr
		switch format[i] {
		case 'u':
			x = call("TO_STRING", weekday())
		case 'G':
			x = call("TO_STRING", extract("YEAR", thursday()))
		case 'V':
			week := binary("+", binary("/", binary("-", extract("DAY_OF_YEAR", thursday()), integer(1)), integer(7)), integer(1))
			x = call("RIGHT", call("CONCAT", str("0"), call("TO_STRING", week)), integer(2))
		default:
			text += format[i-1 : i+1]
			continue
		}
		if !flush() {
			return nil, false
		}
		parts = append(parts, x)
		iso += " %" + format[i:i+1]
	}
	if iso == "" || !flush() {
		return nil, false
	}
	l.diag("function_differs", at, "strftime", "Splunk documents no variable"+iso+" for strftime, so what it writes is not certain; the draft takes the ISO weekday (Monday is 1) and week. Use %w (Sunday is 0) for the weekday")
	if len(parts) == 1 {
		return parts[0], true
	}
	return call("CONCAT", parts...), true
}
