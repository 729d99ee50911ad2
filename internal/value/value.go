package value

import (
	"math"
	"strconv"
	"strings"
)

// Atom is one value: a text, a number or a truth.
type Atom struct {
	kind   Kind // Text, Number or Boolean
	text   string
	number float64
	places int8 // decimals to show, which can be fewer than the number has; -1: as many as it needs; asWritten: text that an event holds as a number
}

// asWritten marks text that stood as a number in the events: it is text to every operation, and written as a number.
const asWritten = -2

// inQuotes marks text that stands in quotes in the search.
const inQuotes = -3

// asJSON marks text that is JSON already.
const asJSON = -4

// Value is what a field holds in one row: nothing, one value or several.
type Value []Atom

// Str is one text.
func Str(s string) Value { return Value{{kind: Text, text: s}} }

// Written is the text of a number as an event holds it: 2.50 stays 2.50.
func Written(s string) Value { return Value{{kind: Text, text: s, places: asWritten}} }

// Quoted is a text that stands in quotes in the search, which JSON writes as a text even where it reads as a number.
func Quoted(s string) Value { return Value{{kind: Text, text: s, places: inQuotes}} }

// IsWritten says that the value stood as a number in the events.
func (a Atom) IsWritten() bool { return a.kind == Text && a.places == asWritten }

// Strs are several texts, none for an empty list.
func Strs(list []string) Value {
	var v Value
	for _, s := range list {
		v = append(v, Atom{kind: Text, text: s})
	}
	return v
}

// Num is one number, missing when it is none (NaN).
func Num(n float64) Value {
	if math.IsNaN(n) {
		return nil
	}
	return Value{{kind: Number, number: n, places: -1}}
}

// NumPlaces is a number that shows a fixed number of decimals.
func NumPlaces(n float64, places int) Value {
	if math.IsNaN(n) {
		return nil
	}
	return Value{{kind: Number, number: n, places: int8(min(places, 100))}}
}

// Bool is a truth.
func Bool(b bool) Value {
	n := 0.0
	if b {
		n = 1
	}
	return Value{{kind: Boolean, number: n}}
}

// Missing says that there is no value.
func (v Value) Missing() bool { return len(v) == 0 }

// One is the value by itself as a Value.
func (a Atom) One() Value { return Value{a} }

// True says that the value is a truth that holds. Nothing else is a condition.
func (v Value) True() bool { return len(v) == 1 && v[0].kind == Boolean && v[0].number != 0 }

// IsBool says that the value is a truth.
func (v Value) IsBool() bool { return len(v) == 1 && v[0].kind == Boolean }

// Text is the value as text.
func (a Atom) Text() string {
	switch a.kind {
	case Number:
		return FormatNumber(a.number, int(a.places))
	case Boolean:
		if a.number != 0 {
			return "True"
		}
		return "False"
	}
	return a.text
}

// Number is the value as a number, false if it is none. Text that reads as a number is one.
func (a Atom) Number() (float64, bool) {
	switch a.kind {
	case Number:
		return a.number, true
	case Text:
		return ParseNumber(a.text)
	}
	return 0, false
}

// Kind is Number, Boolean, Address, Numeral or Text, of the value as it is.
func (a Atom) Kind() Kind {
	if a.kind != Text {
		return a.kind
	}
	if _, ok := ParseNumber(a.text); ok {
		return Numeral
	}
	if _, ok := parseAddress(a.text); ok {
		return Address
	}
	return Text
}

// Texts are the values as texts.
func (v Value) Texts() []string {
	list := make([]string, len(v))
	for i, a := range v {
		list[i] = a.Text()
	}
	return list
}

// Joined is the text of all values, by line breaks as nomv joins them.
func (v Value) Joined() string {
	if len(v) == 1 {
		return v[0].Text()
	}
	return strings.Join(v.Texts(), "\n")
}

// Size is about how many bytes the value takes.
func (v Value) Size() int {
	n := 24
	for _, a := range v {
		n += 40 + len(a.text)
	}
	return n
}

// ParseNumber reads a decimal number as a field of an event may hold one: digits, a sign, a point, an exponent.
func ParseNumber(s string) (float64, bool) {
	if s == "" || len(s) > 400 {
		return 0, false
	}
	digit := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E':
		default:
			return 0, false
		}
	}
	if !digit {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// FormatNumber writes a number out: whole ones without decimals, others with the digits they need, or with a fixed
// number of decimals.
func FormatNumber(n float64, places int) string {
	switch {
	case math.IsInf(n, 1):
		return "inf"
	case math.IsInf(n, -1):
		return "-inf"
	case math.IsNaN(n):
		return "nan"
	case n == 0:
		n = 0 // no -0
	}
	if places >= 0 {
		s := strconv.FormatFloat(roundTo(n, places), 'f', places, 64)
		if strings.Trim(s, "-0.") == "" {
			s = strings.TrimPrefix(s, "-")
		}
		return s
	}
	if n == math.Trunc(n) && math.Abs(n) < 1e17 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// decimals is the number of decimals that a number needs, at most 15.
func decimals(n float64) int {
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if i := strings.IndexByte(s, '.'); i >= 0 {
		return min(len(s)-i-1, 15)
	}
	return 0
}

// roundTo rounds half away from zero at a number of decimals, which may be negative.
func roundTo(n float64, places int) float64 {
	if math.IsInf(n, 0) || math.IsNaN(n) || places > 15 {
		return n
	}
	if places >= 0 {
		// The decimal text decides what half is: 2.675 is written so, though the binary number lies below.
		if s := strconv.FormatFloat(math.Abs(n), 'f', -1, 64); len(s) < 300 {
			if i := strings.IndexByte(s, '.'); i < 0 || len(s)-i-1 <= places {
				return n
			} else if up, err := strconv.ParseFloat(s[:i+1+places], 64); err == nil {
				if s[i+1+places] >= '5' {
					up += math.Pow(10, float64(-places))
				}
				if r, err := strconv.ParseFloat(strconv.FormatFloat(up, 'f', places, 64), 64); err == nil {
					return math.Copysign(r, n)
				}
			}
		}
	}
	p := math.Pow(10, float64(places))
	return math.Round(n*p) / p
}

// Places is the number of decimals that a number shows, negative where it shows those that it needs.
func (a Atom) Places() int {
	if a.kind != Number {
		return -1
	}
	return int(a.places)
}

// Float is the one number of a value.
func (v Value) Float() (float64, bool) { return number(v) }
