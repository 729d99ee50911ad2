package activities

import (
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
)

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
