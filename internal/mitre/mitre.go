// Package mitre knows the tactics and techniques of MITRE ATT&CK for Enterprise: their names, and the tactics of each
// technique. attack.tsv holds the facts and says their version.
package mitre

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed attack.tsv
var attack string

// Version is the version of ATT&CK that the facts are of.
const Version = "17.0"

// Entry is a tactic, a technique or a sub-technique.
type Entry struct {
	ID, Name string
	// Tactics are the ids of the tactics that a technique serves, in order; a tactic has none.
	Tactics []string
}

var entries = sync.OnceValue(func() map[string]Entry {
	m := map[string]Entry{}
	for line := range strings.Lines(attack) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 3 {
			continue
		}
		e := Entry{ID: f[0], Name: f[1]}
		if f[2] != "" {
			e.Tactics = strings.Split(f[2], ",")
		}
		m[e.ID] = e
	}
	return m
})

// Lookup finds a tactic (TA0002), technique (T1059) or sub-technique (T1059.001) by its id in capitals.
func Lookup(id string) (Entry, bool) {
	e, ok := entries()[id]
	return e, ok
}
