package esql

import (
	"strconv"
	"strings"
)

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
