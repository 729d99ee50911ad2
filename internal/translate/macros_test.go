package translate

import "testing"

// TestFilterMacroOfTheRule: a macro without a definition is taken for the rule's list of exclusions only where it has the rule's
// name; whatever else ends in _filter may do anything, so that it is a hole.
func TestFilterMacroOfTheRule(t *testing.T) {
	c, err := New(Options{Macros: []Macro{{Name: "defined_filter", Definition: "search NOT dest=a"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ title, macro, code string }{
		{"Detect X Y", "detect_x_y_filter", "filter_macro_missing"},
		{"Windows Alternate DataStream - Process Execution", "windows_alternate_datastream___process_execution_filter", "filter_macro_missing"},
		{"ESCU - Detect X Y - Rule", "detect_x_y_filter", "filter_macro_missing"},
		{"Member Added to a Tier 0 Group", "tier0_group_filter", "filter_macro_missing"},
		{"", "anything_filter", "filter_macro_missing"},
		{"Detect X Y", "cs_generate_time_fields_for_filter", "unknown_macro"},
		{"Detect X Y", "detect_y_x_filter", "unknown_macro"},
		{"Detect X Y", "defined_filter", ""},
	} {
		for _, spl := range []string{"`sysmon` EventCode=1 | `" + tc.macro + "`", "`sysmon` EventCode=1 `" + tc.macro + "`"} {
			out := c.Translate(Request{ID: "r", Title: tc.title, Query: spl})
			got := ""
			for _, d := range out.Diagnostics {
				if d.Subject == tc.macro {
					got += string(d.Code)
				}
			}
			if got != tc.code || (len(out.Missing) == 1) != (tc.code != "") {
				t.Errorf("%q, %s: %q, want %q; missing %v", tc.title, spl, got, tc.code, out.Missing)
			}
		}
	}
}
