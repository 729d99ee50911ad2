package prebuilt

import (
	"regexp"
	"strconv"
	"strings"
)

// shape is a rule's query in the form that two rules are compared in: on which events it rests, and how many of them it
// waits for.
type shape struct {
	indices []string
	filter  clause
	// groups are the fields that events are counted by; least are the numbers that a group must reach, empty when each
	// event, or each group of any size, alerts.
	groups []string
	least  []metric
	// window is the time within which they are counted, in minutes; 0 when unknown.
	window float64
	// other says why the query cannot be compared, empty when it can.
	other string
}

// metric is a number that a group of events must reach: of events, or of distinct values of a field.
type metric struct {
	distinct string // the field; empty counts events
	least    float64
}

func (m metric) String() string {
	n := strconv.FormatFloat(m.least, 'g', -1, 64)
	if m.distinct == "" {
		return n + " events"
	}
	return n + " different values of " + m.distinct
}

// shapeOf reads a prebuilt rule.
func shapeOf(r Rule) shape {
	var s shape
	switch {
	case r.BuildingBlock:
		s.other = "it is a building block, which alerts nobody"
	case len(r.Suppression.By) > 0 && r.Type != "threshold":
		s.other = "it suppresses further alerts with the same " + strings.Join(r.Suppression.By, ", ")
	case r.Type == "new_terms":
		s.other = "it alerts only on values that it sees for the first time"
	case r.Type == "machine_learning" || r.Query == "":
		s.other = "it is a job of machine learning, not a condition"
	case r.Type == "threat_match":
		s.other = "it compares with lists of indicators"
	case r.Language == "eql":
		s = readEQL(r.Query)
	case r.Language == "kuery":
		s = readKQL(r.Query)
	case r.Language == "esql":
		s = readESQL(r.Query, true)
	default:
		s.other = "it is written in " + strconv.Quote(r.Language) + ", which is not compared"
	}
	if len(r.Index) > 0 {
		s.indices = r.Index
	}
	if s.window == 0 {
		s.window = lookBack(r.From)
	}
	if apart := lookBack("now-" + r.Interval); s.other == "" && lookBack(r.From) > 0 && lookBack(r.From) < apart {
		s.other = "it looks back " + minutes(lookBack(r.From)) + " every " + minutes(apart) + ", and misses what is between"
	}
	if s.other == "" && r.Type == "threshold" {
		if r.Threshold == nil || r.Threshold.Value < 1 {
			s.other = "it counts events, and the catalogue does not say how many"
			return s
		}
		s.groups = r.Threshold.Field
		s.least = nil
		if r.Threshold.Value > 1 {
			s.least = append(s.least, metric{least: r.Threshold.Value})
		}
		for _, c := range r.Threshold.Cardinality {
			s.least = append(s.least, metric{distinct: c.Field, least: c.Value})
		}
	}
	return s
}

var relativeStart = regexp.MustCompile(`^now-(\d+)([smhdw])$`)

// defaultLookBack is how far back a rule looks that does not say, in minutes.
const defaultLookBack = 6

// lookBack is a rule's from in minutes, 0 when it is written in another way.
func lookBack(from string) float64 {
	if from == "" {
		return defaultLookBack
	}
	m := relativeStart.FindStringSubmatch(from)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0
	}
	return n * map[string]float64{"s": 1.0 / 60, "m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}[m[2]]
}

// minutes prints a length of time.
func minutes(n float64) string {
	switch {
	case n >= 60 && n == float64(int(n/60))*60:
		return strconv.Itoa(int(n/60)) + " h"
	case n >= 1:
		return strconv.FormatFloat(n, 'f', -1, 64) + " min"
	}
	return strconv.FormatFloat(n*60, 'f', 0, 64) + " s"
}

// comparison makes a leaf of field op number, or of field op text.
func comparison(field, op, text string, fold bool) clause {
	g := exactly(text, fold)
	switch op {
	case "==":
		return test{field: field, any: []glob{g}}
	case "!=":
		return both(exists(field), test{field: field, any: []glob{g}, not: true})
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return number{field: field, op: op, value: n}
	}
	return opaque{text: field + " " + op + " " + text}
}

// negated is a leaf's negation where a missing field makes neither true: the field must have a value.
func negated(c clause) clause {
	t, ok := c.(test)
	if !ok {
		return without(c)
	}
	if len(t.any) == 1 && string(t.any[0].text) == string(anyText) {
		t.not = !t.not
		return t
	}
	if t.not {
		t.not = false
		return t
	}
	t.not = true
	return both(exists(t.field), t)
}

// without is a leaf's negation where a missing field makes it hold.
func without(c clause) clause {
	switch c := c.(type) {
	case test:
		c.not = !c.not
		return c
	case number:
		return opaque{text: c.String(), not: true}
	case opaque:
		c.not = !c.not
		return c
	case all:
		out := make([]clause, len(c))
		for i, x := range c {
			out[i] = without(x)
		}
		return either(out...)
	case some:
		out := make([]clause, len(c))
		for i, x := range c {
			out[i] = without(x)
		}
		return both(out...)
	}
	return opaque{text: c.String(), not: true}
}

// tokens of the query languages of Elastic.
type token struct {
	kind string // word, string, number, op, end
	text string // what it says: strings without quotes and escapes
	raw  bool   // of a string: """…""", or of a word: nothing
}

var punctuation = []string{"==", "!=", "<=", ">=", "~", "(", ")", "[", "]", "{", "}", ",", ":", "<", ">", "=", "?", "|", "+", "-", "*", "/", "%", ".", "!"}

// lexEQL splits an EQL query; ok is false for what it cannot read.
func lexEQL(s string) (out []token, ok bool) {
	for i := 0; i < len(s); {
		rest := s[i:]
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case strings.HasPrefix(rest, "//"):
			if n := strings.IndexByte(rest, '\n'); n >= 0 {
				i += n
			} else {
				i = len(s)
			}
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest, "*/")
			if n < 0 {
				return nil, false
			}
			i += n + 2
		case strings.HasPrefix(rest, `"""`):
			n := strings.Index(rest[3:], `"""`)
			if n < 0 {
				return nil, false
			}
			out = append(out, token{kind: "string", text: rest[3 : 3+n], raw: true})
			i += n + 6
		case c == '"':
			text, n, closed := quotedText(rest)
			if !closed {
				return nil, false
			}
			out = append(out, token{kind: "string", text: text})
			i += n
		case c == '`':
			n := strings.IndexByte(rest[1:], '`')
			if n < 0 {
				return nil, false
			}
			out = append(out, token{kind: "word", text: rest[1 : 1+n]})
			i += n + 2
		case c == '_' || c == '@' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			n := 1
			for n < len(rest) && (rest[n] == '_' || rest[n] == '.' || rest[n] == '@' || rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z' || rest[n] >= '0' && rest[n] <= '9') {
				n++
			}
			kind := "word"
			if c >= '0' && c <= '9' {
				kind = "number"
			}
			out = append(out, token{kind: kind, text: rest[:n]})
			i += n
		default:
			found := false
			for _, p := range punctuation {
				if strings.HasPrefix(rest, p) {
					out = append(out, token{kind: "op", text: p})
					i += len(p)
					found = true
					break
				}
			}
			if !found {
				return nil, false
			}
		}
	}
	return append(out, token{kind: "end"}), true
}

// quotedText reads a double-quoted string with backslash escapes; n is its length with the quotes.
func quotedText(s string) (text string, n int, closed bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i + 1, true
		case '\\':
			if i++; i < len(s) {
				switch s[i] {
				case 'n':
					b.WriteByte('\n')
				case 't':
					b.WriteByte('\t')
				case 'r':
					b.WriteByte('\r')
				default:
					b.WriteByte(s[i])
				}
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}
