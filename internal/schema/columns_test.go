package schema_test

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// TestColumnsOfTheIndices compares every field that a source can give with the columns that indices made of the field
// lists have: what the schema emits must exist there with its type, over all indices of the source together.
func TestColumnsOfTheIndices(t *testing.T) {
	cat, err := elasticsearch.LoadCatalogue(filepath.Join(elasticsearch.DataDir(t), "ecs"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, src := range schema.Default().Sources() {
		if src.Support == schema.None || len(src.Streams) == 0 {
			continue
		}
		columns := cat.Columns(src.Indices...)
		templates := templatesOf(cat, src.Indices)
		check := func(what, name, typ string) {
			if columns[name] == "" && slices.ContainsFunc(templates, func(t string) bool { return fitsTemplate(t, name) }) {
				return // made by a dynamic template when it arrives
			}
			n++
			if have := columns[name]; have != seen(typ) {
				t.Errorf("%s: %s is %s of type %s, the indices have %q", src.Name, what, name, seen(typ), have)
			}
		}
		for _, splunk := range append(src.Mapped(), "_time", "host", "source", "sourcetype") {
			f := src.Field(splunk, schema.Hint{})
			if f.Dynamic && strings.HasPrefix(f.Name, "winlog.event_data.") && columns[f.Name] == "" {
				continue // made when an event brings it
			}
			if f.Support != schema.None && !f.AsText {
				check(splunk, f.Name, f.Type)
			}
			if f.Extract != nil {
				check(splunk, f.Extract.Name, f.Extract.Type)
			}
		}
		for _, c := range src.Constraints {
			check("a constraint", c.Field, c.Type)
		}
	}
	if n < 3000 {
		t.Errorf("only %d fields were compared", n)
	}
}

// templatesOf are the names with * of the streams behind index patterns.
func templatesOf(cat *elasticsearch.Catalogue, indices []string) []string {
	var out []string
	for _, s := range cat.Streams() {
		if !slices.Contains(indices, s.Pattern) {
			continue
		}
		for _, f := range s.Fields {
			if strings.Contains(f.Name, "*") {
				out = append(out, f.Name)
			}
		}
	}
	return out
}

// fitsTemplate reports whether a name fits a template, each * of which stands for one element of the path.
func fitsTemplate(template, name string) bool {
	slashes := strings.NewReplacer(".", "/")
	ok, err := path.Match(slashes.Replace(template), slashes.Replace(name))
	return err == nil && ok
}

// seen is the type ES|QL gives a field of an Elasticsearch type.
func seen(typ string) string {
	switch typ {
	case "wildcard", "constant_keyword":
		return "keyword"
	case "match_only_text":
		return "text"
	case "float", "half_float", "scaled_float":
		return "double"
	case "short", "byte":
		return "integer"
	}
	return typ
}
