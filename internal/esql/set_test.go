package esql

import (
	"strings"
	"testing"
)

// TestSet: SET is of 9.x, and its unmapped_fields makes null of a field that no index maps.
func TestSet(t *testing.T) {
	for _, tt := range []struct {
		src     string
		version Version
		want    string // a part of the first problem; empty: accepted
	}{
		{`SET unmapped_fields = "nullify"; FROM logs-* | WHERE TO_LOWER(nme) == "a" | STATS n = COUNT(*) BY nme`, V9, ""},
		{`SET unmapped_fields = "nullify"; FROM logs-* | WHERE nme == "a"`, V8, "SET needs 9.x"},
		{`SET unmapped_fields = "fail"; FROM logs-* | WHERE nme == "a"`, V9, "nme"},
		{`SET unmapped_fields = "none"; FROM logs-*`, V9, "not none"},
		{`SET time_zone = "Z"; FROM logs-* | WHERE process.pid == 1`, V9, ""},
		{`SET unmapped_fields = "nullify"; FROM logs-* | STATS n = COUNT(*) BY nme | WHERE other == 1`, V9, "other"},
	} {
		q, err := Parse(tt.src)
		if err != nil {
			t.Fatalf("%s: %v", tt.src, err)
		}
		env := testEnv()
		env.Version = tt.version
		problems := Check(q, env)
		switch {
		case tt.want == "" && len(problems) > 0:
			t.Errorf("%s: %v", tt.src, problems)
		case tt.want != "" && (len(problems) == 0 || !strings.Contains(problems[0].Message, tt.want)):
			t.Errorf("%s: %v, want %s", tt.src, problems, tt.want)
		}
		again, err := Parse(Print(q))
		if err != nil || Print(again) != Print(q) {
			t.Errorf("%s is printed as %s: %v", tt.src, Print(q), err)
		}
	}
	for src, want := range map[string]string{
		`SET unmapped_fields; FROM a`:            "[=]",
		`SET unmapped_fields = nullify; FROM a`:  "a string",
		`SET unmapped_fields = "nullify" FROM a`: "[;]",
		`SET x = "y"; ROW a = 1`:                 "FROM",
		`FROM a; LIMIT 1`:                        "a pipe",
	} {
		if _, err := Parse(src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}
