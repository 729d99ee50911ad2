package translate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/budget"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

const (
	defaultMaxQueryBytes = 1 << 20
	defaultMaxDepth      = 200
	// maxCommands caps the commands of a query, subsearches included: several commands look at all that follow them.
	maxCommands = 1000
	// maxPacked caps the columns that eventstats carries past its STATS.
	maxPacked = 200
)

// Compiler compiles requests; it is safe for concurrent use.
type Compiler struct {
	opts    Options
	macros  macroTable
	user    map[string]bool // macros the user defines
	lookups map[string]*Lookup
}

// New prepares a compiler; it fails on definitions that contradict each other.
func New(opts Options) (*Compiler, error) {
	if opts.Schema == nil {
		opts.Schema = schema.Default()
	}
	if opts.Target == "" {
		opts.Target = Target8
	}
	if opts.Target != Target8 && opts.Target != Target9 {
		return nil, fmt.Errorf("translate: unknown target %q: use %s or %s", opts.Target, Target8, Target9)
	}
	if opts.UnmappedNull && opts.Target != Target9 {
		return nil, fmt.Errorf("translate: SET unmapped_fields needs the target %s: %s refuses it", Target9, opts.Target)
	}
	if opts.MaxQueryBytes <= 0 {
		opts.MaxQueryBytes = defaultMaxQueryBytes
	}
	opts.MaxQueryBytes = min(opts.MaxQueryBytes, math.MaxInt32) // places are of 32 bits
	if opts.MaxDepth <= 0 {
		opts.MaxDepth = defaultMaxDepth
	}
	c := &Compiler{opts: opts, macros: macroTable{}, user: map[string]bool{}, lookups: map[string]*Lookup{}}
	byName := map[string]string{}
	for _, m := range opts.Macros {
		if m.Definition == "" {
			continue // a macro known by name only is as good as unknown
		}
		key := m.Name + "(" + strconv.Itoa(len(m.Arguments)) + ")"
		if old, ok := byName[key]; ok {
			if old != m.Definition {
				return nil, fmt.Errorf("translate: macro %s is defined twice with different definitions; keep one", key)
			}
			continue
		}
		byName[key] = m.Definition
		c.user[m.Name] = true
		c.macros[m.Name] = append(c.macros[m.Name], spl.MacroDef{
			Name: m.Name, Arguments: m.Arguments, Definition: m.Definition, Eval: m.Eval,
		})
	}
	for _, m := range builtinMacros {
		if !c.user[m.Name] {
			m.Builtin = true
			c.macros[m.Name] = append(c.macros[m.Name], m)
		}
	}
	for _, n := range normalizers {
		if d, ok := c.macros.Macro(n.def.Name, 0); ok && strings.Contains(d.Definition, n.shipped) {
			c.macros[n.def.Name] = []spl.MacroDef{n.def}
		}
	}
	for i := range opts.Lookups {
		k := &opts.Lookups[i]
		if old, ok := c.lookups[k.Name]; ok && len(old.Rows) > 0 && len(k.Rows) > 0 {
			return nil, fmt.Errorf("translate: lookup %q is defined twice; keep one", k.Name)
		} else if ok && len(old.Rows) > 0 {
			continue
		}
		c.lookups[k.Name] = k
	}
	return c, nil
}

// compilation is the state of one request.
type compilation struct {
	*Compiler
	req     Request
	schema  *schema.Schema
	query   *spl.Query
	main    *lowering // of the main search
	out     Output
	diags   []Diagnostic
	seen    map[diagKey]int // diags by what they say, up to indexed; kept when there are many
	indexed int
	quiet   bool             // nothing is to be said
	listed  map[Missing]bool // what is in out.Missing
	command string           // of the SPL command being lowered
	depth   int
	// commands counts those that were lowered.
	commands int
	unique   int
	at       spl.Span // of the condition being lowered
	place    spl.Span // of the expression being lowered
	// scanned keeps patterns off the dictionary of the field: the condition excludes, or is one of several on the field
	// that have to be evaluated anyway.
	scanned bool
	// kept and left count the conditions that the draft has and those that are left out.
	kept, left int
	// keptOfEvents and leftOfEvents count those of the main search before its first aggregation.
	keptOfEvents, leftOfEvents int
	// held are the notes held back while holding is more than 0, late those that are said at the end if nothing says them.
	held, late []*mappingNote
	holding    int
	// begins and ends are the search's own range, where it is relative.
	begins, ends *spl.RelativeTime
	// windowStart is the search's own earliest=, as written.
	windowStart string
	// failedMacros are those whose definition does not fit a call.
	failedMacros map[string]bool
	// branchLook is the longest look-back in seconds of ranges that are conditions: of alternatives and subsearches.
	branchLook int64
	// ranged says that the pipeline being lowered has an earliest= of its own, openRange that one had none.
	ranged, openRange bool
	baseline          bool // intervals are compared with each other
	modelled          bool // events of a data model are read
	nested            int  // how many OR and NOT the condition being lowered stands in
	budget            *budget.Budget
}

// lowering is the state of one pipeline: the main search's or a subsearch's.
type lowering struct {
	*compilation
	src  *schema.Source
	env  *env
	cmds []esql.Command
	// aggregated says that rows are no longer events; fullText that `:` and QSTR are still allowed.
	aggregated, fullText bool
	// eventCodes are the event codes that the filters so far admit; nil when any.
	eventCodes []string
	// useful says that something of the search's own was lowered.
	useful bool
	// first says that no command has been lowered yet.
	first bool
	// filling says that a missing value is read as the word that Splunk has in its place.
	filling bool
	// textOrder is the text field that rows are sorted by, empty when by none.
	textOrder string
	// also are further sources of the same search; indices the patterns of all of them.
	also    []*schema.Source
	indices []string
	kinds   [][]string                          // the patterns of each kind of events that a join needs; empty where there is one kind
	named   map[spl.SearchExpr][]*schema.Source // where alternatives of the search name them
	// projected says that a list of columns was given, at keepSpan; helpers are columns the result must not show.
	projected bool
	helpers   []string
	// eventID is the column that tells rows of events apart after they have ridden through STATS, else empty.
	eventID string
	// readOuts are the columns read out of stored texts so far, by the name that was asked for.
	readOuts     map[string]*column
	unfilled     []esql.Expr // fields that fillnull of every field filled and the stats behind it groups by
	keepSpan     spl.Span
	sourceOrigin esql.Origin
	pending      []esql.Expr // conditions of the search command being lowered
	stages       []Stage
	purpose      purpose         // what fields are being read for
	whole        bool            // accounts are read with their domain
	words        []spl.Value     // what the field being looked up is compared with
	settled      *env            // the environment that settle found
	present      map[string]bool // columns that the filters so far prove to be present
	proven       []string        // room for those of one filter
	longestSpan  int64           // seconds of the longest interval
	stageIndex   map[esql.Command]int
	peer         *peer           // of the second of two branches
	demanded     map[string]bool // fields that an index has once an event brought them
	needsID      bool            // rows of events ride through STATS, told apart by _id
	// consumed are commands that an earlier one has lowered.
	consumed map[spl.Command]bool
	replaced map[spl.Command]spl.Command // what to lower in the place of a command
	only     map[*spl.Agg]esql.Expr      // the events that an aggregation is over, all where absent
	emptyRow *emptyRow
	asked    *namesAsked // what the pipeline's conditions ask lists of names for
	// literal says that the words being compared with are the keys of a table, which are texts and no networks.
	literal bool
}

// Translate compiles one rule. It never panics and never fails: what cannot be done is in the output, and so is too_complex
// where the rule needs more work than the budget allows.
func (c *Compiler) Translate(r Request) Output {
	out, err := c.TranslateContext(context.Background(), r)
	if err != nil {
		panic(err) // impossible: the background context never ends
	}
	return out
}

// TranslateContext is Translate that gives up within milliseconds of the end of ctx; the error is then the context's, and
// the only one there is.
func (c *Compiler) TranslateContext(ctx context.Context, r Request) (Output, error) {
	if err := ctx.Err(); err != nil {
		return Output{}, err
	}
	out, err := c.translate(budget.New(ctx, c.opts.MaxSteps, 0), r)
	var spent *budget.Exceeded
	switch {
	case err == nil:
		return out, nil
	case errors.As(err, &spent) && spent.Err != nil:
		return Output{}, spent.Err
	}
	return Output{Result: Untranslatable, Diagnostics: []Diagnostic{{
		Code: "too_complex", Severity: Error, Span: wholeSpan(r.Query),
		Message: "the compiler gave up on this query: " + err.Error() + "; split the rule into simpler ones, or write its query by hand",
	}}}, nil
}

// translate compiles with a budget; the error says that it is spent.
func (c *Compiler) translate(b *budget.Budget, r Request) (out Output, err error) {
	s := &compilation{Compiler: c, req: r, schema: c.opts.Schema, budget: b}
	defer func() {
		// A last resort: a test makes sure that no real query gets here.
		p := recover()
		if spent, ok := p.(*budget.Exceeded); ok {
			err = spent
		} else if p != nil {
			whole := wholeSpan(r.Query)
			out = Output{Result: Untranslatable, Diagnostics: []Diagnostic{{
				Code: "internal_error", Severity: Error, Span: whole, Command: s.command,
				Message: fmt.Sprintf("the compiler failed on this query (%v); please report it", p),
			}}}
		}
	}()
	return s.run(), nil
}

func (c *compilation) run() Output {
	if len(c.req.Query) > c.opts.MaxQueryBytes {
		c.diag("too_large", wholeSpan(""), "", fmt.Sprintf("the query has %d bytes, more than the cap of %d; shorten it or raise the cap", len(c.req.Query), c.opts.MaxQueryBytes))
		c.out.Result = Untranslatable
		c.sortDiagnostics()
		return c.out
	}
	if !utf8.ValidString(c.req.Query) {
		var at int
		c.req.Query, at = replaceInvalid(c.req.Query)
		c.diag("syntax", wholeSpan(c.req.Query), "utf-8", "byte "+itoa(at)+" of the query is not UTF-8; it is read as a question mark, save the query as UTF-8")
	}
	if len(c.req.Types) > 0 {
		index := c.opts.Index
		if len(index) == 0 {
			index = c.schema.Fallback().Indices
		}
		c.schema = schema.Identity(index, c.req.Types)
	}
	c.query = spl.Parse(c.req.Query, spl.Options{Macros: c.macros, Keep: c.keepMacro, MaxDepth: c.opts.MaxDepth, Budget: c.budget})
	c.macroNotes()
	c.problems()

	l := c.lowering()
	c.main = l
	if c.query.Pipeline != nil {
		l.pipeline(c.query.Pipeline)
	}
	l.finish()
	c.sayLate()
	c.settings(l)
	c.classify(l)
	c.sortDiagnostics()
	return c.out
}

// lowering starts on a search or a subsearch.
func (c *compilation) lowering() *lowering {
	return &lowering{compilation: c, env: newEnv(true), fullText: true, first: true}
}

// problems reports what the parser could not read.
func (c *compilation) problems() {
	for _, p := range c.query.Problems {
		c.command = ""
		switch p.Code {
		case spl.CodeUnknownMacro:
			continue // said with the macro, once, with every place
		case spl.CodeTypography, spl.CodeHashComment:
			c.diag("broken_spl", p.At.At, p.Code, p.Message)
			continue
		}
		code := Code("syntax")
		if p.Code == spl.CodeUnknownCommand {
			code = "unknown_command"
		}
		c.diag(code, p.At.At, c.subjectOf(p), p.Message)
	}
}

// subjectOf is what a problem of the parser is about: the word that is no command, else the kind of the problem.
func (c *compilation) subjectOf(p spl.Problem) string {
	from, to := int(p.At.At.Start.Offset), int(p.At.At.End.Offset)
	if p.Code == spl.CodeUnknownCommand && 0 <= from && from < to && to <= len(c.req.Query) {
		word, _, _ := strings.Cut(c.req.Query[from:to], " ")
		return clip(word)
	}
	return p.Code
}

// pipeline lowers the commands in order.
func (l *lowering) pipeline(p *spl.Pipeline) {
	defer l.budget.Enter().Leave()
	l.depth++
	defer func() { l.depth-- }()
	if l.depth > l.opts.MaxDepth {
		l.diag("too_large", p.Span(), "", "subsearches are nested too deeply; flatten them")
		return
	}
	ranged := l.ranged
	l.ranged = false
	defer func() { l.ranged = ranged }()
	l.stages = slices.Grow(l.stages, len(p.Commands))
	if l.stageIndex == nil {
		l.stageIndex = make(map[esql.Command]int, len(p.Commands))
	}
	l.asked = askedNames(p.Commands)
	for i, cmd := range p.Commands {
		l.compilation.command = cmd.Name()
		if l.commands++; l.commands > maxCommands {
			rest := spl.Span{Start: cmd.Span().Start, End: p.Commands[len(p.Commands)-1].Span().End}
			l.diag("too_large", rest, "", "the query has more than "+itoa(maxCommands)+" commands, and this part is left out of the draft; split the rule")
			l.env.setPartial()
			return
		}
		before := len(l.cmds)
		l.lower(cmd, p.Commands[i+1:])
		l.baseline = l.baseline || l.longestSpan > 0 && comparesRows[cmd.Name()]
		st := Stage{SPL: cmd.Span(), Command: cmd.Name()}
		l.stages = append(l.stages, st)
		for _, e := range l.cmds[min(before, len(l.cmds)):] {
			l.stageIndex[e] = len(l.stages) - 1
		}
		l.first = false
		if i == 0 && !l.ranged && l.src != nil && cmd.Name() != "multisearch" && cmd.Name() != "union" {
			l.openRange = true
		}
	}
}

// comparesRows are the commands that compare a row with others.
var comparesRows = map[string]bool{"eventstats": true, "streamstats": true, "trendline": true, "predict": true, "anomalydetection": true,
	"autoregress": true, "delta": true, "accum": true}

// preparesNext says that a summary-indexing command (sistats, sitop, …) stands right before its counterpart, which reads
// what the command prepares: the two give what the counterpart alone gives (Splunk's manual on sistats).
func preparesNext(cmd spl.Command, rest []spl.Command) bool {
	plain, ok := strings.CutPrefix(cmd.Name(), "si")
	if !ok || len(rest) == 0 {
		return false
	}
	switch plain {
	case "stats", "chart", "timechart", "top", "rare":
		return rest[0].Name() == plain
	}
	return false
}

// lower hands a command to its lowering function. rest is what follows it.
func (l *lowering) lower(cmd spl.Command, rest []spl.Command) {
	defer l.budget.Enter().Leave()
	if l.consumed[cmd] {
		return
	}
	if c, ok := l.replaced[cmd]; ok {
		cmd = c
	}
	if preparesNext(cmd, rest) {
		l.diag("side_effect", cmd.Span(), cmd.Name(), "`"+cmd.Name()+"` prepares partial results for the `"+rest[0].Name()+"` behind it, which alone gives the same rows; it is left out of the draft")
		return
	}
	switch cmd := cmd.(type) {
	case *spl.Search:
		l.search(cmd, rest)
	case *spl.Where:
		l.where(cmd)
	case *spl.Eval:
		l.eval(cmd)
	case *spl.Stats:
		l.stats(cmd, rest)
	case *spl.TStats:
		l.tstats(cmd, rest)
	case *spl.Rename:
		l.rename(cmd)
	case *spl.Table:
		l.table(cmd)
	case *spl.Fields:
		l.fields(cmd)
	case *spl.Rex:
		l.rex(cmd)
	case *spl.Regex:
		l.regex(cmd)
	case *spl.Sort:
		l.sort(cmd)
	case *spl.Dedup:
		l.dedup(cmd, rest)
	case *spl.Head:
		l.head(cmd)
	case *spl.FillNull:
		l.fillnull(cmd, rest)
	case *spl.Bin:
		l.bin(cmd)
	case *spl.Convert:
		l.convert(cmd, rest)
	case *spl.Join:
		l.join(cmd, rest)
	case *spl.Append:
		l.appendRows(cmd, rest)
	case *spl.Multisearch:
		l.multisearch(cmd, rest)
	case *spl.Transaction:
		l.transaction(cmd, rest)
	case *spl.SPath:
		l.spath(cmd)
	case *spl.Extract:
		l.extract(cmd)
	case *spl.MVExpand:
		l.mvexpand(cmd)
	case *spl.MVCombine:
		l.mvcombine(cmd)
	case *spl.MakeMV:
		l.makemv(cmd)
	case *spl.NoMV:
		l.nomv(cmd)
	case *spl.Foreach:
		l.foreach(cmd, rest)
	case *spl.Map:
		l.mapSearches(cmd)
	case *spl.IPLocation:
		l.iplocation(cmd, rest)
	case *spl.Tail:
		l.tail(cmd)
	case *spl.Reverse:
		l.reverse(cmd)
	case *spl.FillDown:
		l.filldown(cmd)
	case *spl.From:
		l.from(cmd)
	case *spl.MakeResults:
		l.makeresults(cmd)
	case *spl.Return:
		l.returnFields(cmd)
	case *spl.Format:
		l.format(cmd)
	case *spl.Lookup:
		l.lookupTable(cmd, rest)
	case *spl.InputLookup:
		l.inputlookup(cmd)
	case *spl.OutputLookup:
		l.outputlookup(cmd)
	case *spl.Chart:
		l.chart(cmd, rest)
	case *spl.Top:
		l.top(cmd, rest)
	case *spl.Other:
		l.other(cmd, rest)
	case *spl.Unknown:
		l.unknown(cmd)
	default:
		l.unsupported(cmd)
	}
}

// add appends commands.
func (l *lowering) add(cmds ...esql.Command) { l.cmds = append(l.cmds, cmds...) }

// filter appends WHERE x; nil is a hole and TRUE is nothing.
func (l *lowering) filter(x esql.Expr) {
	if x == nil || isTrue(x) {
		return
	}
	l.notePresence(x)
	l.emptyRowGone()
	l.cmds = append(l.cmds, &esql.Where{Expr: x})
}

// notePresence remembers the columns that a filter proves to be present.
func (l *lowering) notePresence(x esql.Expr) {
	if b, ok := x.(*esql.Binary); ok && b.Op == "AND" {
		l.notePresence(b.L)
		l.notePresence(b.R)
		return
	}
	l.proven = provesPresent(l.proven[:0], x)
	for _, c := range l.proven {
		if l.present == nil {
			l.present = map[string]bool{}
		}
		l.present[c] = true
	}
}

// provesPresent adds the columns that cannot be null where x is true to a list.
func provesPresent(list []string, x esql.Expr) []string {
	switch e := x.(type) {
	case *esql.IsNull:
		if c, ok := e.X.(*esql.Column); ok && e.Not {
			return append(list, c.Name)
		}
	case *esql.Like:
		return inner(list, e.X)
	case *esql.In:
		return inner(list, e.X)
	case *esql.Binary:
		switch e.Op {
		case "OR":
			// Both lists stand behind what there is, and what they share takes their place.
			start := len(list)
			list = provesPresent(list, e.R)
			mid := len(list)
			if mid == start {
				return list
			}
			list = provesPresent(list, e.L)
			r, shared := list[start:mid], list[mid:mid]
			in := func(c string) bool { return slices.Contains(r, c) }
			if len(r) > 8 {
				set := make(map[string]bool, len(r))
				for _, c := range r {
					set[c] = true
				}
				in = func(c string) bool { return set[c] }
			}
			for _, c := range list[mid:] {
				if in(c) {
					shared = append(shared, c)
				}
			}
			return append(list[:start], shared...)
		case "AND":
			return provesPresent(provesPresent(list, e.L), e.R)
		case "==", "!=", "<", "<=", ">", ">=", ":":
			return inner(inner(list, e.L), e.R)
		}
	case *esql.Call:
		if e.Func == "CIDR_MATCH" && len(e.Args) > 0 {
			return inner(list, e.Args[0])
		}
	}
	return list
}

// inner adds the columns on whose being null a value is null to a list.
func inner(list []string, x esql.Expr) []string {
	switch e := x.(type) {
	case *esql.Column:
		return append(list, e.Name)
	case *esql.Call:
		switch e.Func {
		case "TO_LOWER", "TO_UPPER", "CONCAT", "TO_STRING", "MV_CONCAT", "LENGTH", "TO_DOUBLE", "TO_LONG", "MV_MIN", "MV_MAX", "REPLACE":
			if len(e.Args) > 0 {
				return inner(list, e.Args[0])
			}
		}
	}
	return list
}

// assign appends EVAL name = x, joining it to the EVAL before where the columns are independent.
func (l *lowering) assign(span spl.Span, name string, x esql.Expr) {
	a := &esql.Assign{At: esql.At{Origin: origin(span)}, Name: name, Expr: x}
	if e := l.emptyRow; e != nil && missingWith(x, e.columns) {
		e.columns = append(e.columns, name)
	}
	if n := len(l.cmds); n > 0 {
		if e, ok := l.cmds[n-1].(*esql.Eval); ok {
			if _, done := l.stageIndex[e]; !done { // of the same SPL command
				e.Assigns = append(e.Assigns, a)
				return
			}
		}
	}
	l.cmds = append(l.cmds, &esql.Eval{Assigns: []*esql.Assign{a}})
}

func (l *lowering) unsupported(cmd spl.Command) {
	l.diag("unsupported_command", cmd.Span(), cmd.Name(), "`"+cmd.Name()+"` has no lowering for this target; the draft goes on without it, rewrite this part by hand")
	l.env.setPartial()
}

// replaceInvalid puts a question mark in the place of each byte that is not UTF-8, and gives the place of the first.
func replaceInvalid(s string) (string, int) {
	b := []byte(s)
	first := -1
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			b[i] = '?'
			if first < 0 {
				first = i
			}
		}
		i += n
	}
	return string(b), first
}

func wholeSpan(q string) spl.Span {
	start := spl.Pos{Line: 1, Column: 1}
	end := start
	for _, r := range q {
		end.Column++
		if r == '\n' {
			end.Line++
			end.Column = 1
		}
	}
	end.Offset = int32(len(q))
	return spl.Span{Start: start, End: end}
}

func itoa(n int) string { return strconv.Itoa(n) }
