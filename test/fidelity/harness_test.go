package fidelity

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// all says that every suite runs in full.
func all() bool { return os.Getenv("FIDELITY") == "all" }

// dataFile is a file of the shared data.
func dataFile(t testing.TB, parts ...string) string {
	t.Helper()
	return filepath.Join(append([]string{elasticsearch.DataDir(t)}, parts...)...)
}

// readLines decodes every line of a JSON lines file.
func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 16<<20)
	for s.Scan() {
		if len(strings.TrimSpace(s.Text())) == 0 {
			continue
		}
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatalf("%s: line %d: %v", path, len(out)+1, err)
		}
		out = append(out, v)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// causes describes the diagnostics that are not info.
func causes(out translate.Output) string {
	var list []string
	for _, d := range out.Diagnostics {
		if d.Severity != translate.Info {
			list = append(list, fmt.Sprintf("%s %s %s", d.Code, d.Command, d.Subject))
		}
	}
	return strings.Join(list, "; ")
}

// tally counts keys and lists them, largest first.
type tally map[string]int

func (c tally) add(key string) { c[key]++ }

func (c tally) lines(most int) []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if c[keys[i]] != c[keys[j]] {
			return c[keys[i]] > c[keys[j]]
		}
		return keys[i] < keys[j]
	})
	if most > 0 && len(keys) > most {
		keys = keys[:most]
	}
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%5d  %s", c[k], k)
	}
	return keys
}

func percent(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f%%", 100*float64(part)/float64(whole))
}
