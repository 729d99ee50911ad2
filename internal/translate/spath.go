package translate

import (
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// spath reads fields out of JSON or XML. What the event itself says, the integrations have parsed at ingest; 8.19 has no
// function that reads JSON out of another field.
func (l *lowering) spath(cmd *spl.SPath) {
	l.ensureSource(cmd.Span())
	path := cmd.Path
	out := ""
	if path != nil {
		out = path.Text
	}
	if cmd.Output != nil {
		out = cmd.Output.Text
	}
	if cmd.Input == nil || cmd.Input.Text == "_raw" {
		if path == nil {
			l.diag("option_ignored", cmd.Span(), "spath", "the integration parses events at ingest, so their fields need no extraction")
			return
		}
		if !l.env.open && !l.bound(path.Text) {
			l.diag("unsupported_command", cmd.Span(), "spath", "spath reads the raw event, which is gone here; move it before the list of columns")
			l.defineHole(out)
			return
		}
		c := l.lookup(path.Text, path.Span())
		if c.hole {
			l.leaveOut(cmd, path.Text, out)
			return
		}
		l.useful = true
		l.diag("renamed", cmd.Span(), path.Text, "`"+path.Text+"` of the event's JSON is a field of its own in Elasticsearch")
		if out != path.Text || !l.bound(out) {
			l.env.bind(out, c)
		}
		return
	}
	if path == nil {
		l.spathAll(cmd)
		return
	}
	v := l.lookup(cmd.Input.Text, cmd.Input.Span()).value()
	if v.hole {
		l.leaveOut(cmd, cmd.Input.Text, out)
		return
	}
	if v.null {
		l.diag("field_absent", cmd.Span(), out, "`"+cmd.Input.Text+"` is always null, so `"+out+"` is too")
		l.env.bind(out, &column{name: out, typ: "null", constant: &esql.Literal{}})
		return
	}
	if !isText(v.typ) || strings.Contains(path.Text, "{") || path.Text == "" {
		l.diag("unsupported_command", cmd.Span(), "spath", "`"+path.Text+"` in the JSON text of `"+cmd.Input.Text+"` cannot be read: 8.19 has no JSON function and the path goes through a list. Parse the field at ingest (json processor) and map `"+out+"` in the schema overrides")
		l.defineHole(out)
		return
	}
	// The last name of the path, wherever it stands in the text.
	key := path.Text[strings.LastIndexByte(path.Text, '.')+1:]
	l.diag("regex_differs", cmd.Span(), "spath", "8.19 has no JSON function, so the text behind the first \""+key+"\": is read; it differs where that name stands at several places of the JSON, or the value has escapes or is an object. Parse the field at ingest to be exact")
	l.useful = true
	x := v
	source := l.inputColumn(x, cmd.Span())
	o := l.define(out, &column{typ: "keyword"})
	text, bare := l.helper("json"), l.helper("json")
	g := &esql.Grok{Input: mark(source, cmd.Span()), Pattern: `"` + regexp.QuoteMeta(key) + `"\s*:\s*(?:"(?<` + text + `>[^"]*)"|(?<` + bare + `>[^\s,}\]\["{]+))`}
	g.Origin = origin(cmd.Span())
	l.add(g)
	l.assign(cmd.Span(), o.name, mark(call("COALESCE", col(text), col(bare)), cmd.Span()))
}

// bound says that the environment has a column of that name.
func (l *lowering) bound(name string) bool {
	_, ok := l.env.cols[name]
	return ok
}

// spathAll is spath without a path: every field of the text gets a column of its own.
func (l *lowering) spathAll(cmd *spl.SPath) {
	if !l.bound(cmd.Input.Text) && l.parsedAtIngest(cmd.Input.Text) {
		l.diag("option_ignored", cmd.Span(), cmd.Input.Text, "the integration parses `"+cmd.Input.Text+"` at ingest, so its fields need no extraction")
		return
	}
	l.diag("unsupported_command", cmd.Span(), "spath", "the fields inside the text of `"+cmd.Input.Text+"` are not known and 8.19 has no JSON function; parse the field at ingest (json processor) and map its fields in the schema overrides")
	if !l.env.open {
		l.env.setPartial()
	}
}

// parsedAtIngest lists the texts whose content the integrations store as fields.
func (l *lowering) parsedAtIngest(input string) bool {
	switch input {
	case "UserData_Xml", "EventData_Xml", "System_Props_Xml", "RenderingInfo_Xml", "Message":
		return true
	}
	return false
}

// extract is extract, kv, xmlkv, kvform and xpath: fields read out of the raw event.
func (l *lowering) extract(cmd *spl.Extract) {
	l.ensureSource(cmd.Span())
	switch cmd.Kind {
	case "extract", "kv", "kvform", "xmlkv", "xmlunescape", "multikv":
		for _, o := range cmd.Options {
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` has no counterpart: fields are parsed at ingest")
		}
		if cmd.Kind != "multikv" && l.env.open && (len(cmd.Args) == 0 || l.parsedAtIngest(cmd.Args[0].Text) || cmd.Args[0].Text == "_raw") {
			l.diag("option_ignored", cmd.Span(), cmd.Kind, "the integration parses events at ingest, so their fields need no extraction; a field that it does not keep is reported where it is used")
			return
		}
	case "xpath":
		out := "xpath"
		for _, o := range cmd.Options {
			if o.Name == "outfield" {
				out = o.Value
			}
		}
		l.diag("unsupported_command", cmd.Span(), "xpath", "ES|QL cannot read XML; parse it at ingest (xml processor) and map `"+out+"` in the schema overrides")
		l.defineHole(out)
		return
	}
	l.diag("unsupported_command", cmd.Span(), cmd.Kind, "`"+cmd.Kind+"` reads fields out of a text whose names are not known here; parse it at ingest (kv, dissect or json processor) and map the fields in the schema overrides")
	if !l.env.open {
		l.env.setPartial()
	}
}

// leaveOut says that a command needs a field that is a hole, and makes its results holes.
func (l *lowering) leaveOut(cmd spl.Command, needs string, results ...string) {
	l.diag("depends_on_hole", cmd.Span(), needs, "`"+cmd.Name()+"` is left out, because `"+needs+"` could not be translated; settle that error first")
	for _, r := range results {
		l.defineHole(r)
	}
}
