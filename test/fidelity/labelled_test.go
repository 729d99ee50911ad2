package fidelity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// labelledRule is a rule with events of which each is known to match or not.
type labelledRule struct {
	ID, Title, SPL string
	Mapping        map[string]string
	Events         []struct {
		Doc   map[string]any
		Match bool
		Tag   string
	}
	Mixed bool

	index string
}

// sampleEvery picks the rules of a run that is not full: every eighth of about 1,650 rules is about 200.
const sampleEvery = 8

// TestLabelledEvents translates each rule with its own field types, runs it over its own events and compares what it
// finds with the labels. Events of many rules share an index; a filter beside the query, as Kibana sends one with the
// time range, shows each rule its own events only, and the query stays as it was written.
func TestLabelledEvents(t *testing.T) {
	rules := labelledRules(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	indexLabelled(t, node, rules)

	exact, failing := 0, tally{}
	for i := range rules {
		r := &rules[i]
		if why := runLabelled(ctx, node, r); why != "" {
			kind, _, _ := strings.Cut(why, ":")
			failing.add(kind)
			t.Logf("NOT EXACT %s %q: %s\n  spl: %s", r.ID, r.Title, why, r.SPL)
			continue
		}
		exact++
	}
	t.Logf("FIGURE labelled rules exact on all their events: %d of %d (%s)", exact, len(rules), percent(exact, len(rules)))
	for _, line := range failing.lines(0) {
		t.Logf("FIGURE   %s", line)
	}
	if exact*100 < len(rules)*99 {
		t.Errorf("%d of %d rules are exact, less than 99 %%", exact, len(rules))
	}
}

func labelledRules(t testing.TB) []labelledRule {
	t.Helper()
	var rules []labelledRule
	for i, r := range readLines[labelledRule](t, dataFile(t, "sigma", "semantic.jsonl")) {
		if r.Mixed || !all() && i%sampleEvery != 0 {
			continue
		}
		rules = append(rules, r)
	}
	return rules
}

// groupEvents is about how many events share an index: patterns with a leading wildcard read the whole dictionary of a
// field, which grows with them.
const groupEvents = 2000

// indexLabelled puts rules whose field types agree into one index each and indexes their events.
func indexLabelled(t testing.TB, node *elasticsearch.Node, rules []labelledRule) {
	t.Helper()
	type group struct {
		types map[string]string
		docs  []any
		ids   []string
	}
	var groups []*group
	for i := range rules {
		r := &rules[i]
		at := slices.IndexFunc(groups, func(g *group) bool { return len(g.docs) < groupEvents && compatible(g.types, r.Mapping) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{types: map[string]string{}})
		}
		g := groups[at]
		maps.Copy(g.types, r.Mapping)
		r.index = fmt.Sprintf("labelled_%d", at)
		for n, e := range r.Events {
			g.docs, g.ids = append(g.docs, e.Doc), append(g.ids, eventID(r, n))
		}
	}
	ctx := context.Background()
	for i, g := range groups {
		name := fmt.Sprintf("labelled_%d", i)
		if err := node.DeleteIndex(ctx, name); err != nil {
			t.Fatal(err)
		}
		if err := node.CreateIndex(ctx, name, map[string]any{"mappings": map[string]any{
			"dynamic": false, "properties": typeProperties(g.types)}}); err != nil {
			t.Fatal(err)
		}
		if err := bulkIDs(ctx, node, name, g.ids, g.docs); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d fields, %d events", name, len(g.types), len(g.docs))
	}
}

func eventID(r *labelledRule, n int) string { return fmt.Sprintf("%s-%d", r.ID, n) }

// compatible says whether two sets of field types fit into one index.
func compatible(a, b map[string]string) bool {
	for name, t := range b {
		if old, ok := a[name]; ok && old != t {
			return false
		}
		for other := range a {
			if strings.HasPrefix(other, name+".") || strings.HasPrefix(name, other+".") {
				return false
			}
		}
	}
	return true
}

// typeProperties is a mapping in which a value that is not of its field's type counts as missing.
func typeProperties(types map[string]string) map[string]any {
	properties := map[string]any{}
	for name, typ := range types {
		m := map[string]any{"type": typ}
		switch typ {
		case "long", "integer", "double", "ip", "date":
			m["ignore_malformed"] = true
		}
		properties[name] = m
	}
	return properties
}

// runLabelled returns what is wrong, or nothing.
func runLabelled(ctx context.Context, node *elasticsearch.Node, r *labelledRule) string {
	compiler, err := translate.New(translate.Options{Index: []string{r.index}})
	if err != nil {
		return "compiler: " + err.Error()
	}
	out := compiler.Translate(translate.Request{ID: r.ID, Title: r.Title, Query: r.SPL, Types: r.Mapping})
	if out.ESQL == nil {
		return "untranslatable: " + causes(out)
	}
	var ids []string
	for n := range r.Events {
		ids = append(ids, eventID(r, n))
	}
	result, err := node.ESQL(ctx, out.Query, elasticsearch.ESQLOptions{Filter: map[string]any{"ids": map[string]any{"values": ids}}})
	if err != nil {
		return fmt.Sprintf("rejected: %v\n  %s", err, out.Query)
	}
	found := map[string]bool{}
	for _, row := range result.Rows() {
		id, _ := row["_id"].(string)
		found[id] = true
	}
	var wrong []string
	for n, e := range r.Events {
		id := eventID(r, n)
		if found[id] != e.Match {
			wrong = append(wrong, fmt.Sprintf("\n    %s found=%v: %v", e.Tag, found[id], e.Doc))
		}
		delete(found, id)
	}
	if len(found) > 0 {
		wrong = append(wrong, fmt.Sprintf("\n    rows without a known _id: %v", found))
	}
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf("rows: %d of %d events (%s)%s\n  %s", len(wrong), len(r.Events), causes(out), strings.Join(wrong[:min(len(wrong), 4)], ""), out.Query)
}
