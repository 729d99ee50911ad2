package prebuilt

import (
	"strings"
)

// kqlToken is a token of KQL: a word keeps its wildcards as such, a quoted text has none.
type kqlToken struct {
	kind string // word, string, op, end
	text string // of a word: with anyText for each *
}

// kqlReader reads a KQL query.
type kqlReader struct {
	tokens []kqlToken
	at     int
	depth  int
	failed bool
}

// readKQL reads a KQL query; nested fields and words without a field are not compared.
func readKQL(query string) shape {
	r := &kqlReader{tokens: lexKQL(query)}
	if len(r.tokens) == 1 {
		return shape{filter: all{}}
	}
	c := r.or(false)
	if r.failed || r.peek().kind != "end" {
		return shape{other: "its KQL could not be read"}
	}
	return shape{filter: c}
}

func lexKQL(s string) (out []kqlToken) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"':
			text, n, closed := quotedText(s[i:])
			if !closed {
				return []kqlToken{{kind: "op", text: `"`}, {kind: "end"}}
			}
			out = append(out, kqlToken{kind: "string", text: text})
			i += n
		case strings.HasPrefix(s[i:], "<=") || strings.HasPrefix(s[i:], ">="):
			out = append(out, kqlToken{kind: "op", text: s[i : i+2]})
			i += 2
		case strings.IndexByte("():<>{}", c) >= 0:
			out = append(out, kqlToken{kind: "op", text: string(c)})
			i++
		default:
			var b strings.Builder
			for ; i < len(s) && strings.IndexByte(" \t\n\r\"():<>{}", s[i]) < 0; i++ {
				switch {
				case s[i] == '\\' && i+1 < len(s):
					i++
					b.WriteByte(s[i])
				case s[i] == '*':
					b.WriteRune(anyText)
				default:
					b.WriteByte(s[i])
				}
			}
			out = append(out, kqlToken{kind: "word", text: b.String()})
		}
	}
	return append(out, kqlToken{kind: "end"})
}

func (r *kqlReader) peek() kqlToken { return r.tokens[r.at] }

func (r *kqlReader) next() kqlToken {
	t := r.tokens[r.at]
	if r.at < len(r.tokens)-1 {
		r.at++
	}
	return t
}

func (r *kqlReader) take(kind, text string) bool {
	if t := r.peek(); t.kind == kind && strings.EqualFold(t.text, text) {
		r.next()
		return true
	}
	return false
}

func (r *kqlReader) fail() clause {
	r.failed = true
	return all{}
}

func (r *kqlReader) or(not bool) clause {
	return r.list("or", not, !not, func() clause { return r.list("and", not, not, func() clause { return r.not(not) }) })
}

// list reads operands between words; any says that one of them is enough.
func (r *kqlReader) list(word string, not, any bool, operand func() clause) clause {
	list := []clause{operand()}
	for !r.failed && r.take("word", word) {
		list = append(list, operand())
	}
	if any {
		return either(list...)
	}
	return both(list...)
}

func (r *kqlReader) not(not bool) clause {
	if r.depth++; r.depth > maxNesting {
		return r.fail()
	}
	defer func() { r.depth-- }()
	if r.take("word", "not") {
		return r.not(!not)
	}
	if r.take("op", "(") {
		c := r.or(not)
		if !r.take("op", ")") {
			return r.fail()
		}
		return c
	}
	field := r.next()
	if field.kind != "word" {
		return r.fail()
	}
	op := r.next()
	if op.kind != "op" {
		return r.fail()
	}
	switch op.text {
	case ":":
		if !r.take("op", "(") {
			return r.value(field.text, not)
		}
		c := r.values(field.text, not)
		if !r.take("op", ")") {
			return r.fail()
		}
		return c
	case "<", "<=", ">", ">=":
		c := comparison(field.text, op.text, r.next().text, false)
		if not {
			return without(c)
		}
		return c
	}
	return r.fail()
}

// values reads what stands in the parentheses behind a field.
func (r *kqlReader) values(field string, not bool) clause {
	return r.list("or", not, !not, func() clause {
		return r.list("and", not, not, func() clause {
			if r.depth++; r.depth > maxNesting {
				return r.fail()
			}
			defer func() { r.depth-- }()
			if r.take("word", "not") {
				if r.take("op", "(") {
					c := r.values(field, !not)
					if !r.take("op", ")") {
						return r.fail()
					}
					return c
				}
				return r.value(field, !not)
			}
			if r.take("op", "(") {
				c := r.values(field, not)
				if !r.take("op", ")") {
					return r.fail()
				}
				return c
			}
			return r.value(field, not)
		})
	})
}

func (r *kqlReader) value(field string, not bool) clause {
	t := r.next()
	if t.kind != "word" && t.kind != "string" {
		return r.fail()
	}
	// Several words behind one another are one value; a query with them is rare enough to leave aside.
	if n := r.peek(); n.kind == "word" && !strings.EqualFold(n.text, "or") && !strings.EqualFold(n.text, "and") && !strings.EqualFold(n.text, "not") && t.kind == "word" {
		return r.fail()
	}
	if strings.ContainsRune(field, anyText) {
		return r.fail()
	}
	var c clause = test{field: field, any: []glob{makeGlob(t.text, false)}}
	if analysed(field) && t.text != string(anyText) {
		// Words of a text, in any place: no pattern of the whole value says the same.
		c = opaque{text: field + " has the words " + strings.ReplaceAll(t.text, string(anyText), "*")}
	}
	if not {
		return without(c)
	}
	return c
}

// analysed says whether the field is a text that is searched by its words.
func analysed(field string) bool {
	return strings.HasSuffix(field, ".text") || strings.HasSuffix(field, "_text") || field == "message" || strings.HasSuffix(field, ".message")
}
