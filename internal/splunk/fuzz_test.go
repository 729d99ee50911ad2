package splunk_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// sound checks what holds for every import, whatever was read.
func sound(t *testing.T, name string, content []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := splunk.Read([]string{file}, splunk.Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Items) == 0 {
		t.Error("nothing is said of the file")
	}
	ids := map[string]bool{}
	for _, r := range found.Rules {
		if r.ID == "" || ids[r.ID] || len(r.ID) > 256 || r.Query == "" || !utf8.ValidString(r.Title) {
			t.Errorf("rule %+v", r)
		}
		ids[r.ID] = true
	}
	for _, i := range found.Items {
		if i.Outcome == "" || i.Outcome == splunk.Fault && i.Why == "" {
			t.Errorf("item %+v", i)
		}
	}
}

// FuzzCSV: no CSV export ends the reader.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("title,search\nA,index=x\n"))
	f.Add([]byte("title,search\nA,\"index=x\nB,b\"b\n"))
	f.Add([]byte("\xff\xfet\x00"))
	f.Fuzz(func(t *testing.T, b []byte) { sound(t, "rows.csv", b) })
}

// FuzzExport: no JSON export and no output of btool ends the reader.
func FuzzExport(f *testing.F) {
	f.Add([]byte(`{"preview":false,"result":{"title":"A","search":"x"}}`))
	f.Add([]byte(`{"results":[{"title":"A","search":["x"]},{"result":null}]}`))
	f.Add([]byte(`{"entry":[{"name":"A","acl":{"app":"a"},"content":{"search":"x"}}]}`))
	f.Add([]byte("/a/x.conf [a]\n/a/x.conf search = b\nc\n"))
	f.Add([]byte("{\n\"id\":\"a\",\"query\":\"x\"}{"))
	f.Fuzz(func(t *testing.T, b []byte) { sound(t, "export.json", b) })
}

// FuzzYAML: no YAML ends the reader.
func FuzzYAML(f *testing.F) {
	f.Add([]byte("name: a\nsearch: x\ntags:\n  risk_score: 1\n---\nname: m\ndefinition: x\narguments: [a]\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) { sound(t, "rule.yml", b) })
}

// FuzzArchive: no archive ends the reader. The name and the text of a file within it are free, and so are bytes behind it.
func FuzzArchive(f *testing.F) {
	f.Add("a/default/savedsearches.conf", []byte("[A]\nsearch = x\n"), []byte{})
	f.Add("../../etc/passwd", []byte("x"), []byte("tail"))
	f.Add("a/metadata/default.meta", []byte("[macros/%zz]\nexport = system\n"), []byte{0})
	f.Add("a//b/../default/macros.conf", []byte("[m(2)]\ndefinition=\n"), []byte{})
	f.Fuzz(func(t *testing.T, name string, content, tail []byte) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}) != nil {
			t.Skip("no archive can hold the name")
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		b.Write(tail)
		sound(t, "app.tar", b.Bytes())
	})
}
