package translate

import (
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// element is mvindex(list, 1), or mvindex(values, mvfind(names, "Name")), of a list whose elements the integration keeps in
// fields of their own.
func (l *lowering) element(e *spl.Call) (value, bool) {
	if l.src == nil || len(l.also) > 0 || len(e.Args) != 2 {
		return value{}, false
	}
	list, ok := l.listName(e.Args[0])
	if !ok {
		return value{}, false
	}
	key, number := wholeNumber(e.Args[1])
	if !number {
		key, ok = l.namedElement(list, e.Args[1])
	}
	if !ok {
		return value{}, false
	}
	v, ok := l.elementOf(list, key, e.Span())
	if !ok && number {
		return l.placedElement(list, key, e.Span())
	}
	if ok && listOfNames(list) && !number {
		return value{expr: call("CASE", notNull(v.expr), str(key), null()), typ: "keyword"}, true
	}
	return v, ok && (number || !listOfNames(list))
}

// listOfNames says that the list has the names of elements; the fields of its elements are there where the list has the name.
func listOfNames(list string) bool { return strings.HasSuffix(list, ".Name") }

// elementOf is the field that keeps an element of a list.
func (l *lowering) elementOf(list, key string, span spl.Span) (value, bool) {
	element, ok := l.src.Element(list, key, schema.Hint{EventCodes: l.eventCodes})
	if !ok {
		return value{}, false
	}
	f := l.onDemand(&element)
	subject := list + "[" + key + "]"
	if f.Support == schema.Medium {
		l.diag("mapping_medium", span, subject, "`"+subject+"` is read from "+readFrom(f)+": "+f.Reason)
	}
	c := &column{name: f.Name, typ: f.Type, array: f.Array, field: f}
	if f.Support == schema.Approximate {
		c.pending = fieldNote(subject, f)
	}
	return l.used(c, span).value(), true
}

// nameFound is mvfind(names, "Name"): whether the event has an element of that name, since its place cannot be told.
func (l *lowering) nameFound(e *spl.Call) (value, bool) {
	p := l.placeOf(e)
	if p == nil {
		return value{}, false
	}
	v, ok := l.elementOf(p.names, p.key, e.Span())
	if !ok {
		return value{}, false
	}
	l.diag("array_approximate", e.Span(), "mvfind", "the integration keeps each element in a field of its own, so the place in the list cannot be told: the draft gives 0 where there is an element called "+
		p.key+". It differs where the place itself is used, and where another name contains this one")
	return value{expr: call("CASE", notNull(v.expr), integer(0), null()), typ: "integer"}, true
}

// namesHave is the condition that a list of names has one: names="Name". The names that ask for others, with stars, are not
// known.
func (l *lowering) namesHave(field spl.Name, text string, span spl.Span, neg bool) (esql.Expr, bool) {
	if l.src == nil || len(l.also) > 0 || text == "" || strings.Contains(text, "*") {
		return nil, false
	}
	list, ok := l.listNamed(field.Text, field.Span())
	if !ok || !listOfNames(list) {
		return nil, false
	}
	v, ok := l.elementOf(list, text, span)
	if !ok {
		return nil, false
	}
	if neg {
		return isNull(v.expr), true
	}
	return notNull(v.expr), true
}

// place is where a list of names has a name.
type place struct{ names, key string }

// placeOf recognizes the place of a name: mvfind(names, "Name"), a column that holds it, or one of these with a negative
// number for where there is none.
func (l *lowering) placeOf(e spl.Expr) *place {
	switch e := e.(type) {
	case *spl.FieldRef:
		if c := l.env.cols[e.Name]; c != nil {
			return c.place
		}
	case *spl.Call:
		switch {
		case e.Func == "mvfind" && len(e.Args) == 2 && l.src != nil && len(l.also) == 0:
			names, ok := l.listName(e.Args[0])
			text, isText := e.Args[1].(*spl.StringLit)
			if !ok || !isText || !listOfNames(names) {
				return nil
			}
			if m := plainName.FindStringSubmatch(text.Value); m != nil {
				return &place{names, strings.ReplaceAll(m[1], `\.`, ".")}
			}
		case e.Func == "if" && len(e.Args) == 3:
			if n, ok := wholeNumber(e.Args[2]); ok && strings.HasPrefix(n, "-") {
				return l.placeOf(e.Args[1])
			}
		}
	}
	return nil
}

// listName is the name in Splunk of a stored list whose elements are known.
func (l *lowering) listName(e spl.Expr) (string, bool) {
	ref, ok := e.(*spl.FieldRef)
	if !ok {
		return "", false
	}
	return l.listNamed(ref.Name, ref.Span())
}

func (l *lowering) listNamed(name string, span spl.Span) (string, bool) {
	c := l.peekList(name, span)
	if c.computed || !l.src.HasElements(c.mapping().Source) {
		return "", false
	}
	return c.mapping().Source, true
}

// plainName recognizes a regular expression that is a name.
var plainName = regexp.MustCompile(`^\^?((?:[\w -]|\\?\.)+)\$?$`)

// namedElement is the name of the element that stands where mvfind(names, "Name") found it, where the names stand beside the
// list.
func (l *lowering) namedElement(list string, e spl.Expr) (string, bool) {
	p := l.placeOf(e)
	if p == nil || p.names[:strings.LastIndexByte(p.names, '.')+1] != list[:strings.LastIndexByte(list, '.')+1] {
		return "", false
	}
	return p.key, true
}

// unsaidList binds a list that is a hole but for its elements; the hole is named where the list as a whole is used.
func (l *lowering) unsaidList(name string, span spl.Span) *column {
	if l.src == nil || len(l.also) > 0 {
		return nil
	}
	c := l.peekList(name, span)
	if !c.hole || c.computed || !l.src.HasElements(c.mapping().Source) {
		return nil
	}
	return &column{name: name, hole: true, field: c.field, unsaid: true}
}
