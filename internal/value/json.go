package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

const pageJSON Page = "SearchReference/JSONFunctions"

// JSON is one value of JSON with its members in the order of the text.
type JSON struct {
	kind  byte // o, a, s, n, b, z
	text  string
	keys  []string
	items []*JSON
}

const maxJSONDepth = 200

var errJSON = errors.New("no JSON")

// ParseJSON reads one value of JSON, false when the text is none or is nested more than 200 deep.
func ParseJSON(s string) (*JSON, bool) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	j, err := readJSON(d, 0)
	if err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return j, true
}

func readJSON(d *json.Decoder, depth int) (*JSON, error) {
	if depth > maxJSONDepth {
		return nil, errJSON
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		j := &JSON{kind: 'a'}
		if t == '{' {
			j.kind = 'o'
		} else if t != '[' {
			return nil, errJSON
		}
		for d.More() {
			if j.kind == 'o' {
				k, err := d.Token()
				if err != nil {
					return nil, err
				}
				name, ok := k.(string)
				if !ok {
					return nil, errJSON
				}
				j.keys = append(j.keys, name)
			}
			x, err := readJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			j.items = append(j.items, x)
		}
		_, err := d.Token()
		return j, err
	case string:
		return &JSON{kind: 's', text: t}, nil
	case json.Number:
		return &JSON{kind: 'n', text: t.String()}, nil
	case bool:
		return &JSON{kind: 'b', text: strconv.FormatBool(t)}, nil
	}
	return &JSON{kind: 'z', text: "null"}, nil
}

// String writes the value as JSON.
func (j *JSON) String() string {
	var b bytes.Buffer
	j.write(&b)
	return b.String()
}

func (j *JSON) write(b *bytes.Buffer) {
	switch j.kind {
	case 's':
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		_ = e.Encode(j.text) // a string always encodes
		b.Truncate(b.Len() - 1)
	case 'o', 'a':
		b.WriteByte(map[byte]byte{'o': '{', 'a': '['}[j.kind])
		for i, x := range j.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if j.kind == 'o' {
				(&JSON{kind: 's', text: j.keys[i]}).write(b)
				b.WriteByte(':')
			}
			x.write(b)
		}
		b.WriteByte(map[byte]byte{'o': '}', 'a': ']'}[j.kind])
	default:
		b.WriteString(j.text)
	}
}

// Text is the value as a field holds it: text without quotes, objects and lists as JSON.
func (j *JSON) Text() string {
	if j.kind == 'o' || j.kind == 'a' {
		return j.String()
	}
	return j.text
}

func (j *JSON) member(name string) *JSON {
	for i, k := range j.keys {
		if k == name {
			return j.items[i]
		}
	}
	return nil
}

// step is one step of a path: a member, an element (n), or all elements (n -1).
type step struct {
	name string
	n    int
	list bool
}

// jsonPath reads a path such as a.b{0}.c or a{}.b. Exact paths are one member name.
func jsonPath(path string) []step {
	var steps []step
	add := func(name string) {
		if name != "" {
			steps = append(steps, step{name: name})
		}
	}
	name := ""
	for i := 0; i < len(path); i++ {
		switch c := path[i]; c {
		case '.':
			add(name)
			name = ""
		case '{', '[':
			end := strings.IndexAny(path[i:], "}]")
			n, err := 0, error(nil)
			if end > 1 {
				n, err = strconv.Atoi(path[i+1 : i+end])
			} else {
				n = -1
			}
			if end < 0 || err != nil {
				name += string(c)
				continue
			}
			add(name)
			name = ""
			steps = append(steps, step{list: true, n: n})
			i += end
		default:
			name += string(c)
		}
	}
	add(name)
	return steps
}

// At finds what a path names.
func (j *JSON) At(e *Env, path string) []*JSON { return j.at(e, jsonPath(path)) }

func (j *JSON) at(e *Env, steps []step) []*JSON {
	found := []*JSON{j}
	for _, s := range steps {
		var next []*JSON
		for _, x := range found {
			if !e.spend(1 + len(x.items)/8) {
				return nil
			}
			switch {
			case !s.list:
				if m := x.member(s.name); m != nil {
					next = append(next, m)
				}
			case x.kind == 'o' && x == j && len(steps) == 1 && s.n == -1:
				next = append(next, x) // {} of an object is the object
			case x.kind == 'o' && x == j && len(x.items) == 1 && x.items[0].kind == 'a':
				// A list that is all there is in an object need not be named.
				next = append(next, x.items[0].at(e, []step{s})...)
			case x.kind != 'a':
			case s.n == -1:
				next = append(next, x.items...)
			default:
				n := s.n
				if n < 0 {
					n += len(x.items)
				}
				if n >= 0 && n < len(x.items) {
					next = append(next, x.items[n])
				}
			}
		}
		found = next
	}
	return found
}

// Fields are all fields of the text as spath names them: a.b for members, a{} for elements.
func (j *JSON) Fields(e *Env, add func(name string, v Value)) { j.fields(e, "", 0, add) }

func (j *JSON) fields(e *Env, name string, depth int, add func(string, Value)) {
	if depth > maxJSONDepth || !e.spend(1) {
		return
	}
	switch j.kind {
	case 'o':
		for i, x := range j.items {
			n := j.keys[i]
			if name != "" {
				n = name + "." + n
			}
			x.fields(e, n, depth+1, add)
		}
	case 'a':
		for _, x := range j.items {
			x.fields(e, name+"{}", depth+1, add)
		}
	case 'z':
		add(name, Str("null"))
	default:
		add(name, Str(j.text))
	}
}

// toJSON makes JSON of a value: text that is an object or a list stays one.
func toJSON(v Value) *JSON {
	switch len(v) {
	case 0:
		return &JSON{kind: 'z', text: "null"}
	case 1:
		a := v[0]
		switch a.kind {
		case Number:
			return &JSON{kind: 'n', text: a.Text()}
		case Boolean:
			return &JSON{kind: 'b', text: strings.ToLower(a.Text())}
		}
		s := strings.TrimSpace(a.text)
		if a.places == asJSON || len(s) > 1 && (s[0] == '{' || s[0] == '[') {
			if j, ok := ParseJSON(s); ok {
				return j
			}
		}
		if _, ok := ParseNumber(a.text); ok && a.places != inQuotes {
			if j, ok := ParseJSON(a.text); ok {
				return j
			}
		}
		return &JSON{kind: 's', text: a.text}
	}
	j := &JSON{kind: 'a'}
	for _, a := range v {
		j.items = append(j.items, toJSON(a.One()))
	}
	return j
}

// Elements are the elements of a list or the values of an object.
func (j *JSON) Elements() []*JSON { return j.items }

// Keys are the names of the members of an object.
func (j *JSON) Keys() []string { return j.keys }

// IsList says that the value is a list.
func (j *JSON) IsList() bool { return j.kind == 'a' }

// IsNull says that the value is null.
func (j *JSON) IsNull() bool { return j.kind == 'z' }

// IsNumber says that the value is a number.
func (j *JSON) IsNumber() bool { return j.kind == 'n' }

// IsJSONType says that tojson has a type of the name.
func IsJSONType(name string) bool {
	switch name {
	case "auto", "bool", "json", "none", "num", "str":
		return true
	}
	return false
}

// TypedJSON is a value as tojson writes it for a type: several values as a list. It is false where nothing is left.
func TypedJSON(v Value, kind string) (Value, bool) {
	list := &JSON{kind: 'a'}
	for _, a := range v {
		if j := typedJSON(a, kind); j != nil {
			list.items = append(list.items, j)
		}
	}
	switch {
	case len(list.items) == 0:
		return nil, false
	case len(v) > 1:
		return Value{{kind: Text, text: list.String(), places: asJSON}}, true
	}
	return Value{{kind: Text, text: list.items[0].String(), places: asJSON}}, true
}

func typedJSON(a Atom, kind string) *JSON {
	s := a.Text()
	n, isNum := a.Number()
	if isNum && kind != "str" && kind != "bool" {
		if j, ok := ParseJSON(s); ok {
			return j
		}
		return &JSON{kind: 'n', text: FormatNumber(n, -1)}
	}
	switch kind {
	case "bool":
		switch fold(s) {
		case "false", "f", "no":
			return &JSON{kind: 'b', text: "false"}
		case "true", "t", "yes":
			return &JSON{kind: 'b', text: "true"}
		}
		if isNum {
			return toJSON(Bool(n != 0))
		}
		return nil
	case "num":
		return nil
	case "json", "auto":
		if j, ok := ParseJSON(s); ok {
			return j
		}
		if kind == "json" {
			return nil
		}
	}
	return &JSON{kind: 's', text: s}
}
