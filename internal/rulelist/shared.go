package rulelist

import (
	"strings"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/rulebridge/rulebridge/internal/report"
)

// shared is what the rows of a list have in common: texts that many of them hold, and the causes that they name by keys. It
// is used with the list's lock held.
type shared struct {
	names  map[string]string
	causes map[string]report.Cause
	titles titles
	// rows counts those that were made since what no row uses any more was let go.
	rows int
}

func newShared() shared {
	return shared{names: map[string]string{}, causes: map[string]report.Cause{}, titles: newTitles()}
}

// spareRows is how many rows are made, beyond as many as there are, before what none of them uses is let go.
const spareRows = 1000

// shrink lets go what no row uses any more, from time to time, so that what a list holds goes by its rules and not by how
// often they changed.
func (x *shared) shrink(entries map[string]*entry) {
	if x.rows++; x.rows <= len(entries)+spareRows {
		return
	}
	names, causes := make(map[string]string, len(x.names)), make(map[string]report.Cause, len(x.causes))
	keep := func(s string) {
		if s != "" {
			names[s] = s
		}
	}
	for _, e := range entries {
		for _, s := range []string{e.ErrorCode, e.MatchedRule, e.Severity, e.App, e.UpdatedBy} {
			keep(s)
		}
		if e.Edited != nil {
			keep(e.Edited.By)
		}
		for _, list := range [][]string{e.Causes, e.Sources, e.Tactics, e.Techniques} {
			for _, s := range list {
				keep(s)
			}
		}
		for _, key := range e.Causes {
			causes[key] = x.causes[key]
		}
	}
	for _, c := range causes {
		for _, s := range []string{c.Code, c.Severity, c.Command} {
			keep(s)
		}
	}
	x.names, x.causes, x.rows = names, causes, 0
}

// text is a text, held once.
func (x *shared) text(s string) string {
	if s == "" {
		return ""
	}
	if had, ok := x.names[s]; ok {
		return had
	}
	s = strings.Clone(s)
	x.names[s] = s
	return s
}

func (x *shared) all(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = x.text(s)
	}
	return out
}

// titles makes the keys that titles are sorted by: as Unicode's collation has them, whatever the language, so that Ä stands
// with A, and numbers by their value, so that 2 stands before 10.
type titles struct {
	collator *collate.Collator
	buffer   *collate.Buffer
}

func newTitles() titles {
	return titles{collate.New(language.Und, collate.Numeric), &collate.Buffer{}}
}

// longTitle is how much of a title is sorted by, in bytes: a key takes several times as much.
const longTitle = 256

func (t *titles) key(title string) string {
	if len(title) > longTitle {
		title = strings.ToValidUTF8(title[:longTitle], "")
	}
	t.buffer.Reset()
	return string(t.collator.KeyFromString(t.buffer, title))
}
