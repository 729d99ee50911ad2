package spl

import "strings"

// Precedence in the eval grammar, loosest first: XOR, OR, AND, NOT, comparisons (also LIKE and IN), + - and the
// concatenation ., then * / %, then signs. Chains of AND and of OR are kept as balanced trees, so that a thousand
// alternatives are ten deep.

// token is one token of the eval grammar.
type token struct {
	kind tokKind
	a, b int
	op   string // of tokOp: canonical, words in upper case
}

type tokKind byte

const (
	tokEnd tokKind = iota
	tokIdent
	tokQuoted // '…'
	tokString
	tokNumber
	tokOp
	tokOpen
	tokClose
	tokComma
	tokMacro
	tokSub
	tokBad
)

// maxChain is the number of operators in chains that are not balanced, such as + and =, from an expression's root to a leaf:
// its tree is as deep as they are many, and Elasticsearch takes no expression that is nested 300 deep.
const maxChain = 500

// expr reads an eval expression from p.pos and leaves p.pos behind its last token.
func (p *parser) expr() Expr {
	p.chained = 0
	p.next()
	if p.tok.kind == tokEnd {
		p.syntax("expression expected")
		return nil
	}
	e := p.exprXor()
	if p.err == nil {
		p.pos = p.tok.a
	}
	return e
}

func isIdentStart(c byte) bool {
	return isLetter(c) || c == '_' || c == '$' || c == '@' || c == '#' || c >= 0x80 || c == '{'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// identEnd is the end of the bare field or function name at i. Dots and colons belong to a name only when a name goes
// on behind them without a space: a.b is the field a.b; a . b and a."b" are concatenations. Braces come in pairs.
func (p *parser) identEnd(i int) int {
	s, end := p.buf, p.end
	for i < end {
		c := s[i]
		switch {
		case c == '{':
			j := i + 1
			for j < end && (isLetter(s[j]) || isDigit(s[j]) || s[j] == '_' || s[j] == '.' || s[j] == '-') {
				j++
			}
			if j >= end || s[j] != '}' {
				return i
			}
			i = j + 1
		case c >= 0x80:
			if spaceAt(s, i) > 0 {
				return i
			}
			i++
		case isLetter(c) || isDigit(c) || c == '_' || c == '$' || c == '@' || c == '#':
			i++
		case (c == '.' || c == ':') && i+1 < end && isIdentStart(s[i+1]) && spaceAt(s, i+1) == 0:
			if s[i+1] == '{' && p.identEnd1(i+1) {
				return i
			}
			i++
		default:
			return i
		}
	}
	return i
}

// identEnd1 says that the brace at i opens no pair.
func (p *parser) identEnd1(i int) bool {
	j := i + 1
	for j < p.end && (isLetter(p.buf[j]) || isDigit(p.buf[j]) || p.buf[j] == '_' || p.buf[j] == '.' || p.buf[j] == '-') {
		j++
	}
	return j >= p.end || p.buf[j] != '}'
}

// next reads the next token into p.tok.
func (p *parser) next() {
	p.prev = p.tok.b
	c := p.peek()
	a := p.pos
	t := token{a: a, b: a + 1}
	s := p.buf
	switch {
	case c == 0:
		t.b = a
	case c == '"':
		t.kind = tokString
		if t.b = endOfString(s, a, p.end); t.b < 0 {
			p.fail(a, CodeUnterminatedString, "string is never closed: add the missing quote")
			return
		}
	case c == '\'':
		k := strings.IndexByte(s[a+1:p.end], '\'')
		if k < 0 {
			p.fail(a, CodeUnterminatedString, "quoted field name is never closed: add the missing '")
			return
		}
		t.kind, t.b = tokQuoted, a+1+k+1
	case c == '`':
		m, ok := scanMacro(s, a, p.end)
		if !ok {
			p.skipMacro()
			return
		}
		t.kind, t.b = tokMacro, m.end
	case c == '(':
		t.kind = tokOpen
	case c == ')':
		t.kind = tokClose
	case c == ',':
		t.kind = tokComma
	case c == '[':
		k := p.closing(a)
		if k < 0 {
			p.syntax("unexpected [")
			return
		}
		t.kind, t.b = tokSub, k+1
	case isDigit(c):
		t.kind, t.b = p.number(a)
	case isIdentStart(c):
		t.b = p.identEnd(a)
		if t.b == a {
			t.kind, t.b = tokBad, a+1
			break
		}
		t.kind = tokIdent
		switch w := s[a:t.b]; len(w) {
		case 2, 3, 4:
			switch w := strings.ToUpper(w); w {
			case "AND", "OR", "NOT", "XOR", "LIKE", "IN":
				t.kind, t.op = tokOp, w
			}
		}
	case strings.IndexByte("+-*/%.<>=!", c) >= 0:
		t.kind = tokOp
		if strings.IndexByte("<>=!", c) >= 0 && a+1 < p.end && s[a+1] == '=' {
			t.b++
		}
		if t.op = s[a:t.b]; t.op == "!" { // mvfilter(!isnull(x))
			t.op = "NOT"
		}
	default:
		t.kind = tokBad
	}
	p.tok = t
	p.pos = t.b
}

// number reads the number at a. Digits that run into letters are a field name, except for an exponent.
func (p *parser) number(a int) (tokKind, int) {
	s, i := p.buf, a
	digits := func() {
		for i < p.end && isDigit(s[i]) {
			i++
		}
	}
	digits()
	if i+1 < p.end && s[i] == '.' && isDigit(s[i+1]) {
		i++
		digits()
	}
	if i+1 < p.end && s[i]|0x20 == 'e' {
		mantissa := i
		i++
		if i+1 < p.end && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exp := i
		digits()
		if i > exp && (i >= p.end || !isIdentStart(s[i])) {
			return tokNumber, i
		}
		i = mantissa
	}
	if i < p.end && isIdentStart(s[i]) && spaceAt(s, i) == 0 {
		if e := p.identEnd(i); e > i {
			return tokIdent, e
		}
	}
	return tokNumber, i
}

// isOp says whether the lookahead is the operator op.
func (p *parser) isOp(op string) bool { return p.tok.kind == tokOp && p.tok.op == op }

func (p *parser) exprXor() Expr {
	a := p.tok.a
	l := p.exprChain("OR")
	for l != nil && p.isOp("XOR") {
		if !p.chain() {
			return nil
		}
		p.next()
		r := p.exprChain("OR")
		if r == nil {
			return nil
		}
		l = &Binary{p.at(a, p.lastToken()), "XOR", l, r}
	}
	return l
}

// chain counts an operator whose chain is kept as a tree that leans to one side.
func (p *parser) chain() bool {
	p.budget.Step(1)
	if p.chained++; p.chained > maxChain {
		p.fail(p.tok.a, CodeTooDeep, "the expression has more than %d operators such as + or =: split it into several eval commands", maxChain)
		return false
	}
	return true
}

// lastToken is the end of the token before the lookahead.
func (p *parser) lastToken() int { return p.prev }

// exprChain reads operands joined by OR or AND into a balanced tree.
func (p *parser) exprChain(op string) Expr {
	chained, deepest := p.chained, p.chained // operands stand beside each other
	operand := func() Expr {
		p.chained = chained
		defer func() { deepest = max(deepest, p.chained); p.chained = deepest }()
		if op == "OR" {
			return p.exprChain("AND")
		}
		return p.exprNot()
	}
	first := operand()
	if first == nil || !p.isOp(op) {
		return first
	}
	list := flatten(nil, first, op)
	for p.isOp(op) {
		p.budget.Step(1)
		p.next()
		e := operand()
		if e == nil {
			return nil
		}
		list = flatten(list, e, op)
	}
	return balance(list, op)
}

func flatten(list []Expr, e Expr, op string) []Expr {
	if b, ok := e.(*Binary); ok && b.Op == op {
		return flatten(flatten(list, b.L, op), b.R, op)
	}
	return append(list, e)
}

func balance(list []Expr, op string) Expr {
	if len(list) == 1 {
		return list[0]
	}
	m := (len(list) + 1) / 2
	l, r := balance(list[:m], op), balance(list[m:], op)
	return &Binary{At{Span{l.Span().Start, r.Span().End}}, op, l, r}
}

func (p *parser) exprNot() Expr {
	if !p.isOp("NOT") {
		return p.exprCompare()
	}
	a := p.tok.a
	if !p.enter() {
		return nil
	}
	defer p.leave()
	p.next()
	x := p.exprNot()
	if x == nil {
		return nil
	}
	return &Unary{p.at(a, p.lastToken()), "NOT", x}
}

func (p *parser) exprCompare() Expr {
	a := p.tok.a
	l := p.exprAdd()
	for l != nil {
		if p.tok.kind != tokOp {
			return l
		}
		not := false
		if p.isOp("NOT") {
			// x NOT IN (…), x NOT LIKE y
			save, pos, prev := p.tok, p.pos, p.prev
			p.next()
			if !p.isOp("IN") && !p.isOp("LIKE") {
				p.tok, p.pos, p.prev = save, pos, prev
				return l
			}
			not = true
		}
		op := p.tok.op
		switch op {
		case "=", "==", "!=", "<", "<=", ">", ">=", "LIKE":
			if !p.chain() {
				return nil
			}
			p.next()
			r := p.exprAdd()
			if r == nil {
				return nil
			}
			l = &Binary{p.at(a, p.lastToken()), op, l, r}
		case "IN":
			if !p.chain() {
				return nil
			}
			p.next()
			if p.tok.kind != tokOpen {
				p.fail(p.tok.a, CodeSyntax, "list expected after IN")
				return nil
			}
			list := p.exprList()
			if p.err != nil {
				return nil
			}
			if len(list) == 0 {
				p.fail(a, CodeSyntax, "the list of IN is empty")
				return nil
			}
			l = &InExpr{p.at(a, p.lastToken()), l, list}
		default:
			return l
		}
		if not {
			l = &Unary{l.(interface{ at() At }).at(), "NOT", l}
		}
	}
	return l
}

func (a At) at() At { return a }

func (p *parser) exprAdd() Expr {
	a := p.tok.a
	l := p.exprMul()
	for l != nil && (p.isOp("+") || p.isOp("-") || p.isOp(".")) {
		if !p.chain() {
			return nil
		}
		op := p.tok.op
		p.next()
		r := p.exprMul()
		if r == nil {
			return nil
		}
		l = &Binary{p.at(a, p.lastToken()), op, l, r}
	}
	return l
}

func (p *parser) exprMul() Expr {
	a := p.tok.a
	l := p.exprUnary()
	for l != nil && (p.isOp("*") || p.isOp("/") || p.isOp("%")) {
		if !p.chain() {
			return nil
		}
		op := p.tok.op
		p.next()
		r := p.exprUnary()
		if r == nil {
			return nil
		}
		l = &Binary{p.at(a, p.lastToken()), op, l, r}
	}
	return l
}

func (p *parser) exprUnary() Expr {
	a := p.tok.a
	if p.isOp("-") || p.isOp("+") {
		op := p.tok.op
		if !p.enter() {
			return nil
		}
		defer p.leave()
		p.next()
		x := p.exprUnary()
		if x == nil {
			return nil
		}
		return &Unary{p.at(a, p.lastToken()), op, x}
	}
	return p.exprPrimary()
}

// exprList reads (A, B, …); the lookahead is the opening parenthesis.
func (p *parser) exprList() []Expr {
	open := p.tok.a
	if !p.enter() {
		return nil
	}
	defer p.leave()
	chained, deepest := p.chained, p.chained // items stand beside each other
	defer func() { p.chained = max(deepest, p.chained) }()
	var list []Expr
	p.next()
	for p.err == nil {
		deepest = max(deepest, p.chained)
		p.chained = chained
		switch p.tok.kind {
		case tokClose:
			p.next()
			return list
		case tokComma:
			p.next()
			continue
		case tokEnd:
			p.fail(open, CodeSyntax, "parenthesis is never closed: add the missing )")
			return nil
		}
		e := p.exprXor()
		if e == nil {
			return nil
		}
		list = append(list, e)
		if p.tok.kind != tokComma && p.tok.kind != tokClose {
			if p.tok.kind == tokEnd {
				continue
			}
			p.fail(p.tok.a, CodeSyntax, "comma or ) expected, found %s", quoteShort(p.buf[p.tok.a:p.end]))
			return nil
		}
	}
	return nil
}

func (p *parser) exprPrimary() Expr {
	t := p.tok
	s := p.buf[t.a:t.b]
	switch t.kind {
	case tokString:
		p.next()
		return &StringLit{p.at(t.a, t.b), unescape(s[1:len(s)-1], false)}
	case tokNumber:
		p.next()
		return &NumberLit{p.at(t.a, t.b), s}
	case tokQuoted:
		p.next()
		return &FieldRef{At: p.at(t.a, t.b), Name: s[1 : len(s)-1], Quoted: true}
	case tokMacro:
		m, _ := scanMacro(p.buf, t.a, p.end)
		p.next()
		return &ExprMacro{p.at(t.a, t.b), m.name, m.args}
	case tokSub:
		return p.exprSubsearch(t)
	case tokOpen:
		if !p.enter() {
			return nil
		}
		defer p.leave()
		p.next()
		e := p.exprXor()
		if e == nil {
			if p.err == nil {
				p.fail(t.a, CodeSyntax, "expression expected")
			}
			return nil
		}
		if p.tok.kind != tokClose {
			p.fail(t.a, CodeSyntax, "parenthesis is never closed: add the missing )")
			return nil
		}
		p.next()
		return e
	case tokIdent, tokOp:
		if t.kind == tokOp {
			switch {
			case t.op == "NOT":
				return p.exprNot()
			case t.op == "." && t.b < p.end && isDigit(p.buf[t.b]):
				kind, e := p.number(t.b)
				if kind == tokNumber {
					p.pos, p.tok.b = e, e
					p.next()
					return &NumberLit{p.at(t.a, e), p.buf[t.a:e]}
				}
			case t.op == "LIKE", t.op == "IN", t.op == "XOR":
				// A function call when a parenthesis follows.
				if i := skipSpace(p.buf, t.b, p.end); i < p.end && p.buf[i] == '(' {
					return p.call(t, s)
				}
			}
			break
		}
		if i := skipSpace(p.buf, t.b, p.end); i < p.end && p.buf[i] == '(' && isFuncName(s) {
			return p.call(t, s)
		}
		p.next()
		at := p.at(t.a, t.b)
		switch {
		case strings.EqualFold(s, "true"), strings.EqualFold(s, "false"):
			return &BoolLit{at, len(s) == 4}
		case strings.EqualFold(s, "null"):
			return &Call{At: at, Func: "null"}
		}
		return &FieldRef{At: at, Name: s, Dotted: strings.Contains(s, ".")}
	}
	if t.kind == tokEnd {
		p.fail(t.a, CodeSyntax, "expression ends too early: a value or a closing parenthesis is missing")
	} else {
		p.fail(t.a, CodeSyntax, "operand expected, found %s", quoteShort(p.buf[t.a:p.end]))
	}
	return nil
}

// exprSubsearch reads […] as an operand. The expressions in it are read with the parser's own state.
func (p *parser) exprSubsearch(t token) Expr {
	chained, prev := p.chained, p.prev
	p.pos = t.a
	pl := p.subsearch()
	p.tok, p.chained, p.prev = t, chained, prev
	if pl == nil {
		if p.err == nil {
			p.fail(t.a, CodeSyntax, "a search is expected between the brackets")
		}
		return nil
	}
	p.pos = t.b
	p.next()
	return &ExprSubsearch{p.at(t.a, t.b), pl}
}

func isFuncName(s string) bool {
	if !isLetter(s[0]) && s[0] != '_' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

// call reads the arguments of a function whose name is the token t.
func (p *parser) call(t token, name string) Expr {
	p.next()
	args := p.exprList()
	if p.err != nil {
		return nil
	}
	at := p.at(t.a, p.lastToken())
	name = strings.ToLower(name)
	if name == "in" && len(args) >= 2 {
		return &InExpr{at, args[0], args[1:]}
	}
	return &Call{at, name, args}
}
