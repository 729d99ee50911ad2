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
		if len(s) > 1 && (s[0] == '{' || s[0] == '[') {
			if j, ok := ParseJSON(s); ok {
				return j
			}
		}
		if _, ok := ParseNumber(a.text); ok {
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

func jsonOps() []Op {
	op := func(name string, least, most int, result Kind, does string, fn func(*Env, []Value) Value) Op {
		return Op{Name: name, Place: InEval, Min: least, Max: most, Rows: []Row{{Kinds: kinds(Any), Result: result, Missing: Maybe, Several: Maybe, Does: does, Page: pageJSON}}, fn: fn}
	}
	parsed := func(f func(e *Env, j *JSON, a []Value) Value) func(*Env, []Value) Value {
		return func(e *Env, a []Value) Value {
			s, ok := text(a[0])
			if !ok || !e.spend(1+len(s)/16) {
				return nil
			}
			j, ok := ParseJSON(s)
			if !ok {
				return nil
			}
			return f(e, j, a[1:])
		}
	}
	extract := func(exact bool) func(*Env, []Value) Value {
		return parsed(func(e *Env, j *JSON, a []Value) Value {
			if len(a) == 0 {
				return Str(j.Text())
			}
			var found []*JSON
			for _, p := range a {
				path, ok := text(p)
				if !ok {
					continue
				}
				if exact {
					if m := j.member(path); m != nil {
						found = append(found, m)
					}
					continue
				}
				found = append(found, j.At(e, path)...)
			}
			switch {
			case len(found) == 0:
				return nil
			case len(found) == 1:
				return Str(found[0].Text())
			}
			return Str((&JSON{kind: 'a', items: found}).String())
		})
	}
	is := func(name, does string, kinds string) Op {
		return op(name, 1, 1, Boolean, does, func(_ *Env, a []Value) Value {
			s, _ := text(a[0])
			j, ok := ParseJSON(s)
			return Bool(ok && strings.IndexByte(kinds, j.kind) >= 0)
		})
	}
	return []Op{
		op("json", 1, 1, Text, "the text if it is JSON, else missing", parsed(func(_ *Env, j *JSON, _ []Value) Value { return Str(j.String()) })),
		op("json_valid", 1, 1, Boolean, "holds if the text is JSON", func(_ *Env, a []Value) Value {
			s, ok := text(a[0])
			if ok {
				_, ok = ParseJSON(s)
			}
			return Bool(ok)
		}),
		op("json_object", 0, -1, Text, "an object of names and values in turn", func(_ *Env, a []Value) Value {
			j := &JSON{kind: 'o'}
			for i := 0; i+1 < len(a); i += 2 {
				k, _ := text(a[i])
				j.set(k, toJSON(a[i+1]))
			}
			return Str(j.String())
		}),
		op("json_array", 0, -1, Text, "a list of the arguments", func(_ *Env, a []Value) Value {
			j := &JSON{kind: 'a'}
			for _, v := range a {
				j.items = append(j.items, toJSON(v))
			}
			return Str(j.String())
		}),
		op("json_extract", 1, -1, Numeral, "what a path names, a list of them for several paths", extract(false)),
		op("json_extract_exact", 1, -1, Numeral, "as json_extract, the path being one name", extract(true)),
		op("json_has_key_exact", 2, 2, Boolean, "holds if the object has the name", parsed(func(_ *Env, j *JSON, a []Value) Value {
			k, _ := text(a[0])
			return Bool(j.member(k) != nil)
		})),
		op("json_keys", 1, 1, Text, "a list of the names of the object", parsed(func(_ *Env, j *JSON, _ []Value) Value {
			if j.kind != 'o' {
				return nil
			}
			out := &JSON{kind: 'a'}
			for _, k := range j.keys {
				out.items = append(out.items, &JSON{kind: 's', text: k})
			}
			return Str(out.String())
		})),
		op("json_set", 3, -1, Text, "the object with values at paths", changeJSON(false, setStep)),
		op("json_set_exact", 3, -1, Text, "as json_set, each path being one name", changeJSON(true, setStep)),
		op("json_append", 3, -1, Text, "the object with values added to lists at paths", changeJSON(false, appendStep)),
		op("json_extend", 3, -1, Text, "as json_append; the elements of a list are added one by one", changeJSON(false, extendStep)),
		op("json_delete", 2, -1, Text, "the object without what the paths name", parsed(func(e *Env, j *JSON, a []Value) Value {
			for _, p := range a {
				path, _ := text(p)
				steps := jsonPath(path)
				if len(steps) == 0 {
					continue
				}
				for _, x := range j.at(e, steps[:len(steps)-1]) {
					x.remove(steps[len(steps)-1])
				}
			}
			return Str(j.String())
		})),
		op("json_array_to_mv", 1, 2, Numeral, "the elements of a list as several values; texts without quotes unless the second argument holds", parsed(func(e *Env, j *JSON, a []Value) Value {
			if j.kind != 'a' {
				return nil
			}
			var out Value
			for _, x := range j.items {
				if len(a) > 0 && a[0].True() {
					out = append(out, Str(x.String())...)
				} else {
					out = append(out, Str(x.Text())...)
				}
			}
			return bounded(e, out)
		})),
		op("mv_to_json_array", 1, 2, Text, "the values as a list of texts; with a second argument that holds, each is read as JSON", func(_ *Env, a []Value) Value {
			if a[0].Missing() {
				return nil
			}
			j := &JSON{kind: 'a'}
			for _, x := range a[0] {
				if len(a) > 1 && a[1].True() {
					j.items = append(j.items, toJSON(x.One()))
				} else {
					j.items = append(j.items, &JSON{kind: 's', text: x.Text()})
				}
			}
			return Str(j.String())
		}),
		op("json_entries", 1, 1, Text, "a list of an object {key, value} for each member", parsed(func(_ *Env, j *JSON, _ []Value) Value {
			out := &JSON{kind: 'a'}
			for i, k := range j.keys {
				out.items = append(out.items, &JSON{kind: 'o', keys: []string{"key", "value"}, items: []*JSON{{kind: 's', text: k}, j.items[i]}})
			}
			return Str(out.String())
		})),
		op("object_to_array", 3, 3, Text, "a list of an object for each member, its name and value under the names given", parsed(func(_ *Env, j *JSON, a []Value) Value {
			k1, _ := text(a[0])
			k2, _ := text(a[1])
			out := &JSON{kind: 'a'}
			for i, k := range j.keys {
				out.items = append(out.items, &JSON{kind: 'o', keys: []string{k1, k2}, items: []*JSON{{kind: 's', text: k}, j.items[i]}})
			}
			return Str(out.String())
		})),
		op("spath", 2, 2, Numeral, "what a path names in a text of JSON, several values for several", parsed(func(e *Env, j *JSON, a []Value) Value {
			path, _ := text(a[0])
			var out Value
			for _, x := range j.At(e, path) {
				out = append(out, Str(x.Text())...)
			}
			return bounded(e, out)
		})),
		op("tojson", 1, 1, Text, "the value as JSON", func(_ *Env, a []Value) Value { return Str(toJSON(a[0]).String()) }),
		op("toarray", 1, 1, Text, "the value as a list of JSON", func(_ *Env, a []Value) Value {
			j := toJSON(a[0])
			if j.kind != 'a' {
				j = &JSON{kind: 'a', items: []*JSON{j}}
			}
			return Str(j.String())
		}),
		op("toobject", 1, 1, Text, "the value if it is an object of JSON", parsed(func(_ *Env, j *JSON, _ []Value) Value {
			if j.kind != 'o' {
				return nil
			}
			return Str(j.String())
		})),
		is("isarray", "holds for a list of JSON", "a"), is("isobject", "holds for an object of JSON", "o"),
	}
}

func (j *JSON) set(name string, x *JSON) {
	for i, k := range j.keys {
		if k == name {
			j.items[i] = x
			return
		}
	}
	j.keys, j.items = append(j.keys, name), append(j.items, x)
}

func (j *JSON) remove(s step) {
	for i := len(j.items) - 1; i >= 0; i-- {
		if s.list && j.kind == 'a' && (s.n == i || s.n == -1) || !s.list && j.kind == 'o' && j.keys[i] == s.name {
			j.items = append(j.items[:i], j.items[i+1:]...)
			if j.kind == 'o' {
				j.keys = append(j.keys[:i], j.keys[i+1:]...)
			}
		}
	}
}

// change puts x at a step of j.
type change func(j *JSON, s step, x *JSON)

func setStep(j *JSON, s step, x *JSON) {
	switch {
	case !s.list && j.kind == 'o':
		j.set(s.name, x)
	case s.list && j.kind == 'a' && s.n >= 0 && s.n < len(j.items):
		j.items[s.n] = x
	case s.list && j.kind == 'a' && s.n == len(j.items):
		j.items = append(j.items, x)
	}
}

func appendStep(j *JSON, s step, x *JSON) {
	if l := j.list(s); l != nil {
		l.items = append(l.items, x)
	}
}

func extendStep(j *JSON, s step, x *JSON) {
	l := j.list(s)
	switch {
	case l == nil:
	case x.kind == 'a':
		l.items = append(l.items, x.items...)
	default:
		l.items = append(l.items, x)
	}
}

// list is the list at a step; an object without the member gets an empty one.
func (j *JSON) list(s step) *JSON {
	var l *JSON
	if s.list {
		if j.kind == 'a' && s.n >= 0 && s.n < len(j.items) {
			l = j.items[s.n]
		}
	} else if j.kind == 'o' {
		if l = j.member(s.name); l == nil {
			l = &JSON{kind: 'a'}
			j.set(s.name, l)
		}
	}
	if l == nil || l.kind != 'a' {
		return nil
	}
	return l
}

func changeJSON(exact bool, put change) func(*Env, []Value) Value {
	return func(e *Env, a []Value) Value {
		s, ok := text(a[0])
		if !ok || !e.spend(1+len(s)/16) {
			return nil
		}
		j, ok := ParseJSON(s)
		if !ok {
			return nil
		}
		for i := 1; i+1 < len(a); i += 2 {
			path, _ := text(a[i])
			steps := jsonPath(path)
			if exact {
				steps = []step{{name: path}}
			}
			if len(steps) == 0 {
				continue
			}
			for _, x := range j.at(e, steps[:len(steps)-1]) {
				put(x, steps[len(steps)-1], toJSON(a[i+1]))
			}
		}
		out := j.String()
		if len(out) > maxText {
			e.fail(errTooLong)
			return nil
		}
		return Str(out)
	}
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
