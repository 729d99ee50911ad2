package esql

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep expressions may nest before the parser gives up. Elasticsearch gives up much earlier; the
// checker says so.
const maxDepth = 2000

// Parse reads a query of 8.19, or of 9.x as far as Rulebridge emits it. An error is a *SyntaxError. Whether commands,
// functions and types fit together is the business of Check.
func Parse(src string) (*Query, error) {
	if err := readable(src, "query"); err != nil {
		return nil, err
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

// readable says why a text cannot be read at all.
func readable(src, what string) error {
	at := Pos{Line: 1, Column: 1}
	switch {
	case len(src) > math.MaxInt32:
		return &SyntaxError{Pos: at, Message: "the " + what + " is longer than 2 GiB"}
	case !utf8.ValidString(src):
		return &SyntaxError{Pos: at, Message: "the " + what + " is not valid UTF-8"}
	}
	return nil
}

// ParseExpr reads a single expression.
func ParseExpr(src string) (Expr, error) {
	if err := readable(src, "expression"); err != nil {
		return nil, err
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

func (p *parser) span(start Pos) At { return placed(start, p.last) }

func placed(start, end Pos) At { return At{place: &Span{Start: start, End: end}} }

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
	c.at().place = &Span{Start: start, End: p.last}
	return c, nil
}

func (p *parser) sourceCommand(word string) (Command, error) {
	switch word {
	case "SET":
		settings, err := p.settings()
		if err != nil {
			return nil, err
		}
		c, err := p.from()
		if err != nil {
			return nil, err
		}
		c.(*From).Set = settings
		return c, nil
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

// settings reads SET name = "value"; up to FROM.
func (p *parser) settings() ([]Setting, error) {
	var list []Setting
	for p.tok.isWord("SET") {
		for {
			if err := p.next(); err != nil {
				return nil, err
			}
			if p.tok.kind != tokenWord {
				return nil, p.unexpected("the name of a setting")
			}
			s := Setting{Name: p.tok.text}
			if err := p.next(); err != nil {
				return nil, err
			}
			if err := p.sign("="); err != nil {
				return nil, err
			}
			if p.tok.kind != tokenString {
				return nil, p.unexpected("the value of the setting, a string")
			}
			s.Value = p.tok.text
			list = append(list, s)
			if err := p.next(); err != nil {
				return nil, err
			}
			if !p.tok.isSign(",") {
				break
			}
		}
		if err := p.sign(";"); err != nil {
			return nil, err
		}
	}
	if !p.tok.isWord("FROM") {
		return nil, p.unexpected("FROM")
	}
	return list, nil
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
			// The text holds its comments; beside it they would be printed twice.
			p.comments = slices.DeleteFunc(p.comments, func(c *Comment) bool {
				return c.place.Start.Offset >= start.Offset && c.place.End.Offset <= p.last.Offset
			})
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
