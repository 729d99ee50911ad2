package schema

import (
	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"slices"
	"testing"
)

// TestPlacesByEventCode asks where raw fields of the Security log stand: for one code, for codes that differ, for any.
func TestPlacesByEventCode(t *testing.T) {
	for _, c := range []struct {
		field string
		codes []string
		want  []string
		text  bool
		fill  string
	}{
		{"IpAddress", []string{"4624"}, []string{"source.ip"}, false, "-"},
		{"IpAddress", []string{"4768", "4769"}, []string{"source.ip"}, false, "-"},
		{"IpAddress", []string{"5140"}, []string{"source.ip"}, false, "-"},
		{"IpAddress", []string{"4778"}, []string{"winlog.event_data.IpAddress"}, false, ""},
		{"IpAddress", nil, []string{"source.ip", "winlog.event_data.IpAddress"}, true, ""},
		{"ProcessName", []string{"4624"}, []string{"process.executable"}, false, "-"},
		{"ProcessName", []string{"4663"}, []string{"winlog.event_data.ProcessName"}, false, ""},
		{"ProcessName", []string{"4656"}, []string{"winlog.event_data.ProcessName"}, false, ""},
		{"ProcessName", []string{"4703"}, []string{"winlog.event_data.ProcessName"}, false, ""},
		{"ProcessName", []string{"4663", "4673"}, []string{"winlog.event_data.ProcessName", "process.executable"}, false, ""},
		{"NewProcessName", []string{"4688"}, []string{"process.executable"}, false, "-"},
		{"TargetUserName", []string{"4625"}, []string{"winlog.event_data.TargetUserName"}, false, "-"},
		{"WorkstationName", []string{"4624"}, []string{"source.domain"}, false, "-"},
		{"Workstation", []string{"4776"}, []string{"winlog.event_data.Workstation"}, false, "-"},
		{"src_ip", []string{"4769"}, []string{"source.ip"}, false, "-"},
		{"process_path", []string{"4688"}, []string{"process.executable"}, false, "-"},
		{"process_path", []string{"4663"}, []string{"winlog.event_data.ProcessName"}, false, ""},
	} {
		f := sourceNamed(t, "wineventlog_security").Field(c.field, Hint{EventCodes: c.codes})
		if got := append([]string{f.Name}, f.Also...); !slices.Equal(got, c.want) || f.AsText != c.text || f.Default != c.fill {
			t.Errorf("%s of %v: %v, as text %t, default %q; want %v, %t, %q", c.field, c.codes, got, f.AsText, f.Default, c.want, c.text, c.fill)
		}
	}
}

// TestFactsAgreeWithTables holds what tables say of a raw field against the facts about the pipeline.
func TestFactsAgreeWithTables(t *testing.T) {
	for _, src := range Default().Sources() {
		st := src.facts()
		if st == nil {
			continue
		}
		for _, name := range src.Mapped() {
			if !st.Knows(name) {
				continue
			}
			for _, m := range src.maps[name] {
				if m.support != Exact && m.support != Medium {
					continue // said to differ
				}
				codes := m.codes
				if len(codes) == 0 {
					codes = []string{""}
				}
				have := src.apply(name, m)
				for _, code := range codes {
					if !st.Touches(name, code) {
						continue // another name that the table has for it
					}
					var fields []string
					for _, p := range st.Places(name, code) {
						if f, ok := src.known(p.Field); ok && readable(f.Type) {
							fields = append(fields, p.Field)
						}
					}
					if !slices.Contains(fields, have.Name) && !copied(st, name, have.Name) {
						t.Errorf("%s %s [%s]: the table says %s, the pipeline %v", src.Name, name, code, have.Name, fields)
					}
				}
			}
		}
	}
}

// copied reports whether the pipeline copies a raw field, or a part of it that the table means, to a field.
func copied(st *pipeline.Stream, raw, field string) bool {
	return slices.ContainsFunc(st.Operations, func(o pipeline.Operation) bool { return o.Source == raw && o.Target == field })
}
