package value

import (
	"math/big"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	pageSearch   Page = "SearchReference/Search"
	pageWhere    Page = "SearchReference/Where"
	pageEval     Page = "SearchReference/Eval"
	pageNot      Page = "Search/NOTexpressions"
	pageExpr     Page = "SearchReference/Eval"
	pageCompare  Page = "SearchReference/ConditionalFunctions"
	pageSort     Page = "SearchReference/Sort"
	pageWild     Page = "Search/Wildcards"
	pageCIDR     Page = "SearchReference/Search"
	pageStats    Page = "SearchReference/Stats"
	pageLookup   Page = "SearchReference/Lookup"
	pageJoin     Page = "SearchReference/Join"
	pageDedup    Page = "SearchReference/Dedup"
	pageMultival Page = "SearchReference/MultivalueEvalFunctions"
)

func compareOps() []Op {
	cmp := func(name string, holds func(int) bool) Op {
		return Op{Name: name, Place: InEval, Min: 2, Max: 2, Rows: []Row{
			{Kinds: kinds(Missing, Any), Result: Boolean, Does: "a comparison with a missing value does not hold, and its NOT holds"},
			{Kinds: kinds(Number, Number), Result: Boolean, Does: "compares the numbers", Page: pageEval},
			{Kinds: kinds(Text, Any), Result: Boolean, Does: "compares the texts by code point, with case", Page: pageWhere},
			{Kinds: kinds(Any, Text), Result: Boolean, Does: "compares the texts by code point, with case", Page: pageWhere},
			{Kinds: kinds(Numeral, Numeral), Result: Boolean, Does: "compares numbers if both sides read as numbers, else the texts by code point, with case", Page: pageWhere},
			{Kinds: kinds(Any, Any), Result: Boolean, Does: "with several values, holds if one of them compares"},
		}, fn: func(e *Env, a []Value) Value {
			for _, x := range a[0] {
				for _, y := range a[1] {
					if !e.spend(1) {
						return nil
					}
					if c, ok := compareEval(x, y); ok && holds(c) {
						return Bool(true)
					}
				}
			}
			return Bool(false)
		}}
	}
	search := func(name string, holds func(value, literal Atom) bool, rows ...Row) Op {
		rows = append([]Row{{Kinds: kinds(Missing, Any), Result: Boolean, Does: "does not hold for a field that is missing; NOT around the comparison then holds", Page: pageNot}}, rows...)
		return Op{Name: name, Place: InSearch, Min: 2, Max: 2, Rows: rows, fn: func(e *Env, a []Value) Value {
			for _, x := range a[0] {
				for _, y := range a[1] {
					if !e.spend(1 + len(x.text)/64) {
						return nil
					}
					if holds(x, y) {
						return Bool(true)
					}
				}
			}
			return Bool(false)
		}}
	}
	order := func(name string, holds func(int) bool) Op {
		return search(name, func(x, y Atom) bool { return holds(compareSearch(x, y)) },
			Row{Kinds: kinds(Number, Any), Result: Boolean, Does: "compares numbers if both sides are numbers", Page: pageSearch},
			Row{Kinds: kinds(Any, Any), Result: Boolean, Does: "compares numbers if both sides are numbers, else the texts by code point; with several values, holds if one compares", Page: pageSearch})
	}
	return []Op{
		search("=", matchSearch,
			Row{Kinds: kinds(Number, Any), Result: Boolean, Does: "compares the texts: 2.0 does not match 2; a value with * is a pattern over the text", Page: pageSearch},
			Row{Kinds: kinds(Address, Any), Result: Boolean, Does: "a value that is wholly a network (10.0.0.0/8) matches the addresses in it", Page: pageCIDR},
			Row{Kinds: kinds(Any, Any), Result: Boolean, Does: "matches the whole value without case; * stands for any text and cannot be escaped; several values match if one does", Page: pageWild}),
		search("!=", func(x, y Atom) bool { return !matchSearch(x, y) },
			Row{Kinds: kinds(Any, Any), Result: Boolean, Does: "holds where the field is there and one of its values differs", Page: pageNot}),
		order("<", func(c int) bool { return c < 0 }), order("<=", func(c int) bool { return c <= 0 }),
		order(">", func(c int) bool { return c > 0 }), order(">=", func(c int) bool { return c >= 0 }),
		cmp("=", func(c int) bool { return c == 0 }), cmp("!=", func(c int) bool { return c != 0 }),
		cmp("<", func(c int) bool { return c < 0 }), cmp("<=", func(c int) bool { return c <= 0 }),
		cmp(">", func(c int) bool { return c > 0 }), cmp(">=", func(c int) bool { return c >= 0 }),
		{Name: "in", Place: InEval, Min: 2, Max: -1, Rows: []Row{
			{Kinds: kinds(Missing, Any), Result: Boolean, Does: "does not hold for a missing value"},
			{Kinds: kinds(Any, Any), Result: Boolean, Does: "holds if the first argument equals one of the others as = of eval compares; * is no wildcard", Page: pageCompare}},
			fn: func(e *Env, a []Value) Value {
				for _, y := range a[1:] {
					for _, x := range a[0] {
						for _, z := range y {
							if !e.spend(1) {
								return nil
							}
							if c, ok := compareEval(x, z); ok && c == 0 {
								return Bool(true)
							}
						}
					}
				}
				return Bool(false)
			}},
		{Name: "present", Place: InSearch, Min: 1, Max: 1, Rows: []Row{
			{Kinds: kinds(Any), Result: Boolean, Does: "field=* holds where the field has a value, an empty one too", Page: pageSearch}},
			fn: func(_ *Env, a []Value) Value { return Bool(!a[0].Missing()) }},
		{Name: "term", Place: InSearch, Min: 2, Max: 2, Rows: []Row{
			{Kinds: kinds(Any, Any), Result: Boolean, Does: "a bare word or phrase is found in the raw event without case, between breakers; * stands for any text", Page: pageSearch}},
			fn: func(e *Env, a []Value) Value {
				for _, x := range a[0] {
					if !e.spend(1 + len(x.text)/16) {
						return nil
					}
					if len(a[1]) > 0 && findTerm(x.Text(), a[1][0].Text(), false) {
						return Bool(true)
					}
				}
				return Bool(false)
			}},
		{Name: "case-term", Place: InSearch, Min: 2, Max: 2, Rows: []Row{
			{Kinds: kinds(Any, Any), Result: Boolean, Does: "CASE(word) is found in the raw event with case", Page: "Search/UseCASEandTERMtomatchphrases"}},
			fn: func(_ *Env, a []Value) Value {
				for _, x := range a[0] {
					if len(a[1]) > 0 && findTerm(x.Text(), a[1][0].Text(), true) {
						return Bool(true)
					}
				}
				return Bool(false)
			}},
	}
}

// compareEval compares as eval and where do; false when the values cannot be compared.
func compareEval(x, y Atom) (int, bool) {
	if x.kind == Boolean || y.kind == Boolean {
		if x.kind == y.kind {
			return compareFloat(x.number, y.number), true
		}
		return strings.Compare(x.Text(), y.Text()), true
	}
	if c, ok := compareNumbers(x, y); ok {
		return c, true
	}
	return strings.Compare(x.Text(), y.Text()), true
}

// compareNumbers compares two values that both read as numbers. Whole numbers beyond the precision of a float are
// compared digit by digit.
func compareNumbers(x, y Atom) (int, bool) {
	a, ok1 := x.Number()
	b, ok2 := y.Number()
	if !ok1 || !ok2 {
		return 0, false
	}
	if c := compareFloat(a, b); c != 0 || a < 1<<53 && a > -(1<<53) {
		return c, true
	}
	p, ok1 := new(big.Int).SetString(strings.TrimPrefix(x.Text(), "+"), 10)
	q, ok2 := new(big.Int).SetString(strings.TrimPrefix(y.Text(), "+"), 10)
	if ok1 && ok2 {
		return p.Cmp(q), true
	}
	return 0, true
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareSearch(x, y Atom) int {
	if c, ok := compareNumbers(x, y); ok {
		return c
	}
	return strings.Compare(fold(x.Text()), fold(y.Text()))
}

// matchSearch compares texts, numbers too (SearchReference/Search: = and != compare texts, so that 1 is not 1.0).
func matchSearch(x, y Atom) bool {
	pattern := y.Text()
	if strings.IndexByte(pattern, '*') >= 0 {
		return Wild(x.Text(), pattern, true)
	}
	if strings.IndexByte(pattern, '/') > 0 {
		if net, err := netip.ParsePrefix(pattern); err == nil {
			if ip, ok := parseAddress(x.Text()); ok {
				return net.Masked().Contains(ip)
			}
		}
	}
	return fold(x.Text()) == fold(pattern)
}

// fold maps letters to one case, letter by letter: ß stays ß.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
}

// Wild says whether the whole of s matches the pattern, in which * stands for any text.
func Wild(s, pattern string, ignoreCase bool) bool {
	if ignoreCase {
		s, pattern = fold(s), fold(pattern)
	}
	_, ok := WildParts(s, pattern)
	return ok
}

// WildParts matches the whole of s and gives what each * stood for.
func WildParts(s, pattern string) ([]string, bool) {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return nil, s == pattern
	}
	if !strings.HasPrefix(s, parts[0]) {
		return nil, false
	}
	at := len(parts[0])
	var stars []string
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s[at:], p)
		if i < 0 {
			return nil, false
		}
		stars = append(stars, s[at:at+i])
		at += i + len(p)
	}
	last := parts[len(parts)-1]
	if len(s)-at < len(last) || !strings.HasSuffix(s, last) {
		return nil, false
	}
	return append(stars, s[at:len(s)-len(last)]), true
}

// findTerm finds a word, phrase or pattern in raw text, at breakers on both sides.
func findTerm(raw, term string, withCase bool) bool {
	if !withCase {
		raw, term = fold(raw), fold(term)
	}
	if strings.Trim(term, "*") == "" {
		return true
	}
	parts := strings.Split(term, "*")
	open, end := parts[0] == "", parts[len(parts)-1] == ""
	term = strings.Trim(term, "*")
	parts = strings.Split(term, "*")
	for from := 0; from <= len(raw); {
		i := strings.Index(raw[from:], parts[0])
		if i < 0 {
			return false
		}
		a := from + i
		from = a + 1
		if !open && a > 0 && wordByte(raw[a-1]) && wordByte(parts[0][0]) {
			continue
		}
		if restOfTerm(raw, a+len(parts[0]), parts[1:], end) {
			return true
		}
	}
	return false
}

// restOfTerm says whether the parts behind the stars follow in the word that goes on at b, and the last one ends it: of
// several places for the last part one that is followed by a breaker counts.
func restOfTerm(raw string, b int, parts []string, open bool) bool {
	ends := func(b int) bool { return open || b >= len(raw) || !wordByte(raw[b]) || !wordByte(raw[b-1]) }
	if len(parts) == 0 {
		return ends(b)
	}
	for from := b; from <= len(raw); from++ {
		i := strings.Index(raw[from:], parts[0])
		if i < 0 || strings.ContainsAny(raw[b:from+i], " \t\n\r\",;|()[]{}") {
			return false // a pattern does not reach beyond the word
		}
		from += i
		if len(parts) > 1 {
			return restOfTerm(raw, from+len(parts[0]), parts[1:], open)
		}
		if ends(from + len(parts[0])) {
			return true
		}
	}
	return false
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func parseAddress(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 60 {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(s)
	return ip, err == nil
}
