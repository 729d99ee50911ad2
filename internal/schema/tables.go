package schema

import (
	"embed"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync"
)

// The tables are written by hand; their format stands at the head of data/tables/README.md.
//
//go:embed data/tables/*.txt
var tableFiles embed.FS

// mapping is one line of a table: a Splunk field and what it is in Elastic.
type mapping struct {
	support  Support
	target   string   // Elasticsearch field; empty for a hole
	also     []string // fields that hold the value in the other streams
	fn       string
	codes    []string // event codes or operations for which the line holds; empty for all
	one      bool     // the line holds only where the query selects a single one of the codes
	values   map[string][]string
	complete bool
	written  [2]string
	reason   string
	format   bool   // only the spelling of values differs
	fallback string // the value that a missing field has in Splunk
	extract  string // regular expression that reads the value out of the text of the target
	exact    bool   // the add-on does the same, so that nothing can differ
	ecs      bool   // the target, or a further one, is an ECS field that the pipeline sets although no list names it
	dynamic  bool   // the target is made by a dynamic template of objects: it exists once an event has it
}

// auto is a rule for raw field names that a table does not list: prefix + name, if the catalogue has it.
type auto struct {
	prefix string
	strip  string // leading part of the Splunk name to drop first ("properties.")
	snake  bool   // camelCase is written snake_case by the integration
	join   bool   // the rendered event spells the name with underscores (Share_Name for ShareName)
	// names, when not nil, tells the names that stand below the prefix although no list has them.
	names *regexp.Regexp
	list  bool // such a name may have several values
	// label, when not empty, is the field with the rendered event, in which Share_Path is what follows "Share Path:".
	label, reason string
}

// autoText reads every field below a prefix out of a text of the form {key=value, …}.
type autoText struct{ prefix, target, reason string }

type condition struct {
	field, value string
	not          bool
}

// narrowing names the source that a value of a field selects among several streams.
type narrowing struct{ field, value, source string }

// definition is one block of a table.
type definition struct {
	name        string
	kind        string // source, model, group
	support     Support
	reason      string
	streams     []string
	beside      []string            // of the streams
	named       []string            // streams that are read where a rule names them
	lacks       map[string][]string // fields that documents of a stream do not have although its list has them
	derived     map[string][]Derived
	only        map[string][]string // fields that tell the data set's events of a stream
	insteads    []Instead
	indices     []string // only where a stream is not in the catalogue
	extraECS    bool     // ECS fields count as known although no stream lists them
	constraints []condition
	macros      []string
	aliases     []string
	matches     []condition
	guesses     []string // names that indices of such events commonly have
	narrows     []narrowing
	uses        []string
	autos       []auto
	prefixes    []string
	operations  []string // fields whose values count as event codes (eventName of CloudTrail)
	texts       []autoText
	doubts      map[string][]Doubt
	maps        map[string][]mapping
	order       []string
}

// parseTables reads every table; errors name file and line.
func parseTables() (map[string]*definition, []string, error) {
	defs := map[string]*definition{}
	var order []string
	files, err := tableFiles.ReadDir("data/tables")
	if err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".txt") {
			continue
		}
		text, err := tableFiles.ReadFile("data/tables/" + f.Name())
		if err != nil {
			return nil, nil, err
		}
		if err := parseTable(string(text), defs, &order); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	for _, name := range order {
		for _, n := range defs[name].narrows {
			if defs[n.source] == nil {
				return nil, nil, fmt.Errorf("%s narrows to %q, which no table defines", name, n.source)
			}
		}
		for _, u := range defs[name].uses {
			if g := defs[u]; g == nil {
				return nil, nil, fmt.Errorf("%s uses %q, which no table defines", name, u)
			}
		}
	}
	return defs, order, nil
}

func parseTable(text string, defs map[string]*definition, order *[]string) error {
	var d *definition
	for i, line := range strings.Split(text, "\n") {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("line %d: %s: %q", i+1, fmt.Sprintf(format, args...), line)
		}
		body, reason := splitReason(line)
		body, codes, err := cutCodes(body)
		if err != nil {
			return fail("%v", err)
		}
		words := strings.Fields(body)
		if len(words) == 0 {
			continue
		}
		key, args := words[0], words[1:]
		switch key {
		case "source", "model", "group", "hole":
			if len(args) != 1 || defs[args[0]] != nil {
				return fail("a block needs one name that is not taken")
			}
			d = &definition{name: args[0], kind: key, support: Exact, maps: map[string][]mapping{}}
			if key == "hole" {
				d.kind, d.support, d.reason = "source", None, reason
				if reason == "" {
					return fail("a hole needs a reason")
				}
			}
			defs[d.name] = d
			*order = append(*order, d.name)
			continue
		}
		if d == nil {
			return fail("a line before the first block")
		}
		switch key {
		case "stream":
			d.streams = append(d.streams, args...)
		case "beside":
			d.beside = append(d.beside, args...)
			if reason == "" {
				return fail("beside needs a reason")
			}
		case "only":
			if len(args) < 2 || reason == "" {
				return fail("only needs a stream, a field and a reason")
			}
			if d.only == nil {
				d.only = map[string][]string{}
			}
			d.only[args[0]] = args[1:]
		case "named":
			d.named = append(d.named, args...)
			if len(args) == 0 || reason == "" {
				return fail("named needs a stream and a reason")
			}
		case "lacks":
			if len(args) < 2 || reason == "" {
				return fail("lacks needs a stream, a field and a reason")
			}
			if d.lacks == nil {
				d.lacks = map[string][]string{}
			}
			d.lacks[args[0]] = append(d.lacks[args[0]], args[1:]...)
		case "last":
			if len(args) != 3 || reason == "" {
				return fail("last needs a stream, a field, the field whose last element it is, and a reason")
			}
			if d.derived == nil {
				d.derived = map[string][]Derived{}
			}
			d.derived[args[0]] = append(d.derived[args[0]], Derived{Field: args[1], From: args[2]})
		case "word":
			if err := d.addWords(args); err != nil || reason == "" {
				return fail("word needs a stream, a field, the field that tells it, its words as 11=creation, and a reason")
			}
		case "instead":
			if len(args) != 3 || reason == "" {
				return fail("instead needs a field, the field in its place, the field that has to be there, and a reason")
			}
			d.insteads = append(d.insteads, Instead{args[0], args[1], args[2]})
		case "index":
			d.indices = append(d.indices, args...)
		case "ecs":
			d.extraECS = true
		case "macro":
			d.macros = append(d.macros, args...)
		case "alias":
			d.aliases = append(d.aliases, args...)
		case "use":
			d.uses = append(d.uses, args...)
		case "approximate", "medium", "none":
			d.support, d.reason = map[string]Support{"approximate": Approximate, "medium": Medium, "none": None}[key], reason
			if reason == "" {
				return fail("%s needs a reason", key)
			}
		case "match", "where", "except":
			if len(args) < 2 {
				return fail("%s needs a field and a value", key)
			}
			c := condition{args[0], strings.Join(args[1:], " "), key == "except"}
			if key == "match" {
				d.matches = append(d.matches, c)
			} else {
				d.constraints = append(d.constraints, c)
			}
		case "guess":
			if len(args) < 2 || args[0] != "index" {
				return fail("guess needs the word index and the names that such indices commonly have")
			}
			d.guesses = append(d.guesses, args[1:]...)
		case "prefix":
			d.prefixes = append(d.prefixes, args...)
		case "operation":
			d.operations = append(d.operations, args...)
		case "text":
			if len(args) != 2 || reason == "" {
				return fail("text needs a prefix, a field and a reason")
			}
			d.texts = append(d.texts, autoText{args[0], args[1], reason})
		case "doubt", "spelled":
			if err := d.addDoubt(body, reason); err != nil {
				return fail("%v", err)
			}
		case "labels":
			if len(args) != 1 || reason == "" {
				return fail("labels needs a field and a reason")
			}
			d.autos = append(d.autos, auto{label: args[0], reason: reason})
		case "narrow":
			n := len(args) - 1
			if n < 2 {
				return fail("narrow needs a field, a value and a source")
			}
			d.narrows = append(d.narrows, narrowing{args[0], strings.Join(args[1:n], " "), args[n]})
		case "auto":
			if len(args) == 0 {
				return fail("auto needs a prefix")
			}
			a := auto{prefix: args[0]}
			for _, o := range args[1:] {
				if o == "snake" {
					a.snake = true
				} else if o == "join" {
					a.join = true
				} else if o == "list" {
					a.list = true
				} else if s, ok := strings.CutPrefix(o, "strip="); ok {
					a.strip = s
				} else if s, ok := strings.CutPrefix(o, "dynamic="); ok && reason != "" {
					if a.names, err = regexp.Compile("^" + s + "$"); err != nil {
						return fail("%v", err)
					}
					a.reason = reason
				} else {
					return fail("unknown option %s, or one without its reason", o)
				}
			}
			d.autos = append(d.autos, a)
		default:
			if err := d.addMapping(key, codes, body, reason); err != nil {
				return fail("%v", err)
			}
		}
	}
	return nil
}

func splitReason(line string) (body, reason string) {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return "", ""
	}
	body, reason, _ = strings.Cut(line, " # ")
	return body, strings.TrimSpace(reason)
}

// cutCodes cuts the list of event codes out of "=[1,5] name target".
func cutCodes(body string) (rest, codes string, err error) {
	trimmed := strings.TrimLeft(body, " ")
	n := 1 // the length of the operator
	if strings.HasPrefix(trimmed, "^=") {
		n = 2
	}
	if len(trimmed) < n+1 || trimmed[n] != '[' {
		return body, "", nil
	}
	codes, rest, ok := strings.Cut(trimmed[n+1:], "]")
	if !ok || codes == "" {
		return "", "", fmt.Errorf("the list of event codes is empty or not closed")
	}
	return trimmed[:n] + " " + rest, codes, nil
}

// addMapping reads "= name target {values}", with ? for medium, ~ for an approximation and - for a hole.
func (d *definition) addMapping(op, codes, body, reason string) error {
	m := mapping{reason: reason}
	if codes != "" {
		codes, m.one = strings.CutPrefix(codes, "=")
		for c := range strings.SplitSeq(codes, ",") {
			m.codes = append(m.codes, strings.TrimSpace(c))
		}
	}
	switch op {
	case "=":
		m.support = Exact
	case "?":
		m.support = Medium
	case "~":
		m.support = Approximate
	case "*":
		m.support, m.format = Approximate, true
	case "-":
		m.support = None
	case "^", "^=":
		m.exact = op == "^="
		return d.addExtraction(m, body)
	default:
		return fmt.Errorf("unknown word %s", op)
	}
	if m.support != Exact && reason == "" {
		return fmt.Errorf("a reason is missing")
	}
	if rest, ok := strings.CutSuffix(strings.TrimSpace(body), "{dword}"); ok {
		m.values, body = dwordValues(), rest
	} else if rest, ok := strings.CutSuffix(strings.TrimSpace(body), "{windows}"); ok {
		m.values, body = windowsDescriptions(), rest
	} else if rest, also, ok := strings.Cut(body, " {also "); ok {
		from, to, ok := strings.Cut(strings.TrimSuffix(strings.TrimSpace(also), "}"), " as ")
		if !ok {
			return fmt.Errorf("want {also TEXT as TEXT}")
		}
		if to == "blank" {
			to = " "
		}
		m.written, body = [2]string{from, to}, rest
	} else if i := strings.Index(body, " {"); i >= 0 && strings.Contains(body[i:], ":") {
		var err error
		if m.values, m.complete, err = parseValues(body[i:]); err != nil {
			return err
		}
		body = body[:i]
	}
	words := strings.Fields(body)
	want := 3
	if m.support == None {
		// Several holes may share a line and a reason.
		if len(words) < 2 {
			return fmt.Errorf("a name is missing")
		}
		for _, w := range words[1:] {
			d.put(w, m)
		}
		return nil
	}
	if len(words) < want {
		return fmt.Errorf("want a name and a target")
	}
	m.target, m.fallback, _ = strings.Cut(words[len(words)-1], "|")
	if fn, arg, ok := strings.Cut(m.target, "("); ok {
		m.fn, m.target = fn, strings.TrimSuffix(arg, ")")
	}
	m.target, m.ecs = strings.CutPrefix(m.target, "ecs:")
	m.target, m.dynamic = strings.CutPrefix(m.target, "dynamic:")
	if m.dynamic && m.support != Approximate {
		return fmt.Errorf("a field of a dynamic template of objects may be missing from the index, which makes it an approximation")
	}
	if fields := strings.Split(m.target, ","); len(fields) > 1 {
		m.target, m.also = fields[0], fields[1:]
	}
	for _, w := range words[1 : len(words)-1] {
		d.put(w, m)
	}
	return nil
}

// addExtraction reads "^ name… :: field :: regex".
func (d *definition) addExtraction(m mapping, body string) error {
	parts := strings.Split(body, " :: ")
	names := strings.Fields(parts[0])
	if len(parts) != 3 || len(names) < 2 || m.reason == "" {
		return fmt.Errorf("want ^ name… :: field :: regular expression # reason")
	}
	m.target, m.extract = strings.TrimSpace(parts[1]), strings.TrimSpace(parts[2])
	if re, values, ok := strings.Cut(m.extract, " {{"); ok {
		m.extract = strings.TrimSpace(re)
		var err error
		if m.values, m.complete, err = parseValues("{" + strings.TrimSuffix(values, "}}") + "}"); err != nil {
			return err
		}
	}
	re, err := regexp.Compile(m.extract)
	if err != nil {
		return err
	}
	if re.NumSubexp() != 1 {
		return fmt.Errorf("the regular expression needs one group")
	}
	for _, n := range names[1:] {
		d.put(n, m)
	}
	return nil
}

// dwordValues gives both ways a small registry number is written. Splunk's add-on keeps 0x0000000a, Elastic's integrations
// write 10 or keep it.
var dwordValues = sync.OnceValue(func() map[string][]string {
	m := make(map[string][]string, 2048)
	for i := range 1024 {
		hex, dec := fmt.Sprintf("0x%08x", i), fmt.Sprint(i)
		m[hex] = []string{dec, hex}
		m["dword ("+hex+")"] = []string{dec, hex, "DWORD (" + hex + ")"} // as Sysmon writes it, and older pipelines keep it
	}
	return m
})

func (d *definition) put(name string, m mapping) {
	if _, ok := d.maps[name]; !ok {
		d.order = append(d.order, name)
	}
	d.maps[name] = append(d.maps[name], m)
}

func parseValues(s string) (map[string][]string, bool, error) {
	s = strings.TrimSpace(s)
	complete := strings.HasSuffix(s, "!")
	s = strings.TrimSuffix(s, "!")
	inner, ok := strings.CutPrefix(s, "{")
	inner, ok2 := strings.CutSuffix(inner, "}")
	if !ok || !ok2 {
		return nil, false, fmt.Errorf("values must stand in braces")
	}
	out := map[string][]string{}
	for _, pair := range strings.Split(inner, ";") {
		from, to, ok := strings.Cut(pair, ":")
		if !ok {
			return nil, false, fmt.Errorf("a value pair needs a colon: %s", pair)
		}
		var list []string
		for _, v := range strings.Split(to, ",") {
			if v = strings.TrimSpace(v); v != "" {
				list = append(list, v)
			}
		}
		out[strings.ToLower(strings.TrimSpace(from))] = list
	}
	return out, complete, nil
}

// resolveUses returns the mappings of a definition with those of the groups it uses; its own lines win, then earlier
// groups.
func resolveUses(d *definition, defs map[string]*definition) (map[string][]mapping, []auto) {
	out := make(map[string][]mapping, len(d.maps))
	autos := d.autos
	for k, v := range d.maps {
		out[k] = v
	}
	for _, u := range d.uses {
		m, a := resolveUses(defs[u], defs)
		for k, v := range m {
			if _, ok := out[k]; !ok {
				out[k] = v
			}
		}
		autos = append(autos[:len(autos):len(autos)], a...)
	}
	return out, autos
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
