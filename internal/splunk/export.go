package splunk

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// record imports one JSON object: a rule as Rulebridge writes them, a row of a search over | rest saved/searches, or an
// object that wraps such rows.
func (in *importer) record(file string, rec Record) { in.unwrap(file, rec, 0) }

// maxWraps is how deep rows may be wrapped in the objects of an export.
const maxWraps = 3

func (in *importer) unwrap(file string, rec Record, wraps int) {
	if wraps > maxWraps {
		in.fault(rec.fault(file, "", "is wrapped in too many objects"))
		return
	}
	if !utf8.Valid(rec.JSON) {
		rec.JSON = json.RawMessage(decodeText(rec.JSON))
	}
	if !bytes.HasPrefix(bytes.TrimLeft(rec.JSON, " \t\r\n"), []byte("{")) {
		in.fault(rec.fault(file, "", "is no JSON object"))
		return
	}
	var fields map[string]json.RawMessage
	if err := decode(file, rec, &fields); err != nil {
		in.fault(err)
		return
	}
	if result, ok := fields["result"]; ok { // a line of Splunk's export
		in.unwrap(file, Record{Line: rec.Line, Item: rec.Item, JSON: result}, wraps+1)
		return
	}
	for _, wrapper := range wrappers {
		var rows []json.RawMessage
		if list, ok := fields[wrapper]; ok && json.Unmarshal(list, &rows) == nil {
			for i, row := range rows {
				in.unwrap(file, Record{Line: rec.Line, Item: i + 1, JSON: row}, wraps+1)
			}
			return
		}
	}
	if content, ok := fields["content"]; ok && len(fields["query"]) == 0 { // REST: {"name", "content": {"search", …}}
		var inner map[string]json.RawMessage
		if json.Unmarshal(content, &inner) == nil && inner["search"] != nil {
			for _, outer := range []string{"name", "id"} {
				if inner[outer] == nil && fields[outer] != nil {
					inner[outer] = fields[outer]
				}
			}
			var acl map[string]json.RawMessage
			_ = json.Unmarshal(fields["acl"], &acl) // what is missing stays missing
			for key, value := range acl {
				if inner["eai:acl."+key] == nil {
					inner["eai:acl."+key] = value
				}
			}
			fields = inner
		}
	}
	if _, ok := fields["preview"]; ok && len(fields) <= 3 && fields["search"] == nil {
		return // a line of the export that carries no row
	}
	if fields["search"] != nil && fields["query"] == nil {
		in.row(file, rec, func(key string) string { return scalar(fields[key]) }, names(fields))
		return
	}
	rule, err := ParseRule(file, rec)
	if err != nil {
		in.fault(err)
		return
	}
	in.add(rule.OriginalRule, Item{File: file, Line: rec.Line, Element: rec.Item, Kind: "rule", Name: rule.Title})
}

func names[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// scalar is a JSON value as the text Splunk shows; a list of one is its element.
func scalar(raw json.RawMessage) string {
	var one []json.RawMessage
	if json.Unmarshal(raw, &one) == nil && len(one) > 0 {
		raw = one[0]
	}
	var c cell
	if len(raw) == 0 || c.UnmarshalJSON(raw) != nil {
		return ""
	}
	return strings.TrimSpace(string(c))
}

// row imports a row of | rest /servicesNS/-/-/saved/searches.
func (in *importer) row(file string, rec Record, get func(string) string, keys []string) {
	name := get("title")
	if name == "" {
		name = get("name")
	}
	owner, app := get("eai:acl.owner"), get("eai:acl.app")
	id := get("id")
	if o, a, n, ok := locate(id); ok {
		owner, app = o, a
		if name == "" {
			name = n
		}
	}
	if sharing := get("eai:acl.sharing"); sharing != "" && sharing != "user" || owner == "nobody" {
		owner = ""
	}
	if name == "" {
		name = id
	}
	item := Item{File: file, Line: rec.Line, Element: rec.Item, Name: name}
	if name == "" {
		item.Kind, item.Outcome, item.Why = "rule", Fault, "it has neither title nor id"
		in.say(item)
		return
	}
	s := savedSearch(app, owner, name, get, keys)
	if app == "" && id != "" {
		s.Rule.ID = id
	}
	if get("is_scheduled") == "" && get("counttype") == "" && get("alert_type") == "" && get("alert.track") == "" {
		// An export that holds the search and little else: nothing tells alerts from reports, so the search is taken.
		s.Kind = KindAlert
	}
	in.search(s, item)
}

// restCSV imports a CSV export of | rest /servicesNS/-/-/saved/searches. Rows are read one at a time.
func (in *importer) restCSV(file string, r io.Reader) {
	g := &guard{r: decoded(r, maxStream)}
	c := csv.NewReader(g)
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	header, err := c.Read()
	if err != nil {
		in.say(Item{File: file, Kind: "file", Outcome: Fault, Why: "it has no header: " + err.Error()})
		return
	}
	header = append([]string(nil), header...)
	column := map[string]int{}
	for i, name := range header {
		column[strings.TrimSpace(name)] = i
	}
	if _, ok := column["search"]; !ok {
		in.say(Item{File: file, Kind: "file", Outcome: Fault, Why: "its header names no column search; export | rest /servicesNS/-/-/saved/searches, or give a lookup with --lookups (in the page: drop it on the causes of a migration)"})
		return
	}
	for {
		g.next()
		record, err := c.Read()
		if errors.Is(err, io.EOF) || in.failed != nil {
			return
		}
		if err != nil {
			var bad *csv.ParseError
			if !errors.As(err, &bad) {
				in.fault(fmt.Errorf("read %s: %w", file, err))
				return
			}
			in.fault(&Error{File: file, Line: bad.StartLine, Msg: "the row is left out: " + bad.Err.Error()})
			continue
		}
		line, _ := c.FieldPos(0)
		in.row(file, Record{Line: line}, func(key string) string {
			if i, ok := column[key]; ok && i < len(record) {
				return strings.TrimSpace(record[i])
			}
			return ""
		}, header)
	}
}
