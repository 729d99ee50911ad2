package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// foreach runs a template for each field. The fields are known when the rows are, so that the template stays text.
func (l *lowering) foreach(c *spl.Foreach, input plan.Node) plan.Node {
	f := &plan.ForEach{Step: step(c.At.At, input), Patterns: texts(c.Patterns), Template: c.Template, Mode: strings.ToLower(option(c.Options, "mode", "multifield")),
		FieldStr: option(c.Options, "fieldstr", "<<FIELD>>"), MatchStr: option(c.Options, "matchstr", "<<MATCHSTR>>"),
		ItemStr: option(c.Options, "itemstr", "<<ITEM>>"), IterStr: option(c.Options, "iterstr", "<<ITER>>"),
		Seg: [4]string{"", option(c.Options, "matchseg1", "<<MATCHSEG1>>"), option(c.Options, "matchseg2", "<<MATCHSEG2>>"), option(c.Options, "matchseg3", "<<MATCHSEG3>>")}}
	switch f.Mode {
	case "multifield", "multivalue", "json_array", "auto_collections":
	default:
		return hole(c.At.At, input, "foreach", "mode=%s: foreach knows multifield, multivalue, json_array and auto_collections", f.Mode)
	}
	if len(f.Patterns) == 0 && f.Mode != "auto_collections" {
		return hole(c.At.At, input, "foreach", "foreach needs fields or patterns of fields")
	}
	f.Scope.Open = true
	return f
}

// mapRows is map.
func (l *lowering) mapRows(c *spl.Map, input plan.Node) plan.Node {
	m := &plan.ForRows{Step: step(c.At.At, input), Search: c.Search, Max: count(c.Options, "maxsearches", 10)}
	if c.Sub != nil {
		m.Search = spl.Print(&spl.Query{Pipeline: c.Sub})
	}
	m.Scope = plan.Scope{Open: true}
	return m
}
