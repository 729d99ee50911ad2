// Package lower makes a plan of a parsed search: one function a command, from the command and the rows before it to the
// rows behind it. It never looks at later commands and knows nothing of the language that a plan may become.
//
// What has no meaning for rows, such as sendalert, passes them on with a note. What cannot be read, or reads what only a
// Splunk server holds, becomes a plan.Hole that says why.
package lower

import (
	"fmt"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// maxDepth is how deep searches and expressions may be nested.
const maxDepth = 200

// lowering carries what one call needs.
type lowering struct {
	notes []plan.Note
	ids   int
	depth int
	// stored numbers the stored fields by name, so that one field has one id everywhere.
	stored map[string]int
	// summaries are the rows that sistats and its kin read, by the node these commands gave.
	summaries map[plan.Node]summary
}

func newLowering() *lowering {
	return &lowering{stored: map[string]int{}, summaries: map[plan.Node]summary{}}
}

// Lower makes the plan of a search. It never fails: what it could not make is a Hole.
func Lower(q *spl.Query) *plan.Plan {
	l := newLowering()
	root := l.pipeline(q.Pipeline, nil)
	l.unresolved(q)
	return &plan.Plan{Root: root, Notes: l.notes, Problems: q.Problems}
}

// Behind makes the plan of commands that go on behind a node: the body of a template.
func Behind(q *spl.Query, input plan.Node) plan.Node {
	l := newLowering()
	return l.pipeline(q.Pipeline, input)
}

// Condition makes the expression of a text of a search condition.
func Condition(text string, scope plan.Scope) (plan.Expr, error) {
	q := spl.Parse("search "+text, spl.Options{})
	if len(q.Problems) > 0 {
		return nil, fmt.Errorf("%q is no search: %s", text, q.Problems[0].Message)
	}
	l := newLowering()
	if len(q.Pipeline.Commands) != 1 {
		return nil, fmt.Errorf("%q is no condition: it has several commands", text)
	}
	s, ok := q.Pipeline.Commands[0].(*spl.Search)
	if !ok {
		return nil, fmt.Errorf("%q is no condition", text)
	}
	return l.condition(s.Expr, scope), nil
}

func (l *lowering) unresolved(q *spl.Query) {
	for _, m := range q.Macros {
		if !m.Known && strings.HasSuffix(m.Name, "_filter") {
			l.note(m.At.At, "macro %s has no definition; it is taken as search *, as such filters are shipped: supply your own", m.Name)
		}
	}
}

func (l *lowering) note(at spl.Span, format string, args ...any) {
	if len(l.notes) < 1000 {
		l.notes = append(l.notes, plan.Note{At: at, Text: fmt.Sprintf(format, args...)})
	}
}

// column makes a new column.
func (l *lowering) column(name string, d value.Desc, o plan.Origin, at spl.Span) plan.Column {
	l.ids++
	return plan.Column{ID: l.ids, Name: name, Desc: d, Origin: o, At: at}
}

// find is the column of a name; a stored field gets the same id everywhere.
func (l *lowering) find(s plan.Scope, name string) plan.Column {
	c, ok := s.Find(name)
	if !ok && c.Origin == plan.Stored && c.Desc.Missing != value.Always {
		if l.stored[name] == 0 {
			l.ids++
			l.stored[name] = l.ids
		}
		c.ID = l.stored[name]
		if name == "_time" {
			c.Desc = value.Desc{Kind: value.Time, Missing: value.Never, Settled: true}
		}
	}
	return c
}

// step starts a node that leaves the columns as they are.
func step(at spl.Span, input plan.Node) plan.Step {
	return plan.Step{At: at, Input: input, Scope: input.Behind()}
}

func hole(at spl.Span, input plan.Node, command, format string, args ...any) plan.Node {
	h := &plan.Hole{Step: plan.Step{At: at, Input: input}, Command: command, Why: fmt.Sprintf(format, args...)}
	if input != nil {
		h.Scope = input.Behind()
	}
	h.Scope.Open = true
	return h
}

func events(at spl.Span) *plan.Source {
	return &plan.Source{Step: plan.Step{At: at, Scope: plan.Scope{Open: true}}, Kind: plan.Events}
}

// summary is what a command such as sistats read, and the command that reads its rows: stats right behind sistats gives
// what stats alone gives (SearchReference/Sistats), so that it reads the same rows.
type summary struct {
	rows plan.Node
	by   string
}

// pipeline lowers commands behind input, which is nil at the start of a search.
func (l *lowering) pipeline(p *spl.Pipeline, input plan.Node) plan.Node {
	if l.depth++; l.depth > maxDepth {
		l.depth--
		return hole(p.At.At, input, "search", "searches are nested more than %d deep: flatten them", maxDepth)
	}
	defer func() { l.depth-- }()
	for _, c := range p.Commands {
		if read, ok := l.summaries[input]; ok && read.by == c.Name() {
			input = read.rows
		}
		behind := l.command(c, input)
		switch c.Name() {
		case "sistats", "sichart", "sitimechart", "sitop", "sirare":
			if input != nil {
				l.summaries[behind] = summary{input, strings.TrimPrefix(c.Name(), "si")}
			}
		}
		input = behind
	}
	if input == nil {
		input = events(p.At.At)
	}
	return input
}

// command lowers one command. First commands that do not bring rows of their own read the events.
func (l *lowering) command(c spl.Command, input plan.Node) plan.Node {
	if input == nil && !generates(c) {
		input = events(c.Span())
	}
	switch c := c.(type) {
	case *spl.Search:
		return l.search(c, input)
	case *spl.Where:
		return l.where(c, input)
	case *spl.Regex:
		return l.regex(c, input)
	case *spl.Eval:
		return l.eval(c, input)
	case *spl.Stats:
		return l.stats(c, input)
	case *spl.TStats:
		return l.tstats(c, input)
	case *spl.Rename:
		return l.rename(c, input)
	case *spl.Fields:
		return l.fields(c, input)
	case *spl.Table:
		return l.table(c, input)
	case *spl.Rex:
		return l.rex(c, input)
	case *spl.Sort:
		return l.sort(c, input)
	case *spl.Dedup:
		return l.dedup(c, input)
	case *spl.Head:
		return l.head(c, input)
	case *spl.Tail:
		return &plan.Limit{Step: step(c.At.At, input), Count: c.Count, FromEnd: true}
	case *spl.Reverse:
		return &plan.Sort{Step: step(c.At.At, input), Reverse: true}
	case *spl.FillNull:
		return l.fillnull(c, input)
	case *spl.FillDown:
		return &plan.Fill{Step: step(c.At.At, input), Fields: texts(c.Fields), Down: true}
	case *spl.Bin:
		return l.bin(c, input)
	case *spl.Lookup:
		return l.lookup(c, input)
	case *spl.InputLookup:
		return l.inputlookup(c, input)
	case *spl.OutputLookup:
		l.note(c.At.At, "outputlookup writes a lookup; the rows pass on and nothing is written")
		return input
	case *spl.Join:
		return l.join(c, input)
	case *spl.Append:
		return l.append(c, input)
	case *spl.Multisearch:
		return l.multisearch(c, input)
	case *spl.Transaction:
		return l.transaction(c, input)
	case *spl.Chart:
		return l.chart(c, input)
	case *spl.Top:
		return l.top(c, input)
	case *spl.MakeMV:
		return l.makemv(c, input)
	case *spl.MVExpand:
		return l.mvexpand(c, input)
	case *spl.MVCombine:
		return l.mvcombine(c, input)
	case *spl.NoMV:
		return l.nomv(c, input)
	case *spl.SPath:
		return l.spath(c, input)
	case *spl.Extract:
		return l.extract(c, input)
	case *spl.Convert:
		return l.convert(c, input)
	case *spl.Foreach:
		return l.foreach(c, input)
	case *spl.Map:
		return l.mapRows(c, input)
	case *spl.IPLocation:
		return l.iplocation(c, input)
	case *spl.From:
		return l.from(c, input)
	case *spl.MakeResults:
		return l.makeresults(c, input)
	case *spl.Return:
		return l.returnRows(c, input)
	case *spl.Format:
		return l.format(c, input)
	case *spl.Other:
		return l.other(c, input)
	case *spl.Unknown:
		return l.unknown(c, input)
	}
	return hole(c.Span(), input, c.Name(), "%s is not known here", c.Name())
}

// generates says whether a command brings rows of its own.
func generates(c spl.Command) bool {
	switch c := c.(type) {
	case *spl.TStats, *spl.InputLookup, *spl.MakeResults, *spl.From, *spl.Multisearch:
		return true
	case *spl.Other:
		switch c.Command {
		case "gentimes", "rest", "metadata", "loadjob", "savedsearch", "dbxquery", "inputcsv", "metasearch", "mcatalog", "eventcount", "dbinspect", "set":
			return true
		}
	case *spl.Append:
		return c.Kind == "append"
	}
	return false
}

func (l *lowering) unknown(c *spl.Unknown, input plan.Node) plan.Node {
	if c.Macro && strings.HasSuffix(c.Command, "_filter") {
		return input
	}
	if c.Macro {
		return hole(c.At.At, input, c.Command, "macro %s has no definition: supply it with the macros", c.Command)
	}
	return hole(c.At.At, input, c.Command, "this part could not be read: %s", c.Text)
}

func texts(names []spl.Name) []string {
	var list []string
	for _, n := range names {
		list = append(list, n.Text)
	}
	return list
}

// option is the value of an option, or a default.
func option(opts []spl.Option, name, otherwise string) string {
	for i := len(opts) - 1; i >= 0; i-- {
		if opts[i].Name == name {
			return opts[i].Value
		}
	}
	return otherwise
}

// truth reads a boolean of an option.
func truth(opts []spl.Option, name string, otherwise bool) bool {
	switch strings.ToLower(option(opts, name, "")) {
	case "t", "true", "1", "yes":
		return true
	case "f", "false", "0", "no":
		return false
	}
	return otherwise
}

// count reads a whole number of an option.
func count(opts []spl.Option, name string, otherwise int) int {
	if n, ok := value.ParseNumber(option(opts, name, "")); ok && n >= -1e9 && n <= 1e9 {
		return int(n)
	}
	return otherwise
}
