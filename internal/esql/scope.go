package esql

import (
	"maps"
	"slices"
	"strings"
)

// ColumnInfo is a column with its ES|QL type.
type ColumnInfo struct{ Name, Type string }

// Types beyond those of values.
const (
	typeAny         = ""            // not known, fits everywhere
	typeUnsupported = "unsupported" // a mapping type that ES|QL cannot read
	typeConflict    = "conflict"    // mapped differently in the indices of FROM
	typeNull        = "null"
	typeSource      = "_source"
)

// column is what a name stands for at one place of a query.
type column struct {
	name, typ string
	indexed   bool // still the field of an index, so full-text functions can search it
}

// scope holds the columns at one place of a query. The columns of an index are shared with the environment and are
// not copied: a scope keeps what was hidden and added since.
type scope struct {
	base        map[string]string
	defaultType string // type of base columns that are not listed; "" for none
	open        bool   // there may be columns that are not known
	hidden      map[string]bool
	own         []column // in the order in which they were made
}

func (s *scope) find(name string) (column, bool) {
	for _, c := range s.own {
		if c.name == name {
			return c, true
		}
	}
	if s.base != nil && !s.hidden[name] {
		if typ, ok := s.base[name]; ok {
			return column{name: name, typ: typ, indexed: true}, true
		}
		if s.defaultType != "" {
			return column{name: name, typ: s.defaultType, indexed: true}, true
		}
	}
	if s.open && !s.hidden[name] {
		return column{name: name, typ: typeAny, indexed: true}, true
	}
	return column{}, false
}

func (s *scope) remove(name string) {
	s.own = slices.DeleteFunc(s.own, func(c column) bool { return c.name == name })
	if s.hidden == nil {
		s.hidden = map[string]bool{}
	}
	s.hidden[name] = true
}

func (s *scope) add(c column) {
	s.remove(c.name)
	s.own = append(s.own, c)
}

// only leaves just the given columns.
func (s *scope) only(columns []column, open bool) {
	*s = scope{own: columns, open: open}
}

func (s *scope) clone() *scope {
	c := *s
	c.hidden, c.own = maps.Clone(s.hidden), slices.Clone(s.own)
	return &c
}

// all returns the known columns: those of the index sorted by name, then the others in order.
func (s *scope) all() []column {
	list := make([]column, 0, len(s.base)+len(s.own))
	for _, name := range slices.Sorted(maps.Keys(s.base)) {
		if !s.hidden[name] {
			list = append(list, column{name: name, typ: s.base[name], indexed: true})
		}
	}
	return append(list, s.own...)
}

// match returns the columns that a name of KEEP or DROP stands for.
func (s *scope) match(pattern string) (found []column, wild bool) {
	name, wild := unescapePattern(pattern)
	if !wild {
		if c, ok := s.find(name); ok {
			found = append(found, c)
		}
		return found, false
	}
	for _, c := range s.all() {
		if matchPattern(pattern, c.name) {
			found = append(found, c)
		}
	}
	return found, true
}

// matchPattern reports whether a name matches a pattern with unescaped stars as wildcards.
func matchPattern(pattern, name string) bool {
	var pieces []string
	var piece strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			piece.WriteByte(pattern[i])
		case pattern[i] == '*':
			pieces = append(pieces, piece.String())
			piece.Reset()
		default:
			piece.WriteByte(pattern[i])
		}
	}
	pieces = append(pieces, piece.String())
	last := len(pieces) - 1
	if last == 0 {
		return name == pieces[0]
	}
	rest, ok := strings.CutPrefix(name, pieces[0])
	if !ok {
		return false
	}
	for _, p := range pieces[1:last] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return strings.HasSuffix(rest, pieces[last])
}

// similar finds a known column whose name differs in case only or ends alike, for a message.
func (s *scope) similar(name string) string {
	best := ""
	for _, c := range s.all() {
		if strings.EqualFold(c.name, name) {
			return c.name
		}
		if best == "" && (strings.HasSuffix(c.name, "."+name) || strings.HasSuffix(name, "."+c.name)) {
			best = c.name
		}
	}
	return best
}
