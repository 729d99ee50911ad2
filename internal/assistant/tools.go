package assistant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Names of the tools.
const (
	ToolCounts    = "alert-counts"
	ToolOpen      = "open-alerts"
	ToolSearch    = "alert-search"
	ToolKnowledge = "esql-knowledge-base"
)

const (
	// dayWindow is the window of counts and open alerts; maxWindow of a search.
	dayWindow = 24 * time.Hour
	maxWindow = 7 * dayWindow
	// DefaultSize, MinSize and MaxSize bound how many alerts a tool gives.
	DefaultSize = 20
	MinSize     = 10
	MaxSize     = 100
	// maxDocuments is how many pages the knowledge base gives.
	maxDocuments = 5
)

// tool is one row of the table of tools.
type tool struct {
	name, about string
	// needs are the parameters of a question without which the tool is not given to the model.
	needs []need
	args  []arg
	run   func(ctx context.Context, d Deps, q Question, a args) (result, error)
}

// need is a parameter that a question must have.
type need struct {
	has func(d Deps, q Question) bool
	why string
}

var (
	needAlerts    = need{func(_ Deps, q Question) bool { return q.Alerts }, "isEnabledRAGAlerts is not true"}
	needIndex     = need{func(_ Deps, q Question) bool { return len(q.Index) > 0 }, "alertsIndexPattern is missing"}
	needSize      = need{func(_ Deps, q Question) bool { return q.Size > 0 }, "size is missing"}
	needFields    = need{func(_ Deps, q Question) bool { return q.Allow == nil || len(q.Allow) > 0 }, "allow is empty: no field may leave"}
	needSource    = need{func(d Deps, _ Question) bool { return d.Alerts != nil }, "no alert source is configured"}
	needKnowledge = need{func(_ Deps, q Question) bool { return q.Knowledge }, "isEnabledKnowledgeBase is not true"}
	needLibrary   = need{func(d Deps, _ Question) bool { return d.Knowledge != nil }, "no ES|QL knowledge base is configured"}
)

// tools is the table: what each tool needs, takes and does.
var tools = []tool{
	{
		name:  ToolCounts,
		about: "Counts all alerts of the last 24 hours by severity and workflow status. The numbers are exact; take every number of alerts from here or from a total.",
		needs: []need{needAlerts, needSource, needIndex},
		run:   runCounts,
	},
	{
		name:  ToolOpen,
		about: "Gives open alerts of the last 24 hours, the highest risk score first, then the newest, and how many there are in all.",
		needs: []need{needAlerts, needSource, needIndex, needSize, needFields},
		run:   runOpen,
	},
	{
		name:  ToolSearch,
		about: "Finds alerts that meet every condition given, in a window of up to 168 hours, and how many there are in all. Values are compared whole, except rule, which is a part of the rule's name. Give masked names as they stand.",
		needs: []need{needAlerts, needSource, needIndex, needSize, needFields},
		args: []arg{
			{name: "severity", kind: texts, of: Severities, about: "severities"},
			{name: "status", kind: texts, of: statuses, about: "workflow statuses"},
			{name: "host", kind: texts, about: "names of hosts"},
			{name: "user", kind: texts, about: "names of users"},
			{name: "rule", kind: text, about: "a part of the rule's name"},
			{name: "technique", kind: texts, about: "ids of MITRE ATT&CK techniques, such as T1059 or T1059.001"},
			{name: "os", kind: text, of: []string{"windows", "linux", "macos"}, about: "the operating system"},
			{name: "hours", kind: whole, least: 1, most: int(maxWindow / time.Hour), about: "how far back, in hours; 24 when left out"},
		},
		run: runSearch,
	},
	{
		name:  ToolKnowledge,
		about: "Finds pages on commands and functions of ES|QL, with the version that has them.",
		needs: []need{needKnowledge, needLibrary},
		args:  []arg{{name: "query", kind: text, required: true, about: "words to look for, such as a command or what it should do"}},
		run:   runKnowledge,
	},
}

func toolByName(name string) (tool, bool) {
	for _, t := range tools {
		if t.name == name {
			return t, true
		}
	}
	return tool{}, false
}

// applicable sorts the tools into those that the question has what they need for, and the others with the reasons.
func applicable(d Deps, q Question) (offered []string, out []LeftOut) {
	for _, t := range tools {
		var why []string
		for _, n := range t.needs {
			if !n.has(d, q) {
				why = append(why, n.why)
			}
		}
		if len(why) == 0 {
			offered = append(offered, t.name)
		} else {
			out = append(out, LeftOut{Tool: t.name, Why: strings.Join(why, "; ")})
		}
	}
	return offered, out
}

// kind is the type of an argument.
type kind int

const (
	text  kind = iota // a text
	texts             // a list of texts, or one text
	whole             // a whole number
)

// arg is one argument of a tool.
type arg struct {
	name        string
	kind        kind
	of          []string // the values allowed; nil: any
	least, most int      // of a number
	required    bool
	about       string
}

const (
	// maxArg and maxArgs bound a text, in bytes, and a list.
	maxArg  = 512
	maxArgs = 20
)

// args are arguments that were checked: a string, []string or int by name.
type args map[string]any

func (a args) texts(name string) []string { v, _ := a[name].([]string); return v }
func (a args) text(name string) string    { v, _ := a[name].(string); return v }

// ArgumentError says what is wrong with the arguments of a tool. It never repeats a value.
type ArgumentError struct{ Tool, Argument, Why string }

func (e *ArgumentError) Error() string {
	if e.Argument == "" {
		return fmt.Sprintf("the arguments of %s %s", e.Tool, e.Why)
	}
	return fmt.Sprintf("argument %s of %s %s", e.Argument, e.Tool, e.Why)
}

// check reads the arguments of a tool against its table. Whatever a model says becomes a value here, never a query.
func (t tool) check(raw json.RawMessage) (args, error) {
	fault := func(name, format string, values ...any) (args, error) {
		return nil, &ArgumentError{Tool: t.name, Argument: name, Why: fmt.Sprintf(format, values...)}
	}
	given := map[string]any{}
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && !bytes.Equal(raw, []byte("null")) {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&given); err != nil {
			return fault("", "are no JSON object")
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return fault("", "go on after their JSON object")
		}
	}
	known := map[string]arg{}
	for _, a := range t.args {
		known[a.name] = a
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := known[name]; !ok {
			return fault("", "have a name that the tool does not take; it takes: %s", t.takes())
		}
	}
	out := args{}
	for _, a := range t.args {
		v, ok := given[a.name]
		if !ok || v == nil {
			if a.required {
				return fault(a.name, "is missing")
			}
			continue
		}
		value, why := a.check(v)
		if why != "" {
			return fault(a.name, "%s", why)
		}
		out[a.name] = value
	}
	return out, nil
}

func (t tool) takes() string {
	if len(t.args) == 0 {
		return "none"
	}
	names := make([]string, len(t.args))
	for i, a := range t.args {
		names[i] = a.name
	}
	return strings.Join(names, ", ")
}

func (a arg) check(v any) (value any, why string) {
	switch a.kind {
	case whole:
		n, ok := v.(json.Number)
		if !ok {
			return nil, "must be a whole number"
		}
		f, err := n.Float64()
		if err != nil || f != math.Trunc(f) || f < float64(a.least) || f > float64(a.most) {
			return nil, fmt.Sprintf("must be a whole number from %d to %d", a.least, a.most)
		}
		return int(f), ""
	case text:
		return a.one(v)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) > maxArgs {
		return nil, fmt.Sprintf("holds more than %d values", maxArgs)
	}
	values := []string{}
	for _, e := range list {
		s, why := a.one(e)
		if why != "" {
			return nil, why
		}
		values = append(values, s.(string))
	}
	return values, ""
}

func (a arg) one(v any) (any, string) {
	s, ok := v.(string)
	if !ok {
		return nil, "must be a text"
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return nil, "is empty; leave it out instead"
	case len(s) > maxArg:
		return nil, fmt.Sprintf("is longer than %d bytes", maxArg)
	case strings.IndexByte(s, 0) >= 0:
		return nil, "holds a NUL character"
	}
	if a.of != nil {
		low := strings.ToLower(s)
		if !slices.Contains(a.of, low) {
			return nil, "must be one of: " + strings.Join(a.of, ", ")
		}
		return low, ""
	}
	return s, ""
}

// schema is the JSON schema of the arguments.
func (t tool) schema() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, a := range t.args {
		one := map[string]any{"type": "string"}
		if a.of != nil {
			one["enum"] = a.of
		}
		switch a.kind {
		case whole:
			one = map[string]any{"type": "integer", "minimum": a.least, "maximum": a.most}
		case texts:
			one = map[string]any{"type": "array", "items": one}
		}
		one["description"] = a.about
		properties[a.name] = one
		if a.required {
			required = append(required, a.name)
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

// result is what a tool gives. It is recorded as it is and masked each time it leaves.
type result struct {
	Tool      string     `json:"tool"`
	AsOf      time.Time  `json:"as_of"`
	Hours     int        `json:"hours,omitempty"` // the window
	Counts    []Count    `json:"counts,omitempty"`
	Page      *Page      `json:"page,omitempty"`
	Documents []Document `json:"documents,omitempty"`
	// Fault is told to the model instead of a result: an unknown tool or wrong arguments. It holds no values.
	Fault string `json:"fault,omitempty"`
}

func scope(q Question, window time.Duration) Scope {
	return Scope{Index: q.Index, From: q.AsOf.Add(-window), To: q.AsOf}
}

func runCounts(ctx context.Context, d Deps, q Question, _ args) (result, error) {
	counts, err := d.Alerts.Counts(ctx, scope(q, dayWindow))
	if err != nil {
		return result{}, fmt.Errorf("counting alerts: %w", err)
	}
	return result{Tool: ToolCounts, AsOf: q.AsOf, Hours: 24, Counts: counts}, nil
}

func runOpen(ctx context.Context, d Deps, q Question, _ args) (result, error) {
	page, err := d.Alerts.Open(ctx, scope(q, dayWindow), q.Size)
	if err != nil {
		return result{}, fmt.Errorf("reading open alerts: %w", err)
	}
	return result{Tool: ToolOpen, AsOf: q.AsOf, Hours: 24, Page: &page}, nil
}

func runSearch(ctx context.Context, d Deps, q Question, a args) (result, error) {
	hours, ok := a["hours"].(int)
	if !ok {
		hours = 24
	}
	f := Filter{
		Severity: a.texts("severity"), Status: a.texts("status"), Host: a.texts("host"), User: a.texts("user"),
		Rule: a.text("rule"), Technique: a.texts("technique"), OS: a.text("os"),
	}
	page, err := d.Alerts.Search(ctx, scope(q, time.Duration(hours)*time.Hour), f, q.Size)
	if err != nil {
		return result{}, fmt.Errorf("searching alerts: %w", err)
	}
	return result{Tool: ToolSearch, AsOf: q.AsOf, Hours: hours, Page: &page}, nil
}

func runKnowledge(_ context.Context, d Deps, q Question, a args) (result, error) {
	return result{Tool: ToolKnowledge, AsOf: q.AsOf, Documents: d.Knowledge.Search(a.text("query"), maxDocuments)}, nil
}
