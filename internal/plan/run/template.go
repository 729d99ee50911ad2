package run

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

const (
	// maxTemplates is how often a template of foreach is repeated at most.
	maxTemplates = 2000
	// maxTemplateText is how long the text of a repeated template may become, in bytes.
	maxTemplateText = 1 << 20
)

// forEach repeats a template for each field that a pattern names.
func (x *runner) forEach(n *plan.ForEach, t *rows) (*rows, error) {
	if x.nested++; x.nested > x.limits.Depth {
		return nil, &LimitError{fmt.Sprintf("%d templates within one another", x.limits.Depth), n.At}
	}
	defer func() { x.nested-- }()
	if n.Mode != "multifield" {
		return x.forItems(n, t)
	}
	names := slices.Clone(t.names)
	done := map[string]bool{}
	count := 0
	for _, p := range n.Patterns {
		for _, name := range matching(names, p) {
			if done[name] || strings.HasPrefix(name, "_") && strings.HasPrefix(p, "*") {
				continue
			}
			done[name] = true
			if count++; count > maxTemplates {
				return nil, &LimitError{fmt.Sprintf("%d repetitions of a template", maxTemplates), n.At}
			}
			text := filled(n, name, p)
			if len(text) > maxTemplateText {
				return nil, &LimitError{fmt.Sprintf("%d bytes of a template", maxTemplateText), n.At}
			}
			before := t.rows
			var err error
			if t, err = x.behind(text, t); err != nil {
				return nil, err
			}
			if onlyAssigns(text) {
				keepTotals(t, before, name)
			}
		}
	}
	return t, nil
}

// onlyAssigns says that a template is made of eval alone, so that its rows are those before it, in their order.
func onlyAssigns(text string) bool {
	q := spl.Parse("| "+strings.TrimPrefix(strings.TrimSpace(text), "|"), spl.Options{})
	for _, c := range q.Pipeline.Commands {
		if _, ok := c.(*spl.Eval); !ok {
			return false
		}
	}
	return true
}

// keepTotals gives rows that lack the field of a template what they had before it where the template left nothing: the
// page's total over www* is 800 for a row with one of two such fields.
func keepTotals(t *rows, before []*Row, field string) {
	for i, r := range t.rows {
		if i >= len(before) || !before[i].fields[field].Missing() {
			continue
		}
		for name, v := range before[i].fields {
			if r.fields[name].Missing() {
				r.set(name, v)
			}
		}
	}
}

// matching are the names that a pattern names; a name without a star stands for itself, also where no row has it.
func matching(names []string, pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	var list []string
	for _, name := range names {
		if value.Wild(name, pattern, false) {
			list = append(list, name)
		}
	}
	return list
}

// forItems repeats a template for each value of a field or each element of a list of JSON, row by row.
func (x *runner) forItems(n *plan.ForEach, t *rows) (*rows, error) {
	out := t.like()
	for _, r := range t.rows {
		one := &rows{names: slices.Clone(t.names), fixed: t.fixed, listed: t.listed, rows: []*Row{r}}
		patterns := n.Patterns
		if len(patterns) == 0 { // auto_collections takes the fields that hold several values or a list
			for _, name := range t.names {
				if j, ok := value.ParseJSON(r.fields[name].Joined()); len(r.fields[name]) > 1 || ok && j.IsList() {
					patterns = append(patterns, name)
				}
			}
		}
		for _, field := range patterns {
			items := r.fields[field].Texts()
			if j, ok := value.ParseJSON(r.fields[field].Joined()); ok && j.IsList() && n.Mode != "multivalue" {
				items = nil
				for _, e := range j.Elements() {
					items = append(items, e.Text())
				}
			}
			if len(items) > maxTemplates {
				return nil, &LimitError{fmt.Sprintf("%d repetitions of a template", maxTemplates), n.At}
			}
			for i, item := range items {
				quoted := spl.PrintExpr(&spl.StringLit{Value: item})
				if _, ok := value.ParseNumber(item); ok {
					quoted = item
				}
				text := strings.NewReplacer(`"`+n.ItemStr+`"`, spl.PrintExpr(&spl.StringLit{Value: item}), "'"+n.ItemStr+"'", quoted, n.ItemStr, quoted, n.IterStr, fmt.Sprint(i)).Replace(n.Template)
				var err error
				if one, err = x.behind(text, one); err != nil {
					return nil, err
				}
			}
		}
		for _, name := range one.names {
			out.add(name)
		}
		out.rows = append(out.rows, one.rows...)
		if err := x.fits(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// forRows is map: it runs a search for each row with $field$ replaced by the row's value.
func (x *runner) forRows(n *plan.ForRows, t *rows) (*rows, error) {
	if x.nested++; x.nested > x.limits.Depth {
		return nil, &LimitError{fmt.Sprintf("%d templates within one another", x.limits.Depth), n.At}
	}
	defer func() { x.nested-- }()
	out := &rows{listed: true} // as the searches order them
	for i, r := range t.rows {
		if i == n.Max {
			x.note(n.At, "map runs for the first %d rows only: give maxsearches", n.Max)
			break
		}
		q := spl.Parse(substituted(n.Search, r, i+1), spl.Options{Macros: x.in.Macros})
		if len(q.Problems) > 0 {
			return nil, &Error{n.At, fmt.Sprintf("the search of map cannot be read: %s", q.Problems[0].Message)}
		}
		p := lower.Lower(q)
		if err := x.check(p.Root, x.depth+1); err != nil {
			return nil, x.here(err)
		}
		u, err := x.sub(p.Root, 0)
		if err != nil {
			return nil, x.here(err)
		}
		for _, name := range u.names {
			out.add(name)
		}
		out.rows = append(out.rows, u.rows...)
		if err := x.fits(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// substituted puts the values of a row in the place of $field$; $$ is a dollar, $_serial_id$ the number of the search.
func substituted(text string, r *Row, serial int) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			break
		}
		b.WriteString(text[:i])
		text = text[i+1:]
		end := strings.IndexByte(text, '$')
		switch {
		case end == 0:
			b.WriteByte('$')
		case end > 0 && !strings.ContainsAny(text[:end], " \t\n|\""):
			v := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(r.fields[text[:end]].Joined())
			if text[:end] == "_serial_id" {
				v = strconv.Itoa(serial)
			}
			if strings.ContainsAny(v, " \t\n|,()[]") && !(strings.HasSuffix(b.String(), `"`)) {
				v = `"` + v + `"`
			}
			b.WriteString(v)
		default:
			b.WriteByte('$')
			continue
		}
		text = text[end+1:]
	}
	b.WriteString(text)
	return b.String()
}

// toSearch is format and return.
func (x *runner) toSearch(n *plan.ToSearch, t *rows) (*rows, error) {
	list := t.rows
	most := n.Count
	if n.Return == nil {
		most = n.Max
	}
	if most > 0 && len(list) > most {
		list = list[:most]
	}
	var parts []string
	size := 0
	for _, r := range list {
		s := returned(n, r)
		if n.Return == nil {
			s = x.formatted(n, t, r)
		}
		if s == "" {
			continue
		}
		if size += len(s); size > maxTemplateText*8 {
			return nil, &LimitError{fmt.Sprintf("%d bytes of conditions", maxTemplateText*8), n.At}
		}
		if err := x.spend(1 + len(s)/16); err != nil {
			return nil, err
		}
		parts = append(parts, s)
	}
	text := ""
	switch {
	case n.Return != nil:
		text = strings.Join(parts, " OR ")
	case len(parts) == 0:
		text = n.Empty
	default:
		text = n.Texts[0] + " " + strings.Join(parts, " "+n.Texts[4]+" ") + " " + n.Texts[5]
	}
	out := &rows{names: []string{"search"}, fixed: true}
	r := &Row{fields: map[string]value.Value{}}
	if text != "" {
		r.set("search", value.Str(text))
	}
	out.rows = []*Row{r}
	return out, nil
}

func (x *runner) formatted(n *plan.ToSearch, t *rows, r *Row) string {
	var cols []string
	names := slices.Clone(t.names)
	slices.Sort(names)
	for _, name := range names {
		v := r.fields[name]
		if v.Missing() || strings.HasPrefix(name, "_") {
			continue
		}
		var one []string
		for _, a := range v {
			if name == "search" || name == "query" {
				one = append(one, a.Text())
				continue
			}
			one = append(one, spl.PrintSearch(&spl.Compare{Field: spl.Name{Text: name}, Op: "=", Value: spl.Value{Text: a.Text(), Quoted: true}}))
		}
		s := strings.Join(one, " "+n.MVSep+" ")
		if len(one) > 1 {
			s = "( " + s + " )"
		}
		cols = append(cols, s)
	}
	if len(cols) == 0 {
		return ""
	}
	return n.Texts[1] + " " + strings.Join(cols, " "+n.Texts[2]+" ") + " " + n.Texts[3]
}

// returned is the text that return makes of a row.
func returned(n *plan.ToSearch, r *Row) string {
	var cols []string
	for _, f := range n.Return {
		v := r.fields[f.Field]
		if v.Missing() {
			continue
		}
		name := f.Field
		if f.Alias != "" {
			name = f.Alias
		}
		text := spl.PrintSearch(&spl.Compare{Field: spl.Name{Text: name}, Op: "=", Value: spl.Value{Text: v.Joined(), Quoted: true}})
		if f.Dollar {
			text = v.Joined()
		}
		cols = append(cols, text)
	}
	switch len(cols) {
	case 0:
		return ""
	case 1:
		return "(" + cols[0] + ")"
	}
	return "(" + strings.Join(cols, " ") + ")"
}

// filled is the template for one field.
func filled(n *plan.ForEach, name, pattern string) string {
	pairs := []string{n.FieldStr, name}
	if stars, ok := value.WildParts(name, pattern); ok && len(stars) > 0 {
		pairs = append(pairs, n.MatchStr, strings.Join(stars, ""))
		for i, s := range stars {
			if i < 3 {
				pairs = append(pairs, n.Seg[i+1], s)
			}
		}
	} else {
		pairs = append(pairs, n.MatchStr, "")
	}
	return strings.NewReplacer(pairs...).Replace(n.Template)
}
