package schema

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run ./gen -in ../../../shared/data/ecs -out data/catalogue.txt

//go:embed data/catalogue.txt
var catalogueText string

// ecsStream names the field list of ECS itself inside the catalogue; it has no index pattern.
const ecsStream = "ecs"

// defaultIgnoreAbove is the length limit of a keyword whose field list names none.
const defaultIgnoreAbove = 1024

// fact is what the catalogue knows of one field in one stream.
type fact struct {
	name, typ   string
	ignoreAbove int
	array       Array
}

// stream is the field list of one integration data stream; it is decoded at first use.
type stream struct {
	index   string
	decode  func() map[string]*fact
	pattern func() []*fact
	moves   func() map[string]move
}

// move says where an ingest pipeline puts a raw value: away from its place, or beside it.
type move struct {
	target *fact
	copied bool
}

// catalogue holds every field of every known stream. It is immutable after loading.
type catalogue struct {
	facts   []fact
	streams map[string]*stream
}

var builtinCatalogue = sync.OnceValue(func() *catalogue {
	c, err := parseCatalogue(catalogueText)
	if err != nil {
		panic("schema: embedded catalogue: " + err.Error())
	}
	return c
})

func parseCatalogue(text string) (*catalogue, error) {
	line, rest, _ := strings.Cut(text, "\n")
	n, err := strconv.Atoi(line)
	if err != nil || n < 0 || n > len(text) {
		return nil, fmt.Errorf("line 1: the number of fields is missing: %q", line)
	}
	c := &catalogue{facts: make([]fact, 0, n), streams: map[string]*stream{}}
	for i := range n {
		line, rest, _ = strings.Cut(rest, "\n")
		name, r, ok1 := strings.Cut(line, "\t")
		typ, r, ok2 := strings.Cut(r, "\t")
		ignore, array, ok3 := strings.Cut(r, "\t")
		if !ok1 || !ok2 || !ok3 || name == "" {
			return nil, fmt.Errorf("line %d: want four columns: %q", i+2, line)
		}
		f := fact{name: name, typ: typ}
		switch {
		case ignore != "":
			if f.ignoreAbove, err = strconv.Atoi(ignore); err != nil {
				return nil, fmt.Errorf("line %d: ignore_above: %w", i+2, err)
			}
		case typ == "keyword" && !strings.Contains(name, "*"):
			f.ignoreAbove = defaultIgnoreAbove
		}
		switch array {
		case "array":
			f.array = AlwaysArray
		case "seen":
			f.array = MaybeArray
		}
		c.facts = append(c.facts, f)
	}
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\n")
		name, r, ok1 := strings.Cut(line, "\t")
		index, r, ok2 := strings.Cut(r, "\t")
		ids, moves, ok3 := strings.Cut(r, "\t")
		if !ok1 || !ok2 || !ok3 {
			return nil, fmt.Errorf("stream %q: want four columns", line)
		}
		decode := sync.OnceValue(func() map[string]*fact { return c.decode(ids) })
		c.streams[name] = &stream{index: index, decode: decode, moves: sync.OnceValue(func() map[string]move { return c.decodeMoves(moves) }), pattern: sync.OnceValue(func() []*fact {
			var out []*fact
			for _, f := range decode() {
				if strings.Contains(f.name, "*") {
					out = append(out, f)
				}
			}
			return out
		})}
	}
	return c, nil
}

func (c *catalogue) decode(ids string) map[string]*fact {
	m := make(map[string]*fact, strings.Count(ids, " ")+1)
	last := 0
	for ids != "" {
		var s string
		s, ids, _ = strings.Cut(ids, " ")
		d, err := strconv.ParseInt(s, 36, 32)
		if err != nil || last+int(d) >= len(c.facts) {
			panic("schema: embedded catalogue: bad field number " + s)
		}
		last += int(d)
		f := &c.facts[last]
		m[f.name] = f
	}
	return m
}

func (c *catalogue) decodeMoves(text string) map[string]move {
	m := map[string]move{}
	for _, s := range strings.Fields(text) {
		i := strings.LastIndexAny(s, ":>")
		n, err := strconv.ParseInt(s[i+1:], 36, 32)
		if i <= 0 || err != nil || int(n) >= len(c.facts) {
			panic("schema: embedded catalogue: bad move " + s)
		}
		m[s[:i]] = move{&c.facts[n], s[i] == '>'}
	}
	return m
}

// lookup finds a field of one stream: listed by name, or made by one of the stream's dynamic templates.
func (c *catalogue) lookup(streamName, field string) (fact, bool) {
	s := c.streams[streamName]
	if s == nil {
		return fact{}, false
	}
	if f, ok := s.decode()[field]; ok {
		out := *f
		if typ := c.enclosing(streamName, field); typ != "" {
			out.typ = typ
		}
		return out, true
	}
	for _, p := range s.pattern() {
		if p.typ != "object" && matchTemplate(p.name, field) {
			f := *p
			f.name = field
			return f, true
		}
	}
	return fact{}, false
}

// enclosing gives the type of a flattened or nested field that the field stands in, by the stream's list or by ECS; ES|QL
// cannot read below such a field although lists name its parts.
func (c *catalogue) enclosing(streamName, field string) string {
	own, ecs := c.streams[streamName].decode(), map[string]*fact(nil)
	if e := c.streams[ecsStream]; e != nil && !strings.HasPrefix(streamName, "endpoint/") {
		ecs = e.decode()
	}
	for i := range len(field) {
		if field[i] != '.' {
			continue
		}
		f := own[field[:i]]
		if f == nil {
			f = ecs[field[:i]]
		}
		if f != nil && (f.typ == "flattened" || f.typ == "nested") {
			return f.typ
		}
	}
	return ""
}

// matchTemplate reports whether a field name fits a template in which each * stands for one path element.
func matchTemplate(template, field string) bool {
	for {
		a, restA, moreA := strings.Cut(template, ".")
		b, restB, moreB := strings.Cut(field, ".")
		if b == "" || a != b && a != "*" || moreA != moreB {
			return false
		}
		if !moreA {
			return !strings.Contains(field, "*")
		}
		template, field = restA, restB
	}
}

// family maps an Elasticsearch type to the type ES|QL sees; streams whose types share a family can be read together.
func family(typ string) string {
	switch typ {
	case "keyword", "wildcard", "constant_keyword":
		return "keyword"
	case "text", "match_only_text":
		return "text"
	case "byte", "short", "integer":
		return "integer"
	case "float", "half_float", "scaled_float", "double":
		return "double"
	}
	return typ
}

// readable reports whether ES|QL can read a field of the type at all.
func readable(typ string) bool {
	switch family(typ) {
	case "keyword", "text", "integer", "long", "unsigned_long", "double", "boolean", "ip", "date", "date_nanos", "version",
		"geo_point":
		return true
	}
	return false
}
