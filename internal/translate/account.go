package translate

import (
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// Unaccounted is a piece of the SPL that neither an ES|QL node nor a diagnostic answers for.
type Unaccounted struct {
	Start, End int // bytes of the query
	Text       string
}

// Account checks mechanically that nothing was dropped: every token of the query lies in the origin of an ES|QL
// expression (or of a command that has no parts), in a diagnostic's span, or is structure (pipes, brackets, commas,
// names of commands with arguments, and keywords). It returns the tokens for which none of these holds.
func Account(out Output, query string) []Unaccounted {
	var covered []esql.Origin
	add := func(o esql.Origin) {
		if o.End > o.Start {
			covered = append(covered, o)
		}
	}
	if out.ESQL != nil {
		esql.Inspect(out.ESQL, func(n esql.Node) bool {
			switch n.(type) {
			case *esql.From, *esql.Where, *esql.Eval, *esql.Stats, *esql.Sort, *esql.Comment:
				// their parts answer for themselves
			default:
				add(n.CompiledFrom())
			}
			return true
		})
	}
	for _, d := range out.Diagnostics {
		add(esql.Origin{Start: d.Span.Start.Offset, End: d.Span.End.Offset})
		for _, s := range d.Also {
			add(esql.Origin{Start: s.Start.Offset, End: s.End.Offset})
		}
	}
	sort.Slice(covered, func(i, j int) bool { return covered[i].Start < covered[j].Start })
	merged := covered[:0]
	for _, o := range covered {
		if n := len(merged); n > 0 && o.Start <= merged[n-1].End {
			merged[n-1].End = max(merged[n-1].End, o.End)
			continue
		}
		merged = append(merged, o)
	}
	var bad []Unaccounted
	for _, t := range splTokens(query) {
		if t.structure {
			continue
		}
		i := sort.Search(len(merged), func(i int) bool { return int(merged[i].End) >= t.end })
		if i == len(merged) || int(merged[i].Start) > t.start {
			bad = append(bad, Unaccounted{Start: t.start, End: t.end, Text: query[t.start:t.end]})
		}
	}
	return bad
}

type splToken struct {
	start, end int
	structure  bool
}

// splTokens cuts a query into tokens, roughly: quoted strings, backticked calls, words and punctuation. Comments are
// left out.
func splTokens(q string) []splToken {
	var out []splToken
	command := true // the next word names a command
	implied := true // at the start of a search, where only search is one
	named := -1     // the token that names the command at hand
	for i := 0; i < len(q); {
		switch c := q[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case strings.HasPrefix(q[i:], "```"):
			j := strings.Index(q[i+3:], "```")
			if j < 0 {
				return append(out, splToken{start: i, end: len(q)})
			}
			i += j + 6
		case c == '"':
			j := i + 1
			for j < len(q) && q[j] != '"' {
				if q[j] == '\\' {
					j++
				}
				j++
			}
			j = min(j+1, len(q))
			out = append(out, splToken{start: i, end: j})
			i, command = j, false
		case c == '`':
			j := strings.IndexByte(q[i+1:], '`')
			if j < 0 {
				j = len(q) - i - 2
			}
			out = append(out, splToken{start: i, end: i + j + 2})
			i, command = i+j+2, false
		case strings.IndexByte("|()[],=", c) >= 0:
			if (c == '|' || c == ']') && named >= 0 && named == len(out)-1 {
				out[named].structure = false // a command without arguments answers for itself
			}
			out = append(out, splToken{start: i, end: i + 1, structure: true})
			if c == '|' || c == '[' {
				command, implied, named = true, c == '[', -1
			}
			i++
		default:
			j := i
			for j < len(q) && strings.IndexByte(" \t\r\n|()[],\"`=", q[j]) < 0 {
				if q[j] == '\\' {
					j++
				}
				j++
			}
			j = min(j, len(q))
			word := strings.ToLower(q[i:j])
			value := i > 0 && len(out) > 0 && q[out[len(out)-1].start] == '=' // a word that is compared with is none of SPL's
			command = command && (!implied || word == "search")
			out = append(out, splToken{start: i, end: j, structure: command && isWord(word) || keyword(word) && !value})
			if command {
				named = len(out) - 1
			}
			i, command = j, false
		}
	}
	if named >= 0 && named == len(out)-1 {
		out[named].structure = false
	}
	return out
}

func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return true
}

func keyword(s string) bool {
	switch s {
	case "and", "or", "not", "by", "as", "where", "from", "over", "output", "outputnew", "groupby", "nodename", "field":
		return true
	}
	return false
}
