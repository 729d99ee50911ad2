package value

import "strings"

func jsonOps() []Op {
	op := func(name string, least, most int, result Kind, does string, fn func(*Env, []Value) Value) Op {
		return Op{Name: name, Place: InEval, Min: least, Max: most, Rows: []Row{{Kinds: kinds(Any), Result: result, Missing: Maybe, Several: Maybe, Does: does, Page: pageJSON}}, fn: fn}
	}
	unsettled := func(name string, least, most int, result Kind, does string, fn func(*Env, []Value) Value) Op {
		o := op(name, least, most, result, does, fn)
		o.Rows[0].Page = ""
		return o
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
			case len(found) == 1 && found[0].kind == 'z':
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
		op("json_set", 3, -1, Text, "the object with values at paths", changeJSON(false, true, setStep)),
		op("json_set_exact", 3, -1, Text, "as json_set, each path being one name", changeJSON(true, false, setStep)),
		op("json_append", 3, -1, Text, "the object with values added to lists at paths", changeJSON(false, false, appendStep)),
		op("json_extend", 3, -1, Text, "as json_append; the elements of a list are added one by one", changeJSON(false, false, extendStep)),
		op("json_delete", 2, -1, Text, "the object without what the paths name", parsed(func(e *Env, j *JSON, a []Value) Value {
			var paths []string
			for _, p := range a {
				path, _ := text(p)
				if l, ok := ParseJSON(path); ok && l.kind == 'a' {
					for _, x := range l.items {
						paths = append(paths, x.Text())
					}
					continue
				}
				paths = append(paths, path)
			}
			for _, path := range paths {
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
		op("mv_to_json_array", 1, 2, Text, "the values as a list of texts; with a second argument that holds, each is read as JSON, null where it is none", func(_ *Env, a []Value) Value {
			if a[0].Missing() {
				return nil
			}
			if len(a) > 1 && a[1].True() {
				return Str(inferred(a[0]).String())
			}
			j := &JSON{kind: 'a'}
			for _, x := range a[0] {
				j.items = append(j.items, &JSON{kind: 's', text: x.Text()})
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
		unsettled("object_to_array", 3, 3, Text, "a list of an object for each member, its name and value under the names given", parsed(func(_ *Env, j *JSON, a []Value) Value {
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
		unsettled("tojson", 1, 1, Text, "the value as JSON", func(_ *Env, a []Value) Value { return Str(toJSON(a[0]).String()) }),
		op("toarray", 1, 1, Text, "a text that is a list of JSON, several values as mv_to_json_array reads them; else missing", func(_ *Env, a []Value) Value {
			if len(a[0]) > 1 {
				return Str(inferred(a[0]).String())
			}
			s, _ := text(a[0])
			j, ok := ParseJSON(s)
			if !ok || j.kind != 'a' {
				return nil
			}
			for _, x := range j.items {
				if n, ok := ParseNumber(x.text); x.kind == 'n' && ok {
					x.text = FormatNumber(n, -1)
				}
			}
			return Str(j.String())
		}),
		op("tomv", 1, 1, Numeral, "the elements of a list of JSON as several values, texts in their quotes; several values as they are; else missing", func(e *Env, a []Value) Value {
			if len(a[0]) > 1 {
				return a[0]
			}
			s, _ := text(a[0])
			j, ok := ParseJSON(s)
			if !ok || j.kind != 'a' {
				return nil
			}
			var out Value
			for _, x := range j.items {
				out = append(out, Str(x.String())...)
			}
			return bounded(e, out)
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

// atRoot changes the whole text: an empty path names it.
func atRoot(j *JSON, put change, x *JSON) *JSON {
	around := &JSON{kind: 'o', keys: []string{""}, items: []*JSON{j}}
	put(around, step{}, x)
	return around.items[0]
}

// chain makes the objects on the way that are not there.
func (j *JSON) chain(steps []step) {
	for _, s := range steps {
		if s.list || j.kind != 'o' {
			return
		}
		next := j.member(s.name)
		if next == nil {
			next = &JSON{kind: 'o'}
			j.set(s.name, next)
		}
		j = next
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

// list is the list at a step; another value there becomes a list of itself. It is nil where there is none.
func (j *JSON) list(s step) *JSON {
	var l *JSON
	if s.list {
		if j.kind == 'a' && s.n >= 0 && s.n < len(j.items) {
			l = j.items[s.n]
		}
	} else if j.kind == 'o' {
		l = j.member(s.name)
	}
	if l != nil && l.kind != 'a' {
		one := *l
		*l = JSON{kind: 'a', items: []*JSON{&one}}
	}
	return l
}

// inferred is a list of values that are read as JSON, null where they are none.
func inferred(v Value) *JSON {
	list := &JSON{kind: 'a'}
	for _, a := range v {
		j, ok := ParseJSON(strings.TrimSpace(a.Text()))
		switch {
		case a.kind == Boolean:
			j = toJSON(a.One())
		case !ok:
			j = &JSON{kind: 'z', text: "null"}
		}
		list.items = append(list.items, j)
	}
	return list
}

func changeJSON(exact, create bool, put change) func(*Env, []Value) Value {
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
				if path == "" {
					j = atRoot(j, put, toJSON(a[i+1]))
				}
				continue
			}
			if create {
				j.chain(steps[:len(steps)-1])
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
