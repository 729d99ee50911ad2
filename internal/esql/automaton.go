package esql

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Lucene turns every pattern into a deterministic automaton before it runs, and gives up when that takes too much work.
// This file does the same in the same steps, to know beforehand.

// determinizeEffort is the work after which Lucene gives up: the sum of the sizes of the state sets that it visits.
const determinizeEffort = 100_000

// maxStates bounds the size of what the check builds and maxWork the edges that it compares; Lucene has given up long before.
const (
	maxStates = 50_000
	maxWork   = 50_000_000
)

var (
	errComplex = errors.New("too complex")
	// errUnmodelled: complements and intersections are not built here.
	errUnmodelled = errors.New("not modelled")
)

type edge struct {
	lo, hi rune
	to     int
}

// automaton starts in state 0. It has no transitions without a character.
type automaton struct {
	edges         [][]edge
	accept        []bool
	deterministic bool
}

func regexTooComplex(n *regexNode) bool {
	a, err := n.automaton()
	if err == nil {
		_, err = a.determinize()
	}
	return errors.Is(err, errComplex)
}

func wildcardsTooComplex(list []*regexNode) bool {
	var all []*automaton
	for _, n := range list {
		parts := make([]*automaton, len(n.sub))
		for i, sub := range n.sub {
			parts[i] = sub.plain()
		}
		a, err := concatenate(parts).minimize()
		if err != nil {
			return true
		}
		all = append(all, a)
	}
	if len(all) == 1 {
		return false
	}
	_, err := unite(all).determinize()
	return err != nil
}

// plain builds what wildcards are made of: characters, and any number of any of them.
func (n *regexNode) plain() *automaton {
	switch n.op {
	case opRepeat:
		return &automaton{edges: [][]edge{{{0, lastRune, 0}}}, accept: []bool{true}, deterministic: true}
	case opAny:
		return characters([]runeRange{{0, lastRune}})
	}
	return characters(n.set)
}

func characters(set []runeRange) *automaton {
	a := &automaton{edges: [][]edge{nil, nil}, accept: []bool{false, true}, deterministic: true}
	for _, r := range mergeRanges(set) {
		a.edges[0] = append(a.edges[0], edge{r.lo, r.hi, 1})
	}
	return a
}

func mergeRanges(set []runeRange) []runeRange {
	if len(set) < 2 {
		return set
	}
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b runeRange) int { return int(a.lo) - int(b.lo) })
	out := set[:1]
	for _, r := range set[1:] {
		if last := &out[len(out)-1]; r.lo <= last.hi+1 {
			last.hi = max(last.hi, r.hi)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// automaton builds an expression bottom-up and minimizes at every step, as Lucene does.
func (n *regexNode) automaton() (*automaton, error) {
	switch n.op {
	case opEmpty:
		return emptyString(), nil
	case opChars:
		return characters(n.set), nil
	case opAny:
		return characters([]runeRange{{0, lastRune}}), nil
	case opConcat, opUnion:
		parts := make([]*automaton, len(n.sub))
		literal := n.op == opConcat
		for i, sub := range n.sub {
			var err error
			if parts[i], err = sub.automaton(); err != nil {
				return nil, err
			}
			literal = literal && sub.op == opChars
		}
		if n.op == opUnion {
			return unite(parts).minimize()
		}
		a := concatenate(parts)
		if literal {
			a.deterministic = true
			return a, nil
		}
		return a.minimize()
	case opRepeat:
		sub, err := n.sub[0].automaton()
		if err != nil {
			return nil, err
		}
		a, err := sub.repeat(n.min, n.max)
		if err != nil {
			return nil, err
		}
		return a.minimize()
	}
	return nil, errUnmodelled
}

func emptyString() *automaton {
	return &automaton{edges: [][]edge{nil}, accept: []bool{true}, deterministic: true}
}

// add copies the states of b behind those of a and returns where they start.
func (a *automaton) add(b *automaton) int {
	base := len(a.edges)
	for s, edges := range b.edges {
		moved := make([]edge, len(edges))
		for i, e := range edges {
			moved[i] = edge{e.lo, e.hi, e.to + base}
		}
		a.edges = append(a.edges, moved)
		a.accept = append(a.accept, b.accept[s])
	}
	return base
}

// concatenate joins automata: accepting states take over what the next one starts with.
func concatenate(parts []*automaton) *automaton {
	if len(parts) == 0 {
		return emptyString()
	}
	a := &automaton{}
	a.add(parts[0])
	ends := acceptStates(a, 0)
	for _, part := range parts[1:] {
		base := a.add(part)
		startAccepts := part.accept[0]
		for _, s := range ends {
			a.edges[s] = append(a.edges[s], a.edges[base]...)
			a.accept[s] = startAccepts
		}
		next := acceptStates(a, base)
		if startAccepts {
			next = append(next, ends...)
		}
		ends = next
	}
	return a
}

func acceptStates(a *automaton, from int) []int {
	var list []int
	for s := from; s < len(a.accept); s++ {
		if a.accept[s] {
			list = append(list, s)
		}
	}
	return list
}

func unite(parts []*automaton) *automaton {
	a := &automaton{edges: [][]edge{nil}, accept: []bool{false}}
	for _, part := range parts {
		base := a.add(part)
		a.edges[0] = append(a.edges[0], a.edges[base]...)
		a.accept[0] = a.accept[0] || part.accept[0]
	}
	return a
}

// repeat is the automaton least to most times, or more when most is negative.
func (a *automaton) repeat(least, most int) (*automaton, error) {
	if (max(least, most)+1)*len(a.edges) > maxStates {
		return nil, errComplex
	}
	parts := make([]*automaton, least)
	for i := range parts {
		parts[i] = a
	}
	if most < 0 {
		return concatenate(append(parts, a.star())), nil
	}
	out := concatenate(parts)
	// (x(x)?)?: what was accepted stays accepted, and goes on
	ends := acceptStates(out, 0)
	for range most - least {
		base := out.add(a)
		for _, s := range ends {
			out.edges[s] = append(out.edges[s], out.edges[base]...)
		}
		ends = acceptStates(out, base)
	}
	return out, nil
}

func (a *automaton) star() *automaton {
	out := &automaton{edges: [][]edge{nil}, accept: []bool{true}}
	base := out.add(a)
	out.edges[0] = append(out.edges[0], out.edges[base]...)
	for s := base; s < len(out.edges); s++ {
		if out.accept[s] && s != base {
			out.edges[s] = append(out.edges[s], out.edges[base]...)
		}
	}
	if a.accept[0] {
		out.edges[base] = append(out.edges[base], out.edges[0]...)
	}
	return out
}

// determinize makes an equivalent automaton in which every character leads to one state, or fails like Lucene.
func (a *automaton) determinize() (*automaton, error) {
	if a.deterministic {
		return a, nil
	}
	if len(a.edges) > maxStates {
		return nil, errComplex
	}
	out := &automaton{edges: [][]edge{nil}, accept: []bool{a.accept[0]}, deterministic: true}
	sets := [][]int{{0}}
	known := map[string]int{setKey(nil, sets[0]): 0}
	effort, work := 0, 0
	var key []byte
	var cuts []rune
	var edges []edge
	for d := 0; d < len(sets); d++ {
		effort += len(sets[d])
		if effort >= determinizeEffort {
			return nil, errComplex
		}
		edges, cuts = edges[:0], cuts[:0]
		for _, s := range sets[d] {
			edges = append(edges, a.edges[s]...)
		}
		for _, e := range edges {
			cuts = append(cuts, e.lo, e.hi+1)
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		if work += len(cuts) * len(edges); work > maxWork {
			return nil, errComplex
		}
		for i, lo := range cuts {
			var next []int
			for _, e := range edges {
				if e.lo <= lo && lo <= e.hi {
					next = append(next, e.to)
				}
			}
			if len(next) == 0 {
				continue
			}
			slices.Sort(next)
			next = slices.Compact(next)
			key = key[:0]
			k := setKey(key, next)
			to, ok := known[k]
			if !ok {
				to = len(sets)
				known[k] = to
				sets = append(sets, next)
				out.edges = append(out.edges, nil)
				out.accept = append(out.accept, slices.ContainsFunc(next, func(s int) bool { return a.accept[s] }))
			}
			hi := rune(lastRune)
			if i+1 < len(cuts) {
				hi = cuts[i+1] - 1
			}
			if last := len(out.edges[d]) - 1; last >= 0 && out.edges[d][last].to == to && out.edges[d][last].hi+1 == lo {
				out.edges[d][last].hi = hi
			} else {
				out.edges[d] = append(out.edges[d], edge{lo, hi, to})
			}
		}
	}
	return out, nil
}

func setKey(b []byte, states []int) string {
	for _, s := range states {
		b = binary.LittleEndian.AppendUint32(b, uint32(s))
	}
	return string(b)
}

// minimize determinizes and then merges states that behave alike, by refining a partition until it is stable.
func (a *automaton) minimize() (*automaton, error) {
	d, err := a.determinize()
	if err != nil {
		return nil, err
	}
	n := len(d.edges)
	class := make([]int, n)
	for s := range class {
		if d.accept[s] {
			class[s] = 1
		}
	}
	next := make([]int, n)
	var key []byte
	for count := 2; ; {
		signatures := map[string]int{}
		for s := range n {
			key = binary.LittleEndian.AppendUint32(key[:0], uint32(class[s]))
			last := -1
			for _, e := range d.edges[s] {
				// neighbouring ranges that lead to one class are one range
				if c := class[e.to]; last >= 0 && c == last && len(key) >= 12 &&
					rune(binary.LittleEndian.Uint32(key[len(key)-8:]))+1 == e.lo {
					binary.LittleEndian.PutUint32(key[len(key)-8:], uint32(e.hi))
				} else {
					key = binary.LittleEndian.AppendUint32(key, uint32(e.lo))
					key = binary.LittleEndian.AppendUint32(key, uint32(e.hi))
					key = binary.LittleEndian.AppendUint32(key, uint32(c))
					last = c
				}
			}
			id, ok := signatures[string(key)]
			if !ok {
				id = len(signatures)
				signatures[string(key)] = id
			}
			next[s] = id
		}
		class, next = next, class
		if len(signatures) == count {
			break
		}
		count = len(signatures)
	}
	// state 0 has the first signature, so it stays state 0
	out := &automaton{deterministic: true}
	for s := range n {
		if class[s] != len(out.edges) {
			continue
		}
		edges := make([]edge, 0, len(d.edges[s]))
		for _, e := range d.edges[s] {
			to := class[e.to]
			if last := len(edges) - 1; last >= 0 && edges[last].to == to && edges[last].hi+1 == e.lo {
				edges[last].hi = e.hi
			} else {
				edges = append(edges, edge{e.lo, e.hi, to})
			}
		}
		out.edges = append(out.edges, edges)
		out.accept = append(out.accept, d.accept[s])
	}
	return out, nil
}
