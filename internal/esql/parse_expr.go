package esql

import (
	"strings"
)

// name reads a column name.
func (p *parser) name() (string, error) {
	var name strings.Builder
	for {
		switch {
		case p.tok.kind == tokenQuoted, p.tok.kind == tokenWord && !keyword(p.tok.text):
			name.WriteString(p.tok.text)
		case p.tok.kind == tokenWord:
			return "", p.fail(p.tok.start, "%s is a keyword; as a name it needs backticks", p.tok.text)
		default:
			return "", p.unexpected("a column name")
		}
		if err := p.next(); err != nil {
			return "", err
		}
		if !p.tok.isSign(".") {
			return name.String(), nil
		}
		name.WriteByte('.')
		if err := p.next(); err != nil {
			return "", err
		}
	}
}

// keyword reports whether the lexer of expressions takes a word as a keyword.
func keyword(word string) bool { return IsReserved(word) && !strings.EqualFold(word, "as") }

// ---- expressions ----

func (p *parser) nest() error {
	p.depth++
	if p.depth > maxDepth {
		return p.fail(p.tok.start, "the expression nests deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) expr() (Expr, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.chain("OR", func() (Expr, error) { return p.chain("AND", p.test) })
}

func (p *parser) chain(word string, operand func() (Expr, error)) (Expr, error) {
	start := p.tok.start
	e, err := operand()
	if err != nil {
		return nil, err
	}
	for n := 0; p.tok.isWord(word); n++ {
		if n == maxDepth {
			return nil, p.fail(p.tok.start, "more than %d operands of %s", maxDepth, word)
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		e = &Binary{At: p.span(start), Op: word, L: e, R: right}
	}
	return e, nil
}

// test reads NOT x, a comparison or one of IS NULL, IN, LIKE, RLIKE and the match operator.
func (p *parser) test() (Expr, error) {
	start := p.tok.start
	if p.tok.isWord("NOT") {
		if err := p.nest(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		if err := p.next(); err != nil {
			return nil, err
		}
		x, err := p.test()
		return &Not{At: p.span(start), X: x}, err
	}
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.tok.kind == tokenSign {
		switch op := p.tok.text; op {
		case "==", "!=", "<", "<=", ">", ">=":
			if err := p.next(); err != nil {
				return nil, err
			}
			right, err := p.sum()
			if err != nil {
				return nil, err
			}
			x = &Binary{At: p.span(start), Op: op, L: x, R: right}
		case ":":
			return p.match(start, x)
		}
	}
	not := false
	if p.tok.isWord("NOT") {
		not = true
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	switch {
	case p.tok.isWord("IN"):
		return p.in(start, x, not)
	case p.tok.isWord("LIKE"), p.tok.isWord("RLIKE"):
		if b, ok := x.(*Binary); ok && precedence(b) == precCompare {
			return nil, p.unexpected("AND or OR")
		}
		return p.like(start, x, not)
	case not:
		return nil, p.unexpected("IN, LIKE or RLIKE")
	case p.tok.isWord("IS"):
		return p.isNull(start, x)
	}
	return x, nil
}

func (p *parser) match(start Pos, x Expr) (Expr, error) {
	field := x
	if cast, ok := x.(*Cast); ok {
		field = cast.X
	}
	if _, ok := field.(*Column); !ok {
		return nil, p.fail(p.tok.start, "the match operator (:) needs a column on its left")
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	value, err := p.constant()
	if err != nil {
		return nil, err
	}
	return &Binary{At: p.span(start), Op: ":", L: x, R: value}, nil
}

func (p *parser) in(start Pos, x Expr, not bool) (Expr, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.sign("("); err != nil {
		return nil, err
	}
	e := &In{X: x, Not: not}
	for {
		itemStart := p.tok.start
		item, err := p.sum()
		if err != nil {
			return nil, err
		}
		if p.tok.kind == tokenSign && comparison[p.tok.text] {
			op := p.tok.text
			if err := p.next(); err != nil {
				return nil, err
			}
			right, err := p.sum()
			if err != nil {
				return nil, err
			}
			item = &Binary{At: p.span(itemStart), Op: op, L: item, R: right}
		}
		e.List = append(e.List, item)
		if !p.tok.isSign(",") {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	err := p.sign(")")
	e.At = p.span(start)
	return e, err
}

var comparison = map[string]bool{"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true}

func (p *parser) like(start Pos, x Expr, not bool) (Expr, error) {
	e := &Like{X: x, Op: strings.ToUpper(p.tok.text), Not: not}
	if err := p.next(); err != nil {
		return nil, err
	}
	list := p.tok.isSign("(")
	if list {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	for {
		if p.tok.kind != tokenString {
			return nil, p.unexpected("a pattern in quotes")
		}
		e.Patterns = append(e.Patterns, p.tok.text)
		if err := p.next(); err != nil {
			return nil, err
		}
		if !list || !p.tok.isSign(",") {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if list {
		if err := p.sign(")"); err != nil {
			return nil, err
		}
	}
	e.At = p.span(start)
	return e, nil
}

func (p *parser) isNull(start Pos, x Expr) (Expr, error) {
	e := &IsNull{X: x}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.isWord("NOT") {
		e.Not = true
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	err := p.word("NULL")
	e.At = p.span(start)
	return e, err
}

func (p *parser) sum() (Expr, error) {
	return p.arithmetic("+-", func() (Expr, error) { return p.arithmetic("*/%", p.unary) })
}

func (p *parser) arithmetic(ops string, operand func() (Expr, error)) (Expr, error) {
	start := p.tok.start
	e, err := operand()
	if err != nil {
		return nil, err
	}
	for n := 0; p.tok.kind == tokenSign && strings.Contains(ops, p.tok.text); n++ {
		if n == maxDepth {
			return nil, p.fail(p.tok.start, "more than %d operands", maxDepth)
		}
		op := p.tok.text
		if err := p.next(); err != nil {
			return nil, err
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		e = &Binary{At: p.span(start), Op: op, L: e, R: right}
	}
	return e, nil
}

func (p *parser) unary() (Expr, error) {
	if !p.tok.isSign("-") && !p.tok.isSign("+") {
		return p.primary()
	}
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	start, minus := p.tok.start, p.tok.isSign("-")
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind == tokenInt || p.tok.kind == tokenDecimal {
		e, err := p.number(start, minus)
		if err != nil {
			return nil, err
		}
		return p.casts(start, e)
	}
	x, err := p.unary()
	if err != nil || !minus {
		return x, err
	}
	return &Neg{At: p.span(start), X: x}, nil
}

// primary reads a constant, a column, a call or an expression in parentheses, with casts.
func (p *parser) primary() (Expr, error) {
	start := p.tok.start
	var e Expr
	var err error
	switch {
	case p.tok.isSign("("):
		if err := p.next(); err != nil {
			return nil, err
		}
		if e, err = p.expr(); err != nil {
			return nil, err
		}
		err = p.sign(")")
	case p.tok.kind == tokenQuoted, p.tok.kind == tokenWord && !keyword(p.tok.text),
		(p.tok.isWord("FIRST") || p.tok.isWord("LAST")) && strings.HasPrefix(strings.TrimLeft(p.rest(), " \t\r\n"), "("):
		e, err = p.columnOrCall()
	default:
		e, err = p.constant()
	}
	if err != nil {
		return nil, err
	}
	return p.casts(start, e)
}

func (p *parser) casts(start Pos, e Expr) (Expr, error) {
	for n := 0; p.tok.isSign("::"); n++ {
		if n == maxDepth {
			return nil, p.fail(p.tok.start, "more than %d casts", maxDepth)
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.kind != tokenWord {
			return nil, p.unexpected("a type")
		}
		typ := strings.ToLower(p.tok.text)
		if err := p.next(); err != nil {
			return nil, err
		}
		e = &Cast{At: p.span(start), X: e, Type: typ}
	}
	return e, nil
}

func (p *parser) columnOrCall() (Expr, error) {
	start := p.tok.start
	if strings.HasPrefix(strings.TrimLeft(p.rest(), " \t\r\n"), "(") {
		name := strings.ToUpper(p.tok.text)
		if err := p.next(); err != nil {
			return nil, err
		}
		return p.call(start, name)
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return &Column{At: p.span(start), Name: name}, nil
}
