package splunk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Report is what an import found, in numbers and by name, as the command line and the API tell it.
type Report struct {
	Counts []Count `json:"counts"`
	// Disabled counts the rules taken that are disabled in Splunk.
	Disabled int `json:"disabled"`
	// Items are the things found, those with faults first, then those skipped, then the rest; at most so many as were asked
	// for.
	Items []Item `json:"items"`
}

// Count is how many things of a kind had an outcome.
type Count struct {
	Kind    string  `json:"kind"`
	Outcome Outcome `json:"outcome"`
	N       int     `json:"n"`
}

// Tally counts what an import finds, and names a bounded number of things.
type Tally struct {
	most     int
	counts   map[group]int
	items    map[Outcome][]Item
	disabled int
}

type group struct {
	outcome Outcome
	kind    string
}

// outcomeOrder is the order in which things are listed.
var outcomeOrder = []Outcome{Fault, Skipped, Known, Taken}

// NewTally makes a tally that names at most so many things of each outcome.
func NewTally(most int) *Tally {
	return &Tally{most: most, counts: map[group]int{}, items: map[Outcome][]Item{}}
}

// Item counts a thing.
func (t *Tally) Item(i Item) {
	t.counts[group{i.Outcome, i.Kind}]++
	if i.Outcome == Taken && i.Why == disabled {
		t.disabled++
	}
	if len(t.items[i.Outcome]) < t.most {
		t.items[i.Outcome] = append(t.items[i.Outcome], i)
	}
}

// Report sums up what was found so far.
func (t *Tally) Report() Report {
	r := Report{Counts: []Count{}, Items: []Item{}, Disabled: t.disabled}
	for _, o := range outcomeOrder {
		r.Items = append(r.Items, t.items[o][:min(len(t.items[o]), t.most-len(r.Items))]...)
	}
	for g, n := range t.counts {
		r.Counts = append(r.Counts, Count{Kind: g.kind, Outcome: g.outcome, N: n})
	}
	slices.SortFunc(r.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(slices.Index(outcomeOrder, a.Outcome), slices.Index(outcomeOrder, b.Outcome)), cmp.Compare(a.Kind, b.Kind))
	})
	return r
}

// Of counts the things that had an outcome.
func (r Report) Of(o Outcome) int {
	n := 0
	for _, c := range r.Counts {
		if c.Outcome == o {
			n += c.N
		}
	}
	return n
}

// Faults are the named things that could not be read.
func (r Report) Faults() []Item {
	var out []Item
	for _, i := range r.Items {
		if i.Outcome == Fault {
			out = append(out, i)
		}
	}
	return out
}

// StreamParts imports files that come one after another, such as the parts of an upload; next ends with io.EOF. Each is told
// apart by its name and its first bytes, and nothing else is opened. The error is one of next, of a reader or of the sink:
// then the import is not whole.
func StreamParts(o Options, next func() (name string, r io.Reader, err error), to Sink) error {
	in := newImporter(o, to)
	for {
		name, r, err := next()
		if errors.Is(err, io.EOF) {
			return in.settle()
		}
		if err != nil {
			return err
		}
		w := &watched{r: r}
		before := in.found
		in.stream(name, w, noFiles{}, nil)
		if in.failed != nil {
			return in.failed
		}
		if w.err != nil {
			return fmt.Errorf("read %s: %w", name, w.err)
		}
		if in.found == before {
			in.nothing(name)
		}
	}
}

// watched remembers how reading failed: importers name what they cannot read and go on.
type watched struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}
