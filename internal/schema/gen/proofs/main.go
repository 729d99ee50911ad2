// Command proofs writes data/proofs.txt: for each stream the fields that something shows to be in its documents, with what
// shows it. It reads the golden documents, Elastic's prebuilt rules, the list of pipeline steps of 2022-12 and the field list
// of Elastic Defend's events, and takes no text of theirs: names of fields, and the identifiers of rules as evidence.
package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

func main() {
	in := flag.String("in", "../../../shared/data", "folder with golden, prebuilt and ecs")
	more := flag.String("more", "data/fields.csv", "fields of streams that the folder ecs does not have")
	out := flag.String("out", "data/proofs.txt", "file to write")
	flag.Parse()
	if err := run(*in, *more, *out); err != nil {
		fmt.Fprintln(os.Stderr, "proofs:", err)
		os.Exit(1)
	}
}

// proofs holds what shows a field, by stream and field; a better kind of evidence replaces a weaker one.
type proofs struct {
	index map[string]string          // stream: index pattern
	known map[string]map[string]bool // fields by stream
	open  map[string]map[string]bool // objects by stream that are mapped as they come
	of    map[string]map[string]string
}

// rank orders the kinds of evidence: a document, a rule, the list of Defend's fields, the list of pipeline steps.
var rank = map[byte]int{'d': 4, 'r': 3, 'e': 2, 'p': 1}

func (p *proofs) add(stream, field, evidence string) {
	if p.index[stream] == "" {
		return
	}
	if p.of[stream] == nil {
		p.of[stream] = map[string]string{}
	}
	if have := p.of[stream][field]; have == "" || rank[evidence[0]] > rank[have[0]] {
		p.of[stream][field] = evidence
	}
}

func run(in, more, out string) error {
	p := &proofs{index: map[string]string{}, known: map[string]map[string]bool{}, open: map[string]map[string]bool{}, of: map[string]map[string]string{}}
	ecs := map[string]bool{}
	err := rows(filepath.Join(in, "ecs", "fields.csv"), func(r map[string]string) { ecs[r["field"]] = true })
	if err != nil {
		return err
	}
	list := func(r map[string]string) {
		s := r["integration"] + "/" + r["data_stream"]
		p.index[s] = r["index_pattern"]
		if p.known[s] == nil {
			p.known[s], p.open[s] = map[string]bool{}, map[string]bool{}
		}
		p.known[s][r["field"]] = true
		if r["type"] == "object" {
			name, _, _ := strings.Cut(r["field"], ".*")
			p.open[s][name] = true
		}
	}
	for _, name := range []string{filepath.Join(in, "ecs", "integration_fields.csv"), more} {
		if err := rows(name, list); err != nil {
			return err
		}
	}
	if err := p.documents(filepath.Join(in, "golden", "pairs.jsonl")); err != nil {
		return err
	}
	if err := p.rules(filepath.Join(in, "prebuilt", "rules.jsonl"), ecs); err != nil {
		return err
	}
	err = rows(filepath.Join(in, "ecs", "endpoint_event_fields.csv"), func(r map[string]string) {
		p.add("endpoint/"+r["data_stream"], r["field"], "e")
	})
	if err != nil {
		return err
	}
	err = rows(filepath.Join(in, "ecs", "pipeline_mappings.csv"), func(r map[string]string) {
		if r["target_field"] != "" {
			p.add(r["integration"]+"/"+r["data_stream"], r["target_field"], "p")
		}
	})
	if err != nil {
		return err
	}
	return p.write(out)
}

// documents takes the fields of each golden document.
func (p *proofs) documents(name string) error {
	return lines(name, func(text []byte) error {
		var pair struct {
			Stream string
			Doc    map[string]any
		}
		if err := json.Unmarshal(text, &pair); err != nil {
			return err
		}
		fields("", pair.Doc, func(field string) { p.add(pair.Stream, field, "d") })
		return nil
	})
}

func fields(prefix string, v any, each func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			fields(strings.TrimPrefix(prefix+"."+k, "."), x, each)
		}
	case []any:
		for _, x := range v {
			fields(prefix, x, each)
		}
	case nil:
	default:
		each(prefix)
	}
}

var (
	fieldName = regexp.MustCompile(`[a-z_@][A-Za-z0-9_]*(?:\.[A-Za-z0-9_@]+)+`)
	dataset   = regexp.MustCompile(`(?:event|data_stream)\.dataset\s*(?:==|:|in)\s*\(?\s*("[^"]+"(?:\s*,\s*"[^"]+")*|[a-z0-9_.]+)`)
	from      = regexp.MustCompile(`(?i)^\s*from\s+([^|]+)`)
	category  = regexp.MustCompile(`^\s*(process|file|registry|network|dns|library|driver|authentication|iam)\s+where\b`)
)

// rules takes the fields that a prebuilt rule reads as evidence for the streams it reads.
func (p *proofs) rules(name string, ecs map[string]bool) error {
	return lines(name, func(text []byte) error {
		var r struct {
			ID    string `json:"rule_id"`
			Query string
			Index []string
		}
		if err := json.Unmarshal(text, &r); err != nil {
			return err
		}
		index := r.Index
		if m := from.FindStringSubmatch(r.Query); m != nil {
			list, _, _ := strings.Cut(strings.ToLower(m[1]), " metadata ")
			for x := range strings.SplitSeq(list, ",") {
				index = append(index, strings.Trim(strings.TrimSpace(x), `"`))
			}
		}
		var sets []string
		for _, m := range dataset.FindAllStringSubmatch(r.Query, -1) {
			for x := range strings.SplitSeq(m[1], ",") {
				sets = append(sets, strings.Trim(strings.TrimSpace(x), `"`))
			}
		}
		kind := ""
		if m := category.FindStringSubmatch(r.Query); m != nil {
			kind = m[1]
		}
		for stream, pattern := range p.index {
			if !reads(index, pattern) || len(sets) > 0 && !slices.Contains(sets, strings.ReplaceAll(stream, "/", ".")) {
				continue
			}
			if defend, ok := strings.CutPrefix(stream, "endpoint/"); ok && kind != "" && defend != kind && !(kind == "dns" && defend == "network") {
				continue
			}
			for _, f := range fieldName.FindAllString(r.Query, -1) {
				if p.known[stream][f] || p.dynamic(stream, f) || ecs[f] && !strings.HasPrefix(stream, "endpoint/") {
					p.add(stream, f, "r "+r.ID)
				}
			}
		}
		return nil
	})
}

// dynamic reports whether a field stands in an object that the stream maps as it comes.
func (p *proofs) dynamic(stream, field string) bool {
	for i := range len(field) {
		if field[i] == '.' && p.open[stream][field[:i]] {
			return true
		}
	}
	return false
}

// reads reports whether one of a rule's index patterns takes a stream's indices in.
func reads(index []string, stream string) bool {
	concrete := strings.TrimSuffix(stream, "*") + "default"
	return slices.ContainsFunc(index, func(x string) bool {
		if x == "logs-*" || x == "*" || !strings.HasPrefix(x, "logs-") {
			return false // names no stream
		}
		ok, _ := path.Match(x, concrete)
		return ok
	})
}

func (p *proofs) write(name string) error {
	var b strings.Builder
	b.WriteString("# Generated by gen/proofs: what shows that a field is in the documents of a stream. d a golden document, r the identifier\n# of a prebuilt rule that reads it, e the field list of Elastic Defend, p the list of pipeline steps of 2022-12.\n")
	streams := make([]string, 0, len(p.of))
	for s := range p.of {
		streams = append(streams, s)
	}
	sort.Strings(streams)
	for _, s := range streams {
		fmt.Fprintf(&b, "%s\n", s)
		// fields with the same evidence share a line
		by := map[string][]string{}
		for f, evidence := range p.of[s] {
			by[evidence] = append(by[evidence], f)
		}
		kinds := make([]string, 0, len(by))
		for k := range by {
			kinds = append(kinds, k)
		}
		sort.Strings(kinds)
		for _, k := range kinds {
			sort.Strings(by[k])
			kind, id, _ := strings.Cut(k, " ")
			fmt.Fprintf(&b, "\t%s\t%s\t%s\n", kind, id, strings.Join(by[k], " "))
		}
	}
	return os.WriteFile(name, []byte(b.String()), 0o644)
}

func rows(name string, each func(map[string]string)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, h := range all[0] {
			m[h] = r[i]
		}
		each(m)
	}
	return nil
}

func lines(name string, each func([]byte) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 16<<20)
	for n := 1; s.Scan(); n++ {
		if err := each(s.Bytes()); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, n, err)
		}
	}
	return s.Err()
}
