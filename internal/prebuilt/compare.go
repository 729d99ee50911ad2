package prebuilt

import (
	"fmt"
	"slices"
	"strings"
)

// verdict is the outcome of a comparison of a prebuilt rule with an original.
type verdict struct {
	// replaces says that the prebuilt rule alerts on everything that the original alerts on.
	replaces bool
	// why says what keeps it from replacing, or where it alerts on more.
	why []string
}

// maxReasons bounds the reasons that are listed of one rule.
const maxReasons = 3

// compare decides whether the prebuilt rule alerts wherever the original does. The original is given by what its
// compiled query rests on.
func compare(original, elastic shape) verdict {
	switch {
	case elastic.other != "":
		return verdict{why: []string{elastic.other}}
	case original.other != "":
		return verdict{why: []string{"the rule itself cannot be compared: " + original.other}}
	case len(original.indices) == 0:
		return verdict{why: []string{"it is not known which indices the rule reads"}}
	}
	var v verdict
	for _, p := range original.indices {
		if !reads(elastic.indices, p) {
			v.why = append(v.why, "it does not read "+p)
		}
	}
	if len(v.why) > 0 {
		return v
	}
	if more, less := counts(original, elastic); less != "" {
		return verdict{why: []string{less}}
	} else if more != "" {
		v.why = append(v.why, more)
	}
	if missing := uncovered(original, elastic.filter); missing != "" {
		return verdict{why: []string{missing}}
	}
	more, unlimited := wider(original, elastic)
	if unlimited != "" {
		return verdict{why: []string{unlimited}}
	}
	v.replaces = true
	v.why = append(v.why, more...)
	return v
}

// unlimited says whether a part of the original limits a field that the prebuilt rule does not look at: such a rule is about
// more than the original, on any host where that one is about some. Kinds of events, which each rule names in its own way,
// and exclusions do not count.
func unlimited(part clause, elastic map[string]bool) bool {
	fields := map[string]bool{}
	positiveFields(part, fields)
	limits := false
	for f := range fields {
		if strings.HasPrefix(f, "event.") || strings.HasPrefix(f, "data_stream.") {
			continue
		}
		if elastic[f] || elastic[strings.TrimSuffix(f, ".executable")+".name"] || elastic[strings.TrimSuffix(f, ".command_line")+".args"] {
			return false
		}
		limits = true
	}
	return limits
}

// positiveFields collects the fields of which a value is asked for.
func positiveFields(c clause, into map[string]bool) {
	switch c := c.(type) {
	case all:
		for _, x := range c {
			positiveFields(x, into)
		}
	case some:
		for _, x := range c {
			positiveFields(x, into)
		}
	case test:
		if !c.not && !c.present() {
			into[c.field] = true
		}
	case number:
		into[c.field] = true
	case opaque:
		if c.not || c.fields == "" {
			return
		}
		for _, f := range strings.Split(c.fields, ",") {
			into[f] = true
		}
	}
}

// uncovered says which part of the prebuilt rule's condition does not follow from the original's, empty when all of it does.
func uncovered(original shape, goal clause) string {
	list, ok := alternatives(original.filter)
	if !ok {
		return "the rule has too many alternatives to compare"
	}
	p := &prover{}
	alerts := false
	for _, pattern := range original.indices {
		for _, leaves := range list {
			premises := append(slices.Clip(leaves), sourceFacts(pattern, leaves)...)
			if impossible(premises) {
				continue
			}
			alerts = true
			if ok, part := p.follows(premises, goal); !ok {
				if p.steps > maxSteps {
					return "the two have too many alternatives to compare"
				}
				return describe(part, leaves)
			}
		}
	}
	if !alerts {
		return "the rule itself never alerts"
	}
	return ""
}

// describe says what a part of the prebuilt rule's condition asks beyond the original.
func describe(part clause, leaves []clause) string {
	text := clip(part.String())
	switch c := part.(type) {
	case test:
		if c.not {
			return "it excludes more: " + c.field + " " + clip(test{field: "", any: c.any}.list())
		}
		for _, l := range leaves {
			if t, ok := l.(test); ok && t.field == c.field && !t.not {
				return "it asks for " + text + ", where the rule has " + clip(t.list())
			}
		}
	case opaque:
		if c.not {
			c.not = false
			return "it excludes more: " + clip(c.String())
		}
	}
	return "it also asks that " + text
}

func (c test) list() string {
	_, list, _ := strings.Cut(test{field: "x", any: c.any}.String(), " is ")
	return list
}

// clip keeps a text short enough for a table.
func clip(s string) string {
	const most = 160
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// wider says where the prebuilt rule alerts on more: the parts of the original's condition that it does not ask for. far says
// why that is too much.
func wider(original, elastic shape) (out []string, far string) {
	looksAt := map[string]bool{}
	positiveFields(elastic.filter, looksAt)
	var ignored []string
	list, ok := alternatives(elastic.filter)
	p := &prover{}
	parts, isAll := original.filter.(all)
	if !isAll {
		parts = all{original.filter}
	}
	for _, part := range parts {
		follows := ok
		for _, leaves := range list {
			// What the index patterns of the original give counts on both sides.
			for _, pattern := range original.indices {
				if !follows {
					break
				}
				premises := append(slices.Clip(leaves), sourceFacts(pattern, leaves)...)
				follows, _ = p.follows(premises, part)
				follows = follows || impossible(premises)
			}
		}
		if t, ok := part.(test); ok && !follows && t.present() && !t.not {
			out = append(out, "it also takes events without "+t.field)
			continue
		}
		if !follows && unlimited(part, looksAt) {
			return nil, "it does not look at all at " + clip(part.String()) + ", which the rule asks for"
		}
		if !follows {
			ignored = append(ignored, clip(part.String()))
		}
	}
	switch n := len(ignored); {
	case n > maxReasons:
		out = append(out, fmt.Sprintf("it does not ask for %s and %d more", strings.Join(ignored[:maxReasons], "; "), n-maxReasons))
	case n > 0:
		out = append(out, "it does not ask for "+strings.Join(ignored, "; "))
	}
	return out, ""
}

// counts compares thresholds: less says why the prebuilt rule can miss what the original finds, more where it finds more.
func counts(original, elastic shape) (more, less string) {
	switch {
	case len(original.least) == 0 && len(elastic.least) == 0:
		return "", ""
	case len(original.least) == 0:
		return "", "it waits for " + metrics(elastic.least) + "; the rule alerts on each"
	case len(elastic.least) == 0:
		return "", "it alerts on each event; the rule waits for " + metrics(original.least)
	}
	for _, want := range elastic.least {
		at := slices.IndexFunc(original.least, func(have metric) bool {
			return (have.distinct == want.distinct || want.distinct == "") && have.least >= want.least
		})
		if at < 0 {
			return "", "it waits for " + metrics(elastic.least) + ", the rule for " + metrics(original.least)
		}
	}
	for _, g := range elastic.groups {
		if !slices.Contains(original.groups, g) {
			return "", "it counts by " + strings.Join(elastic.groups, ", ") + ", the rule by " + named(original.groups)
		}
	}
	switch {
	case original.window == 0 || elastic.window == 0:
		return "", "it is not known within which time both count"
	case elastic.window < original.window:
		return "", "it counts within " + minutes(elastic.window) + ", the rule within " + minutes(original.window)
	}
	var wider []string
	if metrics(original.least) != metrics(elastic.least) {
		wider = append(wider, "it waits for "+metrics(elastic.least)+", the rule for "+metrics(original.least))
	}
	if len(elastic.groups) < len(original.groups) {
		wider = append(wider, "it counts by "+named(elastic.groups)+", the rule by "+named(original.groups))
	}
	if elastic.window > original.window {
		wider = append(wider, "it counts within "+minutes(elastic.window)+", the rule within "+minutes(original.window))
	}
	return strings.Join(wider, "; "), ""
}

func named(groups []string) string {
	if len(groups) == 0 {
		return "nothing"
	}
	return strings.Join(groups, ", ")
}

func metrics(list []metric) string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.String()
	}
	return strings.Join(out, " and ")
}
