package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// makes lists the fields that a command without a lowering would make, so that what follows does not take a stored
// field of that name for them.
func makes(cmd *spl.Other) []string {
	option := func(name, otherwise string) string {
		for _, o := range cmd.Options {
			if o.Name == name {
				return o.Value
			}
		}
		return otherwise
	}
	// FIELD [AS NAME], several of them
	renamed := func(name func(field string) string) []string {
		var out []string
		for i := 0; i < len(cmd.Args); i++ {
			if equalWord(cmd.Args[i], "as") && i+1 < len(cmd.Args) && len(out) > 0 {
				out[len(out)-1] = cmd.Args[i+1].Text
				i++
				continue
			}
			out = append(out, name(cmd.Args[i].Text))
		}
		return out
	}
	same := func(f string) string { return f }
	switch cmd.Command {
	case "accum":
		return renamed(same)
	case "delta":
		return renamed(func(f string) string { return "delta(" + f + ")" })
	case "autoregress":
		from, to := 1, 1
		if lo, hi, several := strings.Cut(option("p", "1"), "-"); several {
			from, _ = strconv.Atoi(lo)
			to, _ = strconv.Atoi(hi)
		} else if n, err := strconv.Atoi(lo); err == nil {
			from, to = n, n
		}
		var out []string
		for _, f := range renamed(same) {
			for p := max(from, 1); p <= min(to, 100); p++ {
				out = append(out, f+"_p"+itoa(p))
			}
		}
		return out
	case "concurrency":
		return []string{option("output", "concurrency")}
	case "addinfo":
		return []string{"info_min_time", "info_max_time", "info_sid", "info_search_time"}
	case "cluster":
		return []string{option("countfield", "cluster_count"), option("labelfield", "cluster_label")}
	case "anomalydetection", "anomalousvalue", "anomalies":
		return []string{"probable_cause", "log_event_prob", "max_freq", "Anomaly_Score_Num", "Anomaly_Score_Cat", "unexpectedness"}
	case "tags":
		return []string{option("outputfield", "")}
	case "kmeans":
		return []string{option("cfield", "CLUSTERNUM")}
	case "typer":
		return []string{"eventtype"}
	}
	return nil
}

// rangemap names the range that a number is in: case over its ranges, in their order.
func (l *lowering) rangemap(cmd *spl.Other) {
	at := cmd.Span()
	field, otherwise := "", "None"
	var conds []string
	type band struct {
		name     string
		from, to esql.Expr
	}
	var bands []band
	for _, o := range cmd.Options {
		switch strings.ToLower(o.Name) {
		case "field":
			field = o.Value
			continue
		case "default":
			otherwise = o.Value
			continue
		}
		from, to, ok := numberRange(o.Value)
		if !ok {
			l.diag("unsupported_option", o.Span(), o.Name, o.Name+"="+o.Value+" is no range of numbers such as 1-10; write it as eval with case()")
			l.defineHole("range")
			return
		}
		a, _ := number(from)
		b, _ := number(to)
		bands = append(bands, band{o.Name, a, b})
		conds = append(conds, o.Name)
	}
	if field == "" || len(bands) == 0 {
		l.diag("unsupported_command", at, "rangemap", "rangemap needs a field and ranges; write it as eval with case()")
		l.defineHole("range")
		return
	}
	v := l.numeric(l.lookup(field, at).value(), at)
	if v.hole {
		l.leaveOut(cmd, field, "range")
		return
	}
	if v.null {
		l.defineAs("range", &column{typ: "keyword", nonNull: true}, mark(str(otherwise), at), at)
		return
	}
	if v.multi() {
		l.arrayNote(v, at, "rangemap", "rangemap of several values compares none in ES|QL")
	}
	l.useful = true
	if len(bands) == 1 {
		b := bands[0]
		x := call("CASE", and(binary(">=", v.expr, b.from), binary("<=", v.expr, b.to)), str(b.name), str(otherwise))
		l.defineAs("range", &column{typ: "keyword", nonNull: true}, mark(x, at), at)
		return
	}
	// overlapping ranges give several values
	parts := make([]esql.Expr, 0, len(bands))
	overlap := false
	for i, b := range bands {
		parts = append(parts, and(binary(">=", v.expr, b.from), binary("<=", v.expr, b.to)), str(b.name))
		for _, o := range bands[:i] {
			overlap = overlap || literalNumber(b.from) <= literalNumber(o.to) && literalNumber(o.from) <= literalNumber(b.to)
		}
	}
	if overlap {
		l.diag("function_differs", at, "rangemap", "ranges overlap ("+strings.Join(conds, ", ")+"): a number in several has all their names in Splunk, the first in the draft")
	}
	l.defineAs("range", &column{typ: "keyword", nonNull: true}, mark(call("CASE", append(parts, str(otherwise))...), at), at)
}

func literalNumber(x esql.Expr) float64 {
	switch n := x.(*esql.Literal).Value.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// numberRange reads 1-10, also with negative numbers.
func numberRange(s string) (from, to string, ok bool) {
	s = strings.TrimSpace(s)
	for i := 1; i < len(s); i++ {
		if s[i] != '-' {
			continue
		}
		from, to = s[:i], s[i+1:]
		_, ok1 := number(from)
		_, ok2 := number(to)
		if ok1 && ok2 {
			return from, to, true
		}
	}
	return "", "", false
}

// addinfo adds what is known of the search: the time it runs at.
func (l *lowering) addinfo(cmd *spl.Other, rest []spl.Command) {
	used := namesUsed(rest)
	for _, n := range []string{"info_min_time", "info_max_time", "info_sid"} {
		if used[n] {
			l.diag("unsupported_command", cmd.Span(), n, "`"+n+"` is a bound of the search's own time range, which a query does not know; Kibana filters by the rule's window itself, so leave the condition out or compare @timestamp with now()")
		}
		l.defineHole(n)
	}
	if used["info_search_time"] {
		l.defineAs("info_search_time", &column{typ: "date", nonNull: true}, mark(call("NOW"), cmd.Span()), cmd.Span())
	}
	l.diag("display_only", cmd.Span(), "addinfo", "addinfo adds facts about the search itself, of which the draft knows the time it runs at")
}
