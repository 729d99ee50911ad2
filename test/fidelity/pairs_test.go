package fidelity

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// eventPair is a real Windows event as Splunk and as Elastic's integration have it.
type eventPair struct {
	Expected []string       `json:"expected_match_sigma_ids"`
	Raw      map[string]any `json:"splunk_raw"`
	ECS      map[string]any `json:"ecs"`
}

// TestRealEvents translates, for each real event, the rules that must find it, with the built-in schema, and looks for
// the event in the index that the catalogue gives its stream.
func TestRealEvents(t *testing.T) {
	rules := map[string]labelledRule{}
	for _, r := range readLines[labelledRule](t, dataFile(t, "sigma", "semantic.jsonl")) {
		rules[r.ID] = r
	}
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	compiler, err := translate.New(translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, total := 0, 0
	causesOfMiss := tally{}
	docs := map[string]bool{}
	var index []func() error
	type look struct {
		rule labelledRule
		out  translate.Output
		id   string
	}
	var looks []look
	for n, p := range readLines[eventPair](t, dataFile(t, "sigma", "event_pairs.ndjson")) {
		stream := fmt.Sprintf("logs-%v-*", p.ECS["data_stream.dataset"])
		id := fmt.Sprintf("pair-%d", n)
		for _, ruleID := range p.Expected {
			r, ok := rules[ruleID]
			if !ok {
				continue
			}
			if !docs[id] {
				docs[id] = true
				index = append(index, func() error {
					streams, err := catalogue.Ensure(ctx, node.Client, stream)
					if err != nil {
						return err
					}
					if len(streams) != 1 {
						return fmt.Errorf("%d streams for %s", len(streams), stream)
					}
					return putDoc(ctx, node, streams[0].Index(), id, p.ECS)
				})
			}
			query := fmt.Sprintf("source=%q %s", p.Raw["source"], r.SPL)
			looks = append(looks, look{r, compiler.Translate(translate.Request{ID: r.ID, Query: query}), id})
		}
	}
	for _, f := range index {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Do(ctx, "POST", "/logs-*/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, l := range looks {
		total++
		why := ""
		if l.out.ESQL == nil {
			why = "untranslatable: " + causes(l.out)
		} else {
			result, err := node.ESQL(ctx, l.out.Query, elasticsearch.ESQLOptions{Filter: map[string]any{"ids": map[string]any{"values": []string{l.id}}}})
			switch {
			case err != nil:
				why = "rejected: " + err.Error()
			case len(result.Values) != 1:
				why = fmt.Sprintf("%d rows: %s", len(result.Values), causes(l.out))
			}
		}
		if why == "" {
			found++
			continue
		}
		report := t.Errorf
		if known := knownMisses[l.rule.ID]; known != "" {
			why, report = known, t.Logf
		}
		causesOfMiss.add(why)
		report("MISS %s %s %q: %s\n  spl: %s\n  %s", l.id, l.rule.ID, l.rule.Title, why, l.rule.SPL, l.out.Query)
	}
	t.Logf("FIGURE real events found by the rules that must find them: %d of %d (%s)", found, total, percent(found, total))
	for _, line := range causesOfMiss.lines(0) {
		t.Logf("FIGURE   %s", line)
	}
	if total < 70 {
		t.Errorf("only %d pairs of event and rule", total)
	}
}

// knownMisses are the rules whose event may be missed, with the cause.
var knownMisses = map[string]string{
	"9e3cb244-bdb8-4632-8c90-6079c8f4f16d": "no field for TaskName and UserName is listed for windows.forwarded, and the event has no message to read the name from",
	"9f5c1d59-33be-4e60-bcab-85d2f566effd": "the event keeps SourceImage in winlog.event_data, from where Sysmon's ingest pipeline moves it to process.executable",
}

func loadCatalogue(t testing.TB) *elasticsearch.Catalogue {
	t.Helper()
	c, err := elasticsearch.LoadCatalogue(filepath.Join(elasticsearch.DataDir(t), "ecs"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
