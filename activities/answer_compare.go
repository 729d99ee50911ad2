package activities

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
)

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
