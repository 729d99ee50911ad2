package spl

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// source maps offsets of the expanded text back to places in the query as the user wrote it.
type source struct {
	src   string
	lines []int // offsets where lines start
	// runes[i] is the number of runes before byte i*runeStep; nil when src is ASCII.
	runes []int
	segs  []segment // nil when the expanded text is src itself
	last  int       // the segment that was found last
}

const runeStep = 128

// segment is a run of the expanded text. A literal one maps byte for byte; any other maps as a whole to
// [start, end) of src, the macro call or comment that it stands for.
type segment struct {
	buf        int
	start, end int
	literal    bool
}

func newSource(src string) *source {
	s := &source{src: src, lines: []int{0}}
	ascii := true
	for i := 0; i < len(src); i++ {
		if src[i] == '\n' {
			s.lines = append(s.lines, i+1)
		} else if src[i] >= utf8.RuneSelf {
			ascii = false
		}
	}
	if !ascii {
		n, next := 0, 0
		for i := range src {
			for next <= i {
				s.runes = append(s.runes, n)
				next += runeStep
			}
			n++
		}
	}
	return s
}

// runesBefore counts the runes that start before byte off.
func (s *source) runesBefore(off int) int {
	if s.runes == nil {
		return off
	}
	i := min(off/runeStep, len(s.runes)-1)
	n := s.runes[i]
	at := i * runeStep
	for at < off && !utf8.RuneStart(s.src[at]) {
		at++
	}
	return n + utf8.RuneCountInString(s.src[at:off])
}

// pos is the place of byte off of src.
func (s *source) pos(off int) Pos {
	line := 0
	if len(s.lines) > 1 {
		line = sort.SearchInts(s.lines, off+1) - 1
	}
	col := off
	if s.runes == nil {
		col -= s.lines[line]
	} else {
		col = s.runesBefore(off) - s.runesBefore(s.lines[line])
	}
	return Pos{Offset: int32(off), Line: int32(line + 1), Column: int32(col + 1)}
}

func (s *source) span(start, end int) Span { return Span{s.pos(start), s.pos(end)} }

// locate finds the segment that holds byte off of the expanded text.
func (s *source) locate(off int) segment {
	// Mostly the place is near the last one that was asked for.
	for i := s.last; i < min(s.last+3, len(s.segs)); i++ {
		if s.segs[i].buf <= off && (i+1 == len(s.segs) || s.segs[i+1].buf > off) {
			s.last = i
			return s.segs[i]
		}
	}
	i := sort.Search(len(s.segs), func(i int) bool { return s.segs[i].buf > off }) - 1
	s.last = max(i, 0)
	return s.segs[s.last]
}

// at is the span of bytes [a, b) of the expanded text.
func (s *source) at(a, b int) At {
	if s.segs == nil {
		return At{s.span(a, max(a, b))}
	}
	g := s.locate(a)
	start := g.start
	if g.literal {
		start += a - g.buf
	}
	end := start
	if b > a {
		g = s.locate(b - 1)
		end = g.end
		if g.literal {
			end = g.start + b - g.buf
		}
	}
	return At{s.span(start, max(start, end))}
}

// spaceAt returns the length of the white space character at s[i], 0 if there is none. Non-breaking and other Unicode
// spaces, byte order marks and zero-width spaces count: they come with pasted queries.
func spaceAt(s string, i int) int {
	c := s[i]
	if c < utf8.RuneSelf {
		if c == ' ' || c >= '\t' && c <= '\r' {
			return 1
		}
		return 0
	}
	if c != 0xC2 && c != 0xE1 && c != 0xE2 && c != 0xE3 && c != 0xEF {
		return 0
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if unicode.IsSpace(r) || r == '\u200B' || r == '\uFEFF' {
		return n
	}
	return 0
}

func skipSpace(s string, i, end int) int {
	for i < end {
		n := spaceAt(s, i)
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// trimSpace narrows [a, b) of s to what is not white space.
func trimSpace(s string, a, b int) (int, int) {
	a = skipSpace(s, a, b)
	for b > a {
		i := b - 1
		for i > a && b-i < utf8.UTFMax && !utf8.RuneStart(s[i]) {
			i--
		}
		if n := spaceAt(s, i); n == 0 || i+n != b {
			break
		}
		b = i
	}
	return a, b
}

func trimmed(s string) string {
	a, b := trimSpace(s, 0, len(s))
	return s[a:b]
}

// endOfString returns the offset after the closing quote of the string that opens at s[i], or -1.
func endOfString(s string, i, end int) int {
	for i++; i < end; i++ {
		j := strings.IndexAny(s[i:end], "\"\\")
		if j < 0 {
			return -1
		}
		i += j
		if s[i] == '"' {
			return i + 1
		}
		i++ // whatever follows a backslash does not close the string
	}
	return -1
}

// unescape resolves \" and \\ and, in the search grammar, \|. Every other backslash is kept: Splunk leaves unknown
// escapes as they are, and * has none.
func unescape(s string, pipe bool) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || pipe && s[i+1] == '|') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
