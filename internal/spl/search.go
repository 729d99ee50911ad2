package spl

import "strings"

// searchMode says where a search expression ends, other than at the end of its stage.
type searchMode struct {
	by bool // at the BY of tstats
}

// searchExpr reads an expression of the search grammar, nil when there is none: NOT binds tightest, then OR, then
// AND, which may be implied.
func (p *parser) searchExpr(m searchMode) SearchExpr {
	a := p.posAfterSpace()
	var list []SearchExpr
	for {
		p.commas()
		if p.searchEnd(m) {
			break
		}
		if len(list) > 0 && p.operator("AND") {
			if p.searchEnd(m) {
				p.syntax("condition expected after AND")
				return nil
			}
		}
		p.budget.Step(1)
		e := p.searchOr(m)
		if e == nil || p.err != nil {
			break
		}
		list = append(list, e)
	}
	if p.err != nil || len(list) == 0 {
		return nil
	}
	if len(list) == 1 {
		return list[0]
	}
	return &SearchAnd{p.at(a, p.lastEnd(a)), list}
}

func (p *parser) posAfterSpace() int {
	p.peek()
	return p.pos
}

// lastEnd is p.pos without the white space before it.
func (p *parser) lastEnd(a int) int {
	_, e := trimSpace(p.buf, a, p.pos)
	return e
}

func (p *parser) searchEnd(m searchMode) bool {
	c := p.peek()
	if c == 0 || c == ')' || c == ']' {
		return true
	}
	if m.by && (p.atKeyword("by") || p.atKeyword("groupby")) {
		return !p.operatorFollows()
	}
	return false
}

// operatorFollows says whether the word at p.pos is the left side of a comparison.
func (p *parser) operatorFollows() bool {
	i := skipSpace(p.buf, p.wordEnd(p.pos, nameStops), p.end)
	if i >= p.end {
		return false
	}
	switch p.buf[i] {
	case '=', '<', '>':
		return true
	case '!':
		return i+1 < p.end && p.buf[i+1] == '='
	}
	return false
}

func (p *parser) searchOr(m searchMode) SearchExpr {
	a := p.posAfterSpace()
	first := p.searchNot(m)
	if first == nil || !p.operator("OR") {
		return first
	}
	list := []SearchExpr{first}
	for {
		if p.searchEnd(m) {
			p.syntax("condition expected after OR")
			return nil
		}
		e := p.searchNot(m)
		if e == nil {
			return nil
		}
		list = append(list, e)
		if !p.operator("OR") {
			break
		}
	}
	return &SearchOr{p.at(a, p.lastEnd(a)), list}
}

func (p *parser) searchNot(m searchMode) SearchExpr {
	a := p.posAfterSpace()
	if p.atOperator("NOT") && !p.operatorFollows() {
		p.pos += 3
		if !p.enter() {
			return nil
		}
		defer p.leave()
		if p.searchEnd(m) {
			p.syntax("condition expected after NOT")
			return nil
		}
		e := p.searchNot(m)
		if e == nil {
			return nil
		}
		return &SearchNot{p.at(a, p.lastEnd(a)), e}
	}
	return p.searchAtom(m)
}

// atOperator says whether the operator op is next: unlike keywords, AND, OR and NOT count in upper case only.
func (p *parser) atOperator(op string) bool {
	return p.atKeyword(op) && p.buf[p.pos:p.pos+len(op)] == op
}

func (p *parser) operator(op string) bool {
	if !p.atOperator(op) {
		return false
	}
	p.pos += len(op)
	return true
}

var termStops = newStops(",|()[]\"`=<>")

func (p *parser) searchAtom(m searchMode) SearchExpr {
	a := p.posAfterSpace()
	switch p.peek() {
	case '(':
		if !p.enter() {
			return nil
		}
		defer p.leave()
		p.pos++
		e := p.searchExpr(searchMode{})
		if p.err != nil {
			return nil
		}
		if !p.accept(')') {
			p.fail(a, CodeSyntax, "parenthesis is never closed: add the missing )")
			return nil
		}
		if e == nil {
			p.fail(a, CodeSyntax, "nothing stands between the parentheses%s", p.emptyMacros(a, p.pos))
		}
		return e
	case '[':
		pl := p.subsearch()
		if pl == nil {
			return nil
		}
		return &SubsearchExpr{p.at(a, p.pos), pl}
	case '`':
		c, ok := scanMacro(p.buf, p.pos, p.end)
		if !ok {
			p.skipMacro()
			return nil
		}
		p.pos = c.end
		return &SearchMacro{p.at(a, c.end), c.name, c.args}
	case '"':
		s := p.str(true)
		if p.err != nil {
			return nil
		}
		end := p.pos
		if op := p.searchOp(); op != "" {
			return p.compare(a, Name{p.at(a, end), s, true}, op)
		}
		if p.inList() {
			return p.searchIn(a, Name{p.at(a, end), s, true})
		}
		p.pos = end
		return p.term(a, s, true)
	case '\'':
		if e := p.singleQuoted(a); e > 0 {
			n := Name{p.at(a, e), p.buf[a+1 : e-1], true}
			p.pos = e
			if op := p.searchOp(); op != "" {
				return p.compare(a, n, op)
			}
			if p.inList() {
				return p.searchIn(a, n)
			}
			p.pos = a
		}
	}
	e := p.termEnd(a)
	if e == a {
		p.syntax("condition expected, found %s", quoteShort(p.buf[a:p.end]))
		return nil
	}
	word := p.buf[a:e]
	p.pos = e
	if op := p.searchOp(); op != "" {
		return p.compare(a, Name{p.at(a, e), word, false}, op)
	}
	if p.inList() {
		return p.searchIn(a, Name{p.at(a, e), word, false})
	}
	p.pos = e
	if (strings.EqualFold(word, "TERM") || strings.EqualFold(word, "CASE")) && e < p.end && p.buf[e] == '(' {
		c := p.balanced(e)
		if c < 0 {
			p.fail(a, CodeSyntax, "parenthesis is never closed: add the missing )")
			return nil
		}
		ta, tb := trimSpace(p.buf, e+1, c-1)
		v := Value{At: p.at(ta, tb), Text: p.buf[ta:tb]}
		if len(v.Text) > 1 && v.Text[0] == '"' && endOfString(v.Text, 0, len(v.Text)) == len(v.Text) {
			v.Text, v.Quoted = unescape(v.Text[1:len(v.Text)-1], true), true
		}
		p.pos = c
		return &Term{p.at(a, c), v, strings.ToUpper(word)}
	}
	if f, v, ok := strings.Cut(word, "::"); ok && v != "" && isIndexedField(f) {
		return &Compare{p.at(a, e), Name{p.at(a, a+len(f)), f, false}, "=",
			Value{p.at(e-len(v), e), unescape(v, true), false}}
	}
	if strings.EqualFold(word, "IN") {
		p.fail(a, CodeSyntax, "IN stands between a field and a list in parentheses")
		return nil
	}
	switch {
	case word == "AND", word == "OR":
		p.fail(a, CodeSyntax, "%s has no condition before it", word)
		return nil
	case strings.EqualFold(word, "AND"), strings.EqualFold(word, "OR"), strings.EqualFold(word, "NOT"):
		p.problem(a, e, CodeLowercaseOperator, "Splunk reads %s in lower case as a search term: write %s if the operator is meant", word, strings.ToUpper(word))
	}
	return p.term(a, unescape(word, true), false)
}

func (p *parser) term(a int, text string, quoted bool) SearchExpr {
	return &Term{At: p.at(a, p.pos), Value: Value{p.at(a, p.pos), text, quoted}}
}

// emptyMacros says which macros left nothing of the bytes [a, b) of the expanded text, as the end of a sentence; empty
// without one.
func (p *parser) emptyMacros(a, b int) string {
	at := p.at(a, b)
	var names []string
	text := p.src.src[at.At.Start.Offset:at.At.End.Offset]
	for {
		i := strings.IndexByte(text, '`')
		if i < 0 || strings.HasPrefix(text[i:], "```") {
			break
		}
		name, rest, ok := strings.Cut(text[i+1:], "`")
		if !ok {
			break
		}
		names, text = append(names, "`"+name+"`"), rest
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return ": the macro " + names[0] + " is empty; define it, or take the parentheses out"
	}
	return ": the macros " + strings.Join(names, ", ") + " are empty; define them, or take the parentheses out"
}

// termEnd is wordEnd for the left side of a comparison or a bare term: != ends it, a backslash protects a quote.
func (p *parser) termEnd(i int) int {
	for i < p.end {
		c := p.buf[i]
		if c == '\\' && i+1 < p.end && (p.buf[i+1] == '"' || p.buf[i+1] == '\\' || p.buf[i+1] == '|') {
			i += 2
			continue
		}
		if termStops[c] || c == '!' && i+1 < p.end && p.buf[i+1] == '=' || spaceAt(p.buf, i) > 0 {
			break
		}
		i++
	}
	return i
}

// isIndexedField says whether the left side of f::v is a field rather than the head of an IPv6 address.
func isIndexedField(f string) bool {
	letter := false
	for i := range len(f) {
		c := f[i]
		switch {
		case isLetter(c):
			letter = letter || c|0x20 > 'f'
		case c == '_' || c == '.' || c == '-' || c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return letter
}

// searchOp reads a comparison operator, "" if none is next.
func (p *parser) searchOp() string {
	c := p.peek()
	two := p.pos+1 < p.end && p.buf[p.pos+1] == '='
	switch {
	case c == '!' && two, c == '<' && two, c == '>' && two:
		p.pos += 2
		return string(c) + "="
	case c == '=' && two:
		p.pos += 2
		return "="
	case c == '=', c == '<', c == '>':
		p.pos++
		return string(c)
	}
	return ""
}

func (p *parser) compare(a int, field Name, op string) SearchExpr {
	switch p.peek() {
	case '`':
		c, ok := scanMacro(p.buf, p.pos, p.end)
		if !ok {
			p.skipMacro()
			return nil
		}
		p.problem(p.pos, c.end, CodeUnknownMacro, "macro %s has no definition: supply it", c.name)
		p.pos = c.end
		return &SearchHole{p.at(a, p.pos), p.buf[a:p.pos]}
	case '[':
		c := p.closing(p.pos)
		if c < 0 {
			p.syntax("subsearch is never closed: add the missing ]")
			return nil
		}
		p.problem(p.pos, c+1, CodeSyntax, "a subsearch cannot be the value of %s: put the whole comparison into it", field.Text)
		p.pos = c + 1
		return &SearchHole{p.at(a, p.pos), p.buf[a:p.pos]}
	}
	v, ok := p.value()
	if !ok {
		p.syntax("value expected after %s%s", field.Text, op)
		return nil
	}
	return &Compare{p.at(a, p.pos), field, op, v}
}

// value reads a literal of the search grammar. A quoted part inside a bare word belongs to it.
func (p *parser) value() (Value, bool) {
	a := p.posAfterSpace()
	if p.pos >= p.end {
		return Value{}, false
	}
	if p.buf[a] == '"' {
		s := p.str(true)
		if p.err != nil {
			return Value{}, false
		}
		// "x"* is one value; "x"AND y is not.
		if p.pos < p.end && p.buf[p.pos] == '*' {
			e := p.valueEnd(p.pos)
			s += unescape(p.buf[p.pos:e], true)
			p.pos = e
		}
		return Value{p.at(a, p.pos), s, true}, true
	}
	e := p.valueEnd(a)
	if e == a {
		return Value{}, false
	}
	p.pos = e
	v := Value{Text: unescape(p.buf[a:e], true)}
	for p.pos < p.end && p.buf[p.pos] == '"' {
		v.Text += p.str(true)
		v.Quoted = true
		if p.err != nil {
			return Value{}, false
		}
		e := p.valueEnd(p.pos)
		v.Text += unescape(p.buf[p.pos:e], true)
		p.pos = e
	}
	v.At = p.at(a, p.pos)
	return v, true
}

func (p *parser) valueEnd(i int) int {
	start := i
	for i < p.end {
		c := p.buf[i]
		if c == '(' && i > start {
			// *GetCurrent()* is one value.
			if e := p.plainParens(i); e > 0 {
				i = e
				continue
			}
		}
		if c == '\\' && i+1 < p.end && (p.buf[i+1] == '"' || p.buf[i+1] == '\\' || p.buf[i+1] == '|') {
			i += 2
			continue
		}
		if valueStops[c] || spaceAt(p.buf, i) > 0 {
			break
		}
		i++
	}
	return i
}

// inList consumes IN if a list follows it.
func (p *parser) inList() bool {
	if !p.atKeyword("IN") {
		return false
	}
	i := skipSpace(p.buf, p.pos+2, p.end)
	if i >= p.end || p.buf[i] != '(' {
		return false
	}
	p.pos = i
	return true
}

func (p *parser) searchIn(a int, field Name) SearchExpr {
	open := p.pos
	p.pos++
	in := &SearchIn{Field: field}
	for {
		p.commas()
		switch p.peek() {
		case ')':
			p.pos++
			if len(in.Values) == 0 {
				p.fail(open, CodeSyntax, "the list of %s IN is empty", field.Text)
				return nil
			}
			in.At = p.at(a, p.pos)
			return in
		case '`', '[':
			// A list that cannot be read whole must not be read in part.
			c := p.balanced(open)
			if c < 0 {
				p.fail(open, CodeSyntax, "the list of %s IN is never closed", field.Text)
				return nil
			}
			p.problem(p.pos, c, CodeUnknownMacro, "the list of %s IN holds a macro without definition or a subsearch", field.Text)
			p.pos = c
			return &SearchHole{p.at(a, c), p.buf[a:c]}
		}
		p.budget.Step(1)
		v, ok := p.value()
		if !ok {
			p.fail(open, CodeSyntax, "the list of %s IN is never closed", field.Text)
			return nil
		}
		in.Values = append(in.Values, v)
	}
}
