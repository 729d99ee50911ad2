package cli

import (
	"bytes"
	"net/http"
	"testing"
)

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

// TestNoNameForNothing: where nothing was taken there is no migration to name.
func TestNoNameForNothing(t *testing.T) {
	var said bytes.Buffer
	g, err := newGateway(inProcessURL, inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL.Path) })})
	if err != nil {
		t.Fatal(err)
	}
	if Program.name(Program{Stderr: &said}, t.Context(), g, "", "files"); said.Len() > 0 {
		t.Errorf("said %q", said.String())
	}
}
