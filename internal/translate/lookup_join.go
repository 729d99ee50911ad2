package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// indexRows is one row a key, each output column with the values of all matching rows in file order.
func (u *lookupUse) indexRows() []map[string]any {
	byKey := map[string][]map[string]string{}
	var order []string
	for _, r := range u.rows {
		k, _ := u.keyOf(r)
		if byKey[k] == nil {
			order = append(order, k)
		}
		byKey[k] = append(byKey[k], r)
	}
	var out []map[string]any
	for _, k := range order {
		row := map[string]any{"": k}
		for _, o := range u.outs {
			var vs []any
			for _, r := range byKey[k] {
				if v := r[o.column]; v != "" {
					vs = append(vs, v)
				}
			}
			switch len(vs) {
			case 0:
			case 1:
				row[o.column] = vs[0]
			default:
				row[o.column] = vs
			}
		}
		out = append(out, row)
	}
	return out
}

// join writes LOOKUP JOIN. rows have the key under the empty name; nil when they are not known.
func (u *lookupUse) join(rows []map[string]any) {
	l := u.l
	key := u.joinKey()
	renamed := map[string]string{}
	props := map[string]any{key: keywordProperty()}
	for _, o := range u.outs {
		n := columnName(o.column)
		if n == key || u.taken(n) {
			n = "lookup_" + n
		}
		renamed[o.column] = n
		props[n] = keywordProperty()
	}
	index := LookupIndex{Name: indexOf(u.cmd.Table.Text), Body: map[string]any{
		"settings": map[string]any{"index": map[string]any{"mode": "lookup", "number_of_shards": 1}},
		"mappings": map[string]any{"properties": props},
	}}
	array := map[string]bool{}
	for _, r := range rows {
		row := map[string]any{key: r[""]}
		for _, o := range u.outs {
			if v, ok := r[o.column]; ok {
				row[renamed[o.column]] = v
				if _, several := v.([]any); several {
					array[o.column] = true
				}
			}
		}
		index.Rows = append(index.Rows, row)
	}
	index.Name = l.addLookupIndex(index, key)
	if len(array) > 0 {
		l.diag("order_not_kept", u.at, index.Name, "several matching rows give several values in both; the index keeps them sorted and each once, the lookup in file order")
	}
	j := &esql.LookupJoin{Index: index.Name, On: []string{key}}
	j.Origin = origin(u.at)
	l.add(j)
	done := map[string]bool{}
	for _, o := range u.outs {
		n := renamed[o.column]
		c := &column{typ: "keyword"}
		if array[o.column] {
			c.array = schema.MaybeArray
		}
		if done[n] { // one column under two names
			l.defineAs(o.name, c, mark(col(l.env.cols[firstOut(u.outs, o.column)].name), o.at), o.at)
			continue
		}
		done[n] = true
		if o.old != nil {
			l.helpers = append(l.helpers, n)
		}
		u.define(o, c, col(n), true)
	}
	if len(u.outs) == 0 {
		l.env.setPartial()
	}
}

func firstOut(outs []lookupOut, column string) string {
	for _, o := range outs {
		if o.column == column {
			return o.name
		}
	}
	return ""
}

func keywordProperty() map[string]any { return map[string]any{"type": "keyword"} }

// taken says that a column of the rows has the name, which LOOKUP JOIN would overwrite.
func (u *lookupUse) taken(name string) bool {
	l := u.l
	if l.env.uses(name, "") || name == "@timestamp" || strings.HasPrefix(name, "_") {
		return true
	}
	if l.env.open && l.src != nil {
		_, ok := l.src.Known(name)
		return ok
	}
	return false
}

// joinKey is the column to join on: the field itself where it compares as it is, else a helper.
func (u *lookupUse) joinKey() string {
	l := u.l
	var parts []esql.Expr
	lower := false
	for i := range u.keys {
		k := &u.keys[i]
		v := k.v
		if v.multi() {
			l.arrayNote(v, k.field.Span(), "lookup", "a key of several values matches by each of them in Splunk; LOOKUP JOIN matches by none")
		}
		if !isText(v.typ) {
			v = asText(v)
		}
		if u.folds() && !v.lower && u.casedKeys(k.column) {
			lower = true
			v.expr = call("TO_LOWER", v.expr)
		}
		if i > 0 {
			parts = append(parts, str(rowMark))
		}
		parts = append(parts, v.expr)
	}
	if len(parts) == 1 {
		if c, ok := parts[0].(*esql.Column); ok {
			return c.Name
		}
	}
	name := "lookup_key"
	x := parts[0]
	switch {
	case len(parts) > 1:
		x = call("CONCAT", parts...)
	case lower:
		name = u.keyColumn() + "_lower"
	default:
		name = u.keyColumn() + "_text"
	}
	for i := 2; l.env.uses(name, "") || u.taken(name); i++ {
		name = name + "_" + itoa(i)
	}
	l.assign(u.at, name, mark(x, u.at))
	l.helpers = appendNew(l.helpers, name)
	return name
}

func (u *lookupUse) keyColumn() string {
	if n := u.keys[0].v.columnName(); n != "" {
		return n
	}
	return columnName(u.keys[0].field.Text)
}

// casedKeys says that case matters for the keys of a column.
func (u *lookupUse) casedKeys(column string) bool {
	if len(u.table.Rows) == 0 || u.table.TotalRows > len(u.table.Rows) {
		return true
	}
	for _, r := range u.table.Rows {
		if cased, _ := letters(r[column]); cased {
			return true
		}
	}
	return false
}

// indexOf is the name of a lookup's index, which Elasticsearch wants in lower case.
func indexOf(table string) string {
	return "lookup_" + strings.Map(func(r rune) rune {
		if r < 0x21 || strings.ContainsRune(`\/*?"<>|,#:`+"`", r) {
			return '_'
		}
		return r
	}, strings.ToLower(table))
}

// addLookupIndex lists an index once; a second one of the same name with other columns gets a name of its own.
func (l *lowering) addLookupIndex(k LookupIndex, key string) string {
	base := k.Name
	for n := 1; ; n++ {
		switch n {
		case 1:
		case 2:
			k.Name = base + "_" + strings.ToLower(strings.NewReplacer(".", "_", " ", "_").Replace(key))
		default:
			k.Name = base + "_" + itoa(n)
		}
		taken := false
		for _, old := range l.out.Lookups {
			if old.Name != k.Name {
				continue
			}
			if sameProperties(old.Body, k.Body) && len(old.Rows) == len(k.Rows) {
				return k.Name
			}
			taken = true
		}
		if !taken {
			l.out.Lookups = append(l.out.Lookups, k)
			return k.Name
		}
	}
}

func sameProperties(a, b map[string]any) bool {
	names := func(m map[string]any) []string {
		props := m["mappings"].(map[string]any)["properties"].(map[string]any)
		return sortedKeys(props)
	}
	return strings.Join(names(a), "\x00") == strings.Join(names(b), "\x00")
}
