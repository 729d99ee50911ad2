package run

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// readTree is spath: a path or all fields of a text of JSON or XML. It reads the first 5,000 characters only where it
// reads all fields, as Splunk does by default.
func (x *runner) readTree(c *plan.ReadTree, r *Row, t *rows) error {
	const auto = 5000
	got := map[string]value.Value{}
	var order []string
	add := func(name string, v value.Value) {
		if _, ok := got[name]; !ok {
			order = append(order, name)
		}
		got[name] = append(got[name], v...)
	}
	for _, a := range x.field(r, c.Field) {
		s := strings.TrimSpace(a.Text())
		if c.Path == "" && len(s) > auto {
			s = s[:auto]
		}
		if err := x.spend(1 + len(s)/8); err != nil {
			return err
		}
		j, ok := value.ParseJSON(s)
		switch {
		case ok && c.Path != "":
			for _, v := range j.At(x.env, c.Path) {
				add(c.Output, value.Str(v.Text()))
			}
		case ok:
			j.Fields(x.env, add)
		case strings.HasPrefix(s, "<"):
			// A place in braces picks one of several elements of a name, counted from 1.
			wanted, at := xmlPlace(c.Path)
			seen := 0
			err := x.xml(s, func(path string, v value.Value) {
				switch {
				case c.Path == "":
					add(path, v)
				case path == wanted:
					if seen++; at == 0 || seen == at {
						add(c.Output, v)
					}
				}
			})
			if err != nil {
				return err
			}
		}
	}
	for _, name := range order {
		if name != "" {
			put(t, r, name, got[name])
		}
	}
	return x.env.Err()
}

const maxXMLDepth = 200

// xml reads all texts and attributes of XML: a.b for elements, a{@b} for attributes.
func (x *runner) xml(s string, add func(path string, v value.Value)) error {
	d := xml.NewDecoder(strings.NewReader(s))
	d.Strict = false
	var path []string
	text := ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) || err != nil {
			return nil // what could be read was read
		}
		if err := x.spend(1); err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if len(path) >= maxXMLDepth {
				return nil
			}
			path = append(path, tok.Name.Local)
			text = ""
			for _, a := range tok.Attr {
				add(strings.Join(path, ".")+"{@"+a.Name.Local+"}", value.Str(a.Value))
			}
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			if v := strings.TrimSpace(text); v != "" {
				add(strings.Join(path, "."), value.Str(v))
			}
			text = ""
			if len(path) > 0 {
				path = path[:len(path)-1]
			}
		}
	}
}

// readPairs is extract and its like.
func (x *runner) readPairs(c *plan.ReadPairs, r *Row, t *rows) error {
	raw := x.field(r, c.Field).Joined()
	if err := x.spend(1 + len(raw)/4); err != nil {
		return err
	}
	got := map[string]value.Value{}
	var order []string
	add := func(name, v string) {
		if name == "" || v == "" {
			return
		}
		if _, ok := got[name]; !ok {
			order = append(order, name)
		}
		got[name] = append(got[name], value.Str(v)...)
	}
	switch c.Kind {
	case "fromjson":
		j, ok := value.ParseJSON(raw)
		if !ok {
			return nil
		}
		for i, k := range j.Keys() {
			add(c.Prefix+k, j.Elements()[i].Text())
		}
	case "xmlkv":
		p, err := x.env.Pattern(`<([^\s/>!?]+)[^>]*>([^<]*)</`)
		if err != nil {
			return err
		}
		for _, m := range p.All(x.env, raw, 0) {
			add(raw[m[2]:m[3]], strings.TrimSpace(raw[m[4]:m[5]]))
		}
	case "xmlunescape":
		put(t, r, "_raw", value.Str(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&").Replace(raw)))
		return nil
	default:
		x.pairs(raw, c, add)
	}
	for i, n := range order {
		switch {
		case c.Max > 0 && i >= c.Max:
		case c.Several:
			put(t, r, n, got[n])
		default:
			put(t, r, n, got[n][:1])
		}
	}
	return x.env.Err()
}

// pairs finds name=value in a text: delimiters as given, or blanks, commas, semicolons and bars between pairs.
func (x *runner) pairs(raw string, c *plan.ReadPairs, add func(name, v string)) {
	if c.PairDelim != "" || c.KeyDelim != "" {
		pair, key := c.PairDelim, c.KeyDelim
		if pair == "" {
			pair = " ,;|\n"
		}
		if key == "" {
			key = "="
		}
		for _, part := range strings.FieldsFunc(raw, func(r rune) bool { return strings.ContainsRune(pair, r) }) {
			if i := strings.IndexAny(part, key); i > 0 && !strings.ContainsAny(strings.Trim(part[i+1:], `"`), key) {
				add(strings.TrimSpace(part[:i]), strings.Trim(strings.TrimSpace(part[i+1:]), `"`))
			}
		}
		return
	}
	p, err := x.env.Pattern(`([A-Za-z_][A-Za-z0-9_.:-]*)\s*=\s*(?:"([^"]*)"|([^\s,;|&]+))`)
	if err != nil {
		x.env.Fail(err)
		return
	}
	for _, m := range p.All(x.env, raw, 0) {
		i := 4
		if m[i] < 0 {
			i = 6
		}
		add(raw[m[2]:m[3]], raw[m[i]:m[i+1]])
	}
}

// readXML is xpath.
func (x *runner) readXML(c *plan.ReadXML, r *Row, t *rows) error {
	raw := x.field(r, c.Field).Joined()
	if err := x.spend(1 + len(raw)/4); err != nil {
		return err
	}
	steps, ok := xpathSteps(c.Path)
	if !ok {
		return &Error{x.at, "xpath reads paths such as //a/b, //a/@b, //a[@b='c']/d, //a[b='c'] and //a[2] here, not " + strconv.Quote(c.Path)}
	}
	out, err := x.xpath(raw, steps)
	if err != nil {
		return err
	}
	switch {
	case len(out) > 0:
		put(t, r, c.Output, value.Strs(out))
	case c.Default != "":
		put(t, r, c.Output, value.Str(c.Default))
	}
	return nil
}

// toJSON is tojson.
func (x *runner) toJSON(c *plan.ToJSON, r *Row, t *rows) {
	object, _ := value.Find("json_object", value.InEval)
	var args []value.Value
	for _, n := range r.Names() {
		if strings.HasPrefix(n, "_") && !c.Internal {
			continue
		}
		kind := ""
		if len(c.Fields) == 0 {
			kind = c.Type
		}
		for _, f := range c.Fields {
			if kind == "" && value.Wild(n, f.Pattern, false) {
				if kind = f.Type; kind == "" {
					kind = c.Type
				}
			}
		}
		if kind == "" {
			continue
		}
		typed, ok := value.TypedJSON(r.fields[n], kind)
		if ok {
			args = append(args, value.Str(n), typed)
		} else if c.Null {
			args = append(args, value.Str(n), nil)
		}
	}
	put(t, r, c.Output, object.Call(x.env, args))
}

// xmlPlace takes a place such as {2} out of a path of XML; 0 for none.
func xmlPlace(path string) (string, int) {
	for i := strings.IndexByte(path, '{'); i >= 0; i = -1 {
		end := strings.IndexByte(path[i:], '}')
		if end < 0 {
			break
		}
		if n, err := strconv.Atoi(path[i+1 : i+end]); err == nil {
			return path[:i] + path[i+end+1:], n
		}
	}
	return path, 0
}

// textTable is multikv: each line below the header becomes a row with the fields of the event around it.
func (x *runner) textTable(n *plan.TextTable, t *rows) (*rows, error) {
	out := t.like()
	for _, r := range t.rows {
		lines := strings.Split(strings.Trim(x.field(r, "_raw").Joined(), "\n"), "\n")
		if err := x.spend(1 + len(lines)); err != nil {
			return nil, err
		}
		head := max(0, n.HeaderLine-1)
		var names []string
		if !n.NoHeader {
			if head >= len(lines) {
				continue
			}
			names = strings.Fields(lines[head])
			lines = lines[head+1:]
		}
		if !n.RemoveTable {
			out.rows = append(out.rows, r)
		}
		for _, line := range lines {
			cells := strings.Fields(line)
			if len(cells) == 0 || len(n.Filter) > 0 && !slices.ContainsFunc(n.Filter, func(f string) bool { return strings.Contains(line, f) }) {
				continue
			}
			c := r.clone()
			c.set("_raw", value.Str(line))
			for i, cell := range cells {
				name := "Column_" + strconv.Itoa(i+1)
				if !n.NoHeader {
					if i >= len(names) {
						break
					}
					name = names[i]
					if i == len(names)-1 {
						cell = strings.Join(cells[i:], " ")
					}
				}
				if len(n.Fields) == 0 || slices.Contains(n.Fields, name) {
					put(out, c, name, value.Str(cell))
				}
			}
			if err := x.holds(c); err != nil {
				return nil, err
			}
			out.rows = append(out.rows, c)
		}
		if err := x.fits(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
