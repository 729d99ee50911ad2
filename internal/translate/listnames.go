package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Where an integration keeps the elements of a list in fields that are called after them, the order of the elements is lost.
// What a search asks of the names tells which element it means: the only name that it asks for, or the one that it compares
// the name at a place with.

// namesAsked are the names that the conditions of a pipeline ask lists of names for.
type namesAsked struct {
	// any are those of any place, by the list's name without its last part; at those of one place, by that and the place. An
	// empty name is one of several.
	any, at map[string]string
}

func (n *namesAsked) note(m map[string]string, key, name string) {
	if old, ok := m[key]; ok && old != name {
		name = ""
	}
	m[key] = name
}

// askedNames reads the names that hold for every row from the conditions of the pipeline.
func askedNames(cmds []spl.Command) *namesAsked {
	asked := &namesAsked{any: map[string]string{}, at: map[string]string{}}
	places := map[string]string{} // columns that hold the name at a place
	compare := func(field, text string) {
		switch {
		case text == "" || strings.Contains(text, "*"):
		case places[field] != "":
			asked.note(asked.at, places[field], text)
		case listOfNames(field):
			asked.note(asked.any, siblings(field), text)
		}
	}
	for _, c := range cmds {
		switch c := c.(type) {
		case *spl.Search:
			for _, e := range conjuncts(c.Expr) {
				if e, ok := e.(*spl.Compare); ok && e.Op == "=" {
					compare(e.Field.Text, e.Value.Text)
				}
			}
		case *spl.Where:
			for _, e := range evalConjuncts(c.Expr) {
				b, ok := e.(*spl.Binary)
				if !ok || b.Op != "=" && b.Op != "==" {
					continue
				}
				ref, isField := b.L.(*spl.FieldRef)
				text, isText := b.R.(*spl.StringLit)
				if isField && isText {
					compare(ref.Name, text.Value)
				}
			}
		case *spl.Eval:
			for _, a := range c.Assigns {
				delete(places, a.Field.Text)
				call, ok := a.Expr.(*spl.Call)
				if !ok || call.Func != "mvindex" || len(call.Args) != 2 {
					continue
				}
				ref, isField := call.Args[0].(*spl.FieldRef)
				if at, ok := wholeNumber(call.Args[1]); ok && isField && listOfNames(ref.Name) {
					places[a.Field.Text] = siblings(ref.Name) + at
				}
			}
		case *spl.Stats:
			return asked // rows are no longer events
		}
	}
	return asked
}

func evalConjuncts(e spl.Expr) []spl.Expr {
	if b, ok := e.(*spl.Binary); ok && strings.EqualFold(b.Op, "AND") {
		return append(evalConjuncts(b.L), evalConjuncts(b.R)...)
	}
	return []spl.Expr{e}
}

// siblings is what a list and the list of the names of its elements have in common.
func siblings(list string) string { return list[:strings.LastIndexByte(list, '.')+1] }

// askedName is the name that the pipeline asks a list for, of the element at a place, or of any where the place is empty.
func (l *lowering) askedName(list, place string) string {
	if l.asked == nil {
		return ""
	}
	if place == "" {
		return l.asked.any[siblings(list)]
	}
	return l.asked.at[siblings(list)+place]
}

// placedElement is mvindex(list, 0) where the place of an element cannot be known and the search says what it is called.
func (l *lowering) placedElement(list, place string, span spl.Span) (value, bool) {
	name := l.askedName(list, place)
	if name == "" {
		return value{}, false
	}
	v, ok := l.elementOf(list, name, span)
	if !ok {
		return value{}, false
	}
	l.diag("array_approximate", span, "mvindex", "the integration keeps each element in a field of its own, so the place in the list cannot be told: the draft takes the element called "+
		name+", which the search compares the name at this place with, wherever in the list it stood")
	if listOfNames(list) {
		return value{expr: call("CASE", notNull(v.expr), str(name), null()), typ: "keyword"}, true
	}
	return v, true
}

// peekList looks a name up that may be a list, whose elements are asked for.
func (l *lowering) peekList(name string, span spl.Span) *column {
	asked := l.asked
	l.asked = nil
	c := l.peek(name, span)
	l.asked = asked
	return c
}

// wholeList is a list whose elements are fields of their own, used as a whole: the element that every row is known to have
// stands for it.
func (l *lowering) wholeList(name string, f *schema.Field, span spl.Span) *column {
	if l.src == nil || len(l.also) > 0 || !strings.Contains(f.Source, ".") || !l.src.HasElements(f.Source) {
		return nil
	}
	element := l.askedName(f.Source, "")
	if element == "" {
		return nil
	}
	found, ok := l.src.Element(f.Source, element, schema.Hint{EventCodes: l.eventCodes})
	if !ok {
		return nil
	}
	g := l.onDemand(&found)
	n := &mappingNote{code: "array_approximate", subject: name, always: g.Dynamic, message: "the integration keeps each element of `" + name +
		"` in a field of its own: the draft takes the one called " + element + ", which the search asks for, and leaves out what else the event has in the list"}
	if listOfNames(f.Source) {
		if c, ok := l.readOuts[name]; ok {
			return c
		}
		c := &column{name: l.freeName(name), typ: "keyword", nonNull: true, computed: true, pending: n, field: &schema.Field{Source: name}}
		l.add(&esql.Eval{Assigns: []*esql.Assign{{Name: c.name, Expr: mark(str(element), span)}}})
		l.noteReadOut(name, c)
		return c
	}
	c := &column{name: g.Name, typ: g.Type, array: g.Array, field: g, pending: n}
	if g.Support == schema.Approximate {
		c.pending = joined(false, n, fieldNote(name+"["+element+"]", g))
	}
	return c
}

// anyElement is the condition that one of the elements of a list has a value: a query string asks every field that the
// elements have. Such a query names no column, so an index without any of the fields accepts it.
func (l *lowering) anyElement(field spl.Name, vals []spl.Value, span spl.Span, neg bool) (esql.Expr, bool) {
	if l.src == nil || len(l.also) > 0 || !l.queryString() {
		return nil, false
	}
	list, ok := l.listNamed(field.Text, field.Span())
	if !ok || listOfNames(list) || l.askedName(list, "") != "" || !l.peek(field.Text, field.Span()).hole {
		return nil, false
	}
	pattern, ok := l.src.AnyElement(list)
	if !ok {
		return nil, false
	}
	var parts []string
	for _, v := range vals {
		lower := strings.ToLower(v.Text)
		if _, beyond := letters(lower); beyond || lower == "" {
			return nil, false
		}
		words := strings.Split(lower, "*")
		for i, w := range words {
			words[i] = caseClasses(w, esql.EscapeLuceneRegex)
		}
		parts = append(parts, strings.Join(words, ".*"))
	}
	text := strings.Join(parts, "|")
	if len(text) > longestPattern {
		return nil, false
	}
	l.diag("mapping_approximate", span, field.Text, "`"+field.Text+"` is asked for in every field "+pattern+", of which there is one for each element of the list; a value longer than 1,024 characters is not found")
	x := mark(call("QSTR", str(esql.EscapeLucene(pattern)+":/"+text+"/")), span)
	if neg {
		return not(x), true
	}
	return x, true
}
