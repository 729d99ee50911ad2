package esql

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

func (p *parser) call(start Pos, name string) (Expr, error) {
	if err := p.sign("("); err != nil {
		return nil, err
	}
	e := &Call{Func: name}
	for !p.tok.isSign(")") {
		switch {
		case p.tok.isSign("*"):
			e.Args = append(e.Args, &Star{At: placed(p.tok.start, p.tok.end)})
			if err := p.next(); err != nil {
				return nil, err
			}
		case p.tok.isSign("{"):
			var err error
			if e.Options, err = p.options(); err != nil {
				return nil, err
			}
			if !p.tok.isSign(")") {
				return nil, p.unexpected("[)] after the options")
			}
			continue
		default:
			arg, err := p.expr()
			if err != nil {
				return nil, err
			}
			e.Args = append(e.Args, arg)
		}
		if !p.tok.isSign(",") {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.isSign(")") {
			return nil, p.unexpected("an argument")
		}
	}
	err := p.sign(")")
	e.At = p.span(start)
	return e, err
}

func (p *parser) options() ([]Option, error) {
	var list []Option
	for {
		if err := p.next(); err != nil { // the brace or the comma
			return nil, err
		}
		if p.tok.kind != tokenString {
			return nil, p.unexpected("an option's name in quotes")
		}
		o := Option{Name: p.tok.text}
		if err := p.next(); err != nil {
			return nil, err
		}
		if err := p.sign(":"); err != nil {
			return nil, err
		}
		value, err := p.constant()
		if err != nil {
			return nil, err
		}
		lit, ok := value.(*Literal)
		if !ok {
			return nil, p.fail(value.Place().Start, "an option's value is a string, a number or a truth value")
		}
		o.Value = lit.Value
		list = append(list, o)
		if !p.tok.isSign(",") {
			return list, p.sign("}")
		}
	}
}

// constant reads a literal.
func (p *parser) constant() (Expr, error) {
	start := p.tok.start
	simple := func(value any) (Expr, error) {
		err := p.next()
		return &Literal{At: p.span(start), Value: value}, err
	}
	switch {
	case p.tok.kind == tokenString:
		return simple(p.tok.text)
	case p.tok.isWord("TRUE"):
		return simple(true)
	case p.tok.isWord("FALSE"):
		return simple(false)
	case p.tok.isWord("NULL"):
		return simple(nil)
	case p.tok.kind == tokenInt, p.tok.kind == tokenDecimal:
		return p.number(start, false)
	case p.tok.isSign("-"), p.tok.isSign("+"):
		minus := p.tok.isSign("-")
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.kind != tokenInt && p.tok.kind != tokenDecimal {
			return nil, p.unexpected("a number")
		}
		return p.number(start, minus)
	case p.tok.isSign("["):
		return p.array()
	case p.tok.isSign("?"):
		return nil, p.fail(p.tok.start, "parameters (?) are not supported")
	case p.tok.kind == tokenWord && keyword(p.tok.text):
		return nil, p.fail(p.tok.start, "%s is a keyword; as a name it needs backticks", p.tok.text)
	}
	return nil, p.unexpected("an expression")
}

func (p *parser) number(start Pos, minus bool) (Expr, error) {
	text := p.tok.text
	if minus {
		text = "-" + text
	}
	whole := p.tok.kind == tokenInt
	at := p.tok.start
	if err := p.next(); err != nil {
		return nil, err
	}
	if whole {
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil && p.tok.kind == tokenWord && !keyword(p.tok.text) {
			unit, ok := durationUnits[strings.ToLower(p.tok.text)]
			if !ok {
				return nil, p.fail(p.tok.start, "unknown unit of time %s", p.tok)
			}
			err := p.next()
			return &Duration{At: p.span(start), N: n, Unit: unit}, err
		}
		if err == nil {
			return &Literal{At: p.span(start), Value: n}, nil
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return &Literal{At: p.span(start), Value: u}, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, p.fail(at, "the number %s is too large", text)
	}
	return &Literal{At: p.span(start), Value: f}, nil
}

var durationUnits = unitNames()

func unitNames() map[string]string {
	units := map[string]string{}
	for unit, names := range map[string]string{
		"millisecond": "millisecond milliseconds ms", "second": "second seconds sec s", "minute": "minute minutes min m",
		"hour": "hour hours h", "day": "day days d", "week": "week weeks w", "month": "month months mo",
		"quarter": "quarter quarters q", "year": "year years yr y",
	} {
		for name := range strings.FieldsSeq(names) {
			units[name] = unit
		}
	}
	return units
}

func (p *parser) array() (Expr, error) {
	start := p.tok.start
	e := &Array{}
	for {
		if err := p.next(); err != nil {
			return nil, err
		}
		item, err := p.constant()
		if err != nil {
			return nil, err
		}
		lit, ok := item.(*Literal)
		if !ok || lit.Value == nil || len(e.Items) > 0 && !sameKind(e.Items[0].(*Literal).Value, lit.Value) {
			return nil, p.fail(item.Place().Start, "an array holds only strings, only numbers or only truth values")
		}
		e.Items = append(e.Items, item)
		if !p.tok.isSign(",") {
			break
		}
	}
	err := p.sign("]")
	e.At = p.span(start)
	return e, err
}

func sameKind(a, b any) bool {
	kind := func(v any) string {
		switch v.(type) {
		case int64, uint64, float64:
			return "number"
		}
		return fmt.Sprintf("%T", v)
	}
	return kind(a) == kind(b)
}
