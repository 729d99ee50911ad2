package mask

import "slices"

// automaton finds every pattern of a set in one pass over a text (Aho and Corasick, 1975). Time is linear in the length
// of the text whatever the patterns are.
type automaton struct {
	root [256]int32
	node []node
	// Edges of node n, sorted by byte: edgeByte[node[n].first:node[n].end] lead to edgeTo.
	edgeByte []byte
	edgeTo   []int32
}

type node struct {
	first, end int32
	fail       int32 // the longest proper suffix that begins a pattern
	out        int32 // the nearest node, this one included, where a pattern ends; 0 for none
	suffix     int32 // the next shorter one, following fail; 0 for none
	length     int32 // of the pattern that ends here
	pattern    int32 // its number
}

// build makes the automaton of folded patterns. Empty ones are not allowed.
func build(patterns []string) *automaton {
	type child struct {
		b  byte
		to int32
	}
	children := [][]child{nil}
	nodes := []node{{pattern: -1}}
	for n, p := range patterns {
		at := int32(0)
		for i := range len(p) {
			next := int32(-1)
			for _, c := range children[at] {
				if c.b == p[i] {
					next = c.to
					break
				}
			}
			if next < 0 {
				next = int32(len(nodes))
				nodes = append(nodes, node{pattern: -1})
				children = append(children, nil)
				children[at] = append(children[at], child{p[i], next})
			}
			at = next
		}
		nodes[at].pattern, nodes[at].length = int32(n), int32(len(p))
	}
	a := &automaton{node: nodes}
	for n := range children {
		c := children[n]
		slices.SortFunc(c, func(x, y child) int { return int(x.b) - int(y.b) })
		a.node[n].first = int32(len(a.edgeByte))
		for _, e := range c {
			a.edgeByte, a.edgeTo = append(a.edgeByte, e.b), append(a.edgeTo, e.to)
		}
		a.node[n].end = int32(len(a.edgeByte))
	}
	for _, c := range children[0] {
		a.root[c.b] = c.to
	}
	a.link()
	return a
}

// link sets the fail and output links, level by level.
func (a *automaton) link() {
	queue := make([]int32, 0, len(a.node))
	for i := a.node[0].first; i < a.node[0].end; i++ {
		queue = append(queue, a.edgeTo[i])
	}
	for at := 0; at < len(queue); at++ {
		n := queue[at]
		nd := &a.node[n]
		nd.suffix = a.node[nd.fail].out
		nd.out = nd.suffix
		if nd.pattern >= 0 {
			nd.out = n
		}
		for i := nd.first; i < nd.end; i++ {
			to := a.edgeTo[i]
			a.node[to].fail = a.step(nd.fail, a.edgeByte[i])
			queue = append(queue, to)
		}
	}
}

// step follows one byte.
func (a *automaton) step(n int32, b byte) int32 {
	for n != 0 {
		nd := &a.node[n]
		for i := nd.first; i < nd.end; i++ {
			if c := a.edgeByte[i]; c >= b {
				if c == b {
					return a.edgeTo[i]
				}
				break
			}
		}
		n = nd.fail
	}
	return a.root[b]
}
