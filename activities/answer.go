package activities

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/llm/prompts"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// readAnswer reads a model's answer and lists what is wrong with it, in words the model can act on. A model may add what
// the holes that it fills allow, and nothing else: a wrong filter hides an attack.
func (a *Activities) readAnswer(rule migration.Rule, answer string) (prompts.Filling, []string) {
	filling, err := prompts.ReadFilling(answer)
	if err != nil {
		return filling, []string{err.Error()}
	}
	causes := migration.Causes(rule.Diagnostics)
	problems := listed(filling, len(causes))
	draft := draftOf(rule)
	if len(filling.Filled) == 0 {
		// Nothing is claimed, so the compiler's draft stands, and a query that differs from it was changed in silence.
		if !sameQuery(filling.Query, draft) && draft != "" && strings.TrimSpace(filling.Query) != "" {
			problems = append(problems, "no hole is listed as filled, but the query differs from the draft")
		}
		filling.Query = draft
		return filling, problems
	}
	query, err := esql.Parse(filling.Query)
	if err != nil {
		return filling, append(problems, "the query does not parse: "+err.Error())
	}
	for _, p := range esql.Check(query, esql.Env{}) {
		if !p.Lint {
			problems = append(problems, p.String())
		}
	}
	before := &esql.Query{}
	if draft != "" {
		if before, err = esql.Parse(draft); err != nil {
			return filling, append(problems, "the draft does not parse, so nothing can be filled in: leave every hole open")
		}
	}
	c := &comparison{known: a.Known, allowed: allowedBy(rule, filling, causes), protected: names(before.Commands), draftless: draft == ""}
	// Remarks of a model are not asked for, and they would end up in Kibana; those of the draft stay.
	query.Commands = slices.DeleteFunc(query.Commands, func(c esql.Command) bool {
		return isComment(c) && !slices.ContainsFunc(before.Commands, func(d esql.Command) bool { return printed(d) == printed(c) })
	})
	c.compare(slices.DeleteFunc(slices.Clone(before.Commands), isComment), query)
	problems = append(problems, c.problems...)
	problems = append(problems, complete(query)...)
	if draft != "" && sameQuery(filling.Query, draft) {
		problems = append(problems, "the query is the draft, so no hole is filled: list every hole in \"open\"")
	}
	filling.Query = esql.Print(query)
	return filling, problems
}

func isComment(c esql.Command) bool { _, is := c.(*esql.Comment); return is }

// sameQuery compares two queries without regard to layout and comments.
func sameQuery(a, b string) bool {
	p, err := esql.Parse(a)
	if err != nil {
		return false
	}
	q, err := esql.Parse(b)
	if err != nil {
		return false
	}
	p.Commands, q.Commands = slices.DeleteFunc(p.Commands, isComment), slices.DeleteFunc(q.Commands, isComment)
	return esql.Print(p) == esql.Print(q)
}

// listed checks that every hole is accounted for once.
func listed(f prompts.Filling, n int) (problems []string) {
	times := make([]int, n+1)
	count := func(hole int) {
		if hole < 1 || hole > n {
			problems = append(problems, fmt.Sprintf("there is no hole %d", hole))
			return
		}
		times[hole]++
	}
	for _, h := range f.Filled {
		count(h.Hole)
	}
	for _, h := range f.Open {
		count(h.Hole)
	}
	for hole := 1; hole <= n; hole++ {
		if times[hole] != 1 {
			problems = append(problems, fmt.Sprintf("hole %d is listed %d times, it must be once", hole, times[hole]))
		}
	}
	return problems
}

// complete checks what a detection rule needs beyond being ES|QL.
func complete(q *esql.Query) (problems []string) {
	from := source(q)
	if from == nil {
		return []string{"the query does not begin with FROM"}
	}
	if slices.ContainsFunc(q.Commands, func(c esql.Command) bool { _, is := c.(*esql.Stats); return is }) {
		return nil
	}
	for _, name := range []string{"_id", "_index", "_version"} {
		if !slices.Contains(from.Metadata, name) {
			problems = append(problems, "a query without STATS needs METADATA _id, _index, _version after FROM")
			break
		}
	}
	return problems
}

// source is the FROM that a query begins with, comments aside; nil if it begins otherwise.
func source(q *esql.Query) *esql.From {
	for _, c := range q.Commands {
		if isComment(c) {
			continue
		}
		from, _ := c.(*esql.From)
		return from
	}
	return nil
}

// permission is what filling a hole may add to a draft.
type permission struct {
	conditions bool // WHERE, and further conditions of one
	columns    bool // EVAL, GROK, DISSECT
	aggregates bool // further aggregates of a STATS, or a STATS where the draft has none
	expand     bool // MV_EXPAND
	// groups are further fields of BY: those that the compiler says are missing there.
	groups []string
}

// What kind of command a hole is in says what it may add.
var (
	filterCommands    = words("search where regex dedup head tail uniq lookup inputlookup tstats from datamodel subsearch join set")
	aggregateCommands = words(`stats chart timechart top rare sistats tstats mstats transaction xyseries geostats contingency
		untable cluster associate`)
	expandCommands = words("mvexpand makemv untable")
)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// allowedBy is what the holes that are listed as filled allow together. Consequences of holes allow what they miss: a
// condition that could not be written, a field that is missing among the groups.
func allowedBy(rule migration.Rule, f prompts.Filling, causes []migration.Diagnostic) permission {
	var p permission
	add := func(d migration.Diagnostic) {
		command := strings.ToLower(d.Command)
		switch {
		case filterCommands[command] && aggregateCommands[command]:
			p.conditions, p.columns, p.aggregates = true, true, true
		case filterCommands[command]:
			p.conditions, p.columns = true, true
		case aggregateCommands[command]:
			p.aggregates, p.columns = true, true
			p.groups = append(p.groups, d.Subject)
		case command == "":
			p.conditions, p.columns = true, true
		default:
			p.columns = true
		}
		p.expand = p.expand || expandCommands[command]
	}
	for _, h := range f.Filled {
		if h.Hole >= 1 && h.Hole <= len(causes) {
			add(causes[h.Hole-1])
		}
	}
	for _, d := range rule.Diagnostics {
		if d.Severity == "error" && d.Consequence() {
			add(d)
		}
	}
	return p
}

// comparison holds an answer against the draft.
type comparison struct {
	known   Known
	allowed permission
	// protected are the columns that the draft reads or makes: nothing may be written over them.
	protected map[string]bool
	// made are the columns that the answer added so far.
	made      map[string]bool
	indices   []string
	draftless bool
	problems  []string
}

func (c *comparison) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// compare walks the answer beside the draft: each command of the draft must come, in order, as it is or with additions
// that are allowed; the others are additions themselves.
func (c *comparison) compare(draft []esql.Command, answer *esql.Query) {
	c.made = map[string]bool{}
	c.from(answer)
	next := 0
	for _, cmd := range answer.Commands {
		if isComment(cmd) {
			continue
		}
		if next < len(draft) && c.extends(draft[next], cmd) {
			next++
			continue
		}
		c.added(cmd, draft)
	}
	if next < len(draft) {
		// What else was found only follows from the command that is not there.
		c.problems = nil
		c.problem("a command of the draft is missing, changed or not in its place: %s", printed(draft[next]))
	}
}

// groupName is the name of a group of BY.
func groupName(a *esql.Assign) string {
	if col, ok := a.Expr.(*esql.Column); ok && a.Name == "" {
		return col.Name
	}
	return a.Name
}

// from checks where the answer reads: from the draft's indices, or without a draft from indices that the schema knows.
func (c *comparison) from(answer *esql.Query) {
	is := source(answer)
	if is == nil {
		return
	}
	c.indices = is.Indices
	if !c.draftless {
		return
	}
	for _, index := range is.Indices {
		if c.known == nil || !c.known.Index(index) {
			c.problem("FROM reads %s, which no known data source is read from; leave the hole open if none fits", index)
		}
	}
}

// extends says whether a command of the answer is the draft's, with no more than what is allowed added.
func (c *comparison) extends(draft, answer esql.Command) bool {
	if printed(draft) == printed(answer) {
		return true
	}
	switch d := draft.(type) {
	case *esql.Where:
		a, ok := answer.(*esql.Where)
		if !ok || !c.allowed.conditions {
			return false
		}
		extra, ok := rest(conjuncts(d.Expr), conjuncts(a.Expr), esql.PrintExpr)
		if ok {
			for _, e := range extra {
				c.condition(e)
			}
		}
		return ok
	case *esql.Eval:
		a, ok := answer.(*esql.Eval)
		if !ok || !c.allowed.columns {
			return false
		}
		extra, ok := rest(d.Assigns, a.Assigns, assigned)
		if ok {
			c.assigns(extra)
		}
		return ok
	case *esql.Stats:
		a, ok := answer.(*esql.Stats)
		if !ok || a.Inline != d.Inline || !c.allowed.aggregates {
			return false
		}
		aggs, ok := rest(d.Aggs, a.Aggs, assigned)
		by, same := rest(d.By, a.By, assigned)
		if !ok || !same {
			return false
		}
		c.assigns(aggs)
		for _, b := range by {
			if name := groupName(b); !slices.Contains(c.allowed.groups, name) && !c.made[name] {
				c.problem("STATS … BY must keep the draft's groups; %s is not among the missing ones", name)
			}
			c.reads(b.Expr)
		}
		return true
	case *esql.Keep:
		a, ok := answer.(*esql.Keep)
		if !ok {
			return false
		}
		extra, ok := rest(d.Names, a.Names, func(s string) string { return s })
		for _, name := range extra {
			ok = ok && c.made[name]
		}
		return ok
	}
	return false
}

// added checks a command that the draft does not have.
func (c *comparison) added(cmd esql.Command, draft []esql.Command) {
	switch cmd := cmd.(type) {
	case *esql.From:
		if !c.draftless {
			c.problem("FROM must keep the draft's indices and metadata")
		}
		return
	case *esql.Where:
		if c.allowed.conditions || c.draftless {
			for _, e := range conjuncts(cmd.Expr) {
				c.condition(e)
			}
			return
		}
	case *esql.Eval:
		if c.allowed.columns || c.allowed.conditions || c.draftless {
			c.assigns(cmd.Assigns)
			return
		}
	case *esql.Grok:
		if c.allowed.columns || c.draftless {
			c.reads(cmd.Input)
			c.makes(grokNames(cmd.Pattern)...)
			return
		}
	case *esql.Dissect:
		if c.allowed.columns || c.draftless {
			c.reads(cmd.Input)
			c.makes(dissectNames(cmd.Pattern)...)
			return
		}
	case *esql.MvExpand:
		if c.allowed.expand {
			c.reads(&esql.Column{Name: cmd.Field})
			return
		}
	case *esql.Keep:
		if c.draftless {
			return
		}
	case *esql.Stats:
		counts := slices.ContainsFunc(draft, func(d esql.Command) bool { _, is := d.(*esql.Stats); return is })
		if !cmd.Inline && (c.draftless || c.allowed.aggregates && !counts) {
			c.assigns(cmd.Aggs)
			for _, b := range cmd.By {
				c.reads(b.Expr)
				c.made[groupName(b)] = true
			}
			return
		}
	}
	c.problem("the holes that are listed as filled do not allow this command: %s", printed(cmd))
}

// condition checks an added condition: it must read a column, else it holds always or never.
func (c *comparison) condition(e esql.Expr) {
	if len(columns(e)) == 0 && !fullText(e) {
		c.problem("a condition reads no field, so it holds always or never: %s", esql.PrintExpr(e))
	}
	c.reads(e)
}

func fullText(e esql.Expr) bool {
	call, ok := e.(*esql.Call)
	return ok && (strings.EqualFold(call.Func, "QSTR") || strings.EqualFold(call.Func, "KQL"))
}

func (c *comparison) assigns(list []*esql.Assign) {
	for _, a := range list {
		c.reads(a.Expr)
		c.reads(a.Where)
		c.makes(a.Name)
	}
}

// makes notes columns that the answer adds; it must not write over one that the draft uses.
func (c *comparison) makes(list ...string) {
	for _, name := range list {
		switch {
		case c.protected[name]:
			c.problem("%s is a column of the draft and must not be assigned; use another name", name)
		case c.known != nil && c.known.Field(c.indices, name):
			c.problem("%s is a field of the data and must not be assigned; use another name", name)
		}
		c.made[name] = true
	}
}

// reads checks that an added expression reads only columns of the draft, columns that the answer made, and known fields.
func (c *comparison) reads(e esql.Expr) {
	for _, name := range columns(e) {
		if c.protected[name] || c.made[name] || c.known != nil && c.known.Field(c.indices, name) {
			continue
		}
		c.problem("%s is not a field that is known in %s, nor a column of the draft; leave the hole open if no field fits", name, strings.Join(c.indices, ", "))
	}
}

// rest takes the draft's list out of the answer's, where it must come in order, and gives what is left.
func rest[T any](draft, answer []T, text func(T) string) (extra []T, ok bool) {
	next := 0
	for _, a := range answer {
		if next < len(draft) && text(draft[next]) == text(a) {
			next++
			continue
		}
		extra = append(extra, a)
	}
	return extra, next == len(draft)
}

func assigned(a *esql.Assign) string {
	return printed(&esql.Eval{Assigns: []*esql.Assign{{Name: a.Name, Expr: a.Expr}}}) + "\x00" + whereText(a)
}

func whereText(a *esql.Assign) string {
	if a.Where == nil {
		return ""
	}
	return esql.PrintExpr(a.Where)
}

func printed(c esql.Command) string {
	return strings.Join(strings.Fields(esql.Print(&esql.Query{Commands: []esql.Command{c}})), " ")
}

// conjuncts are the parts of a condition that must all hold.
func conjuncts(e esql.Expr) []esql.Expr {
	if b, ok := e.(*esql.Binary); ok && strings.EqualFold(b.Op, "AND") {
		return append(conjuncts(b.L), conjuncts(b.R)...)
	}
	return []esql.Expr{e}
}

// columns are the names that an expression reads.
func columns(e esql.Expr) (list []string) {
	esql.InspectExpr(e, func(n esql.Node) bool {
		if c, ok := n.(*esql.Column); ok {
			list = append(list, c.Name)
		}
		return true
	})
	return list
}

// names are all columns that commands read or make.
func names(commands []esql.Command) map[string]bool {
	out := map[string]bool{}
	esql.Inspect(&esql.Query{Commands: commands}, func(n esql.Node) bool {
		switch n := n.(type) {
		case *esql.Column:
			out[n.Name] = true
		case *esql.Assign:
			out[n.Name] = true
		case *esql.From:
			for _, name := range n.Metadata {
				out[name] = true
			}
		case *esql.Keep:
			for _, name := range n.Names {
				out[name] = true
			}
		case *esql.Rename:
			for _, p := range n.Pairs {
				out[p.Old], out[p.New] = true, true
			}
		case *esql.MvExpand:
			out[n.Field] = true
		case *esql.LookupJoin:
			for _, name := range n.On {
				out[name] = true
			}
		case *esql.Grok:
			for _, name := range grokNames(n.Pattern) {
				out[name] = true
			}
		case *esql.Dissect:
			for _, name := range dissectNames(n.Pattern) {
				out[name] = true
			}
		}
		return true
	})
	return out
}

var (
	grokName    = regexp.MustCompile(`\(\?<([A-Za-z0-9_.@]+)>|%\{[A-Z0-9_]+:([A-Za-z0-9_.@]+)`)
	dissectName = regexp.MustCompile(`%\{[+?*&]?([A-Za-z0-9_.@]+)`)
)

func grokNames(pattern string) (list []string) {
	for _, m := range grokName.FindAllStringSubmatch(pattern, -1) {
		list = append(list, m[1]+m[2])
	}
	return list
}

func dissectNames(pattern string) (list []string) {
	for _, m := range dissectName.FindAllStringSubmatch(pattern, -1) {
		list = append(list, m[1])
	}
	return list
}
