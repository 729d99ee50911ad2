package fidelity

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
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
			columns.add(string(r.out.Result) + " " + e.name + ": " + problem(err))
			if r.out.Result == translate.Full {
				t.Errorf("REFUSED on %s: %s %q: %s", e.name, r.request.ID, r.request.Title, problem(err))
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
