package fidelity

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
)

// goldenPair is a raw event with the document that the integration's own pipeline test expects.
type goldenPair struct {
	Source, Stream, Provenance string
	// Set names the reading that the pair was first measured in; none for those that the tables were written with.
	Set string
	// Older says that the document is of a version before those that the facts hold for: what the facts give may be missing.
	Older             bool
	Raw, Doc, Derived map[string]any
	CIM               map[string]map[string]any
	// loose says that the document is not a pipeline's own: it may lack fields and have more.
	loose bool
}

// flatten gives the fields of an event or document by name, as Splunk names those of JSON: {} marks a list.
func flatten(prefix string, v any, mark string, out pipeline.Event) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			name := k
			if prefix != "" {
				name = prefix + "." + k
			}
			flatten(name, x, mark, out)
		}
	case []any:
		for _, x := range v {
			flatten(prefix+mark, x, mark, out)
		}
	case nil:
	default:
		// an empty text is no value, but keeps its place beside others in a list of records
		if s := plain(v); s != "" || strings.Contains(prefix, "{}") {
			out[prefix] = append(out[prefix], s)
		}
	}
}

// plain is a JSON value as Splunk shows it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}

func (p *goldenPair) raw() pipeline.Event {
	out := pipeline.Event{}
	flatten("", p.Raw, "{}", out)
	return out
}

func (p *goldenPair) doc() pipeline.Event {
	out := pipeline.Event{}
	flatten("", p.Doc, "", out)
	return out
}

// goldenPairs reads the events whose documents are known: those of the shared data, and the project's own, written after
// documents of streams that the shared data lacks.
// GOLDEN_SET takes one set of them alone, to measure what the tables make of events that nobody had read before.
func goldenPairs(t testing.TB) []goldenPair {
	pairs := readLines[goldenPair](t, dataFile(t, "golden", "pairs.jsonl"))
	for _, name := range []string{"pairs.jsonl", "heldout.jsonl"} {
		pairs = append(pairs, readLines[goldenPair](t, filepath.Join("testdata", name))...)
	}
	if set := os.Getenv("GOLDEN_SET"); set != "" {
		pairs = slices.DeleteFunc(pairs, func(p goldenPair) bool { return p.Set != set })
	}
	return pairs
}

// windowsPairs reads the real Windows events as pairs. Their documents were not made by the pipelines: they keep what
// pipelines move away and lack much, so only the values of fields that both know are compared.
func windowsPairs(t testing.TB) []goldenPair {
	var out []goldenPair
	for _, p := range readLines[eventPair](t, dataFile(t, "sigma", "event_pairs.ndjson")) {
		stream := map[string]string{"windows.sysmon_operational": "windows/sysmon_operational", "system.security": "system/security"}[fmt.Sprint(p.ECS["data_stream.dataset"])]
		if stream != "" {
			out = append(out, goldenPair{Source: strings.ReplaceAll(stream, "/", "_"), Stream: stream, Raw: p.Raw, Doc: p.ECS, loose: true})
		}
	}
	return out
}

// TestPipelineFacts applies the facts about pipelines, which know nothing of the mapping tables, to every raw event whose
// document is known: each field that the facts give must be in the document with that value, each that they say is gone
// must be absent. Operations that no event runs are named: they are facts without a test.
func TestPipelineFacts(t *testing.T) {
	streams := pipeline.Streams()
	pairs := append(goldenPairs(t), windowsPairs(t)...)
	type tallied struct{ events, same, told, untold int }
	counts := map[string]*tallied{}
	ran := map[string]map[int]bool{}
	untold := map[string]tally{}
	for _, p := range pairs {
		s := streams[p.Stream]
		if s == nil {
			continue
		}
		p.loose = p.loose || p.Older
		if counts[p.Stream] == nil {
			counts[p.Stream], ran[p.Stream], untold[p.Stream] = &tallied{}, map[int]bool{}, tally{}
		}
		c := counts[p.Stream]
		c.events++
		got, want := s.Apply(p.raw()), p.doc()
		for _, n := range got.Ran {
			ran[p.Stream][n] = true
		}
		rendered := map[string]bool{}
		for _, o := range s.Operations {
			if slices.ContainsFunc(o.Steps, func(x pipeline.Step) bool { return x.Name == "time" || x.Name == "text" }) {
				rendered[o.Target] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(got.Doc)) {
			if rendered[name] || notKept(p.Stream, name) || p.loose && otherwise[name] {
				continue
			}
			have, ok := want[name]
			switch {
			case !ok && p.loose:
			case !ok:
				t.Errorf("%s: the facts give %s = %q, the document of %s has no such field", p.Stream, name, got.Doc[name], p.Provenance)
			case !sameSet(got.Doc[name], have):
				t.Errorf("%s: the facts give %s = %q, the document of %s has %q", p.Stream, name, got.Doc[name], p.Provenance, have)
			default:
				c.same++
			}
		}
		for _, name := range got.Gone {
			if vs, ok := want[name]; ok && !rendered[name] && !p.loose {
				t.Errorf("%s: the facts say that %s is gone, the document of %s has %q", p.Stream, name, p.Provenance, vs)
			}
		}
		for name := range want {
			if _, ok := got.Doc[name]; ok || rendered[name] {
				c.told++
			} else {
				c.untold++
				untold[p.Stream].add(name)
			}
		}
	}
	t.Logf("FIGURE pipeline facts of %d streams, applied to raw events with known documents:", len(streams))
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		s, c := streams[name], counts[name]
		if c == nil {
			t.Logf("FIGURE   %s (%s): no event; %d operations untested", name, s.Version, len(s.Operations))
			continue
		}
		t.Logf("FIGURE   %s (%s): %d events, %d values right, %s of the documents' fields told; operations run %d of %d", name,
			s.Version, c.events, c.same, percent(c.told, c.told+c.untold), len(ran[name]), len(s.Operations))
		if !testing.Verbose() {
			continue
		}
		for _, line := range untold[name].lines(12) {
			t.Logf("not told by the facts: %s %s", name, line)
		}
		var lines []string
		for i := range s.Operations {
			if !ran[name][i] {
				lines = append(lines, strconv.Itoa(s.Operations[i].Line))
			}
		}
		if len(lines) > 0 {
			t.Logf("untested facts of %s: %s, lines %s", name, s.Operations[0].File, strings.Join(slices.Compact(lines), " "))
		}
	}
	if len(counts) == 0 {
		t.Error("no event has a stream with facts")
	}
	t.Logf("FIGURE streams that sources are mapped to and whose pipeline nobody read: %s", strings.Join(withoutFacts(streams), " "))
}

// withoutFacts are the streams of the mapping tables that no facts are about. Elastic Defend's are no such streams: its agent
// writes the documents itself, and the list of its events' fields stands in.
func withoutFacts(known map[string]*pipeline.Stream) []string {
	var out []string
	for _, src := range schema.Default().Sources() {
		for _, stream := range src.Streams {
			if known[stream] == nil && !strings.HasPrefix(stream, "endpoint/") {
				out = append(out, stream)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// otherwise are the fields that the real Windows events' documents, which no pipeline made, have in a form of their own.
var otherwise = map[string]bool{
	"event.category": true, "event.type": true, "registry.key": true, "registry.data.strings": true, "file.directory": true,
	"process.entity_id": true, "process.parent.entity_id": true,
}

// notKept says that the known documents of a stream leave a field out, whatever the pipeline does.
func notKept(stream, name string) bool {
	return strings.HasPrefix(name, "related.") || stream == "aws/cloudtrail" && strings.HasPrefix(name, "aws.cloudtrail.flattened.")
}

// sameSet compares values without order: Elasticsearch keeps none.
func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	sort.Strings(a)
	sort.Strings(b)
	a, b = slices.Compact(a), slices.Compact(b)
	return slices.Equal(a, b)
}
