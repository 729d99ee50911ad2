package cli

import "testing"

func TestNameOf(t *testing.T) {
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{nil, ""},
		{[]string{"/opt/splunk/etc/apps/soc/"}, "soc"},
		{[]string{"a/one.conf", "b/two.json"}, "one.conf, two.json"},
		{[]string{"a", "b", "c", "d", "e"}, "a, b, c and 2 more"},
		{[]string{"."}, "cli"},
		{[]string{"bad\x1b[2Jname\xff"}, "bad?[2Jname?"},
	} {
		if got := nameOf(c.paths); got != c.want {
			t.Errorf("nameOf(%q) = %q, want %q", c.paths, got, c.want)
		}
	}
}
