package fidelity

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// estate is a house with some of Elastic's integrations. Its indices map what these declare and nothing else: other
// fields of ECS exist only once an event has had them.
type estate struct {
	name    string
	streams []string // index patterns
}

var (
	defendStreams = []string{"logs-endpoint.*"}
	sysmonStreams = []string{"logs-windows.sysmon_operational-*"}
	estates       = []estate{
		{"defend", defendStreams},
		{"sysmon", sysmonStreams},
		{"both", append(slices.Clone(defendStreams), sysmonStreams...)},
	}
)

// prefix begins the names of the estate's indices.
func (e estate) prefix() string { return "estate-" + e.name + "-" }

// create makes the estate's indices and returns the streams.
func (e estate) create(ctx context.Context, node *elasticsearch.Node, catalogue *elasticsearch.Catalogue) ([]*elasticsearch.Stream, error) {
	streams := catalogue.Match(e.streams...)
	for _, s := range streams {
		if _, err := node.EnsureIndex(ctx, e.prefix()+s.Index(), catalogue.DeclaredMapping(s)); err != nil {
			return nil, fmt.Errorf("create the index of %s: %w", s.Pattern, err)
		}
	}
	return streams, nil
}

// brings reports whether events of the estate are known to have a field, listed or not.
func (e estate) brings(field string) bool {
	for _, pattern := range e.streams {
		for _, s := range schema.Default().StreamsAt(pattern) {
			if schema.Default().StreamHas(s, field) {
				return true
			}
		}
	}
	return false
}

// query is a draft over the indices of the estate, nil where it reads none of them.
func (e estate) query(catalogue *elasticsearch.Catalogue, out translate.Output) *esql.Query {
	if out.ESQL == nil || len(out.ESQL.Commands) == 0 {
		return nil
	}
	from, ok := out.ESQL.Commands[0].(*esql.From)
	if !ok {
		return nil
	}
	own := catalogue.Match(e.streams...)
	reads := slices.ContainsFunc(catalogue.Match(from.Indices...), func(s *elasticsearch.Stream) bool { return slices.Contains(own, s) })
	if !reads {
		return nil
	}
	f := *from
	f.Indices = nil
	for _, i := range from.Indices {
		f.Indices = append(f.Indices, e.prefix()+i)
	}
	return &esql.Query{Commands: append([]esql.Command{&f}, out.ESQL.Commands[1:]...)}
}

var unknownColumn = regexp.MustCompile(`Unknown column \[([^\]]*)\]`)

// TestEstateRows: the conditions on fields that one of the integrations lacks find the same events in each estate.
func TestEstateRows(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	defend := map[string]any{"@timestamp": "2026-01-02T03:04:05Z", "event.category": []string{"registry"}, "event.type": []string{"deletion"},
		"event.action": "deletion", "registry.path": `HKLM\a\b`, "host.name": "one", "registry.data.strings": []string{"1"}}
	sysmon := map[string]any{"@timestamp": "2026-01-02T03:04:06Z", "event.category": []string{"configuration", "registry"}, "event.type": []string{"change"},
		"event.action": "RegistryEvent (Object create and delete)", "winlog.event_data.EventType": "DeleteKey", "registry.path": `HKLM\a\b`, "host.name": "two"}
	created := maps.Clone(sysmon)
	created["winlog.event_data.EventType"], created["host.name"] = "CreateKey", "three"
	compiler, err := translate.New(translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spl  string
		want map[string]int // rows by estate
	}{
		{`| tstats count from datamodel=Endpoint.Registry where Registry.action=deleted by Registry.dest`, map[string]int{"defend": 1, "sysmon": 1, "both": 2}},
		{`| tstats count from datamodel=Endpoint.Registry where Registry.action=deleted by Registry.dest Registry.action`, map[string]int{"defend": 1, "sysmon": 1, "both": 2}},
		{`| tstats count from datamodel=Endpoint.Registry where (Registry.action=deleted OR Registry.registry_path="*zzz") by Registry.dest`, map[string]int{"defend": 1, "sysmon": 1, "both": 2}},
		{`| tstats count from datamodel=Endpoint.Registry where Registry.action=created by Registry.dest`, map[string]int{"defend": 0, "sysmon": 1, "both": 1}},
		{`| tstats count from datamodel=Endpoint.Registry where Registry.registry_value_data=1 by Registry.dest Registry.action`, map[string]int{"defend": 1, "sysmon": 0, "both": 1}},
	} {
		out := compiler.Translate(translate.Request{Query: c.spl})
		for _, e := range estates {
			e.name = "rows-" + e.name
			streams, err := e.create(ctx, node, catalogue)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range streams {
				var docs []any
				switch s.Pattern {
				case "logs-endpoint.events.registry-*":
					docs = []any{defend}
				case "logs-windows.sysmon_operational-*":
					docs = []any{sysmon, created}
				}
				for i, doc := range docs {
					if err := putDoc(ctx, node, e.prefix()+s.Index(), fmt.Sprint(i), doc); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := node.Do(ctx, "POST", "/"+e.prefix()+"*/_refresh", nil, nil); err != nil {
				t.Fatal(err)
			}
			result, err := node.ESQL(ctx, esql.Print(e.query(catalogue, out)), elasticsearch.ESQLOptions{})
			if err != nil {
				t.Errorf("%s on %s: %v\n%s", c.spl, e.name, err, out.Query)
				continue
			}
			if got := len(result.Values); got != c.want[strings.TrimPrefix(e.name, "rows-")] {
				t.Errorf("%s on %s gives %d rows, want %d\n%s", c.spl, e.name, got, c.want[strings.TrimPrefix(e.name, "rows-")], out.Query)
			}
		}
	}
}

// TestEstates runs every draft of the real rules on three estates. A draft that reads one of an estate's indices is
// accepted there, or says which estate it needs and is no full translation.
func TestEstates(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	for _, e := range estates {
		if _, err := e.create(ctx, node, catalogue); err != nil {
			t.Fatal(err)
		}
	}
	lookups := map[string]string{}
	counts := map[string]int{}
	columns := tally{}
	for _, r := range corpus(t) {
		if err := createLookups(ctx, node, r.out.Lookups, lookups); err != nil {
			t.Fatal(err)
		}
		for _, e := range estates {
			q := e.query(catalogue, r.out)
			if q == nil {
				continue
			}
			_, err := node.ESQL(ctx, esql.Print(q), elasticsearch.ESQLOptions{})
			kind := string(r.out.Result) + " " + e.name
			counts[kind+" tried"]++
			if err == nil {
				counts[kind+" accepted"]++
				continue
			}
			counts[kind+" refused"]++
			column := "another fault"
			if m := unknownColumn.FindStringSubmatch(err.Error()); m != nil {
				column = "unknown column " + m[1]
			}
			columns.add(string(r.out.Result) + " " + e.name + ": " + column)
			said := slices.ContainsFunc(r.out.Diagnostics, func(d translate.Diagnostic) bool {
				return d.Code == "needs_estate" || d.Severity == translate.Error
			})
			later := false // the column comes with the first event that has it
			if m := unknownColumn.FindStringSubmatch(err.Error()); m != nil {
				later = e.brings(m[1])
			}
			if r.out.Result == translate.Full || !said && !later {
				t.Errorf("REFUSED on %s, and nothing says so: %s %q: %v", e.name, r.request.ID, r.request.Title, err)
			}
		}
	}
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		t.Logf("FIGURE estates: %s %d", strings.TrimSpace(k), counts[k])
	}
	for _, line := range columns.lines(0) {
		t.Logf("FIGURE   %s", line)
	}
}
