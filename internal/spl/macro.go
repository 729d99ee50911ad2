package spl

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MacroDef is the definition of a macro. Name has no arity.
type MacroDef struct {
	Name       string
	Arguments  []string // names that stand as $name$ in Definition
	Definition string
	Eval       bool // iseval: Definition is an eval expression whose value is the text
	Builtin    bool // the project's own definition, not the user's
}

// Macros resolves a macro by name and number of arguments.
type Macros interface {
	Macro(name string, nargs int) (MacroDef, bool)
}

// macroCall is `name(args)` as it stands in a text; arguments have their quotes removed.
type macroCall struct {
	name string
	args []string
	end  int // offset after the closing backtick
}

// scanMacro reads the macro call that opens with the backtick at s[i]; false if it is never closed.
func scanMacro(s string, i, end int) (macroCall, bool) {
	j := i + 1
	for j < end && s[j] != '`' {
		if s[j] == '"' {
			k := endOfString(s, j, end)
			if k < 0 {
				j = -1
				break
			}
			j = k
			continue
		}
		j++
	}
	if j < 0 || j >= end {
		// A quote that never closes must not swallow the call.
		k := strings.IndexByte(s[i+1:end], '`')
		if k < 0 {
			return macroCall{}, false
		}
		j = i + 1 + k
	}
	body := trimmed(s[i+1 : j])
	c := macroCall{name: body, end: j + 1}
	if p := strings.IndexByte(body, '('); p >= 0 {
		c.name = trimmed(body[:p])
		c.args = splitArgs(strings.TrimSuffix(body[p+1:], ")"))
	}
	return c, true
}

// splitArgs splits at commas outside quotes and parentheses. No arguments at all is an empty list.
func splitArgs(s string) []string {
	if trimmed(s) == "" {
		return nil
	}
	var args []string
	start, depth := 0, 0
	add := func(end int) {
		a := trimmed(s[start:end])
		if len(a) >= 2 && a[0] == '"' && endOfString(a, 0, len(a)) == len(a) {
			a = a[1 : len(a)-1]
		}
		args = append(args, a)
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if k := endOfString(s, i, len(s)); k > 0 {
				i = k - 1
			}
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 {
				add(i)
			}
		}
	}
	add(len(s))
	return args
}

// expander replaces macro calls and comments outside double quotes, as text with a map back to the source: a
// definition may be half an expression or several stages, so nothing finer than text is right.
type expander struct {
	opts     *Options
	src      *source
	q        *Query
	out      strings.Builder
	changed  bool
	work     int // bytes read so far, definitions included
	limit    int
	stopped  bool
	chain    []macroKey
	callSpan At // of the outermost call
}

// macroKey names a macro on the chain of calls.
type macroKey struct {
	name  string
	nargs int
}

// expand returns the expanded text; src.segs is set when it differs from the source.
func (x *expander) expand(text string) string {
	if !strings.ContainsAny(text, "`#“”„–—−") {
		return text
	}
	calls := strings.Count(text, "`")/2 + 1
	x.src.segs = make([]segment, 0, min(2*calls, 64))
	x.q.Macros = make([]MacroUse, 0, min(calls+3, 32)) // some call others
	x.out.Grow(len(text) + 32*min(calls, 64))
	x.text(text, true)
	if !x.changed {
		x.src.segs = nil
		return text
	}
	return x.out.String()
}

// text expands one text; top says that it is the source itself.
func (x *expander) text(s string, top bool) {
	flushed := 0
	flush := func(end int) {
		if end <= flushed {
			return
		}
		if top {
			x.src.segs = append(x.src.segs, segment{x.out.Len(), flushed, end, true})
		}
		x.out.WriteString(s[flushed:end])
		flushed = end
	}
	replaced := func(start, end int) {
		if top {
			x.src.segs = append(x.src.segs, segment{x.out.Len(), start, end, false})
		}
		x.changed = true
		flushed = end
	}
	openQuote := false // a quote was found that never closes
	defer x.opts.Budget.Enter().Leave()
	for i := 0; i < len(s); {
		x.opts.Budget.Step(1)
		j := strings.IndexAny(s[i:], "`\"\\#“”„–—−")
		if j < 0 {
			break
		}
		i += j
		switch s[i] {
		case '\\':
			i++
			if i < len(s) && (s[i] == '"' || s[i] == '\\') {
				i++
			}
			continue
		case '"':
			k := -1
			if !openQuote {
				k = endOfString(s, i, len(s))
				openQuote = k < 0
			}
			i = max(i+1, k)
			continue
		}
		if s[i] != '`' {
			end, with, code, message := 0, "", "", ""
			if top {
				end, with, code, message = broken(s, i)
			}
			if end == 0 {
				_, n := utf8.DecodeRuneInString(s[i:])
				i += n
				continue
			}
			flush(i)
			x.problem(i, end, top, code, "%s", message)
			replaced(i, end)
			x.out.WriteString(with)
			i = end
			continue
		}
		if strings.HasPrefix(s[i:], "```") {
			end := len(s)
			if k := strings.Index(s[i+3:], "```"); k >= 0 {
				end = i + 3 + k + 3
			} else {
				x.problem(i, len(s), top, CodeUnterminatedComment, "comment is never closed: add ``` after it")
			}
			flush(i)
			if top {
				x.q.Comments = append(x.q.Comments, x.src.span(i, end))
			}
			replaced(i, end)
			x.out.WriteByte(' ')
			i = end
			continue
		}
		call, ok := scanMacro(s, i, len(s))
		if !ok {
			x.problem(i, i+1, top, CodeUnterminatedMacro, "backtick is never closed: close the macro call or quote the text")
			break
		}
		if !x.stopped {
			if top {
				x.callSpan = At{x.src.span(i, call.end)}
			}
			if def, ok := x.resolve(call); ok {
				flush(i)
				replaced(i, call.end)
				x.separate(s, i, call.end, def)
			}
		}
		i = call.end
	}
	flush(len(s))
}

// separate writes the expansion of a call, with a space where it would run into a keyword beside it.
func (x *expander) separate(s string, start, end int, def string) {
	a := start
	for a > 0 && isLetter(s[a-1]) {
		a--
	}
	if start-a >= 2 && isKeyword(s[a:start]) {
		x.out.WriteByte(' ')
	}
	x.text(def, false)
	x.chain = x.chain[:len(x.chain)-1]
	b := end
	for b < len(s) && isLetter(s[b]) {
		b++
	}
	if b-end >= 2 && isKeyword(s[end:b]) {
		x.out.WriteByte(' ')
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isKeyword(w string) bool {
	switch strings.ToLower(w) {
	case "and", "or", "not", "by", "groupby", "as", "in", "where", "from", "search", "output", "outputnew":
		return true
	}
	return false
}

func (x *expander) problem(start, end int, top bool, code, format string, args ...any) {
	at := x.callSpan
	if top {
		at = At{x.src.span(start, end)}
	}
	x.q.add(Problem{At: at, Code: code, Message: fmt.Sprintf(format, args...)})
}

// resolve records a call and returns the text it stands for; false leaves the call in place. On success the call is
// on the chain and the caller takes it off.
func (x *expander) resolve(c macroCall) (string, bool) {
	use := MacroUse{At: x.callSpan, Name: c.name, Args: c.args, Depth: len(x.chain)}
	fail := func(code, format string, args ...any) (string, bool) {
		use.Failed = true
		x.problem(0, 0, false, code, format, args...)
		x.q.Macros = append(x.q.Macros, use)
		return "", false
	}
	var def MacroDef
	found := false
	if x.opts.Macros != nil {
		def, found = x.opts.Macros.Macro(c.name, len(c.args))
	}
	// An empty definition is a placeholder that nobody filled in: it is no definition.
	found = found && trimmed(def.Definition) != ""
	if found && len(def.Arguments) != len(c.args) {
		return fail(CodeMacroArity, "macro %s takes %d arguments, the call has %d; correct the call, or add the macro %s(%d)", c.name, len(def.Arguments), len(c.args), c.name, len(c.args))
	}
	use.Known, use.Builtin = found, def.Builtin
	if x.opts.Keep != nil && x.opts.Keep(c.name, len(c.args)) {
		use.Kept = true
		if found {
			use.Definition = substitute(def, c.args)
		}
		x.q.Macros = append(x.q.Macros, use)
		return "", false
	}
	if !found {
		if n := x.otherArity(c); n >= 0 {
			return fail(CodeMacroArity, "macro %s is defined for %d arguments, the call has %d; correct the call, or add the macro %s(%d)", c.name, n, len(c.args), c.name, len(c.args))
		}
		x.q.Macros = append(x.q.Macros, use)
		return "", false
	}
	key := macroKey{c.name, len(c.args)}
	for i, k := range x.chain {
		if k == key {
			var names []string
			for _, k := range append(x.chain[i:], key) {
				names = append(names, fmt.Sprintf("%s(%d)", k.name, k.nargs))
			}
			return fail(CodeMacroCycle, "macro calls itself: %s; break the cycle in one of the definitions", strings.Join(names, " → "))
		}
	}
	if len(x.chain) >= x.opts.MaxDepth {
		return fail(CodeTooDeep, "macros are nested more than %d deep at %s", x.opts.MaxDepth, c.name)
	}
	text := substitute(def, c.args)
	if x.work += len(text) + 16; x.work > x.limit {
		x.stopped = true
		return fail(CodeTooLong, "macros expand to more than %d bytes at %s", x.limit, c.name)
	}
	if def.Eval {
		e, err := ParseExpr(text)
		v, ok := "", false
		if err == nil {
			v, ok = constant(e)
		}
		if !ok {
			use.Known = false
			return fail(CodeMacroEval, "macro %s is eval-based and its value is not a constant: replace the call by the text it stands for", c.name)
		}
		text = v
	}
	use.Definition = text
	x.q.Macros = append(x.q.Macros, use)
	x.chain = append(x.chain, key)
	return text, true
}

// otherArity is a number of arguments for which the macro is defined, -1 if there is none.
func (x *expander) otherArity(c macroCall) int {
	if x.opts.Macros == nil {
		return -1
	}
	for n := range 8 {
		if d, ok := x.opts.Macros.Macro(c.name, n); ok && n != len(c.args) && trimmed(d.Definition) != "" {
			return n
		}
	}
	return -1
}

// substitute puts the arguments in place of $name$, inside strings too.
func substitute(def MacroDef, args []string) string {
	if len(args) == 0 || len(args) != len(def.Arguments) {
		return def.Definition
	}
	text := def.Definition
	var b strings.Builder
	b.Grow(len(text) + 16)
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			break
		}
		b.WriteString(text[:i])
		text = text[i:]
		found := false
		for k, n := range def.Arguments {
			if len(text) >= len(n)+2 && text[1:1+len(n)] == n && text[1+len(n)] == '$' {
				b.WriteString(args[k])
				text = text[len(n)+2:]
				found = true
				break
			}
		}
		if !found {
			b.WriteByte('$')
			text = text[1:]
		}
	}
	b.WriteString(text)
	return b.String()
}

// broken reads what word processors and habits of other languages leave in a search, at i outside straight quotes: the end of
// it, 0 where there is none, what was meant, and what to say.
func broken(s string, i int) (end int, with, code, message string) {
	if s[i] == '#' {
		lineStart := strings.TrimSpace(s[strings.LastIndexByte(s[:i], '\n')+1:i]) == ""
		if i+1 >= len(s) || s[i+1] != ' ' || i > 0 && spaceAt(s, i-1) == 0 {
			return 0, "", "", ""
		}
		stop := "|\n"
		if lineStart {
			stop = "\n"
		}
		end = len(s)
		if k := strings.IndexAny(s[i:], stop); k >= 0 {
			end = i + k
		}
		_, end = trimSpace(s, i, end)
		return end, " ", CodeHashComment, "# begins no comment in Splunk, which reads these words as part of the search; the draft leaves them out. Comments are written ```like this```"
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	switch r {
	case '“', '”', '„':
		k := strings.IndexAny(s[i+n:], "“”\"`|\n")
		if k < 0 || s[i+n+k] == '`' || s[i+n+k] == '|' || s[i+n+k] == '\n' || s[i+n+k] == '"' {
			return 0, "", "", ""
		}
		_, m := utf8.DecodeRuneInString(s[i+n+k:])
		return i + n + k + m, `"` + s[i+n:i+n+k] + `"`, CodeTypography,
			"typographic quotation marks are letters to Splunk, so the search does not find what it looks for; the draft takes them for straight ones. Write \""
	case '–', '—', '−':
		if i > 0 && spaceAt(s, i-1) == 0 && s[i-1] != '(' && s[i-1] != ',' || i+n >= len(s) {
			return 0, "", "", ""
		}
		return i + n, "-", CodeTypography, "a typographic dash is no minus sign to Splunk, which cannot read this or finds nothing; the draft takes it for one. Write -"
	}
	return 0, "", "", ""
}
