package mask

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

// build makes the automaton of folded patterns, which are sorted and differ. Empty ones are not allowed.
func build(patterns []string) *automaton {
	total := 1
	for _, p := range patterns {
		total += len(p)
	}
	type link struct {
		b               byte
		child, last, to int32 // the first and the last child, and the next sibling; 0 for none
	}
	links := make([]link, 1, total)
	nodes := make([]node, 1, total)
	nodes[0].pattern = -1
	path := []int32{0} // the nodes of the pattern before
	before := ""
	for n, p := range patterns {
		common := 0
		for common < len(before) && common < len(p) && before[common] == p[common] {
			common++
		}
		path = path[:common+1]
		for i := common; i < len(p); i++ {
			to := int32(len(nodes))
			nodes, links = append(nodes, node{pattern: -1}), append(links, link{b: p[i]})
			// Patterns are sorted, so a new child comes behind all others.
			parent := &links[path[i]]
			if parent.child == 0 {
				parent.child = to
			} else {
				links[parent.last].to = to
			}
			parent.last = to
			path = append(path, to)
		}
		end := path[len(p)]
		nodes[end].pattern, nodes[end].length = int32(n), int32(len(p))
		before = p
	}
	a := &automaton{node: nodes, edgeByte: make([]byte, 0, len(nodes)), edgeTo: make([]int32, 0, len(nodes))}
	for n := range nodes {
		nodes[n].first = int32(len(a.edgeByte))
		for c := links[n].child; c != 0; c = links[c].to {
			a.edgeByte, a.edgeTo = append(a.edgeByte, links[c].b), append(a.edgeTo, c)
		}
		nodes[n].end = int32(len(a.edgeByte))
	}
	for i := nodes[0].first; i < nodes[0].end; i++ {
		a.root[a.edgeByte[i]] = a.edgeTo[i]
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
