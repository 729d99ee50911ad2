package spl

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/budget"
)

// Codes of problems.
const (
	CodeSyntax                = "syntax"                 // a known command could not be read
	CodeUnknownCommand        = "unknown_command"        // no Splunk command has this name
	CodeUnknownMacro          = "unknown_macro"          // an unresolved macro where no node can stand for it: skipped
	CodeMacroCycle            = "macro_cycle"            // the message names the chain
	CodeMacroArity            = "macro_arity"            // definition and call differ in the number of arguments
	CodeMacroEval             = "macro_eval"             // an eval-based macro without a constant value
	CodeUnterminatedString    = "unterminated_string"    // "…
	CodeUnterminatedComment   = "unterminated_comment"   // ```…
	CodeUnterminatedMacro     = "unterminated_macro"     // `…
	CodeUnterminatedSubsearch = "unterminated_subsearch" // […
	CodeLowercaseOperator     = "lowercase_operator"     // and, or, not in a search are terms, hardly what is meant
	CodeTypography            = "typography"             // “ ” and – where " and - are meant: read as these
	CodeHashComment           = "hash_comment"           // # … as a comment: left out
	CodeEmpty                 = "empty"                  // nothing to search, or an empty stage
	CodeTooDeep               = "too_deep"               // Options.MaxDepth
	CodeTooLong               = "too_long"               // Options.MaxBytes or MaxTokens
)

// Options of a parse. The zero value is ready to use: no macro is known and the default limits hold.
type Options struct {
	Macros Macros
	// Keep says which macros stay in the tree unexpanded, as SearchMacro, ExprMacro or Unknown: names of data sources,
	// filters, and whatever else the caller knows better than its definition. May be nil.
	Keep func(name string, nargs int) bool
	// MaxBytes caps the source (default 1 MiB, at most 2 GiB), MaxDepth nesting of parentheses, subsearches and macros (200),
	// MaxTokens the tokens left after macro expansion (1 Mi).
	MaxBytes, MaxDepth, MaxTokens int
	// Budget bounds the work; where it is spent, Parse panics with a *budget.Exceeded. May be nil.
	Budget *budget.Budget
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	o.MaxBytes = min(o.MaxBytes, math.MaxInt32) // places are of 32 bits
	if o.MaxDepth <= 0 {
		o.MaxDepth = 200
	}
	if o.MaxTokens <= 0 {
		o.MaxTokens = 1 << 20
	}
	return o
}

// Parse reads a whole search. It never fails: what could not be read is in Problems and in Unknown commands.
func Parse(src string, o Options) *Query {
	o = o.withDefaults()
	q := &Query{Pipeline: &Pipeline{}}
	if len(src) > o.MaxBytes {
		s := newSource(src[:0])
		q.Pipeline.At = s.at(0, 0)
		q.Problems = append(q.Problems, Problem{At: s.at(0, 0), Code: CodeTooLong,
			Message: fmt.Sprintf("query has %d bytes, the limit is %d: shorten it or raise the limit", len(src), o.MaxBytes)})
		return q
	}
	s := newSource(src)
	x := &expander{opts: &o, src: s, q: q, limit: 4 * o.MaxBytes}
	p := &parser{src: s, q: q, maxDepth: o.MaxDepth, budget: o.Budget}
	p.buf = x.expand(src)
	if len(p.buf) > o.MaxTokens && countTokens(p.buf, o.MaxTokens) > o.MaxTokens {
		q.Pipeline.At = s.at(0, len(p.buf))
		p.problem(0, len(p.buf), CodeTooLong, "query has more than %d tokens after macro expansion: shorten it or raise the limit", o.MaxTokens)
		return q
	}
	p.scan()
	for _, e := range q.Problems {
		switch e.Code {
		case CodeUnterminatedString, CodeUnterminatedSubsearch, CodeUnterminatedMacro:
			if p.unclosed == nil {
				p.unclosed = map[int32]bool{}
			}
			p.unclosed[e.At.At.Start.Offset] = true
		}
	}
	q.Pipeline = p.pipeline(0, len(p.buf), false)
	if len(q.Pipeline.Commands) == 0 && len(q.Problems) == 0 {
		p.problem(0, len(p.buf), CodeEmpty, "query is empty: nothing to search for")
	}
	return q
}

// ParseExpr reads one eval expression.
func ParseExpr(src string) (Expr, error) {
	q := &Query{}
	p := &parser{src: newSource(src), buf: src, q: q, maxDepth: 200, end: len(src)}
	e := p.expr()
	p.finish()
	if p.err != nil {
		return nil, fmt.Errorf("spl: %d:%d: %s", p.err.At.At.Start.Line, p.err.At.At.Start.Column, p.err.Message)
	}
	if e == nil {
		return nil, errors.New("spl: empty expression")
	}
	return e, nil
}

// mark is a pipe or bracket outside strings. For a bracket, pair is the index of the mark that closes or opens it, or
// -1.
type mark struct {
	off  int
	pair int32
	kind byte
}

// parser is a recursive-descent parser without a token stream: what a token is depends on the command. It works on
// [pos, end) of one stage; the first error ends the stage.
type parser struct {
	src             *source
	buf             string
	marks           []mark
	stages          int // capacity for the commands of the next pipeline
	q               *Query
	pos, end        int
	depth, maxDepth int
	err             *Problem
	unclosed        map[int32]bool // offsets in the source already reported as never closed
	tok             token          // lookahead of the eval grammar
	prev            int            // end of the token before it
	budget          *budget.Budget
	trailing        []Command // macros behind the last stage
	chained         int       // operators of unbalanced chains above and before the operand being read
}

func (p *parser) at(a, b int) At { return p.src.at(a, b) }

func (p *parser) problem(a, b int, code, format string, args ...any) {
	p.q.add(Problem{At: p.at(a, b), Code: code, Message: fmt.Sprintf(format, args...)})
}

const maxProblems = 1000

// add lists a problem, up to a limit that only garbage reaches.
func (q *Query) add(e Problem) {
	switch n := len(q.Problems); {
	case n < maxProblems:
		q.Problems = append(q.Problems, e)
	case n == maxProblems:
		e.Code, e.Message = CodeTooLong, fmt.Sprintf("more than %d problems: the others are not listed", maxProblems)
		q.Problems = append(q.Problems, e)
	}
}

// fail records the first error of a stage and moves to its end, so that every loop stops.
func (p *parser) fail(at int, code, format string, args ...any) {
	if p.err == nil {
		at = min(at, p.end)
		b := at
		for b < p.end && spaceAt(p.buf, b) == 0 {
			b++
		}
		p.err = &Problem{At: p.at(at, b), Code: code, Message: fmt.Sprintf(format, args...)}
	}
	p.pos = p.end
	p.tok = token{a: p.end, b: p.end}
}

func (p *parser) syntax(format string, args ...any) { p.fail(p.pos, CodeSyntax, format, args...) }

// enter counts nesting; every enter that returns true has its leave.
func (p *parser) enter() bool {
	if p.depth >= p.maxDepth {
		p.fail(p.pos, CodeTooDeep, "nested more than %d deep: flatten the query", p.maxDepth)
		return false
	}
	p.depth++
	p.budget.Enter()
	return true
}

func (p *parser) leave() {
	p.depth--
	p.budget.Leave()
}

// scan finds the pipes and brackets of the whole text. Single quotes hide them only in commands whose grammar has
// quoted field names: elsewhere an apostrophe is a letter.
func (p *parser) scan() {
	var open []int
	var exprs []bool // per open bracket: the enclosing stage's grammar
	expr, start := false, true
	s := p.buf
	if n := strings.Count(s, "|"); n > 0 {
		p.marks = make([]mark, 0, min(n+4, 1024))
		p.stages = min(n+1, 64)
	}
	noSingle, noDouble := false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if i%1024 == 0 {
			p.budget.Step(1)
		}
		if start {
			if n := spaceAt(s, i); n > 0 {
				i += n - 1
				continue
			}
			if c != '|' && c != '[' && c != ']' {
				j := i
				for j < len(s) && (isLetter(s[j])) {
					j++
				}
				expr = hasQuotedFields(s[i:j])
				start = false
			}
		}
		if !scanStops[c] {
			continue
		}
		switch c {
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || s[i+1] == '|') {
				i++
			}
		case '"':
			if noDouble {
				continue
			}
			if k := endOfString(s, i, len(s)); k > 0 {
				i = k - 1
			} else {
				noDouble = true
				p.problem(i, i+1, CodeUnterminatedString, "string is never closed: add the missing quote")
			}
		case '\'':
			if !expr || noSingle {
				continue
			}
			if k := strings.IndexByte(s[i+1:], '\''); k < 0 {
				noSingle = true
			} else if !strings.ContainsAny(s[i+1:i+1+k], "\"\n") {
				i += k + 1
			}
		case '`':
			if m, ok := scanMacro(s, i, len(s)); ok {
				i = m.end - 1
			}
		case '|':
			p.marks = append(p.marks, mark{off: i, kind: c, pair: -1})
			start = true
		case '[':
			open = append(open, len(p.marks))
			exprs = append(exprs, expr)
			p.marks = append(p.marks, mark{off: i, kind: c, pair: -1})
			start = true
		case ']':
			m := mark{off: i, kind: c, pair: -1}
			if n := len(open); n > 0 {
				m.pair = int32(open[n-1])
				p.marks[m.pair].pair = int32(len(p.marks))
				expr = exprs[n-1]
				open, exprs = open[:n-1], exprs[:n-1]
				start = false
			}
			p.marks = append(p.marks, m)
		}
	}
	for _, m := range open {
		p.problem(p.marks[m].off, p.marks[m].off+1, CodeUnterminatedSubsearch, "subsearch is never closed: add the missing ]")
	}
}

// scanStops are the characters that scan has to look at.
var scanStops = newStops("\\\"'`|[]")

// hasQuotedFields says whether a command's grammar has field names in single quotes.
func hasQuotedFields(cmd string) bool {
	switch strings.ToLower(cmd) {
	case "eval", "where", "stats", "eventstats", "streamstats", "chart", "timechart", "fieldformat", "foreach":
		return true
	}
	return false
}

// markAt is the index of the first mark at or after off.
func (p *parser) markAt(off int) int {
	return sort.Search(len(p.marks), func(i int) bool { return p.marks[i].off >= off })
}

// stageEnd is the offset of the pipe that ends the stage at start, or end.
func (p *parser) stageEnd(start, end int) int {
	for i := p.markAt(start); i < len(p.marks) && p.marks[i].off < end; i++ {
		switch m := p.marks[i]; m.kind {
		case '|':
			return m.off
		case '[':
			// An open bracket without a partner does not hide the pipes behind it.
			if m.pair >= 0 {
				i = int(m.pair)
			}
		}
	}
	return end
}

// closing is the offset of the bracket that closes the one at off, or -1.
func (p *parser) closing(off int) int {
	if i := p.markAt(off); i < len(p.marks) && p.marks[i].off == off && p.marks[i].pair >= 0 {
		if c := p.marks[p.marks[i].pair].off; c < p.end {
			return c
		}
	}
	return -1
}

func (p *parser) pipeline(start, end int, sub bool) *Pipeline {
	a, b := trimSpace(p.buf, start, end)
	pl := &Pipeline{At: p.at(a, b)}
	if p.stages > 0 {
		pl.Commands = make([]Command, 0, p.stages)
		p.stages = 0
	}
	implied := true
	for n := 0; ; n++ {
		stop := p.stageEnd(start, end)
		a, b := trimSpace(p.buf, start, stop)
		switch {
		case a < b:
			pl.Commands = append(pl.Commands, p.stage(a, b, implied, sub))
			pl.Commands = append(pl.Commands, p.trailing...)
			p.trailing = nil
		case (n > 0 || stop == end && sub) && !p.fromMacro(stop):
			p.problem(a, min(a+1, len(p.buf)), CodeEmpty, "nothing stands between two pipes: remove one of them")
		}
		if stop >= end {
			return pl
		}
		implied = false
		start = stop + 1
	}
}

// fromMacro says whether the byte at off came out of a macro, or the one before it did.
func (p *parser) fromMacro(off int) bool {
	if p.src.segs == nil {
		return false
	}
	return !p.src.locate(min(off, len(p.buf))).literal || !p.src.locate(max(off-1, 0)).literal
}

// subsearch reads the […] that opens at p.pos.
func (p *parser) subsearch() *Pipeline {
	open := p.pos
	c := p.closing(open)
	if c < 0 {
		p.syntax("subsearch is never closed: add the missing ]")
		return nil
	}
	if !p.enter() {
		return nil
	}
	defer p.leave()
	end, err := p.end, p.err
	p.err = nil
	pl := p.pipeline(open+1, c, true)
	p.pos, p.end, p.err = c+1, end, err
	return pl
}

// stage reads one command from [a, b), which is not empty. On an error the whole stage becomes Unknown.
func (p *parser) stage(a, b int, implied, sub bool) Command {
	p.budget.Step(1)
	end := p.end
	p.pos, p.end, p.err = a, b, nil
	depth := p.depth
	cmd := p.command(implied, sub)
	trailing := p.macrosBehind()
	p.finish()
	if p.err != nil {
		p.stageProblem(*p.err)
		name := firstWord(p.buf[a:b])
		if cmd == nil && implied && !isCommand(name) {
			name = "search"
		}
		cmd = &Unknown{At: p.at(a, b), Command: name, Implied: implied, Text: p.buf[a:b]}
	}
	if p.err == nil {
		p.trailing = trailing
	}
	p.err, p.depth, p.end = nil, depth, end
	return cmd
}

// macrosBehind reads macros without a definition that end a stage: what they stand for may begin with a pipe, so that the
// command before them is whole.
func (p *parser) macrosBehind() (macros []Command) {
	start := p.pos
	for p.err == nil && p.peek() == '`' {
		m, ok := scanMacro(p.buf, p.pos, p.end)
		if !ok {
			break
		}
		macros = append(macros, &Unknown{At: p.at(p.pos, m.end), Command: m.name, Text: p.buf[p.pos:m.end], Macro: true})
		p.pos = m.end
	}
	if p.err == nil && p.peek() != 0 {
		p.pos = start // something else stands behind them
		return nil
	}
	return macros
}

// stageProblem adds the error of a stage, unless it only repeats that something is never closed.
func (p *parser) stageProblem(e Problem) {
	if !p.unclosed[e.At.At.Start.Offset] {
		p.q.add(e)
	}
}

// finish fails when something is left of the stage.
func (p *parser) finish() {
	if p.err == nil && p.peek() != 0 {
		p.syntax("unexpected %s", quoteShort(p.buf[p.pos:p.end]))
	}
}

func quoteShort(s string) string {
	if len(s) > 24 {
		n := 24
		for n > 0 && s[n]&0xC0 == 0x80 {
			n--
		}
		s = s[:n] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// firstWord is the leading run of letters, digits and underscores, in lower case.
func firstWord(s string) string {
	i := 0
	for i < len(s) && (isLetter(s[i]) || s[i] == '_' || s[i] >= '0' && s[i] <= '9') {
		i++
	}
	return strings.ToLower(s[:i])
}
