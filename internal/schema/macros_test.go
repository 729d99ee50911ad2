package schema

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryDataSourceMacroIsKnown reads the real macros: each that names a data source must be known by its name, and by
// what it stands for, since users rename and redefine macros.
func TestEveryDataSourceMacroIsKnown(t *testing.T) {
	f, err := os.Open(filepath.Join(dataDir(t), "spl", "macros.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	predicate := regexp.MustCompile(`(?i)\b(sourcetype|source|eventtype|index|Channel)\s*=\s*("[^"]*"|[^\s()]+)`)
	s := Default()
	n := 0
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var m struct{ Name, Definition string }
		if err := json.Unmarshal(sc.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		ps := predicate.FindAllStringSubmatch(m.Definition, -1)
		if len(ps) == 0 || strings.Contains(m.Definition, "|") {
			continue
		}
		n++
		src, ok := s.Macro(m.Name)
		if !ok {
			t.Errorf("the macro %s is not known: %s", m.Name, m.Definition)
			continue
		}
		for _, p := range ps {
			got, _, ok := s.Match([]Predicate{{p[1], strings.Trim(p[2], `"`)}})
			if !ok && !strings.EqualFold(p[1], "index") {
				t.Errorf("%s: %s names no source, the macro %s", m.Name, p[0], src.Name)
			} else if ok && got.Name != src.Name {
				t.Logf("%s: %s names %s, the macro %s", m.Name, p[0], got.Name, src.Name)
			}
		}
	}
	if n < 75 {
		t.Errorf("only %d macros were checked", n)
	}
}
