package run

import (
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// open is a transaction that events can still join. Events are taken newest first, as Splunk does.
type open struct {
	rows   []*Row // newest first
	fields map[string]string
	closed bool // by the event it starts with
	ended  bool // it has the event it ends with, or needs none
	limit  bool // closed by maxspan, maxpause or maxevents
	orphan bool // an event that lacks all fields
}

// session is transaction. The transactions come by the time of their last event, newest first.
func (x *runner) session(n *plan.Session, t *rows) (*rows, error) {
	list := slices.Clone(t.rows)
	sort.SliceStable(list, func(i, j int) bool {
		a, _ := list[i].time()
		b, _ := list[j].time()
		return a > b
	})
	var opens, done []*open
	evict := func(o *open) {
		opens = slices.DeleteFunc(opens, func(p *open) bool { return p == o })
		done = append(done, o)
	}
	for _, r := range list {
		if err := x.spend(1 + len(opens)); err != nil {
			return nil, err
		}
		keys, has := sessionKeys(n, r)
		starts, err := x.holdsFor(n.Starts, r)
		if err != nil {
			return nil, err
		}
		ends, err := x.holdsFor(n.Ends, r)
		if err != nil {
			return nil, err
		}
		at, _ := r.time()
		// Transactions that have become too long or were quiet for too long are over.
		for _, o := range slices.Clone(opens) {
			first, _ := o.rows[0].time()
			last, _ := o.rows[len(o.rows)-1].time()
			if n.MaxSpan >= 0 && first-at > n.MaxSpan || n.MaxPause >= 0 && last-at > n.MaxPause {
				o.limit = true
				evict(o)
			}
		}
		if len(n.Fields) > 0 && !has {
			if n.Orphans {
				done = append(done, &open{rows: []*Row{r}, orphan: true})
			}
			continue
		}
		o := joinable(opens, n, keys)
		if o != nil && ends && n.Ends != nil && o.ended {
			evict(o) // another end: that transaction has no start
			o = nil
		}
		if o == nil {
			if n.Ends != nil && !ends {
				if n.KeepEvicted || n.Orphans || n.Starts == nil {
					done = append(done, &open{rows: []*Row{r}, fields: keys, closed: starts, ended: false})
				}
				continue
			}
			o = &open{fields: map[string]string{}, ended: n.Ends == nil || ends}
			opens = append(opens, o)
		}
		o.rows = append(o.rows, r)
		for k, v := range keys {
			o.fields[k] = v
		}
		if n.Starts != nil && starts {
			o.closed = true
			evict(o)
		} else if n.MaxEvents > 0 && len(o.rows) >= n.MaxEvents {
			o.limit = true
			evict(o)
		}
	}
	done = append(done, opens...)
	return x.sessions(n, t, done)
}

func sessionKeys(n *plan.Session, r *Row) (map[string]string, bool) {
	keys := map[string]string{}
	for _, f := range n.Fields {
		if v := r.fields[f]; !v.Missing() {
			keys[f] = v.Joined()
		}
	}
	return keys, len(keys) > 0
}

// joinable is the open transaction that an event belongs to: they agree in all fields that both have, and with
// connected in one at least.
func joinable(opens []*open, n *plan.Session, keys map[string]string) *open {
	for i := len(opens) - 1; i >= 0; i-- {
		o := opens[i]
		agree, shared := true, len(n.Fields) == 0
		for f, v := range keys {
			if w, ok := o.fields[f]; ok {
				agree = agree && v == w
				shared = true
			}
		}
		if agree && (shared || !n.Connected) {
			return o
		}
	}
	return nil
}

// sessions makes the rows of transactions.
func (x *runner) sessions(n *plan.Session, t *rows, done []*open) (*rows, error) {
	out := t.like()
	out.add("duration")
	out.add("eventcount")
	out.add("closed_txn")
	complete := func(o *open) bool {
		return (n.Starts == nil || o.closed) && (n.Ends == nil || o.ended)
	}
	sort.SliceStable(done, func(i, j int) bool {
		a, _ := done[i].rows[0].time()
		b, _ := done[j].rows[0].time()
		return a > b
	})
	for _, o := range done {
		if o.orphan || !complete(o) && !n.KeepEvicted {
			if n.Orphans { // events of no transaction pass as they are
				out.add("_txn_orphan")
				for _, r := range o.rows {
					c := r.clone()
					c.set("_txn_orphan", value.Num(1))
					if err := x.holds(c); err != nil {
						return nil, err
					}
					out.rows = append(out.rows, c)
				}
			}
			continue
		}
		r := &Row{fields: map[string]value.Value{}}
		first, _ := o.rows[len(o.rows)-1].time()
		last, _ := o.rows[0].time()
		for _, name := range t.names {
			if name == "_time" {
				continue
			}
			r.set(name, x.gathered(n, name, o.rows))
		}
		r.set("_time", value.Num(first))
		r.set("duration", value.Num(value.Tidy(last-first, 0.000001)))
		r.set("eventcount", value.Num(float64(len(o.rows))))
		r.set("closed_txn", value.Num(map[bool]float64{true: 1}[n.Starts != nil && o.closed || o.limit]))
		if err := x.holds(r); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
	}
	return out, nil
}

// gathered are the values of a field in the events of a transaction: distinct and sorted, or with mvlist all of them in
// the order of time.
func (x *runner) gathered(n *plan.Session, name string, list []*Row) value.Value {
	asList := n.MVList || slices.Contains(n.MVListFields, name)
	var out value.Value
	seen := map[string]bool{}
	for i := len(list) - 1; i >= 0; i-- {
		v := list[i].fields[name]
		if v.Missing() && asList {
			out = append(out, value.Str(n.NullStr)...)
		}
		for _, a := range v {
			if s := a.Text(); asList || !seen[s] {
				seen[s] = true
				out = append(out, a)
			}
		}
	}
	if name == "_raw" && !n.MVRaw {
		return value.Str(strings.Join(out.Texts(), "\n"))
	}
	if !asList {
		slices.SortStableFunc(out, func(a, b value.Atom) int { return strings.Compare(a.Text(), b.Text()) })
	}
	return out
}
