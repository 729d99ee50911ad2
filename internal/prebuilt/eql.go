package prebuilt

import (
	"strings"
)

// maxNesting bounds the nesting of a prebuilt rule's conditions.
const maxNesting = 100

// eqlReader reads the condition of an EQL query on one event. Elasticsearch runs a negation as "must not", which an event
// without the field meets.
type eqlReader struct {
	tokens []token
	at     int
	depth  int
	failed bool
}

// readEQL reads `category where condition`; sequences, samples and pipes are not compared.
func readEQL(query string) shape {
	const unread = "its EQL could not be read"
	tokens, ok := lexEQL(query)
	if !ok || len(tokens) < 3 {
		return shape{other: unread}
	}
	switch strings.ToLower(tokens[0].text) {
	case "sequence", "sample":
		return shape{other: "it waits for several events after one another"}
	}
	if !strings.EqualFold(tokens[1].text, "where") {
		return shape{other: unread}
	}
	r := &eqlReader{tokens: tokens, at: 2}
	c := r.or(false)
	if r.is("|") {
		return shape{other: "its EQL goes on with a pipe, which is not compared"}
	}
	if r.failed || r.peek().kind != "end" {
		return shape{other: unread}
	}
	if category := tokens[0]; category.kind == "string" || !strings.EqualFold(category.text, "any") {
		c = both(test{field: "event.category", any: []glob{exactly(category.text, false)}}, c)
	}
	return shape{filter: c}
}

func (r *eqlReader) peek() token { return r.tokens[r.at] }

func (r *eqlReader) next() token {
	t := r.tokens[r.at]
	if r.at < len(r.tokens)-1 {
		r.at++
	}
	return t
}

func (r *eqlReader) is(op string) bool { t := r.peek(); return t.kind == "op" && t.text == op }

func (r *eqlReader) word(w string) bool {
	if t := r.peek(); t.kind == "word" && strings.EqualFold(t.text, w) {
		r.next()
		return true
	}
	return false
}

func (r *eqlReader) take(op string) bool {
	if r.is(op) {
		r.next()
		return true
	}
	return false
}

func (r *eqlReader) fail() clause {
	r.failed = true
	return all{}
}

func (r *eqlReader) or(not bool) clause {
	list := []clause{r.and(not)}
	for !r.failed && r.word("or") {
		list = append(list, r.and(not))
	}
	if not {
		return both(list...)
	}
	return either(list...)
}

func (r *eqlReader) and(not bool) clause {
	list := []clause{r.not(not)}
	for !r.failed && r.word("and") {
		list = append(list, r.not(not))
	}
	if not {
		return either(list...)
	}
	return both(list...)
}

func (r *eqlReader) not(not bool) clause {
	if r.depth++; r.depth > maxNesting {
		return r.fail()
	}
	defer func() { r.depth-- }()
	if r.word("not") {
		return r.not(!not)
	}
	if r.take("(") {
		c := r.or(not)
		if !r.take(")") {
			return r.fail()
		}
		return c
	}
	c := r.leaf()
	if not {
		return without(c)
	}
	return c
}

// leaf reads a comparison, or a function call up to its end as text.
func (r *eqlReader) leaf() clause {
	r.take("?")
	t := r.next()
	if t.kind != "word" {
		return r.fail()
	}
	if strings.EqualFold(t.text, "true") {
		return all{}
	}
	field := t.text
	if r.is("(") || r.is("~") {
		return opaque{text: field + r.call()}
	}
	not := r.word("not")
	op := r.next()
	fold := r.take("~")
	name := strings.ToLower(op.text)
	var c clause
	switch {
	case name == ":", name == "like", name == "in":
		values, ok := r.values()
		if !ok {
			return r.fail()
		}
		leaf := test{field: field}
		for _, v := range values {
			switch {
			case name == "in" || v.raw && name != "like" && name != ":":
				leaf.any = append(leaf.any, exactly(v.text, fold))
			default:
				leaf.any = append(leaf.any, newGlob(v.text, fold || name == ":"))
			}
		}
		c = leaf
	case name == "regex":
		values, ok := r.values()
		if !ok {
			return r.fail()
		}
		text := field + " regex"
		for _, v := range values {
			text += " " + v.text
		}
		c = opaque{text: text}
	case name == "==", name == "!=", name == "<", name == "<=", name == ">", name == ">=":
		v := r.next()
		if v.kind == "op" && v.text == "-" {
			v = r.next()
			v.text = "-" + v.text
		}
		if v.kind == "end" {
			return r.fail()
		}
		if v.kind == "word" && strings.EqualFold(v.text, "null") {
			c = exists(field)
			if name == "==" {
				c = without(c)
			}
			break
		}
		if v.kind == "word" && !strings.EqualFold(v.text, "true") && !strings.EqualFold(v.text, "false") || v.kind == "op" {
			c = opaque{text: field + " " + name + " " + v.text + r.call()}
			break
		}
		c = comparison(field, name, v.text, fold)
	default:
		return r.fail()
	}
	if r.is("+") || r.is("-") || r.is("*") || r.is("/") || r.is("%") {
		return r.fail()
	}
	if not {
		return without(c)
	}
	return c
}

// call reads what follows a name up to the end of its parentheses and a comparison with it, as text.
func (r *eqlReader) call() string {
	var b strings.Builder
	if r.take("~") {
		b.WriteByte('~')
	}
	for depth := 0; r.is("(") || depth > 0; {
		t := r.next()
		if t.kind == "end" {
			r.failed = true
			return ""
		}
		b.WriteString(" " + t.text)
		switch {
		case t.kind == "op" && t.text == "(":
			depth++
		case t.kind == "op" && t.text == ")":
			depth--
		}
	}
	switch r.peek().text {
	case "==", "!=", "<", "<=", ">", ">=":
		b.WriteString(" " + r.next().text + " " + r.next().text)
	}
	return b.String()
}

// values reads a value or a list of values in parentheses.
func (r *eqlReader) values() ([]token, bool) {
	if !r.take("(") {
		t := r.next()
		return []token{t}, t.kind == "string" || t.kind == "number" || t.kind == "word"
	}
	var out []token
	for {
		t := r.next()
		if t.kind != "string" && t.kind != "number" && t.kind != "word" {
			return nil, false
		}
		out = append(out, t)
		if r.take(")") {
			return out, true
		}
		if !r.take(",") {
			return nil, false
		}
		if r.take(")") {
			return out, true
		}
	}
}
