package nearest

import "testing"

func TestName(t *testing.T) {
	commands := []string{"stats", "where", "eval", "table", "rex", "regex", "top", "timechart", "head", "eventstats"}
	for name, want := range map[string]string{
		"stast": "stats", "STAS": "stats", "sttats": "stats", "were": "where", "evl": "eval", "tabel": "table", "rx": "rex",
		"timechrat": "timechart", "evenstat": "eventstats", "frobnicate": "", "t": "", "": "", "stats": "stats", "hed": "head",
	} {
		if got := Name(name, commands); got != want {
			t.Errorf("Name(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Hint("stast", commands); got != " (did you mean stats?)" {
		t.Error(got)
	}
	for _, name := range []string{"stats", "STATS", "frobnicate"} {
		if got := Hint(name, commands); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
