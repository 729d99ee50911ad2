package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// noteStar says so where a search value seems to escape a star, which the search grammar cannot.
func (l *lowering) noteStar(w spl.Value) {
	from, to := int(w.At.At.Start.Offset), int(w.At.At.End.Offset)
	if from < 0 || to > len(l.req.Query) || from >= to || !strings.Contains(w.Text, `\*`) {
		return
	}
	if written := l.req.Query[from:to]; escapesStar(written) {
		l.diag("literal_star", w.Span(), "*", "`"+clip(written)+"`: no escape exists for * in a search, so `\\*` is read as a backslash and any text behind it; if a star itself was meant, test for it with where and match or like")
	}
}

// escapesStar says that a value has a single backslash before a star, and none before other letters: those are paths.
func escapesStar(written string) bool {
	star := false
	for i := 0; i < len(written); i++ {
		if written[i] != '\\' {
			continue
		}
		run := i
		for i+1 < len(written) && written[i+1] == '\\' {
			i++
		}
		single := (i-run)%2 == 0
		switch {
		case !single || i+1 == len(written) || written[i+1] == '"':
		case written[i+1] == '*':
			star = true
		default:
			return false // a path such as C:\Users\*\x
		}
	}
	return star
}

// noteBackslash says so where a single backslash stands before a mark of punctuation in a search value, which Splunk
// keeps by its manual and authors of rules mean as an escape, as in a regular expression.
func (l *lowering) noteBackslash(w spl.Value) {
	from, to := int(w.At.At.Start.Offset), int(w.At.At.End.Offset)
	if from < 0 || to > len(l.req.Query) || from >= to || !strings.Contains(w.Text, `\`) {
		return
	}
	if written := l.req.Query[from:to]; escapesMark(written) {
		l.diag("escaped_mark", w.Span(), "\\", "`"+clip(written)+"`: Splunk's manual says that a backslash before a letter or mark that needs none is kept, so the draft asks for a value with the backslash in it; where the mark alone is meant, write it without the backslash")
	}
}

// escapesMark says that a value has a single backslash before a mark that regular expressions escape, and none before
// letters: those are paths.
func escapesMark(written string) bool {
	mark := false
	for i := 0; i < len(written); i++ {
		if written[i] != '\\' {
			continue
		}
		run := i
		for i+1 < len(written) && written[i+1] == '\\' {
			i++
		}
		switch {
		case (i-run)%2 == 1 || i+1 == len(written):
		case isLetterOrDigit(written[i+1]):
			return false // a path such as C:\Users\.ssh
		case strings.IndexByte(".=-/:()[]?+^,;&#!@'<>", written[i+1]) >= 0:
			mark = true
		}
	}
	return mark
}

func isLetterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
