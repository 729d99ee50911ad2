package translate

import (
	"regexp"
	"strings"

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
	key, ok := wholeNumber(e.Args[1])
	if !ok {
		key, ok = l.namedElement(list, e.Args[1])
	}
	if !ok {
		return value{}, false
	}
	f, ok := l.src.Element(list, key, schema.Hint{EventCodes: l.eventCodes})
	if !ok {
		return value{}, false
	}
	subject := list + "[" + key + "]"
	if f.Support == schema.Medium {
		l.diag("mapping_medium", e.Span(), subject, "`"+subject+"` is read from "+readFrom(&f)+": "+f.Reason)
	}
	c := &column{name: f.Name, typ: f.Type, array: f.Array, field: &f}
	if f.Support == schema.Approximate {
		c.pending = fieldNote(subject, &f)
	}
	return l.used(c, e.Span()).value(), true
}

// listName is the name in Splunk of a stored list whose elements are known.
func (l *lowering) listName(e spl.Expr) (string, bool) {
	ref, ok := e.(*spl.FieldRef)
	if !ok {
		return "", false
	}
	c := l.peek(ref.Name, ref.Span())
	if c.computed || !l.src.HasElements(c.mapping().Source) {
		return "", false
	}
	return c.mapping().Source, true
}

// plainName recognizes a regular expression that is a name.
var plainName = regexp.MustCompile(`^\^?((?:[\w -]|\\?\.)+)\$?$`)

// namedElement is the name that mvfind(names, "Name") looks for, where the names stand beside the list.
func (l *lowering) namedElement(list string, e spl.Expr) (string, bool) {
	find, ok := e.(*spl.Call)
	if !ok || find.Func != "mvfind" || len(find.Args) != 2 {
		return "", false
	}
	names, ok := l.listName(find.Args[0])
	if !ok || names[:strings.LastIndexByte(names, '.')+1] != list[:strings.LastIndexByte(list, '.')+1] {
		return "", false
	}
	text, ok := find.Args[1].(*spl.StringLit)
	if !ok {
		return "", false
	}
	m := plainName.FindStringSubmatch(text.Value)
	if m == nil {
		return "", false
	}
	return strings.ReplaceAll(m[1], `\.`, "."), true
}

// unsaidList binds a list that is a hole but for its elements; the hole is named where the list as a whole is used.
func (l *lowering) unsaidList(name string, span spl.Span) *column {
	if l.src == nil || len(l.also) > 0 {
		return nil
	}
	c := l.peek(name, span)
	if !c.hole || c.computed || !l.src.HasElements(c.mapping().Source) {
		return nil
	}
	return &column{name: name, hole: true, field: c.field, unsaid: true}
}
