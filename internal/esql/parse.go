package esql

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep expressions may nest before the parser gives up. Elasticsearch gives up much earlier; the
// checker says so.
const maxDepth = 2000

// Parse reads a query of 8.19, or of 9.x as far as Rulebridge emits it. An error is a *SyntaxError. Whether commands,
// functions and types fit together is the business of Check.
func Parse(src string) (*Query, error) {
	if !utf8.ValidString(src) {
		return nil, &SyntaxError{Pos: Pos{Line: 1, Column: 1}, Message: "the query is not valid UTF-8"}
	}
	p := parser{lexer: lexer{src: src, pos: Pos{Line: 1, Column: 1}}}
	q := &Query{}
	var err error
	if q.Commands, err = p.pipeline(true, true); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.unexpected("a pipe")
	}
	q.Commands = p.takeComments(q.Commands)
	return q, nil
}

// ParseExpr reads a single expression.
func ParseExpr(src string) (Expr, error) {
	if !utf8.ValidString(src) {
		return nil, &SyntaxError{Pos: Pos{Line: 1, Column: 1}, Message: "the expression is not valid UTF-8"}
	}
	p := parser{lexer: lexer{src: src, pos: Pos{Line: 1, Column: 1}}}
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.unexpected("an operator")
	}
	return e, nil
}

type parser struct {
	lexer
	tok   token // the next token, read with the rules of expressions
	last  Pos   // where the token before it ended
	depth int
}

func (p *parser) next() error {
	p.last = p.tok.end
	var err error
	p.tok, err = p.token()
	return err
}

func (p *parser) unexpected(wanted string) error {
	return p.fail(p.tok.start, "expected %s, found %s", wanted, p.tok)
}

func (p *parser) sign(sign string) error {
	if !p.tok.isSign(sign) {
		return p.unexpected("[" + sign + "]")
	}
	return p.next()
}

func (p *parser) word(word string) error {
	if !p.tok.isWord(word) {
		return p.unexpected(word)
	}
	return p.next()
}

func (p *parser) span(start Pos) At { return At{At: Span{Start: start, End: p.last}} }

func (p *parser) takeComments(list []Command) []Command {
	for _, c := range p.comments {
		list = append(list, c)
	}
	p.comments = nil
	return list
}

// pipeline reads commands up to the end or a closing parenthesis. The first command is a source unless inside FORK.
func (p *parser) pipeline(source, comments bool) ([]Command, error) {
	var list []Command
	for {
		if err := p.skip(); err != nil {
			return nil, err
		}
		if comments {
			list = p.takeComments(list)
		}
		c, err := p.command(source)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
		source = false
		if !p.tok.isSign("|") {
			return list, nil
		}
		// The comments before the pipe belong in front of the next command. The token after the pipe is not read yet,
		// because it depends on the command.
		if comments {
			list = p.takeComments(list)
		}
	}
}

// command reads one command; on return p.tok is the token after it.
func (p *parser) command(source bool) (Command, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	start := p.tok.start
	if p.tok.kind != tokenWord {
		return nil, p.unexpected("a command")
	}
	word := strings.ToUpper(p.tok.text)
	var c Command
	var err error
	switch {
	case source:
		c, err = p.sourceCommand(word)
	default:
		c, err = p.pipeCommand(word)
	}
	if err != nil {
		return nil, err
	}
	c.at().At = Span{Start: start, End: p.last}
	return c, nil
}

func (p *parser) sourceCommand(word string) (Command, error) {
	switch word {
	case "FROM":
		return p.from()
	case "ROW":
		if err := p.next(); err != nil {
			return nil, err
		}
		fields, err := p.assigns(false)
		return &Row{Fields: fields}, err
	case "SHOW", "TS":
		c, err := p.other(word)
		if err == nil && word == "SHOW" && !strings.EqualFold(c.(*Other).Text, "INFO") {
			err = p.fail(p.tok.start, "SHOW shows INFO only")
		}
		return c, err
	}
	return nil, p.fail(p.tok.start, "a query starts with FROM, ROW, SHOW or TS, not %s", p.tok)
}

func (p *parser) pipeCommand(word string) (Command, error) {
	switch word {
	case "WHERE":
		if err := p.next(); err != nil {
			return nil, err
		}
		e, err := p.expr()
		return &Where{Expr: e}, err
	case "EVAL":
		if err := p.next(); err != nil {
			return nil, err
		}
		list, err := p.assigns(false)
		return &Eval{Assigns: list}, err
	case "STATS":
		return p.stats(false)
	case "INLINESTATS":
		return p.stats(true)
	case "INLINE":
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.tok.isWord("STATS") {
			return nil, p.unexpected("STATS")
		}
		return p.stats(true)
	case "KEEP":
		names, err := p.patterns()
		return &Keep{Names: names}, err
	case "DROP":
		names, err := p.patterns()
		return &Drop{Names: names}, err
	case "RENAME":
		return p.rename()
	case "SORT":
		return p.sort()
	case "LIMIT":
		return p.limit()
	case "DISSECT":
		return p.dissect()
	case "GROK":
		return p.grok()
	case "MV_EXPAND":
		name, err := p.plainName()
		return &MvExpand{Field: name}, err
	case "LOOKUP":
		return p.lookupJoin()
	case "ENRICH":
		return p.enrich()
	case "FORK":
		return p.fork()
	}
	if otherCommands[word] {
		return p.other(word)
	}
	return nil, p.fail(p.tok.start, "unknown command %s", p.tok)
}

// otherCommands are kept as text.
var otherCommands = map[string]bool{
	"CHANGE_POINT": true, "SAMPLE": true, "COMPLETION": true, "RERANK": true, "FUSE": true, "INSIST": true,
}

// other keeps a command as text; p.tok is its word, and the lexer stands right behind it.
func (p *parser) other(word string) (Command, error) {
	text, err := p.raw()
	if err != nil {
		return nil, err
	}
	p.tok.end = p.pos
	return &Other{Word: word, Text: text}, p.next()
}

func (p *parser) from() (Command, error) {
	c := &From{}
	bracket := false
	for {
		t, err := p.source()
		if err != nil {
			return nil, err
		}
		if t.kind != tokenWord && t.kind != tokenString || t.text == "" || len(c.Indices) == 0 && t.isWord("METADATA") {
			return nil, p.fail(t.start, "expected an index pattern, found %s", t)
		}
		c.Indices = append(c.Indices, t.text)
		p.tok = t
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.tok.isSign(",") {
			break
		}
	}
	if p.tok.isSign("[") {
		bracket = true
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if !p.tok.isWord("METADATA") {
		if bracket {
			return nil, p.unexpected("METADATA")
		}
		return c, nil
	}
	for {
		t, err := p.source()
		if err != nil {
			return nil, err
		}
		if t.kind != tokenWord {
			return nil, p.fail(t.start, "expected a metadata field, found %s", t)
		}
		c.Metadata = append(c.Metadata, t.text)
		p.tok = t
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.tok.isSign(",") {
			break
		}
	}
	if bracket {
		return c, p.sign("]")
	}
	return c, nil
}

func (p *parser) stats(inline bool) (Command, error) {
	start := p.tok.start
	if err := p.next(); err != nil {
		return nil, err
	}
	c := &Stats{Inline: inline}
	var err error
	if !p.tok.isWord("BY") {
		if p.tok.isSign("|") || p.tok.kind == tokenEnd {
			return nil, p.fail(start, "STATS needs an aggregation or BY")
		}
		if c.Aggs, err = p.assigns(true); err != nil {
			return nil, err
		}
	}
	if p.tok.isWord("BY") {
		if err := p.next(); err != nil {
			return nil, err
		}
		if c.By, err = p.assigns(false); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (p *parser) assigns(filters bool) ([]*Assign, error) {
	var list []*Assign
	for {
		a, err := p.assign(filters)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
		if !p.tok.isSign(",") {
			return list, nil
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) assign(filters bool) (*Assign, error) {
	a := &Assign{}
	start := p.tok.start
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	if column, ok := e.(*Column); ok && p.tok.isSign("=") {
		a.Name = column.Name
		if err := p.next(); err != nil {
			return nil, err
		}
		if e, err = p.expr(); err != nil {
			return nil, err
		}
	}
	a.Expr = e
	if _, ok := e.(*Column); !ok && a.Name == "" {
		if text := p.src[start.Offset:p.last.Offset]; text != PrintExpr(e) {
			a.text = text
		}
	}
	if filters && p.tok.isWord("WHERE") {
		if err := p.next(); err != nil {
			return nil, err
		}
		if a.Where, err = p.expr(); err != nil {
			return nil, err
		}
	}
	a.At = p.span(start)
	return a, nil
}

func (p *parser) patterns() ([]string, error) {
	var names []string
	for {
		name, err := p.patternName()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.tok.isSign(",") {
			return names, nil
		}
	}
}

// patternName reads a name with wildcards; p.tok is the token before it, and then the one after it.
func (p *parser) patternName() (string, error) {
	var name strings.Builder
	for {
		t, err := p.pattern()
		if err != nil {
			return "", err
		}
		name.WriteString(t.text)
		p.tok = t
		if err := p.next(); err != nil {
			return "", err
		}
		if !p.tok.isSign(".") {
			return name.String(), nil
		}
		name.WriteByte('.')
	}
}

func (p *parser) rename() (Command, error) {
	c := &Rename{}
	for {
		left, err := p.plainName()
		if err != nil {
			return nil, err
		}
		swap := p.tok.isSign("=")
		if !swap && !p.tok.isWord("AS") {
			return nil, p.unexpected("AS")
		}
		right, err := p.plainName()
		if err != nil {
			return nil, err
		}
		pair := RenamePair{Old: left, New: right}
		if swap {
			pair = RenamePair{Old: right, New: left}
		}
		c.Pairs = append(c.Pairs, pair)
		if !p.tok.isSign(",") {
			return c, nil
		}
	}
}

// plainName is patternName without wildcards.
func (p *parser) plainName() (string, error) {
	start := p.pos
	name, err := p.patternName()
	if err != nil {
		return "", err
	}
	plain, wild := unescapePattern(name)
	if wild {
		return "", p.fail(start, "no wildcards are allowed here: %s", name)
	}
	return plain, nil
}

// unescapePattern returns the name that a pattern without wildcards stands for, and whether it has any.
func unescapePattern(pattern string) (name string, wild bool) {
	if !strings.ContainsAny(pattern, `*\`) {
		return pattern, false
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
		case pattern[i] == '*':
			wild = true
		}
		b.WriteByte(pattern[i])
	}
	return b.String(), wild
}

func (p *parser) sort() (Command, error) {
	c := &Sort{}
	for {
		if err := p.next(); err != nil {
			return nil, err
		}
		start := p.tok.start
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		k := &SortKey{Expr: e}
		if p.tok.isWord("ASC") || p.tok.isWord("DESC") {
			k.Desc = p.tok.isWord("DESC")
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		if p.tok.isWord("NULLS") {
			if err := p.next(); err != nil {
				return nil, err
			}
			if !p.tok.isWord("FIRST") && !p.tok.isWord("LAST") {
				return nil, p.unexpected("FIRST or LAST")
			}
			k.Nulls = strings.ToUpper(p.tok.text)
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		k.At = p.span(start)
		c.Keys = append(c.Keys, k)
		if !p.tok.isSign(",") {
			return c, nil
		}
	}
}

func (p *parser) limit() (Command, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(p.tok.text, 10, 32)
	if p.tok.kind != tokenInt || err != nil {
		return nil, p.fail(p.tok.start, "LIMIT needs a whole number of rows, found %s", p.tok)
	}
	return &Limit{N: int(n)}, p.next()
}

// pattern and input of DISSECT and GROK.
func (p *parser) extraction() (Expr, string, error) {
	if err := p.next(); err != nil {
		return nil, "", err
	}
	input, err := p.primary()
	if err != nil {
		return nil, "", err
	}
	if p.tok.kind != tokenString {
		return nil, "", p.unexpected("a pattern in quotes")
	}
	pattern := p.tok.text
	return input, pattern, p.next()
}

func (p *parser) dissect() (Command, error) {
	input, pattern, err := p.extraction()
	if err != nil {
		return nil, err
	}
	c := &Dissect{Input: input, Pattern: pattern}
	if !p.tok.isWord("APPEND_SEPARATOR") {
		return c, nil
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.sign("="); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenString {
		return nil, p.unexpected("a separator in quotes")
	}
	separator := p.tok.text
	c.Separator = &separator
	return c, p.next()
}

func (p *parser) grok() (Command, error) {
	input, pattern, err := p.extraction()
	return &Grok{Input: input, Pattern: pattern}, err
}

func (p *parser) lookupJoin() (Command, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if !p.tok.isWord("JOIN") {
		return nil, p.unexpected("JOIN")
	}
	t, err := p.source()
	if err != nil {
		return nil, err
	}
	if t.kind != tokenWord && t.kind != tokenString || t.text == "" {
		return nil, p.fail(t.start, "expected a lookup index, found %s", t)
	}
	c := &LookupJoin{Index: t.text}
	p.tok = t
	if err := p.next(); err != nil {
		return nil, err
	}
	if !p.tok.isWord("ON") {
		return nil, p.unexpected("ON")
	}
	for {
		name, err := p.plainName()
		if err != nil {
			return nil, err
		}
		c.On = append(c.On, name)
		if !p.tok.isSign(",") {
			return c, nil
		}
	}
}

func (p *parser) enrich() (Command, error) {
	t, err := p.source()
	if err != nil {
		return nil, err
	}
	if t.kind != tokenWord && t.kind != tokenString || t.text == "" {
		return nil, p.fail(t.start, "expected an enrich policy, found %s", t)
	}
	c := &Enrich{Policy: t.text}
	p.tok = t
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.isWord("ON") {
		if c.On, err = p.plainName(); err != nil {
			return nil, err
		}
	}
	if !p.tok.isWord("WITH") {
		return c, nil
	}
	for {
		name, err := p.plainName()
		if err != nil {
			return nil, err
		}
		with := RenamePair{Old: name, New: name}
		if p.tok.isSign("=") {
			if with.Old, err = p.plainName(); err != nil {
				return nil, err
			}
		}
		c.With = append(c.With, with)
		if !p.tok.isSign(",") {
			return c, nil
		}
	}
}

func (p *parser) fork() (Command, error) {
	c := &Fork{}
	if err := p.next(); err != nil {
		return nil, err
	}
	for p.tok.isSign("(") {
		branch, err := p.pipeline(false, false)
		if err != nil {
			return nil, err
		}
		c.Branches = append(c.Branches, branch)
		if err := p.sign(")"); err != nil {
			return nil, err
		}
	}
	if len(c.Branches) == 0 {
		return nil, p.unexpected("a branch in parentheses")
	}
	return c, nil
}

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

func (p *parser) call(start Pos, name string) (Expr, error) {
	if err := p.sign("("); err != nil {
		return nil, err
	}
	e := &Call{Func: name}
	for !p.tok.isSign(")") {
		switch {
		case p.tok.isSign("*"):
			e.Args = append(e.Args, &Star{At: At{At: Span{Start: p.tok.start, End: p.tok.end}}})
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
