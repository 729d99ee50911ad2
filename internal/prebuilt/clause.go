package prebuilt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// clause is a condition on one event, with every negation at a leaf: all, some, or a leaf.
type clause interface{ String() string }

// all holds when each of its clauses does; the empty one always holds.
type all []clause

// some holds when one of its clauses does; the empty one never holds.
type some []clause

// test says that a value of the field matches one of the globs; negated, that none does, also when the field is missing.
type test struct {
	field string
	any   []glob
	not   bool
}

// number compares a field with a number; op is one of < <= > >=.
type number struct {
	field, op string
	value     float64
}

// opaque is a condition that is only ever the same as one with the same text. shown is what a reader sees in its place,
// empty for the text itself; fields are the fields that it reads, with a comma between them.
type opaque struct {
	text, shown, fields string
	not                 bool
}

func (c all) String() string  { return join(c, " and ") }
func (c some) String() string { return join(c, " or ") }

func join(list []clause, sep string) string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.String()
		switch c.(type) {
		case all, some:
			out[i] = "(" + out[i] + ")"
		}
	}
	return strings.Join(out, sep)
}

func (c test) String() string {
	const shown = 3
	var values []string
	for i, g := range c.any {
		if i == shown {
			values = append(values, fmt.Sprintf("%d more", len(c.any)-shown))
			break
		}
		values = append(values, g.String())
	}
	list := strings.Join(values, ", ")
	switch {
	case list == "*" && c.not:
		return c.field + " is missing"
	case list == "*":
		return c.field + " is present"
	case c.not:
		return c.field + " is not " + list
	}
	return c.field + " is " + list
}

func (c number) String() string { return fmt.Sprintf("%s %s %g", c.field, c.op, c.value) }

func (c opaque) String() string {
	text := cmp.Or(c.shown, c.text)
	if c.not {
		return "not " + text
	}
	return text
}

// exists says that the field has a value.
func exists(field string) clause { return test{field: field, any: []glob{newGlob("*", true)}} }

// both is the conjunction, without nesting.
func both(list ...clause) clause {
	var out all
	for _, c := range list {
		if inner, ok := c.(all); ok {
			out = append(out, inner...)
		} else {
			out = append(out, c)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// either is the disjunction, without nesting; tests of one field become one test.
func either(list ...clause) clause {
	list = presence(list)
	var out some
	for _, c := range list {
		inner, ok := c.(some)
		if !ok {
			inner = some{c}
		}
		for _, c := range inner {
			t, ok := c.(test)
			if ok && !t.not {
				if i := slices.IndexFunc(out, func(o clause) bool { x, is := o.(test); return is && !x.not && x.field == t.field }); i >= 0 {
					x := out[i].(test)
					x.any = append(slices.Clone(x.any), t.any...)
					out[i] = x
					continue
				}
			}
			out = append(out, c)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// presence turns "has a value, which is not x, or has none" into "is not x".
func presence(list []clause) []clause {
	for i, c := range list {
		a, ok := c.(all)
		if !ok || len(a) != 2 {
			continue
		}
		has, isTest := a[0].(test)
		not, alsoTest := a[1].(test)
		if !isTest || !alsoTest || has.not || !not.not || has.field != not.field || !has.present() {
			continue
		}
		for j, d := range list {
			if m, ok := d.(test); ok && m.not && m.field == has.field && m.present() {
				out := slices.Delete(slices.Clone(list), max(i, j), max(i, j)+1)
				out[min(i, j)] = not
				return out
			}
		}
	}
	return list
}

// present says whether the test is about any value at all.
func (c test) present() bool { return len(c.any) == 1 && string(c.any[0].text) == string(anyText) }

// maxAlternatives bounds the alternatives that a condition is taken apart into.
const maxAlternatives = 256

// alternatives takes a condition apart into conjunctions of leaves of which one must hold; ok is false when there are too
// many.
func alternatives(c clause) (list [][]clause, ok bool) {
	switch c := c.(type) {
	case all:
		list = [][]clause{nil}
		for _, x := range c {
			sub, ok := alternatives(x)
			if !ok || len(sub)*len(list) > maxAlternatives {
				return nil, false
			}
			var next [][]clause
			for _, a := range list {
				for _, b := range sub {
					next = append(next, append(slices.Clip(a), b...))
				}
			}
			list = next
		}
		return list, true
	case some:
		for _, x := range c {
			sub, ok := alternatives(x)
			if !ok || len(sub)+len(list) > maxAlternatives {
				return nil, false
			}
			list = append(list, sub...)
		}
		return list, true
	}
	return [][]clause{{c}}, true
}
