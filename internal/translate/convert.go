package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// convert changes the form of values. Times keep their type: what ctime writes is for people.
func (l *lowering) convert(cmd *spl.Convert) {
	l.ensureSource(cmd.Span())
	for _, f := range cmd.Funcs {
		name := f.Field.Text
		out := name
		if f.As != nil {
			out = f.As.Text
		}
		c := l.shown(name, f.Field.Span())
		if c.hole {
			l.env.bind(out, c)
			continue
		}
		switch f.Func {
		case "ctime", "mktime", "none":
			l.diag("time_display", cmd.Span(), f.Func, "`"+f.Func+"` formats a time for display; the date stays a date")
			if c.constant == nil && c.typ != "null" && out != name {
				l.env.bind(out, c)
			}
		case "num", "auto", "rmunit", "rmcomma", "memk", "dur2sec", "mstime":
			v := c.value()
			var x esql.Expr
			switch f.Func {
			case "num", "auto":
				n := l.numeric(v, f.Span())
				if n.hole {
					l.defineHole(out)
					continue
				}
				x = n.expr
			case "rmcomma":
				x = call("TO_DOUBLE", call("REPLACE", l.text(v).expr, str(","), str("")))
			case "rmunit":
				x = call("TO_DOUBLE", call("REPLACE", l.text(v).expr, str("[^0-9.eE+-].*$"), str("")))
			default:
				l.diag("unsupported_function", f.Span(), f.Func, "convert "+f.Func+" has no counterpart in ES|QL")
				l.defineHole(out)
				continue
			}
			l.defineAs(out, &column{typ: "double"}, mark(x, f.Span()), f.Span())
		default:
			l.diag("unsupported_function", f.Span(), f.Func, "convert "+f.Func+" has no counterpart in ES|QL")
			l.defineHole(out)
		}
	}
}
