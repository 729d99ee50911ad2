package run

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// element is an element of a text of XML.
type element struct {
	name     string
	attrs    []xml.Attr
	text     strings.Builder
	children []*element
}

// xmlTree reads a text of XML, which may have several elements at its top. What follows a fault is left out.
func (x *runner) xmlTree(raw string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(raw))
	d.Strict = false
	top := &element{}
	stack := []*element{top}
	for len(stack) < maxXMLDepth {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if err := x.spend(1); err != nil {
			return nil, err
		}
		last := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local, attrs: tok.Attr}
			last.children = append(last.children, e)
			stack = append(stack, e)
		case xml.CharData:
			last.text.Write(tok)
		case xml.EndElement:
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
		}
	}
	return top, nil
}

// xpathStep is one step of a path: elements of a name, or an attribute.
type xpathStep struct {
	name     string
	anywhere bool // //
	attr     bool
	tests    []xpathTest
}

// xpathTest is one condition in brackets: [@name], [@name='text'], [child], [child='text'] or [place].
type xpathTest struct {
	name, is   string
	attr, text bool
	place      int // 0: none; -1: last()
}

// xpathSteps reads a path; false for what is none of the forms.
func xpathSteps(path string) ([]xpathStep, bool) {
	var steps []xpathStep
	rest := strings.TrimSpace(path)
	for rest != "" {
		var s xpathStep
		if strings.HasPrefix(rest, "//") {
			s.anywhere, rest = true, rest[2:]
		} else {
			rest = strings.TrimPrefix(rest, "/")
		}
		if strings.HasPrefix(rest, "@") {
			s.attr, rest = true, rest[1:]
		}
		n := strings.IndexAny(rest, "/[")
		if n < 0 {
			n = len(rest)
		}
		s.name, rest = strings.TrimSpace(rest[:n]), rest[n:]
		for strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, false
			}
			t, ok := readXpathTest(rest[1:end])
			if !ok {
				return nil, false
			}
			s.tests, rest = append(s.tests, t), rest[end+1:]
		}
		switch {
		case s.name == "" || len(steps) > 0 && steps[len(steps)-1].attr:
			return nil, false
		case s.name == "text()" && rest == "":
			continue
		}
		steps = append(steps, s)
	}
	return steps, len(steps) > 0
}

func readXpathTest(s string) (xpathTest, bool) {
	var t xpathTest
	s = strings.TrimSpace(s)
	if n, err := strconv.Atoi(s); err == nil {
		t.place = n
		return t, n > 0
	}
	if s == "last()" {
		t.place = -1
		return t, true
	}
	if strings.HasPrefix(s, "@") {
		t.attr, s = true, s[1:]
	}
	name, is, ok := strings.Cut(s, "=")
	t.name = strings.TrimSpace(name)
	if ok {
		is = strings.TrimSpace(is)
		if len(is) < 2 || is[0] != is[len(is)-1] || is[0] != '"' && is[0] != '\'' {
			return t, false
		}
		t.text, t.is = true, is[1:len(is)-1]
	}
	return t, t.name != "" && !strings.ContainsAny(t.name, "()<>!| ")
}

// xpath are the texts of the elements or the values of the attributes that a path names.
func (x *runner) xpath(raw string, steps []xpathStep) ([]string, error) {
	top, err := x.xmlTree(raw)
	if err != nil {
		return nil, err
	}
	found := []*element{top}
	for i, s := range steps {
		if s.attr && i == len(steps)-1 {
			return attributes(found, s), nil
		}
		var next []*element
		seen := map[*element]bool{}
		for _, e := range found {
			list, err := x.stepped(e, s)
			if err != nil {
				return nil, err
			}
			for _, c := range list {
				if !seen[c] {
					seen[c] = true
					next = append(next, c)
				}
			}
		}
		found = next
	}
	var out []string
	for _, e := range found {
		if t := strings.TrimSpace(e.text.String()); t != "" {
			out = append(out, t)
		}
	}
	return out, nil
}

func attributes(list []*element, s xpathStep) []string {
	var out []string
	for _, e := range list {
		for _, a := range e.attrs {
			if s.name == "*" || a.Name.Local == s.name {
				out = append(out, a.Value)
			}
		}
		if s.anywhere {
			out = append(out, attributes(e.children, s)...)
		}
	}
	return out
}

// stepped are the elements below one that a step names.
func (x *runner) stepped(e *element, s xpathStep) ([]*element, error) {
	if err := x.spend(1 + len(e.children)); err != nil {
		return nil, err
	}
	var same []*element
	for _, c := range e.children {
		if s.name == "*" || c.name == s.name {
			same = append(same, c)
		}
	}
	for _, t := range s.tests {
		var kept []*element
		for i, c := range same {
			if t.place == i+1 || t.place == -1 && i == len(same)-1 || t.place == 0 && t.holds(c) {
				kept = append(kept, c)
			}
		}
		same = kept
	}
	if !s.anywhere {
		return same, nil
	}
	for _, c := range e.children {
		below, err := x.stepped(c, s)
		if err != nil {
			return nil, err
		}
		same = append(same, below...)
	}
	return same, nil
}

func (t xpathTest) holds(e *element) bool {
	if t.attr {
		for _, a := range e.attrs {
			if a.Name.Local == t.name && (!t.text || a.Value == t.is) {
				return true
			}
		}
		return false
	}
	for _, c := range e.children {
		if c.name == t.name && (!t.text || strings.TrimSpace(c.text.String()) == t.is) {
			return true
		}
	}
	return false
}
