package value

import (
	"net/netip"
	"strings"
)

func keyOps() []Op {
	row := func(name string, place Place, does string, page Page) Op {
		return Op{Name: name, Place: place, Lazy: true, Min: 1, Max: 1, Rows: []Row{{Kinds: kinds(Any), Result: Any, Missing: Maybe, Does: does, Page: page}}}
	}
	return []Op{
		row("auto", InSort, "sorts numbers by their value before addresses by theirs before texts by code point; a missing value is the greatest ascending and the least descending", pageSort),
		row("num", InSort, "sorts by the number that the value is; what is none counts as missing", pageSort),
		row("str", InSort, "sorts by the text, by code point", pageSort),
		row("ip", InSort, "sorts by the address; what is none counts as missing", pageSort),
		row("by", InKey, "rows with the same text are one group; a row without the field is in none; a row with several values is in a group for each", pageStats),
		row("dedup", InKey, "rows with the same text are duplicates, with case; rows without the field are dropped, with keepempty kept", pageDedup),
		row("join", InKey, "rows with the same text meet, with case; a row without the field meets none", pageJoin),
		row("lookup", InLookup, "the text of the field is the cell, with case or without as the lookup says; a cell is a pattern or a network where the match type says so", pageLookup),
	}
}

// Order compares two keys of sort: how is auto, num, str or ip, or groups for the order in which stats and chart give
// their groups. A missing value is the greatest.
func Order(x, y Value, how string) int {
	a, ok1 := sortKey(x, how)
	b, ok2 := sortKey(y, how)
	switch {
	case !ok1 && !ok2:
		return 0
	case !ok1:
		return 1
	case !ok2:
		return -1
	}
	switch how {
	case "str":
		return strings.Compare(a.Text(), b.Text())
	case "ip":
		p, _ := netip.ParseAddr(a.Text())
		q, _ := netip.ParseAddr(b.Text())
		return p.Compare(q)
	case "groups":
		return compareRanked(a, b)
	}
	p, isAddress := parseAddress(a.Text())
	q, other := parseAddress(b.Text())
	_, number := a.Number()
	_, otherNumber := b.Number()
	switch {
	case isAddress && other:
		return p.Compare(q)
	case isAddress && !otherNumber:
		return -1
	case other && !number:
		return 1
	}
	return compareRanked(a, b)
}

func sortKey(v Value, how string) (Atom, bool) {
	if len(v) == 0 {
		return Atom{}, false
	}
	switch how {
	case "num":
		_, ok := v[0].Number()
		return v[0], ok
	case "ip":
		_, ok := parseAddress(v[0].Text())
		return v[0], ok
	}
	return v[0], true
}

// Fold is a text in which upper and lower case are one, as search and lookups compare.
func Fold(s string) string { return fold(s) }

// Equal compares with case or without.
func Equal(a, b string, withCase bool) bool {
	if withCase {
		return a == b
	}
	return fold(a) == fold(b)
}

// Display is the value as people and files read it: one text, or several.
func (v Value) Display() any {
	switch len(v) {
	case 0:
		return nil
	case 1:
		return v[0].Text()
	}
	return v.Texts()
}
