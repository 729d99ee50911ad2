package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// subsearchRows is how many rows of a subsearch count as conditions, Splunk's default.
const subsearchRows = 10_000

// search filters. Directly on events, time modifiers bound the events that are read.
func (l *lowering) search(c *spl.Search, input plan.Node) plan.Node {
	expr := c.Expr
	if src, ok := input.(*plan.Source); ok && (src.Kind == plan.Events || src.Kind == plan.Model) {
		expr = l.timeRange(src, expr)
	}
	if expr == nil {
		return input
	}
	return &plan.Filter{Step: step(c.At.At, input), Cond: l.condition(expr, input.Behind())}
}

// timeRange takes time modifiers out of the top level of a condition.
func (l *lowering) timeRange(src *plan.Source, e spl.SearchExpr) spl.SearchExpr {
	take := func(e spl.SearchExpr) bool {
		c, ok := e.(*spl.Compare)
		if !ok || c.Op != "=" {
			return false
		}
		switch strings.ToLower(c.Field.Text) {
		case "earliest", "starttime":
			src.Earliest = c.Value.Text
		case "latest":
			src.Latest = c.Value.Text
		case "endtime":
			src.Latest, src.EndIn = c.Value.Text, true
		case "timeformat":
			src.Format = c.Value.Text
		case "starttimeu":
			src.Earliest = c.Value.Text
		case "endtimeu":
			src.Latest = c.Value.Text
		case "_index_earliest", "_index_latest":
			l.note(c.At.At, "%s bounds the time of indexing, which events do not have here: it is left out", c.Field.Text)
		default:
			return daysAgo(src, c)
		}
		return true
	}
	if e == nil || take(e) {
		return nil
	}
	and, ok := e.(*spl.SearchAnd)
	if !ok {
		return e
	}
	var rest []spl.SearchExpr
	for _, x := range and.Exprs {
		if !take(x) {
			rest = append(rest, x)
		}
	}
	switch len(rest) {
	case 0:
		return nil
	case 1:
		return rest[0]
	}
	return &spl.SearchAnd{At: and.At, Exprs: rest}
}

// daysAgo reads daysago=3, startminutesago=5 and the like.
func daysAgo(src *plan.Source, c *spl.Compare) bool {
	name := strings.ToLower(c.Field.Text)
	unit := map[string]string{"daysago": "d", "hoursago": "h", "minutesago": "m", "monthsago": "mon"}
	for suffix, u := range unit {
		if rest, ok := strings.CutSuffix(name, suffix); ok {
			if _, num := value.ParseNumber(c.Value.Text); !num {
				return false
			}
			switch rest {
			case "", "start":
				src.Earliest = "-" + c.Value.Text + u
			case "end":
				src.Latest = "-" + c.Value.Text + u
			default:
				return false
			}
			return true
		}
	}
	return false
}

// condition lowers an expression of the search grammar; nil holds for every row.
func (l *lowering) condition(e spl.SearchExpr, s plan.Scope) plan.Expr {
	if e == nil {
		return always(spl.Span{})
	}
	at := e.Span()
	if l.depth++; l.depth > maxDepth {
		l.depth--
		return plan.NewUnknown(at, "conditions are nested more than 200 deep")
	}
	defer func() { l.depth-- }()
	switch e := e.(type) {
	case *spl.SearchAnd:
		return apply(at, "AND", value.InSearch, l.conditions(e.Exprs, s)...)
	case *spl.SearchOr:
		return apply(at, "OR", value.InSearch, l.conditions(e.Exprs, s)...)
	case *spl.SearchNot:
		return apply(at, "NOT", value.InSearch, l.condition(e.Expr, s))
	case *spl.Compare:
		return l.compare(at, e.Field, e.Op, e.Value, s)
	case *spl.SearchIn:
		var list []plan.Expr
		for _, v := range e.Values {
			list = append(list, l.compare(v.At.At, e.Field, "=", v, s))
		}
		if len(list) == 1 {
			return list[0]
		}
		return apply(at, "OR", value.InSearch, list...)
	case *spl.Term:
		return l.term(e, s)
	case *spl.SubsearchExpr:
		return plan.NewInRows(at, l.pipeline(e.Pipeline, nil), subsearchRows)
	case *spl.SearchMacro:
		if strings.HasSuffix(e.Macro, "_filter") {
			return always(at)
		}
		return plan.NewUnknown(at, "macro "+e.Macro+" has no definition: supply it with the macros")
	case *spl.SearchHole:
		return plan.NewUnknown(at, "this part could not be read: "+e.Text)
	}
	return plan.NewUnknown(at, "this condition is not known here")
}

func (l *lowering) conditions(list []spl.SearchExpr, s plan.Scope) []plan.Expr {
	out := make([]plan.Expr, len(list))
	for i, e := range list {
		out[i] = l.condition(e, s)
	}
	return out
}

func (l *lowering) compare(at spl.Span, field spl.Name, op string, v spl.Value, s plan.Scope) plan.Expr {
	if name := strings.ToLower(field.Text); s.Open && op == "=" && (name == "earliest" || name == "latest") {
		if _, known := s.Find(field.Text); !known {
			return plan.NewTimeBound(at, name == "latest", v.Text)
		}
	}
	f := plan.NewField(field.At.At, l.find(s, field.Text))
	if strings.Trim(v.Text, "*") == "" && v.Text != "" {
		present := apply(at, "present", value.InSearch, f)
		if op == "!=" {
			// A field that is there always has a value that * matches.
			return apply(at, "AND", value.InSearch, present, apply(at, "NOT", value.InSearch, present))
		}
		if op == "=" {
			return present
		}
	}
	return apply(at, op, value.InSearch, f, plan.NewConst(v.At.At, value.Str(v.Text)))
}

func (l *lowering) term(e *spl.Term, s plan.Scope) plan.Expr {
	if !e.Value.Quoted && strings.Trim(e.Value.Text, "*") == "" {
		return always(e.At.At)
	}
	op := "term"
	if e.Directive == "CASE" {
		op = "case-term"
	}
	raw := plan.NewField(e.At.At, l.find(s, "_raw"))
	return apply(e.At.At, op, value.InSearch, raw, plan.NewConst(e.Value.At.At, value.Str(e.Value.Text)))
}

func always(at spl.Span) plan.Expr { return apply(at, "true", value.InEval) }

// apply applies an operation that the table has.
func apply(at spl.Span, name string, place value.Place, args ...plan.Expr) plan.Expr {
	op, ok := value.Find(name, place)
	if !ok {
		return plan.NewUnknown(at, name+" is not known here")
	}
	return plan.NewApply(at, op, args...)
}
