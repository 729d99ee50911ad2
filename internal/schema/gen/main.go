// Command gen compiles the field lists of Elastic's integrations into the compact table that package schema embeds.
//
// The input directory holds four CSV files of names and types:
//
//	fields.csv              field,type,array                                   every field of ECS
//	integration_fields.csv  integration,data_stream,index_pattern,field,…     every field of each stream
//	index_patterns.csv      integration,data_stream,index_pattern,…           the index pattern of each stream
//	pipeline_mappings.csv   integration,data_stream,source_field,target_field,… fields that ingest pipelines set
//
// A fifth, of the same columns as integration_fields.csv, is the project's own (data/fields.csv): streams that the directory
// does not have.
//
// An ECS field that a stream's pipeline sets is counted among the stream's fields although its list lacks it, because
// Elastic's ecs@mappings template maps it when it arrives; not so for Elastic Defend, which indexes listed fields only.
//
// The output is a text table: one line per distinct field description, then one line per stream that lists its fields as
// differences between line numbers in base 36, and what its pipeline moves: NAME:FIELD for a value that is renamed or
// converted, NAME>FIELD for one that is copied. It is sorted, so that equal input gives equal bytes.
package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

const ecsStream = "ecs"

type fact struct{ name, typ, ignoreAbove, array string }

type stream struct {
	index string
	facts map[fact]bool
	moves map[string]map[string]string // raw name → target → operation
}

// rawName finds the vendor's own name in the place where a pipeline first puts a value.
var rawName = regexp.MustCompile(`^(?:json|o365audit|winlog\.event_data|winlog\.user_data|auditd\.log|suricata\.eve|zeek\.[a-z0-9_]+|` +
	`azure\.[a-z]+|aws\.vpcflow|osquery\.result|fortinet\.firewall|checkpoint|crowdstrike(?:\.event)?|google_workspace\.[a-z_]+|` +
	`panw\.panos)\.([A-Za-z][\w.{}-]*)$`)

// rank orders operations by how surely the target holds the raw value.
var rank = map[string]int{"rename": 4, "convert": 3, "date": 2, "copy": 1}

func main() {
	in := flag.String("in", "", "directory with fields.csv, integration_fields.csv, index_patterns.csv and pipeline_mappings.csv")
	more := flag.String("more", "data/fields.csv", "fields of streams that the directory does not have, as integration_fields.csv")
	out := flag.String("out", "data/catalogue.txt", "file to write")
	flag.Parse()
	if err := run(*in, *more, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(in, more, out string) error {
	if in == "" {
		return errors.New("the flag -in is missing: give the directory that holds the CSV files")
	}
	streams := map[string]*stream{ecsStream: {facts: map[fact]bool{}}}
	err := readCSV(filepath.Join(in, "fields.csv"), func(r map[string]string) {
		streams[ecsStream].facts[fact{r["field"], r["type"], "", r["array"]}] = true
	})
	if err != nil {
		return err
	}
	list := func(r map[string]string) {
		name := r["integration"] + "/" + r["data_stream"]
		s := streams[name]
		if s == nil {
			s = &stream{index: r["index_pattern"], facts: map[fact]bool{}}
			streams[name] = s
		}
		s.facts[fact{r["field"], r["type"], r["ignore_above"], r["array"]}] = true
	}
	for _, name := range []string{filepath.Join(in, "integration_fields.csv"), more} {
		if err := readCSV(name, list); err != nil {
			return err
		}
	}
	err = readCSV(filepath.Join(in, "index_patterns.csv"), func(r map[string]string) {
		if s := streams[r["integration"]+"/"+r["data_stream"]]; s != nil && r["index_pattern"] != "" {
			s.index = r["index_pattern"]
		}
	})
	if err != nil {
		return err
	}
	ecs := map[string]fact{}
	for f := range streams[ecsStream].facts {
		ecs[f.name] = f
	}
	err = readCSV(filepath.Join(in, "pipeline_mappings.csv"), func(r map[string]string) {
		if s := streams[r["integration"]+"/"+r["data_stream"]]; s != nil && r["event_codes"] == "" {
			s.move(r["source_field"], r["target_field"], r["op"])
		}
		s := streams[r["integration"]+"/"+r["data_stream"]]
		f, ok := ecs[r["target_field"]]
		if s == nil || !ok || r["integration"] == "endpoint" {
			return
		}
		for have := range s.facts {
			if have.name == f.name {
				return
			}
		}
		s.facts[f] = true
	})
	if err != nil {
		return err
	}
	return os.WriteFile(out, encode(streams), 0o644)
}

func (s *stream) move(source, target, op string) {
	m := rawName.FindStringSubmatch(source)
	if m == nil || rank[op] == 0 || target == "" || strings.HasPrefix(target, "related.") {
		return
	}
	if s.moves == nil {
		s.moves = map[string]map[string]string{}
	}
	if s.moves[m[1]] == nil {
		s.moves[m[1]] = map[string]string{}
	}
	if rank[op] > rank[s.moves[m[1]][target]] {
		s.moves[m[1]][target] = op
	}
}

// moved lists the moves whose target is known and not in doubt.
func (s *stream) moved(number map[fact]int) []string {
	known := map[string]int{}
	for f := range s.facts {
		known[f.name] = number[f]
	}
	var out []string
	for raw, targets := range s.moves {
		best, op, tie := "", "", false
		for target, o := range targets {
			if _, ok := known[target]; !ok {
				continue
			}
			switch {
			case rank[o] > rank[op]:
				best, op, tie = target, o, false
			case rank[o] == rank[op]:
				tie = true
			}
		}
		if best == "" || tie || best == raw {
			continue
		}
		sep := ":"
		if op == "copy" {
			sep = ">"
		}
		out = append(out, raw+sep+strconv.FormatInt(int64(known[best]), 36))
	}
	sort.Strings(out)
	return out
}

func encode(streams map[string]*stream) []byte {
	all := map[fact]bool{}
	names := make([]string, 0, len(streams))
	for name, s := range streams {
		names = append(names, name)
		for f := range s.facts {
			all[f] = true
		}
	}
	sort.Strings(names)
	facts := make([]fact, 0, len(all))
	for f := range all {
		facts = append(facts, f)
	}
	sort.Slice(facts, func(i, j int) bool {
		a, b := facts[i], facts[j]
		if a.name != b.name {
			return a.name < b.name
		}
		return a.typ+"\t"+a.ignoreAbove+"\t"+a.array < b.typ+"\t"+b.ignoreAbove+"\t"+b.array
	})
	number := make(map[fact]int, len(facts))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", len(facts))
	for i, f := range facts {
		number[f] = i
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", f.name, f.typ, f.ignoreAbove, f.array)
	}
	for _, name := range names {
		s := streams[name]
		ids := make([]int, 0, len(s.facts))
		for f := range s.facts {
			ids = append(ids, number[f])
		}
		sort.Ints(ids)
		fmt.Fprintf(&b, "%s\t%s\t", name, s.index)
		last := 0
		for i, id := range ids {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.FormatInt(int64(id-last), 36))
			last = id
		}
		b.WriteByte('\t')
		b.WriteString(strings.Join(s.moved(number), " "))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func readCSV(path string, each func(map[string]string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: no header: %w", path, err)
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		row := make(map[string]string, len(head))
		for i, h := range head {
			row[h] = strings.TrimSpace(rec[i])
		}
		each(row)
	}
}
