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

// Report sums up an import, and names at most so many things.
func (im *Import) Report(most int) Report {
	type group struct {
		outcome Outcome
		kind    string
	}
	rank := map[Outcome]int{Fault: 0, Skipped: 1, Known: 2, Taken: 3}
	counts := map[group]int{}
	r := Report{Counts: []Count{}, Items: []Item{}}
	for _, i := range im.Items {
		counts[group{i.Outcome, i.Kind}]++
	}
	for outcome := range len(rank) {
		for _, i := range im.Items {
			if rank[i.Outcome] == outcome && len(r.Items) < most {
				r.Items = append(r.Items, i)
			}
		}
	}
	for g, n := range counts {
		r.Counts = append(r.Counts, Count{Kind: g.kind, Outcome: g.outcome, N: n})
	}
	slices.SortFunc(r.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(rank[a.Outcome], rank[b.Outcome]), cmp.Compare(a.Kind, b.Kind))
	})
	return r
}

// ReadStreams imports files that come one after another, such as the parts of an upload; next ends with io.EOF. Each is told
// apart by its name and its first bytes, and nothing else is opened. The error is one of next or of a reader: then the import
// is not whole.
func ReadStreams(o Options, next func() (name string, r io.Reader, err error)) (*Import, error) {
	in := newImporter(o)
	for {
		name, r, err := next()
		if errors.Is(err, io.EOF) {
			in.settle()
			return in.out, nil
		}
		if err != nil {
			return nil, err
		}
		w := &watched{r: r}
		before := in.found()
		in.stream(name, w, noFiles{})
		if w.err != nil {
			return nil, fmt.Errorf("read %s: %w", name, w.err)
		}
		if in.found() == before {
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
