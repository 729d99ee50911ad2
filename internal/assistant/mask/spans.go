package mask

// spanSorter sorts spans by where they begin, the longest first; of equal ones that comes first which was found first.
// Each search finds its spans nearly in order, so that there are few runs in order, which are merged.
type spanSorter struct {
	spare []span
	runs  []int // their ends
}

// sort returns the spans in order. The slice it returns may be another than the one it was given, which it keeps then.
func (s *spanSorter) sort(spans []span) []span {
	s.runs = s.runs[:0]
	for i := 1; i < len(spans); i++ {
		if spans[i].before(&spans[i-1]) {
			s.runs = append(s.runs, i)
		}
	}
	s.runs = append(s.runs, len(spans))
	for len(s.runs) > 1 {
		merged := s.spare[:0]
		n, start := 0, 0
		for i := 0; i < len(s.runs); i += 2 {
			middle, end := s.runs[i], s.runs[i]
			if i+1 < len(s.runs) {
				end = s.runs[i+1]
			}
			merged = merge(merged, spans[start:middle], spans[middle:end])
			s.runs[n] = end
			n++
			start = end
		}
		s.runs = s.runs[:n]
		spans, s.spare = merged, spans
	}
	return spans
}

func merge(to, a, b []span) []span {
	for len(a) > 0 && len(b) > 0 {
		if b[0].before(&a[0]) {
			to, b = append(to, b[0]), b[1:]
		} else {
			to, a = append(to, a[0]), a[1:]
		}
	}
	return append(append(to, a...), b...)
}

func (s *span) before(t *span) bool {
	return s.start < t.start || s.start == t.start && s.end > t.end
}
