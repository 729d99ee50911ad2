package schema

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rows reads a CSV file of the data folder as maps by column, and beside the lists of fields the project's own.
func rows(t testing.TB, name string) []map[string]string {
	t.Helper()
	out := rowsOf(t, filepath.Join(dataDir(t), "ecs", name))
	if name == "integration_fields.csv" {
		out = append(out, rowsOf(t, filepath.Join("data", "fields.csv"))...)
	}
	return out
}

func rowsOf(t testing.TB, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]map[string]string, 0, len(all)-1)
	for _, rec := range all[1:] {
		m := make(map[string]string, len(rec))
		for i, h := range all[0] {
			m[h] = rec[i]
		}
		out = append(out, m)
	}
	return out
}

// TestCatalogueAgreesWithFieldLists reads the CSV files again, by other code, and compares every fact.
func TestCatalogueAgreesWithFieldLists(t *testing.T) {
	cat := builtinCatalogue()
	n := 0
	for _, r := range rows(t, "integration_fields.csv") {
		stream := r["integration"] + "/" + r["data_stream"]
		f, ok := cat.lookup(stream, r["field"])
		if strings.Contains(r["field"], "*") {
			f, ok = cat.lookup(stream, strings.ReplaceAll(r["field"], "*", "0"))
			ok = ok || r["type"] == "object"
			if r["type"] == "object" {
				continue
			}
		}
		if !ok {
			t.Fatalf("%s %s is missing", stream, r["field"])
		}
		want := 0
		switch {
		case r["ignore_above"] != "":
			want, _ = strconv.Atoi(r["ignore_above"])
		case r["type"] == "keyword" && !strings.Contains(r["field"], "*"):
			want = 1024
		}
		array := map[string]Array{"": Single, "seen": MaybeArray, "array": AlwaysArray}[r["array"]]
		if typ := cat.enclosing(stream, r["field"]); typ != "" {
			r["type"] = typ
		}
		if f.typ != r["type"] || f.ignoreAbove != want || f.array != array {
			t.Errorf("%s %s: have %s, ignore_above %d, array %d; want %s, %d, %d", stream, r["field"], f.typ, f.ignoreAbove, f.array,
				r["type"], want, array)
		}
		if s := cat.streams[stream]; s.index != r["index_pattern"] {
			t.Errorf("%s: have index %s, want %s", stream, s.index, r["index_pattern"])
		}
		n++
	}
	for _, r := range rows(t, "fields.csv") {
		f, ok := cat.lookup(ecsStream, r["field"])
		if typ := cat.enclosing(ecsStream, r["field"]); typ != "" {
			r["type"] = typ
		}
		if !ok || f.typ != r["type"] || (f.array == AlwaysArray) != (r["array"] == "array") {
			t.Errorf("ECS %s: have %+v, want %v", r["field"], f, r)
		}
		n++
	}
	if n < 30000 {
		t.Errorf("only %d rows were compared", n)
	}
}

// TestEveryTargetExists checks each target of each table against the field lists: it must be listed for a stream of the
// source, set by its pipeline, or be an ECS field of a stream that is not Elastic Defend's; with one type over all
// streams, readable by ES|QL.
func TestEveryTargetExists(t *testing.T) {
	dataDir(t)
	listed := map[string]map[string]string{}
	for _, r := range rows(t, "integration_fields.csv") {
		s := r["integration"] + "/" + r["data_stream"]
		if listed[s] == nil {
			listed[s] = map[string]string{}
		}
		listed[s][r["field"]] = r["type"]
	}
	ecs := map[string]string{}
	for _, r := range rows(t, "fields.csv") {
		ecs[r["field"]] = r["type"]
	}
	n := 0
	for _, src := range Default().Sources() {
		for _, name := range src.Mapped() {
			for _, m := range src.maps[name] {
				if m.support == None {
					if m.reason == "" {
						t.Errorf("%s %s: a hole without a reason", src.Name, name)
					}
					continue
				}
				n++
				f := src.apply(name, m)
				if f.Support == None {
					// Inherited lines of a group or parent may lack a field here; they are holes with a reason.
					if f.Reason == "" {
						t.Errorf("%s %s: no reason", src.Name, name)
					}
					continue
				}
				if strings.HasPrefix(m.target, "raw:") {
					continue // the facts about the pipeline name the fields
				}
				types := map[string]bool{}
				for _, st := range src.Streams {
					typ := listed[st][m.target]
					if typ == "" {
						typ = templateType(listed[st], m.target)
					}
					if i := strings.LastIndexByte(m.target, '.'); typ == "" && m.dynamic && i > 0 && listed[st][m.target[:i]] == "object" {
						typ = "keyword" // an object without listed parts takes what comes
					}
					if typ == "" && !strings.HasPrefix(st, "endpoint/") {
						typ = ecs[m.target] // mapped on demand
					}
					if typ != "" {
						types[family(typ)] = true
					}
				}
				if len(types) == 0 && ecs[m.target] != "" {
					types[family(ecs[m.target])] = true
				}
				if len(types) != 1 || !types[family(f.Type)] {
					t.Errorf("%s %s → %s: stated type %s, listed %v", src.Name, name, m.target, f.Type, types)
				}
			}
		}
		for _, c := range src.Constraints {
			if f, ok := src.Known(c.Field); !ok || f.Type != c.Type || len(c.Values) == 0 {
				t.Errorf("%s: constraint %+v, known %v %+v", src.Name, c, ok, f)
			}
		}
		if src.Support != None && len(src.Indices) == 0 {
			t.Errorf("%s has no index pattern", src.Name)
		}
		if src.Support != Exact && src.Reason == "" {
			t.Errorf("%s has support %d and no reason", src.Name, src.Support)
		}
	}
	if n < 1500 {
		t.Errorf("only %d targets were checked", n)
	}
}

// templateType is the type that a dynamic template of a stream's list gives a field; texts below one of objects become
// keywords.
func templateType(listed map[string]string, name string) string {
	for pattern, typ := range listed {
		if strings.Contains(pattern, "*") && matchTemplate(pattern, name) {
			if typ == "object" {
				return "keyword"
			}
			return typ
		}
	}
	return ""
}

// TestOwnLinesResolve checks that a block's own lines, which somebody wrote for this source, all find their target.
func TestOwnLinesResolve(t *testing.T) {
	defs, order, err := parseTables()
	if err != nil {
		t.Fatal(err)
	}
	s := Default()
	for _, name := range order {
		d := defs[name]
		if d.kind == "group" {
			continue
		}
		src := s.byName[strings.ToLower(name)]
		for _, field := range d.order {
			for _, m := range d.maps[field] {
				if m.support == None {
					continue
				}
				if f := src.apply(field, m); f.Support == None {
					t.Errorf("%s: %s → %s: %s", name, field, m.target, f.Reason)
				}
			}
		}
	}
}

// shownOtherwise are fields that the list of CIM fields is certain of, where documents show values in other places.
var shownOtherwise = map[string]bool{"Network_Resolution.DNS query": true}

// TestEveryCIMRowIsSettled compares the tables with the list of CIM fields: each has a line of its own, holes are holes,
// and what was doubtful has a reason beside it.
func TestEveryCIMRowIsSettled(t *testing.T) {
	s := Default()
	count := map[string]int{}
	for _, r := range rows(t, "cim_to_ecs.csv") {
		model, name := r["datamodel"], r["cim_field"]
		if model == "*" {
			if _, ok := standardFields[name]; !ok {
				if f := s.Fallback().Field(name, Hint{}); f.Support == None {
					t.Errorf("*: %s: %s", name, f.Reason)
				}
			}
			continue
		}
		src, ok := s.DataModel(model)
		if !ok {
			t.Errorf("%s: no such data model", model)
			continue
		}
		ms, ok := src.maps[name]
		if !ok {
			t.Errorf("%s: %s has no line of its own", model, name)
			continue
		}
		m := ms[0]
		conf := r["confidence"]
		count[conf]++
		switch {
		case conf == "none" && m.support != None:
			t.Errorf("%s: %s is a hole in the list of CIM fields", model, name)
		case conf == "review" && m.reason == "":
			t.Errorf("%s: %s was to be reviewed and has no reason", model, name)
		case conf == "medium" && m.support == Exact && m.reason == "":
			t.Errorf("%s: %s is of medium confidence and needs a note", model, name)
		case conf == "high" && !shownOtherwise[model+" "+name] && (m.support == None || m.support == Approximate):
			t.Errorf("%s: %s is certain in the list of CIM fields", model, name)
		}
	}
	if count["review"] < 25 || count["medium"] < 100 {
		t.Errorf("rows compared: %v", count)
	}
}
