package run

import (
	"sort"

	"github.com/rulebridge/rulebridge/internal/plan"
)

// buffer is rtorder: the buffer is in order of time; when it is full, its earliest row leaves. A row that is earlier
// than one that has left leaves at once, or goes.
func (x *runner) buffer(n *plan.Buffer, t *rows) (*rows, error) {
	out := t.like()
	type waiting struct {
		at float64
		r  *Row
	}
	var list []waiting
	var left float64
	any := false
	leave := func() {
		out.rows = append(out.rows, list[0].r)
		left, any = list[0].at, true
		list = list[1:]
	}
	for _, r := range t.rows {
		at, ok := r.time()
		switch {
		case !ok:
			out.rows = append(out.rows, r)
			continue
		case any && at < left:
			if !n.Discard {
				out.rows = append(out.rows, r)
			}
			continue
		}
		i := sort.Search(len(list), func(i int) bool { return list[i].at > at })
		list = append(list, waiting{})
		copy(list[i+1:], list[i:])
		list[i] = waiting{at, r}
		if len(list) > n.Size {
			leave()
		}
		if err := x.spend(1); err != nil {
			return nil, err
		}
	}
	for len(list) > 0 {
		leave()
	}
	return out, nil
}
