package splunk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// repeat is a text in front, then a piece many times, then a text behind; it is never held.
type repeat struct {
	pieces func(i int) string
	n, i   int
	rest   string
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.i > r.n {
			return 0, io.EOF
		}
		r.rest = r.pieces(r.i)
		r.i++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// streamed imports one stream and gives what was handed over and the largest heap on the way.
func streamed(t *testing.T, name string, r io.Reader) (*parts, *splunk.Tally, uint64) {
	t.Helper()
	to := &watcher{parts: &parts{}, Tally: splunk.NewTally(100)}
	done := false
	require.NoError(t, splunk.StreamParts(splunk.Options{}, func() (string, io.Reader, error) {
		if done {
			return "", nil, io.EOF
		}
		done = true
		return name, r, nil
	}, to))
	return to.parts, to.Tally, to.most
}

// watcher also looks at the heap, every thousand things.
type watcher struct {
	*parts
	*splunk.Tally
	n    int
	most uint64
}

func (w *watcher) Item(i splunk.Item) {
	w.Tally.Item(i)
	if w.n++; w.n%2000 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
}

// TestBounded: 50,000 rules in each form need no more than a part of them and what must be known of all.
func TestBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some hundred megabytes")
	}
	const n = 50_000
	pad := strings.Repeat("words of a description ", 20)
	row := func(i int) string {
		return fmt.Sprintf(`{"title":"Rule %d","search":"index=x n=%d","alert.track":"1","is_scheduled":"1","description":"%s"}`, i, i, pad)
	}
	comma := func(i int) string { return strings.Repeat(",", min(i, 1)) + row(i) }
	for name, pieces := range map[string]func(i int) string{
		"savedsearches.conf": func(i int) string {
			return fmt.Sprintf("[Rule %d]\nsearch = index=x n=%d\nalert.track = 1\ndescription = %s\n", i, i, pad)
		},
		"lines.json": func(i int) string { return `{"preview":false,"result":` + row(i) + "}\n" },
		"rows.csv": func(i int) string {
			if i == 0 {
				return "title,search,alert.track,is_scheduled,description\n"
			}
			return fmt.Sprintf("Rule %d,index=x n=%d,1,1,%s\n", i, i, pad)
		},
		"array.json": func(i int) string { return "[ "[min(i, 1):min(i, 1)+1] + comma(i) + strings.Repeat("]", i/n) },
		"results.json": func(i int) string {
			return strings.Repeat(`{"preview":false,"results":[`, 1-min(i, 1)) + comma(i) + strings.Repeat("]}", i/n)
		},
	} {
		to, tally, most := streamed(t, name, &repeat{pieces: pieces, n: n})
		require.GreaterOrEqual(t, to.rules, n, "%s: %v", name, tally.Report().Counts)
		require.LessOrEqual(t, to.largest, 1000, name)
		t.Logf("%s: %d rules, largest heap %d MiB", name, to.rules, most>>20)
		require.Less(t, most>>20, uint64(60), name) // as a whole they are over 30 MiB of text, and several times that as values
	}
}

// TestEndlessRecord: a record without an end is given up, not held until the memory ends.
func TestEndlessRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some hundred megabytes")
	}
	mib := strings.Repeat("x", 1<<20)
	for name, begins := range map[string]string{
		"rows.csv": "title,search\n\"A", "array.json": `[{"id":"a","query":"`, "results.json": `{"results":[{"title":"`,
		"printed.json": "{\n\"id\": \"a\",\n\"query\": \"", "lines.json": `{"id":"a","query":"`, "savedsearches.conf": "[A]\nsearch = ",
	} {
		_, tally, _ := streamed(t, name, &repeat{n: 200, pieces: func(i int) string {
			if i == 0 {
				return begins
			}
			return mib
		}})
		require.Positive(t, tally.Report().Of(splunk.Fault), name)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%s: %v; taken from the system so far: %d MiB", name, tally.Report().Faults()[0], m.Sys>>20)
	}
}

// TestLargeLookups: lookups that are more than an archive may hold are named, and drop no search that comes after them.
func TestLargeLookups(t *testing.T) {
	if testing.Short() {
		t.Skip("packs some hundred megabytes")
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(t, err)
	w := tar.NewWriter(z)
	add := func(name string, size int64, content io.Reader) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}))
		_, err := io.CopyN(w, content, size)
		require.NoError(t, err)
	}
	for i := range 6 {
		add(fmt.Sprintf("app/lookups/large%d.csv", i), 50<<20, &repeat{n: 51, pieces: func(int) string { return strings.Repeat("x", 1<<20) }})
	}
	add("app/savedsearches/README", 4, strings.NewReader("text"))
	add("app/default/savedsearches.conf", int64(len(oneAlert)), strings.NewReader(oneAlert))
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	found := read(t, false, write(t, "app.tgz", b.String()))
	require.Equal(t, []string{"A"}, titles(found), "%v", found.Faults())
	require.NotEmpty(t, found.Faults())
}
