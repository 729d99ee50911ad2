package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// rexAll is rex with max_match: every match of a group. GROK stops at the first, but REPLACE goes on: it turns the text
// into the matches with marks between them, and SPLIT makes values of those.
func (l *lowering) rexAll(cmd *spl.Rex, v value, names []string) {
	java, ok := javaRegex(cmd.Pattern.Text)
	if !ok {
		l.diag("unsupported_regex", cmd.Span(), "rex", "this regular expression cannot be written in ES|QL: "+clip(cmd.Pattern.Text))
		for _, n := range names {
			l.defineHole(n)
		}
		return
	}
	x := l.text(v)
	if v.multi() {
		if crossesLines(cmd.Pattern.Text) {
			l.arrayNote(v, cmd.Span(), "rex", "rex reads each of several values; the draft reads them as lines of one text, so a match over several lines can span two values")
		}
		x.expr = call("MV_CONCAT", x.expr, str("\n"))
	}
	l.useful = true
	groups := groupNumbers(cmd.Pattern.Text)
	// Read every group before any is bound: a group may have the name of the field that is read.
	type result struct {
		name string
		expr esql.Expr
		old  *column
	}
	var results []result
	for _, n := range names {
		number, ok := groups[n]
		if !ok {
			continue
		}
		delete(groups, n)
		all := call("REPLACE", x.expr, str(`[\s\S]*?(?:`+java+`|\z)`), str("$"+itoa(number)+listMark))
		all = call("REPLACE", all, str(listMark+`+\z`), str(""))
		h := l.helper("rex_" + n)
		l.assign(cmd.Span(), h, mark(all, cmd.Span()))
		values := call("CASE", binary("!=", col(h), str("")), call("SPLIT", col(h), str(listMark)))
		if cmd.MaxMatch > 1 {
			values = call("MV_SLICE", values, integer(0), integer(int64(cmd.MaxMatch-1)))
		}
		var old *column
		if c, bound := l.env.cols[n]; bound {
			old = c
		} else if l.env.open && l.src != nil {
			if f := l.src.SharedField(n, schema.Hint{EventCodes: l.eventCodes}); f.Support != schema.None && l.stores(f) {
				old = l.peek(n, cmd.Span())
			}
		}
		results = append(results, result{n, values, old})
	}
	for _, r := range results {
		x := r.expr
		if r.old != nil && !r.old.hole && r.old.constant == nil {
			x = call("COALESCE", x, l.text(r.old.value()).expr) // without a match rex leaves the field
		}
		l.defineAs(r.name, &column{typ: "keyword", array: schema.AlwaysArray}, mark(x, cmd.Span()), cmd.Span())
	}
}

// crossesLines says that a match of the expression may hold a line break, or depends on where the text starts or ends.
func crossesLines(p string) bool {
	for _, x := range []string{`\s`, `\W`, `\D`, `\n`, `\r`, `\R`, `\v`, `\h`, `\x`, `\p`, `\P`, `\b`, `\B`, `\A`, `\z`, `\Z`, "[^", "^", "$", "(?", "[:"} {
		for rest := p; ; {
			i := strings.Index(rest, x)
			if i < 0 {
				break
			}
			at := rest[i:]
			switch {
			case x == "(?" && (strings.HasPrefix(at, "(?<") || strings.HasPrefix(at, "(?P<") || strings.HasPrefix(at, "(?:") || strings.HasPrefix(at, "(?i)")) &&
				!strings.HasPrefix(at, "(?<=") && !strings.HasPrefix(at, "(?<!"):
			case (x == "$" || x == "^") && i > 0 && rest[i-1] == '\\':
			default:
				return true
			}
			rest = rest[i+len(x):]
		}
	}
	return false
}

// groupNumbers gives the number of each named group of a regular expression.
func groupNumbers(p string) map[string]int {
	out := map[string]int{}
	n, class := 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			rest := p[i+1:]
			switch {
			case !strings.HasPrefix(rest, "?"):
				n++
			default:
				if m := namedGroup.FindStringSubmatchIndex(p[i:]); m != nil && m[0] == 0 {
					n++
					name := p[i+m[2] : i+m[3]]
					if out[name] == 0 {
						out[name] = n
					}
				}
			}
		}
	}
	return out
}
