package esql

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/budget"
)

// lineWidth is the number of bytes after which the printer looks for a place to break a line.
const lineWidth = 120

// OriginSpan says where a node with an Origin was printed.
type OriginSpan struct {
	Origin Origin
	Text   Span
}

// Print returns the query as text, one command a line, with long lists and chains broken and indented. Parsing the text
// gives the same tree.
func Print(q *Query) string {
	p := printer{width: lineWidth}
	p.query(q)
	return string(p.buf)
}

// PrintWidth is Print with lines of at most width bytes where they can be broken; below 40 it is 40.
func PrintWidth(q *Query, width int) string {
	p := printer{width: max(width, 40)}
	p.query(q)
	return string(p.buf)
}

// PrintWithOrigins is Print that also says where each node with an Origin landed, in the order in which the nodes end.
func PrintWithOrigins(q *Query) (text string, spans []OriginSpan) {
	p := printer{width: lineWidth, origins: true}
	p.query(q)
	return string(p.buf), p.spans
}

// PrintExpr returns one expression on one line.
func PrintExpr(e Expr) string {
	p := printer{width: math.MaxInt, flat: true}
	p.expr(e, precLowest, 0)
	return string(p.buf)
}

// PrintEach returns commands joined by a pipe a line, as Print writes them, and beside it the text of each without the
// pipe. The parts share the memory of the text. A budget that is spent ends it with a panic; it may be nil.
func PrintEach(b *budget.Budget, commands []Command) (text string, parts []string) {
	const pipe = "| "
	kept := buffers.Get().(*[]byte)
	p := printer{width: lineWidth, buf: (*kept)[:0], budget: b}
	var few [32]int
	starts := few[:0]
	for i, c := range commands {
		if i > 0 {
			p.newline(0)
			p.write(pipe)
		}
		starts = append(starts, len(p.buf))
		p.command(c)
	}
	text = string(p.buf)
	if cap(p.buf) <= maxKeptBuffer {
		*kept = p.buf
		buffers.Put(kept)
	}
	parts = make([]string, len(commands))
	end := len(text)
	for i := len(parts) - 1; i >= 0; i-- {
		parts[i] = text[starts[i]:end]
		end = starts[i] - len("\n"+pipe)
	}
	return text, parts
}

// buffers are for texts in the making; one that grew beyond maxKeptBuffer is not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxKeptBuffer = 1 << 20

// Binding strength, from loose to tight, as in the grammar of ES|QL.
const (
	precLowest = iota
	precOr
	precAnd
	precNot
	precTest    // IS NULL, IN, LIKE, :
	precCompare // == and the like do not associate
	precAdd
	precMul
	precUnary
	precPrimary
)

type printer struct {
	buf     []byte
	line    int // where the last line starts in buf
	lines   int // lines before the last one
	width   int
	flat    bool // no line breaks
	limit   int  // while flat in try: give up beyond this length of buf
	trying  bool
	origins bool
	spans   []OriginSpan
	budget  *budget.Budget
}

func (p *printer) over() bool { return p.trying && len(p.buf) > p.limit }

// write adds text. On trial it stops with the first piece that does not fit, so that long pieces are not copied in vain.
func (p *printer) write(s string) {
	if p.over() {
		return
	}
	if p.trying && len(s) > 2*p.width {
		s = s[:2*p.width]
	}
	p.buf = append(p.buf, s...)
}

// quoted writes a string literal.
func (p *printer) quoted(s string) {
	if p.trying && len(s) > 2*p.width {
		s = s[:2*p.width] // longer than the line anyway
	}
	if !p.over() {
		p.buf = appendQuoted(p.buf, s)
	}
}

func (p *printer) newline(indent int) {
	p.buf = append(p.buf, '\n')
	p.line = len(p.buf)
	p.lines++
	for range indent {
		p.buf = append(p.buf, ' ')
	}
}

// try prints with f on the current line if that fits, and reports whether it did; otherwise nothing was printed.
func (p *printer) try(f func()) bool {
	if p.flat {
		f()
		return true
	}
	mark, spans, line, lines := len(p.buf), len(p.spans), p.line, p.lines
	p.flat, p.trying, p.limit = true, true, p.line+p.width
	f()
	ok := !p.over()
	p.flat, p.trying = false, false
	if !ok {
		p.buf, p.spans, p.line, p.lines = p.buf[:mark], p.spans[:spans], line, lines
	}
	return ok
}

func (p *printer) pos(offset int) Pos {
	return Pos{Offset: int32(offset), Line: int32(p.lines + 1), Column: int32(utf8.RuneCount(p.buf[p.line:offset]) + 1)}
}

// node prints n with f and records where, if n has an Origin.
func (p *printer) node(n Node, f func()) {
	if !p.origins || n.at().Origin == (Origin{}) {
		f()
		return
	}
	start := p.pos(len(p.buf))
	f()
	p.spans = append(p.spans, OriginSpan{Origin: n.at().Origin, Text: Span{Start: start, End: p.pos(len(p.buf))}})
}

func (p *printer) query(q *Query) {
	piped := false
	for i, c := range q.Commands {
		if i > 0 {
			p.newline(0)
		}
		if _, ok := c.(*Comment); ok {
			p.node(c, func() { p.command(c) })
			continue
		}
		if piped {
			p.write("| ")
		}
		piped = true
		p.node(c, func() { p.command(c) })
	}
}

func (p *printer) command(c Command) {
	if c, ok := c.(*Comment); ok {
		for i, line := range strings.FieldsFunc(c.Text+"\n", func(r rune) bool { return r == '\n' || r == '\r' }) {
			if i > 0 {
				p.newline(0)
			}
			p.write("// " + line)
		}
		if strings.Trim(c.Text, "\r\n") == "" {
			p.write("//")
		}
		return
	}
	if f, ok := c.(*From); ok {
		for _, s := range f.Set {
			p.write("SET " + s.Name + " = ")
			p.quoted(s.Value)
			p.write(";")
			p.newline(0)
		}
	}
	if s, ok := c.(*Stats); ok && s.Inline {
		p.write("INLINE ")
	}
	if _, ok := c.(*Other); !ok {
		p.write(c.Keyword())
	}
	switch c := c.(type) {
	case *From:
		p.write(" ")
		p.fill(len(c.Indices), 4, func(i int) { p.write(indexName(c.Indices[i])) })
		if len(c.Metadata) > 0 {
			p.write(" METADATA ")
			p.fill(len(c.Metadata), 4, func(i int) { p.write(c.Metadata[i]) })
		}
	case *Row:
		p.write(" ")
		p.assigns(c.Fields, 4)
	case *Where:
		p.write(" ")
		p.expr(c.Expr, precLowest, 4)
	case *Eval:
		p.write(" ")
		p.assigns(c.Assigns, 4)
	case *Stats:
		p.stats(c)
	case *Keep:
		p.write(" ")
		p.fill(len(c.Names), 4, func(i int) { p.write(quotePattern(c.Names[i])) })
	case *Drop:
		p.write(" ")
		p.fill(len(c.Names), 4, func(i int) { p.write(quotePattern(c.Names[i])) })
	case *Rename:
		p.write(" ")
		p.fill(len(c.Pairs), 4, func(i int) {
			p.write(QuoteName(c.Pairs[i].Old) + " AS " + QuoteName(c.Pairs[i].New))
		})
	case *Sort:
		p.write(" ")
		p.fill(len(c.Keys), 4, func(i int) { p.sortKey(c.Keys[i]) })
	case *Limit:
		p.write(" " + strconv.Itoa(c.N))
	case *Dissect:
		p.write(" ")
		p.expr(c.Input, precPrimary, 4)
		p.write(" " + QuoteString(c.Pattern))
		if c.Separator != nil {
			p.write(" APPEND_SEPARATOR=" + QuoteString(*c.Separator))
		}
	case *Grok:
		p.write(" ")
		p.expr(c.Input, precPrimary, 4)
		p.write(" " + QuoteString(c.Pattern))
	case *MvExpand:
		p.write(" " + QuoteName(c.Field))
	case *LookupJoin:
		p.write(" " + indexName(c.Index) + " ON ")
		p.fill(len(c.On), 4, func(i int) { p.write(QuoteName(c.On[i])) })
	case *Enrich:
		p.enrich(c)
	case *Fork:
		for _, branch := range c.Branches {
			p.newline(4)
			p.write("(")
			first := true
			for _, command := range branch {
				if _, ok := command.(*Comment); ok {
					continue // there is no line of its own for it
				}
				if !first {
					p.newline(6)
					p.write("| ")
				}
				first = false
				p.node(command, func() { p.command(command) })
			}
			p.write(")")
		}
	case *Other:
		p.write(c.Word)
		if c.Text != "" {
			p.write(" " + c.Text)
		}
	}
}

func (p *printer) stats(c *Stats) {
	by := func() {
		p.write("BY ")
		p.assigns(c.By, 6)
	}
	whole := func() {
		if len(c.Aggs) > 0 {
			p.write(" ")
			p.assigns(c.Aggs, 4)
		}
		if len(c.By) > 0 {
			p.write(" ")
			by()
		}
	}
	if p.try(whole) {
		return
	}
	if len(c.Aggs) > 0 {
		p.write(" ")
		p.assigns(c.Aggs, 4)
		if len(c.By) > 0 {
			p.newline(4)
		}
	} else if len(c.By) > 0 {
		p.write(" ")
	}
	if len(c.By) > 0 {
		by()
	}
}

func (p *printer) enrich(c *Enrich) {
	p.write(" " + indexName(c.Policy))
	if c.On != "" {
		p.write(" ON " + QuoteName(c.On))
	}
	if len(c.With) == 0 {
		return
	}
	p.write(" WITH ")
	p.fill(len(c.With), 4, func(i int) {
		with := c.With[i]
		if with.New != "" && with.New != with.Old {
			p.write(QuoteName(with.New) + " = ")
		}
		p.write(QuoteName(with.Old))
	})
}

func (p *printer) sortKey(k *SortKey) {
	p.node(k, func() {
		p.expr(k.Expr, precLowest, 4)
		if k.Desc {
			p.write(" DESC")
		}
		if k.Nulls != "" {
			p.write(" NULLS " + k.Nulls)
		}
	})
}

func (p *printer) assigns(list []*Assign, indent int) {
	p.fill(len(list), indent, func(i int) { p.assign(list[i], indent) })
}

func (p *printer) assign(a *Assign, indent int) {
	p.node(a, func() {
		if a.Name != "" {
			p.write(QuoteName(a.Name))
			p.write(" = ")
			p.expr(a.Expr, precLowest, indent+2)
		} else if a.text != "" {
			p.write(a.text)
			if i := strings.LastIndexByte(a.text, '\n'); i >= 0 {
				p.lines += strings.Count(a.text, "\n")
				p.line = len(p.buf) - len(a.text) + i + 1
			}
		} else {
			// the text is the column's name, so it has to stay on one line
			flat := p.flat
			p.flat = true
			p.expr(a.Expr, precLowest, indent+2)
			p.flat = flat
		}
		if a.Where != nil {
			p.write(" WHERE ")
			p.expr(a.Where, precLowest, indent+2)
		}
	})
}

// fill prints n items with commas, as many on a line as fit; an item that is longer than a line starts its own.
func (p *printer) fill(n, indent int, item func(i int)) {
	long := false // the last item was broken
	for i := range n {
		if p.over() {
			return
		}
		if i > 0 && !long {
			p.write(", ")
		}
		if !long && p.try(func() { item(i) }) {
			continue
		}
		if long {
			p.write(",")
			p.newline(indent)
		} else if i > 0 {
			p.buf = p.buf[:len(p.buf)-1] // the space
			p.newline(indent)
		}
		long = !p.try(func() { item(i) })
		if long {
			item(i)
		}
	}
}
