package prebuilt

import "testing"

// FuzzRead feeds any text to the readers of Elastic's query languages: each ends, with a condition or a reason.
func FuzzRead(f *testing.F) {
	for _, q := range []string{
		`process where host.os.type == "windows" and not (process.name : ("a*", "b?") or process.args in~ ("x")) and length(process.name) > 3`,
		`sequence by host.id [any where true]`, `any where """a""" : b`, `event.code:(1 or "2" and not 3) and not a:* or b >= 5`, `a:(not (b or c))`,
		`FROM logs-* | WHERE a == "x" AND NOT (b LIKE "c*" OR c IS NULL) | STATS n = COUNT(*) BY d, BUCKET(@timestamp, 5 minutes) | WHERE n > 5`,
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, s := range []shape{readEQL(query), readKQL(query), readESQL(query, true)} {
			if s.other == "" && s.filter == nil {
				t.Fatalf("neither a condition nor a reason: %q", query)
			}
			if s.filter == nil {
				continue
			}
			s.indices = []string{"logs-system.security-*"}
			// A query alerts on what it alerts on, unless it cannot be taken apart.
			if v := compare(s, s); !v.replaces && len(v.why) == 0 {
				t.Fatalf("no match without a reason: %q", query)
			}
		}
	})
}
