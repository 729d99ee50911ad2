package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

func (l *lowering) eval(cmd *spl.Eval) {
	l.ensureSource(cmd.Span())
	for _, a := range cmd.Assigns {
		l.assignField(a.Field.Text, a.Expr, a.Span())
	}
}

// assignField lowers NAME = EXPR. An expression that is another column is an alias, not a copy.
func (l *lowering) assignField(name string, e spl.Expr, at spl.Span) {
	if strings.Contains(name, "{") && strings.Contains(name, "}") {
		l.diag("unsupported_expression", at, name, "`"+name+"` makes a field for each value of the field in braces, and ES|QL has no columns named by values. Write one eval with if() for each value that the rule asks for")
		l.env.setPartial()
		return
	}
	full := l.fullText
	l.fullText = false // EVAL takes no full-text operators
	from := l.hold()
	v := l.expr(e)
	if !v.hole && !v.null {
		l.storedProducts(e)
	}
	_, alias := e.(*spl.FieldRef)
	notes := l.release(from, !alias)
	l.fullText = full
	if v.hole {
		l.diag("depends_on_hole", at, name, "`"+name+"` is left out of the draft, because a part of its expression could not be translated; settle that error first")
		l.defineHole(name)
		return
	}
	if v.null && v.word == nil {
		l.diag("field_absent", at, name, "`"+name+"` is always null")
		l.env.bind(name, &column{name: name, typ: "null", constant: &esql.Literal{}})
		return
	}
	if c, ok := v.expr.(*esql.Column); ok && alias && v.col != nil && c.Name == v.col.name && l.freeName(name) == c.Name && notes == nil && v.note == nil {
		// NAME = NAME writes nothing; 8.19 refuses such an EVAL between two SORTs.
		l.diag("option_ignored", at, name, "`"+name+"` is set to itself")
		l.env.bind(name, v.col)
		return
	}
	l.useful = true
	c := &column{typ: v.typ, array: v.array, nonNull: v.nonNull, numeral: v.numeral, whole: v.whole, distinct: v.distinct, pending: joined(false, notes, v.note), lexical: v.lexical(), precise: isNumeric(v.typ) && !l.fewFigures(e)}
	c.place = l.placeOf(e)
	l.defineAs(name, c, v.expr, at)
	n, ok := valueChoices(e)
	l.noteChoices(name, n, ok)
}

// defineAs binds a computed column and writes its EVAL.
func (l *lowering) defineAs(name string, c *column, x esql.Expr, at spl.Span) *column {
	c = l.define(name, c)
	l.assign(at, c.name, x)
	return c
}
