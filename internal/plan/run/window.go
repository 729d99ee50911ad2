package run

import (
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// window is eventstats and streamstats.
func (x *runner) window(n *plan.Window, t *rows) (*rows, error) {
	aggs := x.spread(n.Aggs, t)
	out := t.like()
	for _, r := range t.rows {
		out.rows = append(out.rows, r.clone())
	}
	for _, a := range aggs {
		out.add(a.Name)
	}
	var err error
	if n.Running {
		err = x.stream(n, aggs, t, out)
	} else {
		err = x.overGroups(n, aggs, t, out)
	}
	return out, err
}

// overGroups adds the aggregations of its group to each row; a row that lacks a key gets none. A row with several values
// in a key is of several groups and gets those of the last.
func (x *runner) overGroups(n *plan.Window, aggs []plan.Agg, t, out *rows) error {
	var keys []plan.Key
	for _, k := range n.Keys {
		keys = append(keys, plan.Key{Name: k})
	}
	list, err := x.groups(t, keys, "", false)
	if err != nil {
		return err
	}
	place := make(map[*Row]int, len(t.rows))
	for i, r := range t.rows {
		place[r] = i
	}
	sortGroups(list)
	for _, g := range list {
		for _, a := range aggs {
			v, err := x.aggregation(a, g.rows, n.AllNum)
			if err != nil {
				return err
			}
			for _, r := range g.rows {
				out.rows[place[r]].set(a.Name, v)
			}
		}
	}
	for _, r := range out.rows {
		if err := x.holds(r); err != nil {
			return err
		}
	}
	return nil
}

// past is what a running window remembers of a group.
type past struct {
	samples [][]value.Sample // by aggregation
	folds   []*fold          // by aggregation; nil: samples
	at      []entry
}

// entry is one row in a window: its number among all rows and its time.
type entry struct {
	n    int
	time float64
}

// stream adds to each row the aggregations over the rows of its group so far.
func (x *runner) stream(n *plan.Window, aggs []plan.Agg, t, out *rows) error {
	groups := map[string]*past{}
	last := ""
	for i, r := range t.rows {
		if err := x.spend(1); err != nil {
			return err
		}
		keys := make([]value.Value, len(n.Keys))
		missing := false
		for k, name := range n.Keys {
			keys[k] = r.fields[name]
			missing = missing || keys[k].Missing()
		}
		if missing {
			continue // a row that lacks a key is in no group
		}
		id := identity(keys)
		if n.ResetChange && i > 0 && id != last {
			clear(groups)
		}
		last = id
		if reset, err := x.holdsFor(n.ResetBefore, r); err != nil {
			return err
		} else if reset {
			clear(groups)
		}
		g := groups[id]
		if g == nil {
			g = &past{samples: make([][]value.Sample, len(aggs))}
			for _, a := range aggs {
				g.folds = append(g.folds, newFold(n, a))
			}
			groups[id] = g
		}
		at, _ := r.time()
		if !n.Current {
			g.trim(n, i, at, 0)
			if err := x.streamed(n, aggs, g, out.rows[i]); err != nil {
				return err
			}
		}
		if err := x.remember(n, aggs, g, r, entry{i, at}); err != nil {
			return err
		}
		if n.Current {
			g.trim(n, i, at, 1)
			if err := x.streamed(n, aggs, g, out.rows[i]); err != nil {
				return err
			}
		}
		if err := x.holds(out.rows[i]); err != nil {
			return err
		}
		if reset, err := x.holdsFor(n.ResetAfter, out.rows[i]); err != nil {
			return err
		} else if reset {
			clear(groups)
		}
	}
	return nil
}

func (x *runner) holdsFor(e plan.Expr, r *Row) (bool, error) {
	if e == nil {
		return false, nil
	}
	v, err := x.eval(e, r)
	return v.True(), err
}

func (x *runner) remember(n *plan.Window, aggs []plan.Agg, g *past, r *Row, e entry) error {
	for k, a := range aggs {
		s, ok, err := x.sample(a, r)
		if err != nil {
			return err
		}
		if !ok {
			s.Value = nil
		}
		if f := g.folds[k]; f != nil {
			if err := f.add(x, a, s); err != nil {
				return err
			}
			continue
		}
		g.samples[k] = append(g.samples[k], s)
	}
	g.at = append(g.at, e)
	return nil
}

// trim drops the rows that have left the window before row i: too many since, or too old. With global=t the window
// counts the rows of all groups.
func (g *past) trim(n *plan.Window, i int, at float64, current int) {
	drop := 0
	if n.Size > 0 {
		if n.Global && len(n.Keys) > 0 {
			first := i - n.Size + current
			for drop < len(g.at) && g.at[drop].n < first {
				drop++
			}
		} else if len(g.at) > n.Size {
			drop = len(g.at) - n.Size
		}
	}
	if n.Seconds > 0 {
		for drop < len(g.at) {
			d := at - g.at[drop].time
			if d < 0 {
				d = -d
			}
			if d < n.Seconds {
				break
			}
			drop++
		}
	}
	if drop > 0 {
		g.at = g.at[drop:]
		for k := range g.samples {
			if g.folds[k] == nil {
				g.samples[k] = g.samples[k][drop:]
			}
		}
	}
}

func (x *runner) streamed(n *plan.Window, aggs []plan.Agg, g *past, r *Row) error {
	for k, a := range aggs {
		v, err := x.soFar(a, g, k, n.AllNum)
		if err != nil {
			return err
		}
		if !n.Current && len(g.at) == 0 && !counts(a) {
			v = nil
		}
		r.set(a.Name, v)
	}
	return nil
}

// soFar is an aggregation over the rows that a group remembers.
func (x *runner) soFar(a plan.Agg, g *past, k int, allNum bool) (value.Value, error) {
	if f := g.folds[k]; f != nil && len(g.at) > 0 {
		return f.result, nil
	}
	return x.ofSamples(a, g.samples[k], allNum)
}
