package kibana

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// MoveExclusions moves what the filter macros and the lookups of what is allowed leave out from the query of a rule to the
// items of an exception list, as far as those say exactly the same; Exceptions is empty when nothing moves. What stays in the
// query is told with the reason.
func MoveExclusions(ctx context.Context, filters Filters, rule migration.Rule) (migration.Rule, Exceptions, []Kept, error) {
	// A person's query is compared with nothing that the compiler makes: it stays as it was written.
	if filters == nil || rule.Elastic == nil || rule.Edited != nil {
		return rule, Exceptions{}, nil, nil
	}
	without, macros, err := filters.Without(ctx, rule)
	emptied, lookups, err2 := filters.Emptied(ctx, rule)
	if ctx.Err() != nil {
		return rule, Exceptions{}, nil, ctx.Err()
	}
	m := mover{filters: filters, rule: rule, done: map[esql.Expr]bool{}, moved: map[esql.Expr]bool{}}
	if err != nil || len(macros) > 0 {
		m.take(Kept{Macros: macros}, "the macro "+strings.Join(macros, ", "), without, err)
	}
	if err2 != nil || len(lookups) > 0 {
		m.take(Kept{Lookups: lookups}, "the lookup "+strings.Join(lookups, ", "), emptied, err2)
	}
	if len(m.items) == 0 {
		return rule, Exceptions{}, m.kept, nil
	}
	elastic := *rule.Elastic
	elastic.Query = esql.Print(&esql.Query{Commands: remove(m.q.Commands, m.moved)})
	rule.Elastic = &elastic
	return rule, Exceptions{List: listOf(rule, m.items), Items: m.items}, m.kept, nil
}

// mover moves exclusions of one rule.
type mover struct {
	filters Filters
	rule    migration.Rule
	kept    []Kept
	q       *esql.Query        // the rule's; nil until it is read
	done    map[esql.Expr]bool // conditions that were looked at
	moved   map[esql.Expr]bool // of these, those that became items
	items   []ExceptionItem
}

// take moves what the query leaves out beyond another one, which is the rule's without certain macros or lookups.
func (m *mover) take(by Kept, name, without string, err error) {
	keep := func(condition, why string) {
		by.Rule, by.Condition, by.Why = m.rule.ID, condition, why
		m.kept = append(m.kept, by)
	}
	if err != nil {
		keep("", "the rule cannot be compiled without it: "+plain(err.Error()))
		return
	}
	if m.q == nil {
		m.q, err = esql.Parse(m.rule.Elastic.Query)
	}
	bare, err2 := esql.Parse(without)
	if err := errors.Join(err, err2); err != nil {
		keep("", "the query cannot be read: "+plain(err.Error()))
		return
	}
	byLookup := len(by.Lookups) > 0
	var nowhere []condition
	if byLookup {
		nowhere = mentioning(bare, Nowhere)
	}
	found := slices.DeleteFunc(extra(m.q, bare), func(c condition) bool { return m.done[c.expr] })
	if byLookup && len(found) == 0 {
		keep("", "the query does not have its rows: the migration does not know them, or a lookup index has them; edit them there")
		return
	}
	if !slices.Equal(normal(m.q, append(found, m.looked()...), byLookup), normal(bare, append(nowhere, m.lookedIn(bare)...), byLookup)) {
		why := "the query does more with the filter macro than leave events out, or another version of the compiler made it: translate the rule again"
		if byLookup {
			why = "the query does more with the lookup than leave events out, or its rows are in a lookup index; edit them there"
		}
		keep("", why)
		return
	}
	for _, x := range found {
		m.done[x.expr] = true
		entries, why := m.entries(m.q, x, m.rule.Elastic.Index)
		if why != "" {
			if !byLookup || leavesOut(x.expr) { // a lookup may also say what to look for
				keep(esql.PrintExpr(x.expr), why)
			}
			continue
		}
		m.moved[x.expr] = true
		listID := ListID(m.rule.ID)
		m.items = append(m.items, ExceptionItem{
			ItemID: fmt.Sprintf("%s-%d", listID, len(m.items)+1), ListID: listID, Type: "simple", NamespaceType: "single",
			Name: "Exclusion " + strconv.Itoa(len(m.items)+1) + " of " + name, Description: "Left out in Splunk by " + name + ".",
			Entries: entries, Comments: []any{}, OSTypes: []string{}, Tags: []string{TagSource},
		})
	}
}

// looked are the conditions that were looked at before.
func (m *mover) looked() (list []condition) {
	for x := range m.done {
		list = append(list, condition{expr: x})
	}
	return list
}

// lookedIn are the conditions of another query that were looked at in the rule's own.
func (m *mover) lookedIn(other *esql.Query) (list []condition) {
	left := map[string]int{}
	for x := range m.done {
		left[esql.PrintExpr(x)]++
	}
	eachCondition(other, func(c condition) {
		if text := esql.PrintExpr(c.expr); left[text] > 0 {
			left[text]--
			list = append(list, c)
		}
	})
	return list
}

// mentioning are the conditions of a query that compare with a text.
func mentioning(q *esql.Query, text string) (list []condition) {
	eachCondition(q, func(c condition) {
		found := false
		esql.InspectExpr(c.expr, func(n esql.Node) bool {
			l, ok := n.(*esql.Literal)
			value, isText := "", false
			if ok {
				value, isText = l.Value.(string)
			}
			found = found || isText && strings.Contains(strings.ToLower(value), text)
			return !found
		})
		if found {
			list = append(list, c)
		}
	})
	return list
}

// leavesOut says that a condition is one of those that leave values out, rather than look for them.
func leavesOut(x esql.Expr) bool {
	out := false
	esql.InspectExpr(x, func(n esql.Node) bool {
		switch n := n.(type) {
		case *esql.Binary:
			out = out || n.Op == "!="
		case *esql.In:
			out = out || n.Not
		case *esql.Like:
			out = out || n.Not
		case *esql.Not:
			out = true
		}
		return !out
	})
	return out
}

func eachCondition(q *esql.Query, f func(condition)) {
	for i, c := range q.Commands {
		if w, ok := c.(*esql.Where); ok {
			for _, x := range conditions(w.Expr) {
				f(condition{i, x})
			}
		}
	}
}

// condition is one of the conditions that a WHERE joins with AND, and the command it stands in.
type condition struct {
	command int
	expr    esql.Expr
}

// conditions are those of an expression that AND joins.
func conditions(x esql.Expr) []esql.Expr { return joined(x, "AND") }

func joined(x esql.Expr, op string) []esql.Expr {
	if b, ok := x.(*esql.Binary); ok && b.Op == op {
		return append(joined(b.L, op), joined(b.R, op)...)
	}
	return []esql.Expr{x}
}

// extra are the conditions of q that bare lacks.
func extra(q, bare *esql.Query) (out []condition) {
	left := map[string]int{}
	eachCondition(bare, func(c condition) { left[esql.PrintExpr(c.expr)]++ })
	eachCondition(q, func(c condition) {
		if text := esql.PrintExpr(c.expr); left[text] > 0 {
			left[text]--
			return
		}
		out = append(out, c)
	})
	return out
}

// normal is a query without some conditions, in a form in which two that do the same in the same order are equal: of
// neighbouring WHEREs the order and the number do not matter. With computed, columns that it computes are left aside: those
// of a lookup differ with its rows, and the rule keeps its own.
func normal(q *esql.Query, without []condition, computed bool) []string {
	gone := map[esql.Expr]bool{}
	for _, c := range without {
		gone[c.expr] = true
	}
	var out, where []string
	flush := func() {
		slices.Sort(where)
		out, where = append(out, where...), nil
	}
	for _, c := range q.Commands {
		if w, ok := c.(*esql.Where); ok {
			for _, x := range conditions(w.Expr) {
				if !gone[x] {
					where = append(where, esql.PrintExpr(x))
				}
			}
			continue
		}
		if _, ok := c.(*esql.Eval); ok && computed {
			continue
		}
		flush()
		out = append(out, esql.Print(&esql.Query{Commands: []esql.Command{c}}))
	}
	flush()
	return out
}

// remove takes conditions out of commands.
func remove(commands []esql.Command, gone map[esql.Expr]bool) []esql.Command {
	var out []esql.Command
	for _, c := range commands {
		w, ok := c.(*esql.Where)
		if !ok {
			out = append(out, c)
			continue
		}
		var stay []esql.Expr
		for _, x := range conditions(w.Expr) {
			if !gone[x] {
				stay = append(stay, x)
			}
		}
		if len(stay) > 0 {
			out = append(out, &esql.Where{Expr: esql.And(stay...)})
		}
	}
	return out
}

// entries are what a condition leaves out, or why no exception says exactly that. The condition holds for what stays, so
// what it leaves out is where none of its alternatives holds: a field that is neither another value nor missing.
func (m *mover) entries(q *esql.Query, x condition, indices []string) ([]ExceptionEntry, string) {
	values, missing := map[string][]any{}, map[string]bool{}
	for _, alternative := range joined(x.expr, "OR") {
		switch a := alternative.(type) {
		case *esql.IsNull:
			if c, ok := a.X.(*esql.Column); ok && !a.Not {
				missing[c.Name] = true
				continue
			}
		case *esql.Binary:
			if field, list, ok := unequal(a); ok && values[field] == nil {
				values[field] = list
				continue
			}
		case *esql.In:
			if c, ok := a.X.(*esql.Column); ok && a.Not && values[c.Name] == nil {
				list := []any{}
				for _, item := range a.List {
					if v, ok := item.(*esql.Literal); ok {
						list = append(list, v.Value)
					}
				}
				if len(list) == len(a.List) {
					values[c.Name] = list
					continue
				}
			}
		}
		if withoutCase(alternative) {
			return nil, "Splunk compares this text without case, an exception list with case"
		}
		return nil, "an exception compares a field with whole values only; this is " + plain(esql.PrintExpr(alternative))
	}
	var entries []ExceptionEntry
	for _, field := range slices.Sorted(maps.Keys(values)) {
		if !missing[field] && !present(q.Commands[:x.command+1], field) {
			return nil, "the query also leaves out events without " + field + ", an exception keeps them"
		}
		delete(missing, field)
		if !m.filters.Plain(indices, field) {
			return nil, field + " can hold several values, or is not compared as a whole"
		}
		if why := untouched(q.Commands[:x.command], field); why != "" {
			return nil, why
		}
		texts := make([]string, len(values[field]))
		for i, v := range values[field] {
			switch v := v.(type) {
			case string:
				texts[i] = v
			case int64:
				texts[i] = strconv.FormatInt(v, 10)
			default:
				return nil, "an exception compares with texts and whole numbers only"
			}
			if strings.TrimSpace(texts[i]) != texts[i] || texts[i] == "" {
				return nil, "an exception has no value that is empty or begins or ends with a blank"
			}
		}
		entry := ExceptionEntry{Field: field, Operator: "included", Type: "match", Value: texts[0]}
		if len(texts) > 1 {
			entry.Type, entry.Value = "match_any", texts
		}
		entries = append(entries, entry)
	}
	if len(missing) > 0 || len(entries) == 0 {
		return nil, "the condition does not leave out certain values"
	}
	return entries, ""
}

// withoutCase says that a condition compares a whole text without case.
func withoutCase(x esql.Expr) bool {
	lowered, pattern := false, false
	esql.InspectExpr(x, func(n esql.Node) bool {
		switch n := n.(type) {
		case *esql.Call:
			lowered = lowered || n.Func == "TO_LOWER" || n.Func == "TO_UPPER"
		case *esql.Like:
			pattern = true
		}
		return true
	})
	return lowered && !pattern
}

// present says that rows without a field are left out by commands, whatever else becomes of it.
func present(commands []esql.Command, field string) bool {
	for _, c := range commands {
		w, ok := c.(*esql.Where)
		if !ok {
			continue
		}
		for _, x := range conditions(w.Expr) {
			if n, ok := x.(*esql.IsNull); ok && n.Not {
				if c, ok := n.X.(*esql.Column); ok && c.Name == field {
					return true
				}
			}
		}
	}
	return false
}

// unequal reads f != a AND f != b.
func unequal(x esql.Expr) (field string, values []any, ok bool) {
	for _, part := range joined(x, "AND") {
		b, isBinary := part.(*esql.Binary)
		if !isBinary || b.Op != "!=" {
			return "", nil, false
		}
		c, isColumn := b.L.(*esql.Column)
		v, isLiteral := b.R.(*esql.Literal)
		if !isColumn || !isLiteral || field != "" && c.Name != field {
			return "", nil, false
		}
		field, values = c.Name, append(values, v.Value)
	}
	return field, values, true
}

// untouched says what keeps a condition on a field, behind some commands, from being asked of the events themselves, as an
// exception is. Grouping by the field does not: without an event goes its whole group.
func untouched(commands []esql.Command, field string) string {
	for _, c := range commands {
		switch c := c.(type) {
		case *esql.From, *esql.Where, *esql.Comment, *esql.Sort:
		case *esql.Keep, *esql.Drop:
		case *esql.Eval:
			for _, a := range c.Assigns {
				if a.Name == field {
					return field + " is computed by the query"
				}
			}
		case *esql.Rename:
			for _, p := range c.Pairs {
				if p.New == field || p.Old == field {
					return field + " is renamed by the query"
				}
			}
		case *esql.Stats:
			grouped := slices.ContainsFunc(c.By, func(a *esql.Assign) bool {
				column, ok := a.Expr.(*esql.Column)
				return ok && column.Name == field && (a.Name == "" || a.Name == field)
			})
			if !grouped || c.Inline && !grouped {
				return "the query aggregates over events that would be left out"
			}
		default:
			return "it stands behind " + c.Keyword() + ", which sees the events that would be left out"
		}
	}
	return ""
}
