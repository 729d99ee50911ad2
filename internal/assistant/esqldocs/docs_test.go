package esqldocs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
)

func pages(t *testing.T) []Page {
	t.Helper()
	list, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestComplete: whatever the checker knows has a page, with a version that agrees.
func TestComplete(t *testing.T) {
	byName := map[string][]Page{}
	for _, p := range pages(t) {
		for _, name := range p.names() {
			byName[name] = append(byName[name], p)
		}
	}
	check := func(kind, name string, since esql.Version) {
		t.Helper()
		i := slices.IndexFunc(byName[name], func(p Page) bool { return p.Kind == kind })
		if i < 0 {
			t.Errorf("the %s %s has no page", kind, name)
			return
		}
		if later := !strings.HasPrefix(byName[name][i].Releases[0].Version, "8."); later != (since == esql.V9) {
			t.Errorf("%s: the page says since %s, the checker another line", name, byName[name][i].Releases[0].Version)
		}
	}
	for _, name := range esql.Functions(esql.V9) {
		f, _ := esql.LookupFunction(name)
		check("function", name, f.Since)
	}
	for _, alias := range []string{"BIN", "TO_BOOL", "TO_DATENANOS", "TO_DBL", "TO_DT", "TO_INT", "TO_STR", "TO_UL", "TO_ULONG", "TO_VER"} {
		if _, ok := esql.LookupFunction(alias); !ok {
			t.Errorf("%s is no alias any more", alias)
		}
		check("function", alias, esql.V8)
	}
	for _, name := range esql.Commands(esql.V9) {
		since := esql.V9
		if slices.Contains(esql.Commands(esql.V8), name) {
			since = esql.V8
		}
		check("command", name, since)
	}
}

func TestPages(t *testing.T) {
	seen := map[string]bool{}
	list := pages(t)
	if len(list) < 280 {
		t.Errorf("only %d pages", len(list))
	}
	names := map[string]bool{}
	for _, p := range list {
		for _, name := range p.names() {
			names[name] = true
		}
	}
	for _, p := range list {
		id := p.Document().ID
		if seen[id] {
			t.Errorf("%s: two pages", id)
		}
		seen[id] = true
		if len(p.Examples) == 0 && p.Name != "limits" {
			t.Errorf("%s has no example", id)
		}
		for _, other := range p.See {
			if !names[other] {
				t.Errorf("%s points to %q, which has no page", id, other)
			}
		}
		later := !strings.HasPrefix(p.Releases[0].Version, "8.")
		for i, r := range p.Releases {
			if i > 0 && p.Releases[i-1].Version >= r.Version {
				t.Errorf("%s: the releases are not in order", id)
			}
		}
		for _, e := range p.Examples {
			if later && !e.Later {
				t.Errorf("%s is of 9.x, and its example %q is marked for 8.19", id, e.Query)
			}
		}
	}
}

// TestExamples runs every example through the parser and the checker. The node of the tests runs them too, in
// test/elasticsearch/agree.
func TestExamples(t *testing.T) {
	checked := 0
	for _, p := range pages(t) {
		for _, e := range p.Examples {
			q, err := esql.Parse(e.Query)
			if err != nil {
				var syntax *esql.SyntaxError
				if e.Later && errors.As(err, &syntax) {
					continue // the parser reads of 9.x only what the compiler writes
				}
				t.Errorf("%s: %s: %v", p.Name, e.Query, err)
				continue
			}
			env := esql.Env{Columns: exampleColumns, Lookup: exampleLookup}
			if e.Later {
				env.Version = esql.V9
			}
			for _, problem := range esql.Check(q, env) {
				if e.Later && (problem.Code == esql.CodeUnknownFunction || problem.Code == esql.CodeUnknownIndex) || problem.Lint && problem.Code == esql.CodeAnalysed {
					continue
				}
				t.Errorf("%s: %s\n%v", p.Name, e.Query, problem)
			}
			checked++
		}
	}
	if checked < 280 {
		t.Errorf("only %d examples checked", checked)
	}
}

func exampleColumns(patterns []string) (map[string]string, bool) {
	if !strings.HasPrefix(patterns[0], "logs-") {
		return nil, false
	}
	return ExampleFields(), true
}

func exampleLookup(index string) (map[string]string, bool) {
	return map[string]string{"host.name": "keyword", "owner": "keyword"}, index == "owners-example"
}

func TestSearch(t *testing.T) {
	x, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		query string
		want  string
		among int // the page is among so many
	}{
		{"MV_COUNT", "function:MV_COUNT", 1},
		{"How does TO_LOWER( work?", "function:TO_LOWER", 1},
		{"lookup join", "command:LOOKUP JOIN", 1},
		{"INLINE STATS", "command:INLINE STATS", 1},
		{"how do I count distinct users per host", "function:COUNT_DISTINCT", 1},
		{"match an address against a subnet", "function:CIDR_MATCH", 1},
		{"compare text ignoring case", "topic:ignoring case", 1},
		{"brute force: many failed logons followed by a success", "topic:failed logons, then a success", 1},
		{"how can I test a field with several values", "topic:multivalued fields", 3},
		{"which fields need METADATA in a detection rule", "topic:detection rules", 3},
		{"decode base64", "function:FROM_BASE64", 1},
		{"eventstats", "command:INLINE STATS", 1},
		{"extract parts of a log line with delimiters", "command:DISSECT", 3},
		{"difference between two dates in minutes", "function:DATE_DIFF", 1},
		{"replace null with a default value", "function:COALESCE", 3},
		{"round a date down to the day", "function:DATE_TRUNC", 3},
		{"compare with the result of a subquery", "topic:subqueries", 1},
		{"bin", "function:BUCKET", 1},
		{"regular expression", "topic:RLIKE", 3},
	} {
		got := x.Search(test.query, 5)
		var ids []string
		for _, d := range got {
			ids = append(ids, d.ID)
		}
		if i := slices.Index(ids, test.want); i < 0 || i >= test.among {
			t.Errorf("%q gives %v, want %s among the first %d", test.query, ids, test.want, test.among)
		}
	}
	if got := x.Search("xyzzy qwertz", 5); len(got) != 0 {
		t.Errorf("nonsense finds %v", got)
	}
	if got := x.Search("", 5); len(got) != 0 {
		t.Errorf("nothing finds %v", got)
	}
	if got := x.Search("count", 0); len(got) != 0 {
		t.Errorf("a limit of 0 gives %d pages", len(got))
	}
	first := x.Search("count the alerts of each host by hour", 10)
	for range 5 {
		again, err := New()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(first, again.Search("count the alerts of each host by hour", 10)) {
			t.Fatal("the same question has another answer")
		}
	}
}

func TestDocument(t *testing.T) {
	x, err := New()
	if err != nil {
		t.Fatal(err)
	}
	d := x.Search("FUSE", 1)[0]
	for _, part := range []string{"Since 9.2 (in preview), then 9.5 (generally available).", "Example: FROM", "See also: FORK."} {
		if !strings.Contains(d.Text, part) {
			t.Errorf("%q is not in\n%s", part, d.Text)
		}
	}
	if d.Since != "9.2" || d.State != "GA" || d.Kind != "command" {
		t.Errorf("got %+v", d)
	}
}
