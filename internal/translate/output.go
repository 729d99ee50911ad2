package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// otherLowering says what becomes of a command that has no node of its own.
type otherLowering struct {
	code    Code
	message string
	lower   func(*lowering, *spl.Other, []spl.Command)
	// adds says that later fields may come from it.
	adds bool
}

// others is the table of these commands.
var others map[string]otherLowering

func init() {
	effect := func(what, instead string) otherLowering {
		return otherLowering{code: "side_effect", message: what + "; in Elastic " + instead}
	}
	ml := func(what string) otherLowering {
		return otherLowering{code: "unsupported_command", message: what + "; make an anomaly detection or data frame analytics job in Elastic and a rule on its results", adds: true}
	}
	hole := func(message string) otherLowering {
		return otherLowering{code: "unsupported_command", message: message, adds: true}
	}
	display := func(message string) otherLowering { return otherLowering{code: "display_only", message: message} }
	nothing := func(message string) otherLowering { return otherLowering{code: "option_ignored", message: message} }
	store := "the alert itself is stored, and a rule action can send it on"
	pivot := "; ES|QL has no pivot. Keep the rows as they are before it"
	order := " carries values from row to row, which ES|QL cannot; compute it per key with stats"
	others = map[string]otherLowering{
		"collect":       effect("collect copies the results into a summary index", store),
		"mcollect":      effect("mcollect copies the results into a metrics index", store),
		"meventcollect": effect("meventcollect copies the results into a metrics index", store),
		"outputcsv":     effect("outputcsv writes the results to a file", store),
		"outputtext":    effect("outputtext shows the raw text of the results", store),
		"sendemail":     effect("sendemail mails the results", "add an e-mail action to the rule"),
		"sendalert":     effect("sendalert runs an alert action", "add the matching action to the rule"),
		"script":        hole("script runs a program on Splunk's server, which may change the rows; rewrite by hand what it does"),
		"run":           hole("run runs a program on Splunk's server, which may change the rows; rewrite by hand what it does"),

		"tscollect":       effect("tscollect writes the results to an index file", store),
		"outputtelemetry": effect("outputtelemetry reports on Splunk's use", store),
		"dump":            effect("dump exports the results", store),
		"createrss":       effect("createrss writes the results to a feed", "add a connector action to the rule"),

		"noop":         nothing("noop only sets switches of Splunk's optimizer"),
		"localop":      nothing("localop only says where Splunk runs the search"),
		"redistribute": nothing("redistribute only says where Splunk runs the search"),
		"require":      nothing("require only fails a search without results, which raises no alert"),

		"fieldformat": display("fieldformat changes how a value is shown, not the value"),
		"highlight":   display("highlight only marks text on the page"),
		"abstract":    display("abstract only shortens the text shown"),
		"localize":    hole("localize makes a list of time ranges around the results, which ES|QL cannot"),
		"rtorder":     hole("rtorder orders the events of a search in real time, and may drop late ones, which ES|QL cannot"),
		"iconify":     display("iconify only shows icons"),
		"reltime":     display("reltime adds a readable age"),
		"tags":        hole("tags adds Splunk's tags, which are no data; write the field values they stand for"),

		"addtotals":    {lower: alone((*lowering).addtotals)},
		"addcoltotals": hole("addcoltotals adds a row of sums, which is no event to alert on; leave it out"),
		"strcat":       {lower: alone((*lowering).strcat)},
		"replace":      {lower: alone((*lowering).replaceValues)},

		"xyseries":    {lower: (*lowering).xyseries},
		"untable":     hole("untable makes rows of columns" + pivot),
		"transpose":   hole("transpose swaps rows and columns" + pivot),
		"contingency": hole("contingency makes columns of values" + pivot),
		"delta":       hole("delta" + order),
		"accum":       hole("accum" + order),
		"autoregress": hole("autoregress" + order),
		"trendline":   hole("trendline" + order),

		"apply":            ml("apply runs a model that Splunk's machine learning toolkit trained"),
		"fit":              ml("fit trains a model of Splunk's machine learning toolkit"),
		"summary":          ml("summary reads a model of Splunk's machine learning toolkit"),
		"predict":          ml("predict forecasts a series"),
		"outlier":          ml("outlier removes or changes outlying numbers"),
		"anomalydetection": ml("anomalydetection rates how unusual an event is"),
		"anomalies":        ml("anomalies rates how unusual an event is"),
		"anomalousvalue":   ml("anomalousvalue rates how unusual a value is"),
		"cluster":          ml("cluster groups similar events"),
		"kmeans":           ml("kmeans groups similar events"),
		"associate":        ml("associate looks for related fields"),
		"correlate":        ml("correlate looks for related fields"),

		"score":       ml("score rates a model"),
		"sample":      ml("sample takes some of the rows"),
		"rest":        hole("rest asks Splunk's own API; there is no such data in Elasticsearch"),
		"mcatalog":    hole("mcatalog reads the list of metrics, which is Splunk's own; the fields of a metrics-* data stream are in its mapping"),
		"metadata":    hole("metadata reads Splunk's own index statistics; count by the field with stats"),
		"metasearch":  hole("metasearch reads Splunk's own index statistics; search the events"),
		"eventcount":  hole("eventcount reads Splunk's own index statistics; count with stats"),
		"dbinspect":   hole("dbinspect reads Splunk's own storage"),
		"loadjob":     hole("loadjob reads the results of another Splunk search; put that search in its place"),
		"savedsearch": hole("savedsearch runs a search kept in Splunk; put its text in its place"),
		"inputcsv":    hole("inputcsv reads a file on Splunk's server; upload it as a lookup and use inputlookup"),
		"dbxquery":    hole("dbxquery reads another database; index its rows in Elasticsearch"),
		"gentimes":    hole("gentimes makes rows out of nothing, so there is no data a rule could watch"),
		"addinfo":     {lower: (*lowering).addinfo},
		"fromjson":    hole("fromjson reads fields out of a JSON text and 8.19 has no JSON function; parse the field at ingest (json processor) and map its fields in the schema overrides"),
		"tojson":      hole("tojson makes a JSON text and 8.19 has no JSON function"),
		"rangemap":    {lower: alone((*lowering).rangemap)},
		"geostats":    hole("geostats groups places on a map; use stats by the place"),
		"set":         hole("set compares the results of two subsearches; make it one search that groups by the fields they share"),
		"selfjoin":    hole("selfjoin joins rows of one search; make it stats by the field"),
		"concurrency": hole("concurrency counts overlapping events; ES|QL cannot compare an event with its neighbours"),
		"typelearner": hole("typelearner makes event types"),
		"typer":       hole("typer adds Splunk's event types; write the search they stand for"),
	}
}

// alone makes a lowering of one that needs no look at what follows.
func alone(f func(*lowering, *spl.Other)) func(*lowering, *spl.Other, []spl.Command) {
	return func(l *lowering, cmd *spl.Other, _ []spl.Command) { f(l, cmd) }
}

// generating are the commands that begin a search with rows of their own, which are no events.
var generating = map[string]bool{
	"rest": true, "metadata": true, "metasearch": true, "mcatalog": true, "eventcount": true, "dbinspect": true, "loadjob": true,
	"savedsearch": true, "inputcsv": true, "dbxquery": true, "gentimes": true,
}

// other lowers commands that have no node of their own.
func (l *lowering) other(cmd *spl.Other, rest []spl.Command) {
	if l.first && generating[cmd.Command] {
		// no event follows, so that nothing further down has a source
		l.env, l.aggregated = newEnv(false), true
		l.diag("unsupported_command", cmd.Span(), cmd.Command, others[cmd.Command].message+". Without the events of a source there is no draft")
		l.env.setPartial()
		return
	}
	l.ensureSource(cmd.Span())
	o, ok := others[cmd.Command]
	switch {
	case !ok:
		l.unsupported(cmd)
	case o.lower != nil:
		o.lower(l, cmd, rest)
	default:
		msg := o.message
		if severityOf[o.code] == Error {
			msg += ". The draft goes on without it"
		}
		l.diag(o.code, cmd.Span(), cmd.Command, msg)
		if o.adds {
			l.env.setPartial()
		}
		for _, n := range makes(cmd) {
			if n != "" {
				l.defineHole(n)
			}
		}
	}
}

// returnFields is return: the values a subsearch hands to the search around it.
func (l *lowering) returnFields(cmd *spl.Return) {
	l.diag("unsupported_command", cmd.Span(), "return", "return hands values to the search around a subsearch; it means nothing in a search of its own, so leave it out")
}

// format writes the rows of a subsearch as a search text.
func (l *lowering) format(cmd *spl.Format) {
	l.diag("unsupported_command", cmd.Span(), "format", "format writes rows as the text of a search for the search around a subsearch; it means nothing in a search of its own, so leave it out")
}

// addtotals adds up the numbers of a row.
func (l *lowering) addtotals(cmd *spl.Other) {
	name, row := "Total", true
	for _, o := range cmd.Options {
		switch o.Name {
		case "fieldname":
			name = o.Value
		case "row":
			row = isYes(o.Value)
		case "col":
			if isYes(o.Value) {
				l.diag("unsupported_option", o.Span(), "col", "addtotals with col=t adds a row of sums, which is no event to alert on; leave it out")
			}
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` only names the row of sums")
		}
	}
	if !row {
		l.diag("option_ignored", cmd.Span(), "row", "addtotals with row=f adds no field")
		return
	}
	var names []spl.Name
	for _, a := range cmd.Args {
		for _, n := range l.env.names(a.Text) {
			names = append(names, spl.Name{At: a.At, Text: n})
		}
		if len(l.env.names(a.Text)) == 0 {
			names = append(names, a)
		}
	}
	if len(cmd.Args) == 0 {
		if l.env.open || l.env.partial() {
			l.diag("unsupported_option", cmd.Span(), "addtotals", "addtotals without fields adds every number of an event; list the fields")
			l.defineHole(name)
			return
		}
		for _, n := range l.env.order {
			if c := l.env.cols[n]; !c.hole && isNumeric(c.typ) && c.array == schema.Single {
				names = append(names, spl.Name{At: cmd.At, Text: n})
			}
		}
	}
	var sum esql.Expr
	typ := "long"
	for _, n := range names {
		v := l.numeric(l.lookup(n.Text, n.Span()).value(), n.Span())
		if v.hole {
			l.leaveOut(cmd, n.Text, name)
			return
		}
		if v.null {
			continue
		}
		x := v.expr
		if v.multi() {
			x = call("MV_SUM", x)
		}
		if !isInteger(v.typ) {
			typ = "double"
		}
		if !v.nonNull || v.multi() {
			zero := integer(0)
			if !isInteger(v.typ) {
				zero = &esql.Literal{Value: 0.0}
			}
			x = call("COALESCE", x, zero)
		}
		x = mark(x, n.Span())
		if sum == nil {
			sum = x
		} else {
			sum = binary("+", sum, x)
		}
	}
	if sum == nil {
		sum = integer(0)
	}
	l.diag("option_ignored", cmd.Span(), "addtotals", "the sum of the numbers of a row; what is no number counts as 0 in both")
	l.useful = true
	l.defineAs(name, &column{typ: typ, nonNull: true}, mark(sum, cmd.Span()), cmd.Span())
}

// strcat joins texts and fields into one: the last argument is the new field.
func (l *lowering) strcat(cmd *spl.Other) {
	args := cmd.Args
	if len(args) < 2 {
		l.diag("unsupported_command", cmd.Span(), "strcat", "strcat needs texts or fields and a name for the result")
		return
	}
	required := false
	for _, o := range cmd.Options {
		required = required || o.Name == "allrequired" && isYes(o.Value)
	}
	dest := args[len(args)-1].Text
	var parts []esql.Expr
	for _, a := range args[:len(args)-1] {
		if a.Quoted {
			parts = append(parts, mark(str(a.Text), a.Span()))
			continue
		}
		v := l.text(l.lookup(a.Text, a.Span()).value())
		switch {
		case v.hole:
			l.leaveOut(cmd, a.Text, dest)
			return
		case v.null:
			if required {
				l.env.bind(dest, &column{name: dest, typ: "null", constant: &esql.Literal{}})
				return
			}
			continue
		}
		x := v.expr
		if v.multi() {
			x = call("MV_CONCAT", x, str(" "))
		}
		if !v.nonNull && !required {
			x = call("COALESCE", x, str(""))
		}
		parts = append(parts, mark(x, a.Span()))
	}
	if len(parts) == 0 {
		parts = []esql.Expr{str("")}
	}
	x := parts[0]
	if len(parts) > 1 {
		x = call("CONCAT", parts...)
	}
	l.useful = true
	l.defineAs(dest, &column{typ: "keyword", nonNull: !required}, mark(x, cmd.Span()), cmd.Span())
}

// replaceValues is replace "old*" WITH "new*" IN fields: whole values, * a wildcard.
func (l *lowering) replaceValues(cmd *spl.Other) {
	type pair struct{ from, to spl.Name }
	var pairs []pair
	var fields []spl.Name
	args := cmd.Args
	for len(args) >= 3 && equalWord(args[1], "with") {
		pairs = append(pairs, pair{args[0], args[2]})
		args = args[3:]
	}
	if len(args) > 1 && equalWord(args[0], "in") {
		fields, args = args[1:], nil
	}
	if len(pairs) == 0 || len(args) > 0 || len(fields) == 0 {
		l.diag("unsupported_command", cmd.Span(), "replace", "replace without IN changes the values of every field; list the fields: replace OLD WITH NEW IN field")
		return
	}
	for _, f := range fields {
		v := l.lookup(f.Text, f.Span()).value()
		if v.hole {
			l.leaveOut(cmd, f.Text)
			continue
		}
		if v.null {
			continue
		}
		t := l.text(v)
		x := t.expr
		if v.multi() {
			l.diag("array_approximate", f.Span(), "replace", "replace in several values is null in ES|QL")
		}
		for _, p := range pairs {
			pattern, repl := wildcardReplacement(p.from.Text, p.to.Text)
			x = call("REPLACE", x, str(pattern), str(repl))
		}
		l.useful = true
		l.defineAs(f.Text, &column{typ: "keyword", nonNull: v.nonNull, array: v.array}, mark(x, cmd.Span()), cmd.Span())
	}
}

func equalWord(n spl.Name, word string) bool { return !n.Quoted && lowerASCII(n.Text) == word }

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// wildcardReplacement writes a replacement of whole values, whose wildcards keep what they stand for, for REPLACE.
func wildcardReplacement(from, to string) (pattern, repl string) {
	pattern = "(?s)^"
	text := ""
	flush := func() {
		if text != "" {
			pattern += javaQuote(text)
			text = ""
		}
	}
	for _, r := range from {
		if r == '*' {
			flush()
			pattern += "(.*)"
			continue
		}
		text += string(r)
	}
	flush()
	n := 0
	for _, r := range to {
		switch r {
		case '*':
			n++
			repl += "$" + itoa(n)
		case '$', '\\':
			repl += `\` + string(r)
		default:
			repl += string(r)
		}
	}
	return pattern + "$", repl
}
