package spl

import (
	"strconv"
	"strings"
)

func (p *parser) regex(at At) Command {
	c := &Regex{At: at, Field: Name{Text: "_raw"}}
	if p.peek() != '"' || p.operatorAfterString() {
		a := p.pos
		if n, ok := p.name(); ok {
			n.Text, c.Negated = cutBang(n)
			if !c.Negated {
				if p.peek() == '!' && p.pos+1 < p.end && p.buf[p.pos+1] == '=' {
					p.pos++
					c.Negated = true
				}
			}
			if p.accept('=') {
				c.Field = n
			} else {
				p.pos, c.Negated = a, false
			}
		}
	}
	c.Pattern = p.pattern()
	return c
}

// cutBang takes the ! of != off a bare name.
func cutBang(n Name) (string, bool) {
	if !n.Quoted && len(n.Text) > 1 && strings.HasSuffix(n.Text, "!") {
		return n.Text[:len(n.Text)-1], true
	}
	return n.Text, false
}

func (p *parser) operatorAfterString() bool {
	e := endOfString(p.buf, p.pos, p.end)
	if e < 0 {
		return false
	}
	i := skipSpace(p.buf, e, p.end)
	return i < p.end && (p.buf[i] == '=' || p.buf[i] == '!')
}

// pattern reads a regular expression: a string, or all that is left of the stage.
func (p *parser) pattern() Name {
	a := p.posAfterSpace()
	if p.peek() == 0 {
		p.syntax("regular expression expected")
		return Name{}
	}
	if p.buf[a] == '"' {
		s := p.str(false)
		return Name{p.at(a, p.pos), s, true}
	}
	p.pos = p.end
	return Name{p.at(a, p.end), p.buf[a:p.end], false}
}

func (p *parser) rename(at At) Command {
	c := &Rename{At: at}
	for {
		p.separators()
		if p.peek() == 0 {
			break
		}
		a := p.pos
		from := p.mustFieldName("field")
		if p.err == nil && !p.keyword("as") {
			p.syntax("AS expected after %s", from.Text)
		}
		if p.err != nil {
			return nil
		}
		to := p.mustFieldName("new name")
		c.Pairs = append(c.Pairs, RenamePair{p.at(a, p.pos), from, to})
	}
	if len(c.Pairs) == 0 {
		p.syntax("field AS name expected")
	}
	return c
}

func (p *parser) fields(at At) Command {
	c := &Fields{At: at}
	if p.accept('-') {
		c.Remove = true
	} else {
		p.accept('+')
	}
	c.Names = p.names(nil)
	if len(c.Names) == 0 {
		p.syntax("field expected")
	}
	return c
}

func (p *parser) rex(at At) Command {
	c := &Rex{At: at, Field: Name{Text: "_raw"}, MaxMatch: 1}
	found := false
	for p.peek() != 0 {
		a := p.pos
		e, ok := p.atOption()
		if !ok || !isRexOption(p.buf[a:e]) {
			if found {
				break
			}
			c.Pattern, found = p.pattern(), true
			continue
		}
		o, ok := p.option()
		if !ok {
			break
		}
		value := Name{o.At, o.Value, o.Quoted}
		switch o.Name {
		case "field":
			c.Field = value
		case "offset_field":
			c.Offset = &value
		case "mode":
			c.Sed = strings.EqualFold(o.Value, "sed")
			if !c.Sed {
				p.fail(a, CodeSyntax, "mode=%s: sed is the only mode", o.Value)
			}
		case "max_match":
			n, err := strconv.Atoi(o.Value)
			if err != nil || n < 0 {
				p.fail(a, CodeSyntax, "max_match=%s: a number is expected", o.Value)
			}
			c.MaxMatch = n
		}
	}
	if !found {
		p.syntax("regular expression expected")
	}
	return c
}

func isRexOption(s string) bool {
	switch strings.ToLower(s) {
	case "field", "max_match", "offset_field", "mode":
		return true
	}
	return false
}

func (p *parser) fillNull(at At) Command {
	c := &FillNull{At: at, Value: "0"}
	opts, names := p.optionsAndNames()
	for _, o := range opts {
		if o.Name != "value" {
			p.syntax("fillnull has no option %s", o.Name)
			return nil
		}
		c.Value = o.Value
	}
	c.Fields = names
	return c
}

func (p *parser) bin(at At) Command {
	c := &Bin{At: at}
	found := false
	for {
		p.separators()
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		if (found || len(c.Options) > 0) && c.As == nil && p.keyword("as") {
			n := p.mustName("new name")
			c.As = &n
			continue
		}
		if found {
			break
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Field, found = n, true
	}
	if !found {
		if len(c.Options) == 0 {
			p.syntax("field expected")
		}
		c.Assumed, c.Field = true, Name{At: at, Text: "_time"}
	}
	return c
}
