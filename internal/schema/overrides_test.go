package schema

import (
	"slices"
	"strings"
	"testing"
)

func TestWith(t *testing.T) {
	base := Default()
	s, err := base.With(Overrides{Sources: map[string]SourceOverride{
		"sysmon": {
			Indices: []string{"logs-windows.sysmon_operational-*", "winlogbeat-*"},
			Fields: map[string]FieldOverride{
				"RuleName":   {Type: "text"},
				"Image":      {IgnoreAbove: 256},
				"SourceUser": {Name: "winlog.event_data.SourceUser"},
				"Flags":      {Name: "my.flags", Type: "long", Array: true, IgnoreAbove: -1},
				"Level":      {Name: "my.level", Values: map[string][]string{"High": {"3", "4"}}},
			},
		},
		"pingid":             {Indices: []string{"logs-pingid-*"}, Fields: map[string]FieldOverride{"user": {Name: "user.name"}}},
		"my_source":          {Indices: []string{"logs-mine-*"}, Fields: map[string]FieldOverride{"who": {Name: "user.name"}}},
		"Endpoint.Processes": {Fields: map[string]FieldOverride{"dest": {Name: "agent.name"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	sysmon, _ := s.Macro("sysmon")
	if !slices.Contains(sysmon.Indices, "winlogbeat-*") {
		t.Errorf("indices: %v", sysmon.Indices)
	}
	check := func(src *Source, name string, want Field) {
		t.Helper()
		f := src.Field(name, Hint{})
		if f.Name != want.Name || f.Type != want.Type || f.IgnoreAbove != want.IgnoreAbove || f.Array != want.Array || f.Support != Exact {
			t.Errorf("%s: have %+v, want %+v", name, f, want)
		}
		if _, ok := src.Known(f.Name); !ok {
			t.Errorf("%s is not known after the override", f.Name)
		}
	}
	check(sysmon, "RuleName", Field{Name: "rule.name", Type: "text"})
	check(sysmon, "Image", Field{Name: "process.executable", Type: "keyword", IgnoreAbove: 256})
	check(sysmon, "SourceUser", Field{Name: "winlog.event_data.SourceUser", Type: "keyword", IgnoreAbove: 1024})
	check(sysmon, "Flags", Field{Name: "my.flags", Type: "long", Array: AlwaysArray})
	check(sysmon, "CommandLine", Field{Name: "process.command_line", Type: "wildcard"})
	if f := sysmon.Field("Level", Hint{}); !slices.Equal(f.Values["high"], []string{"3", "4"}) {
		t.Errorf("values: %v", f.Values)
	}
	ping, _ := s.Macro("pingid")
	if ping.Support != Exact {
		t.Errorf("an index makes a source of a hole: %+v", ping.Support)
	}
	if f := ping.Field("user", Hint{}); f.Name != "user.name" {
		t.Errorf("pingid user: %+v", f)
	}
	mine, ok := s.Macro("my_source")
	if !ok || mine.Field("who", Hint{}).Name != "user.name" {
		t.Errorf("a new source: %v", ok)
	}
	procs, _ := s.DataModel("Endpoint.Processes")
	if f := procs.Field("Processes.dest", Hint{}); f.Name != "agent.name" {
		t.Errorf("dest: %+v", f)
	}
	if got := procs.Reverse("agent.name"); !slices.Contains(got, "dest") {
		t.Errorf("Reverse: %v", got)
	}

	// The built-in schema stays as it was.
	old, _ := base.Macro("sysmon")
	if f := old.Field("SourceUser", Hint{}); f.Name == "user.name" || len(old.Indices) != 1 {
		t.Errorf("the built-in schema changed: %+v %v", f, old.Indices)
	}
	if again, err := base.With(Overrides{}); err != nil || again != base {
		t.Errorf("no overrides: %v", err)
	}
}

func TestWithErrors(t *testing.T) {
	field := func(f FieldOverride) Overrides {
		return Overrides{Sources: map[string]SourceOverride{"sysmon": {Fields: map[string]FieldOverride{"New": f}}}}
	}
	tests := []struct {
		o    Overrides
		want []string
	}{
		{Overrides{Sources: map[string]SourceOverride{"sysmom": {}}}, []string{`sources["sysmom"]`, "needs indices", "sysmon"}},
		{Overrides{Sources: map[string]SourceOverride{" ": {Indices: []string{"x"}}}}, []string{"name is empty"}},
		{Overrides{Sources: map[string]SourceOverride{"sysmon": {Indices: []string{"a", "My Index"}}}}, []string{`sources["sysmon"].indices[1]`, "My Index"}},
		{field(FieldOverride{}), []string{`sources["sysmon"].fields["New"]`, "name is missing"}},
		{field(FieldOverride{Name: "a b"}), []string{"a b", "not an Elasticsearch field name"}},
		{field(FieldOverride{Name: "a", Type: "string"}), []string{`type: "string"`, "keyword"}},
		{field(FieldOverride{Name: "a", IgnoreAbove: -2}), []string{"ignore_above: -2"}},
		{field(FieldOverride{Name: "a", Values: map[string][]string{"x": nil}}), []string{`values["x"]`, "empty"}},
		{Overrides{Sources: map[string]SourceOverride{"sysmon": {Fields: map[string]FieldOverride{"": {Name: "a"}}}}}, []string{"Splunk field name is empty"}},
	}
	for _, tt := range tests {
		_, err := Default().With(tt.o)
		if err == nil {
			t.Errorf("%+v was accepted", tt.o)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v: does not say %q", err, w)
			}
		}
	}
	if _, err := Identity(nil, nil).With(field(FieldOverride{Name: "a"})); err == nil {
		t.Error("an identity schema has nothing to override")
	}
}
