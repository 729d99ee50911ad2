package mask

// trie finds every pattern of a set that begins at a place of a text. Values begin where a word does, so that most places
// of a text are passed over. A place costs no more than the longest pattern.
type trie struct {
	root [256]int32 // 0 where no pattern begins with a byte
	node []node
	// Edges of node n, sorted by byte: edgeByte[node[n].first:node[n].end] lead to edgeTo.
	edgeByte []byte
	edgeTo   []int32
}

type node struct {
	first, end int32
	pattern    int32 // the number of the pattern that ends here; -1 for none
}

// build makes the trie of folded patterns, which are sorted and differ. Empty ones are not allowed.
func build(patterns []string) *trie {
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
		nodes[path[len(p)]].pattern = int32(n)
		before = p
	}
	a := &trie{node: nodes, edgeByte: make([]byte, 0, len(nodes)), edgeTo: make([]int32, 0, len(nodes))}
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
	return a
}

// step follows one byte from a node other than the root; 0 when no pattern goes on with it.
func (a *trie) step(n int32, b byte) int32 {
	nd := &a.node[n]
	for i := nd.first; i < nd.end; i++ {
		if c := a.edgeByte[i]; c >= b {
			if c == b {
				return a.edgeTo[i]
			}
			break
		}
	}
	return 0
}

// at calls found with each pattern that a text, whose bytes as names them, has at an offset, and where it ends; the
// shortest first.
func (a *trie) at(text string, as *[256]byte, from int, found func(pattern, end int)) {
	for n, i := a.root[as[text[from]]], from+1; n != 0; i++ {
		if p := a.node[n].pattern; p >= 0 {
			found(int(p), i)
		}
		if i == len(text) {
			return
		}
		n = a.step(n, as[text[i]])
	}
}
