package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// other lowers the commands that have no node of their own in the tree.
func (l *lowering) other(c *spl.Other, input plan.Node) plan.Node {
	switch c.Command {
	case "xyseries", "maketable":
		return l.xyseries(c, input)
	case "contingency", "counttable", "ctable":
		return l.contingency(c, input)
	case "untable":
		return l.untable(c, input)
	case "transpose":
		return l.transpose(c, input)
	case "addtotals":
		return l.addtotals(c, input)
	case "addcoltotals":
		return &plan.TotalRow{Step: step(c.At.At, input), Fields: texts(c.Args), Label: option(c.Options, "label", ""), LabelField: option(c.Options, "labelfield", "")}
	case "addinfo":
		return l.extend(c.At.At, input, &plan.SearchInfo{}, "info_min_time", "info_max_time", "info_search_time", "info_sid")
	case "setfields":
		return l.setfields(c, input)
	case "rangemap":
		return l.rangemap(c, input)
	case "strcat":
		return l.strcat(c, input)
	case "replace":
		return l.replace(c, input)
	case "delta", "accum", "autoregress", "trendline":
		return l.running(c, input)
	case "uniq":
		return &plan.Limit{Step: step(c.At.At, input), Count: 1, Same: true}
	case "makecontinuous":
		n := &plan.Continuous{Step: step(c.At.At, input), Field: "_time", Width: option(c.Options, "span", "")}
		if len(c.Args) > 0 {
			n.Field = c.Args[0].Text
		}
		return n
	case "tojson":
		return l.tojson(c, input)
	case "fromjson":
		if len(c.Args) != 1 {
			return hole(c.At.At, input, c.Command, "fromjson takes one field")
		}
		return l.extend(c.At.At, input, &plan.ReadPairs{Kind: "fromjson", Field: c.Args[0].Text, Prefix: option(c.Options, "prefix", "")}, "*")
	case "gentimes":
		return l.gentimes(c)
	case "set":
		return l.set(c, input)
	case "selfjoin":
		return l.selfjoin(c, input)
	case "eventcount":
		return l.eventcount(c)
	case "fieldsummary":
		n := &plan.Summary{Step: step(c.At.At, input), Fields: texts(c.Args), MaxValues: count(c.Options, "maxvals", 100)}
		n.Scope = plan.Scope{Open: true}
		return n
	case "reltime":
		return l.extend(c.At.At, input, &plan.Ago{}, "reltime")
	case "concurrency":
		n := &plan.Concurrent{Step: step(c.At.At, input), Duration: option(c.Options, "duration", ""), Start: option(c.Options, "start", "_time"), Output: option(c.Options, "output", "concurrency")}
		if n.Duration == "" {
			return hole(c.At.At, input, c.Command, "concurrency needs duration=")
		}
		n.Scope = n.Scope.With(l.column(n.Output, value.Desc{Kind: value.Number, Missing: value.Maybe, Settled: true}, plan.Computed, c.At.At))
		return n
	case "outlier":
		return l.outlier(c, input)
	case "localize":
		return l.localize(c, input)
	case "gauge":
		return l.gauge(c, input)
	case "timewrap":
		return l.timewrap(c, input)
	case "rtorder":
		return l.rtorder(c, input)
	case "fieldformat", "highlight", "iconify", "abstract", "localop", "redistribute", "noop", "require", "tags", "typer", "relevancy", "scrub", "expand", "outputtext",
		"sendalert", "sendemail", "collect", "mcollect", "meventcollect", "tscollect", "outputcsv", "outputtelemetry", "createrss", "dump", "delete":
		return l.pass(c, input)
	}
	return hole(c.At.At, input, c.Command, "%s", reason(c.Command))
}

// tojson reads fields and types of fields, such as num(age) name.
func (l *lowering) tojson(c *spl.Other, input plan.Node) plan.Node {
	t := &plan.ToJSON{Type: strings.ToLower(option(c.Options, "default_type", "none")), Null: truth(c.Options, "fill_null", false),
		Internal: truth(c.Options, "include_internal", false), Output: option(c.Options, "output_field", "_raw")}
	for _, a := range c.Args {
		f := plan.TypedField{Pattern: a.Text}
		if kind, rest, ok := strings.Cut(a.Text, "("); ok && !a.Quoted && strings.HasSuffix(rest, ")") {
			f = plan.TypedField{Pattern: strings.TrimSpace(rest[:len(rest)-1]), Type: strings.ToLower(kind)}
		}
		if f.Type != "" && !value.IsJSONType(f.Type) {
			return hole(a.At.At, input, c.Command, "tojson knows auto, bool, json, none, num and str, not %s", f.Type)
		}
		t.Fields = append(t.Fields, f)
	}
	if !value.IsJSONType(t.Type) {
		return hole(c.At.At, input, c.Command, "tojson knows auto, bool, json, none, num and str, not %s", t.Type)
	}
	return l.extend(c.At.At, input, t, t.Output)
}

// pass passes rows on.
func (l *lowering) pass(c *spl.Other, input plan.Node) plan.Node {
	switch c.Command {
	case "fieldformat", "highlight", "iconify", "abstract", "outputtext":
		l.note(c.At.At, "%s only changes how values are shown: the rows pass on", c.Command)
	case "localop", "redistribute", "noop", "require":
		l.note(c.At.At, "%s does not change the rows", c.Command)
	case "tags", "typer":
		l.note(c.At.At, "%s adds what a Splunk server knows of events, which is not given here: nothing is added", c.Command)
	default:
		l.note(c.At.At, "%s writes or sends the rows elsewhere: they pass on and nothing is written or sent", c.Command)
	}
	return input
}

// reason says why a command has no rows here.
func reason(command string) string {
	switch command {
	case "rest", "metadata", "dbinspect", "mcatalog", "metasearch", "loadjob", "savedsearch", "inputcsv", "history", "audit", "typeahead", "walklex":
		return command + " reads what only a Splunk server holds: give its rows as events or as a lookup"
	case "dbxquery", "ldapsearch":
		return command + " asks another system: give its rows as events or as a lookup"
	case "anomalies", "anomalousvalue", "anomalydetection", "cluster", "kmeans", "predict", "associate", "correlate", "arules", "analyzefields", "x11", "trendline", "typelearner", "findtypes":
		return command + " rates or groups rows by statistics that its documentation does not define to the number: leave it out to see the rows before it"
	case "fit", "apply", "summary", "score", "sample", "deletemodel", "listmodels":
		return command + " is of the machine learning toolkit: leave it out to see the rows before it"
	case "script", "run", "runshellscript":
		return command + " runs a program on a Splunk server: leave it out to see the rows before it"
	}
	return command + " has no meaning for rows here: leave it out to see the rows before it"
}

func (l *lowering) addtotals(c *spl.Other, input plan.Node) plan.Node {
	var n plan.Node = input
	fields := texts(c.Args)
	if truth(c.Options, "row", true) {
		name := option(c.Options, "fieldname", "Total")
		n = l.extend(c.At.At, n, &plan.Total{Fields: fields, Name: name}, name)
	}
	if truth(c.Options, "col", false) {
		n = &plan.TotalRow{Step: step(c.At.At, n), Fields: fields, Label: option(c.Options, "label", "Total"), LabelField: option(c.Options, "labelfield", "")}
	}
	return n
}

// setfields gives fields one value in all rows.
func (l *lowering) setfields(c *spl.Other, input plan.Node) plan.Node {
	if len(c.Options) == 0 {
		return hole(c.At.At, input, c.Command, "setfields takes FIELD=VALUE, with commas between several")
	}
	n := input
	for _, o := range c.Options {
		n = l.extend(o.At.At, n, &plan.Assign{Name: o.Name, Expr: plan.NewConst(o.At.At, value.Str(o.Value))}, o.Name)
	}
	return n
}

func (l *lowering) rangemap(c *spl.Other, input plan.Node) plan.Node {
	r := &plan.Ranges{Field: option(c.Options, "field", ""), Default: option(c.Options, "default", "None")}
	for _, o := range c.Options {
		if o.Name == "field" || o.Name == "default" {
			continue
		}
		// -5--1 is from -5 to -1.
		i := strings.IndexByte(strings.TrimPrefix(o.Value, "-"), '-')
		if i < 0 {
			return hole(o.At.At, input, "rangemap", "%s=%s is no range of numbers such as 1-10", o.Name, o.Value)
		}
		i += len(o.Value) - len(strings.TrimPrefix(o.Value, "-"))
		low, ok1 := value.ParseNumber(o.Value[:i])
		top, ok2 := value.ParseNumber(o.Value[i+1:])
		if !ok1 || !ok2 {
			return hole(o.At.At, input, "rangemap", "%s=%s is no range of numbers such as 1-10", o.Name, o.Value)
		}
		r.Ranges = append(r.Ranges, plan.NamedRange{Name: o.Name, Low: low, Top: top})
	}
	if r.Field == "" {
		return hole(c.At.At, input, "rangemap", "rangemap needs field=")
	}
	return l.extend(c.At.At, input, r, "range")
}

// strcat joins fields and texts into the last name.
func (l *lowering) strcat(c *spl.Other, input plan.Node) plan.Node {
	if len(c.Args) < 2 {
		return hole(c.At.At, input, "strcat", "strcat takes fields or texts and the name of the result")
	}
	required := truth(c.Options, "allrequired", false)
	s := input.Behind()
	var joined plan.Expr
	for _, a := range c.Args[:len(c.Args)-1] {
		var x plan.Expr
		if a.Quoted {
			x = plan.NewConst(a.At.At, value.Str(a.Text))
		} else {
			x = plan.NewField(a.At.At, l.find(s, a.Text))
			if !required {
				x = apply(a.At.At, "coalesce", value.InEval, x, plan.NewConst(a.At.At, value.Str("")))
			}
		}
		if joined == nil {
			joined = x
		} else {
			joined = apply(c.At.At, ".", value.InEval, joined, x)
		}
	}
	name := c.Args[len(c.Args)-1].Text
	return l.extend(c.At.At, input, &plan.Assign{Name: name, Expr: joined}, name)
}

// replace reads OLD WITH NEW, … [IN FIELDS].
func (l *lowering) replace(c *spl.Other, input plan.Node) plan.Node {
	r := &plan.Replace{}
	args := c.Args
	for len(args) >= 3 && strings.EqualFold(args[1].Text, "with") && !args[1].Quoted {
		r.Pairs = append(r.Pairs, plan.Pair{From: args[0].Text, To: args[2].Text})
		args = args[3:]
	}
	if len(args) > 0 && strings.EqualFold(args[0].Text, "in") && !args[0].Quoted {
		r.Fields = texts(args[1:])
		args = nil
	}
	if len(r.Pairs) == 0 || len(args) > 0 {
		return hole(c.At.At, input, "replace", "replace takes OLD WITH NEW, and IN with fields")
	}
	if len(r.Fields) == 0 {
		r.Fields = []string{"*"}
	}
	return l.extend(c.At.At, input, r, r.Fields...)
}

// running is delta, accum, autoregress and trendline.
func (l *lowering) running(c *spl.Other, input plan.Node) plan.Node {
	n := &plan.Running{Step: step(c.At.At, input), Kind: c.Command, First: 1, Last: 1, Lag: 1}
	args := c.Args
	if len(args) == 0 {
		return hole(c.At.At, input, c.Command, "%s needs a field", c.Command)
	}
	if c.Command == "trendline" {
		return l.trendline(c, input)
	}
	n.Field = args[0].Text
	if len(args) >= 3 && strings.EqualFold(args[1].Text, "as") {
		n.As = args[2].Text
	}
	p := option(c.Options, "p", "1")
	from, to, ranged := strings.Cut(p, "-")
	a, ok1 := value.ParseNumber(from)
	b, ok2 := a, true
	if ranged {
		b, ok2 = value.ParseNumber(to)
	}
	if !ok1 || !ok2 || a < 1 || b < a || b > 10_000 {
		return hole(c.At.At, input, c.Command, "p=%s is no number of rows", p)
	}
	n.First, n.Last, n.Lag = int(a), int(b), int(a)
	if n.As == "" {
		switch c.Command {
		case "delta":
			n.As = "delta(" + n.Field + ")"
		case "accum":
			n.As = n.Field
		}
	}
	if n.As != "" {
		n.Scope = n.Scope.With(l.column(n.As, value.Desc{Kind: value.Number, Missing: value.Maybe, Settled: true}, plan.Computed, c.At.At))
	} else {
		n.Scope.Open = true
	}
	return n
}

// trendline reads sma5(field) [as name], one after the other.
func (l *lowering) trendline(c *spl.Other, input plan.Node) plan.Node {
	out := input
	args := c.Args
	for len(args) >= 2 {
		f := strings.ToLower(args[0].Text)
		kind := ""
		for _, k := range []string{"sma", "ema", "wma"} {
			if strings.HasPrefix(f, k) {
				kind = k
			}
		}
		n, ok := value.ParseNumber(strings.TrimPrefix(f, kind))
		if kind == "" || !ok || n < 2 || n > 10_000 {
			return hole(c.At.At, input, c.Command, "trendline takes sma, ema or wma with a period, such as sma5(field)")
		}
		field := strings.Trim(args[1].Text, "()")
		r := &plan.Running{Step: step(c.At.At, out), Kind: "trendline", Average: kind, Lag: int(n), Field: field, As: f + "(" + field + ")"}
		args = args[2:]
		if len(args) >= 2 && strings.EqualFold(args[0].Text, "as") {
			r.As = args[1].Text
			args = args[2:]
		}
		r.Scope = r.Scope.With(l.column(r.As, value.Desc{Kind: value.Number, Missing: value.Maybe, Settled: true}, plan.Computed, c.At.At))
		out = r
	}
	if out == input {
		return hole(c.At.At, input, c.Command, "trendline takes sma, ema or wma with a period, such as sma5(field)")
	}
	return out
}

func (l *lowering) gentimes(c *spl.Other) plan.Node {
	src := &plan.Source{Step: plan.Step{At: c.At.At}, Kind: plan.Generated, Generate: &plan.Times{Start: option(c.Options, "start", ""), End: option(c.Options, "end", ""), Step: option(c.Options, "increment", "1d")}}
	for _, n := range []string{"starttime", "starthuman", "endtime", "endhuman"} {
		src.Scope = src.Scope.With(l.column(n, value.Desc{Kind: value.Numeral, Settled: true}, plan.Computed, c.At.At))
	}
	if src.Generate.Start == "" {
		return hole(c.At.At, nil, c.Command, "gentimes needs start=")
	}
	return src
}

// set is set union, diff and intersect of two subsearches.
func (l *lowering) set(c *spl.Other, input plan.Node) plan.Node {
	kind := ""
	for _, a := range c.Args {
		kind = strings.ToLower(a.Text)
	}
	if len(c.Subs) != 2 || kind != "union" && kind != "diff" && kind != "intersect" {
		return hole(c.At.At, input, "set", "set takes union, diff or intersect and two subsearches")
	}
	first := l.pipeline(c.Subs[0], nil)
	u := union(c.At.At, first, l.pipeline(c.Subs[1], nil))
	u.Set, u.SubLimit = kind, joinRows
	return u
}

// selfjoin joins rows of one search that agree in fields.
func (l *lowering) selfjoin(c *spl.Other, input plan.Node) plan.Node {
	if len(c.Args) == 0 {
		return hole(c.At.At, input, c.Command, "selfjoin needs fields")
	}
	above := &plan.Source{Step: plan.Step{At: c.At.At, Scope: input.Behind()}, Kind: plan.Above}
	return &plan.Join{Step: step(c.At.At, input), Sub: above, Fields: texts(c.Args), Max: count(c.Options, "max", 1), Keep: !truth(c.Options, "overwrite", true), Self: true, Single: truth(c.Options, "keepsingle", false)}
}

// eventcount counts the events that were given.
func (l *lowering) eventcount(c *spl.Other) plan.Node {
	f, _ := value.FindAggregation("count")
	a := &plan.Aggregate{Step: step(c.At.At, events(c.At.At)), Aggs: []plan.Agg{{At: c.At.At, Func: f, Name: "count"}}}
	a.Scope = plan.Scope{}.With(l.column("count", value.Desc{Kind: value.Number, Settled: true}, plan.Aggregated, c.At.At))
	return a
}
