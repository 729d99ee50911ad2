package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// indexColumns are the columns of the index beside the key: those that are output, and, since all rules that read a table
// by one key share its index, the others that are in nobody's way. left are those that are: LOOKUP JOIN would overwrite
// a field of the rows.
func (u *lookupUse) indexColumns() (columns, left []string) {
	var out distinct
	for _, o := range u.outs {
		out.add(o.column)
	}
	if u.table == nil {
		return out.list, nil
	}
	skip := map[string]bool{}
	for _, k := range u.keys {
		skip[k.column] = true
	}
	for _, c := range out.list {
		skip[c] = true
	}
	for _, c := range u.table.Columns {
		switch {
		case skip[c], strings.HasPrefix(c, "_"): // a KV store's own
		case u.taken(columnName(c)), u.l.schema.IsIdentity() && u.l.mentioned(c):
			left = append(left, c)
		default:
			out.add(c)
		}
	}
	return out.list, left
}

// mentioned says that the search names a field.
func (l *lowering) mentioned(name string) bool {
	return l.query.Pipeline != nil && namesField(l.query.Pipeline, name)
}

// indexRows is one row a key, each column with the values of all matching rows in file order.
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
	columns, _ := u.indexColumns()
	var out []map[string]any
	for _, k := range order {
		row := map[string]any{"": k}
		for _, c := range columns {
			var vs []any
			for _, r := range byKey[k] {
				if v := r[c]; v != "" {
					vs = append(vs, v)
				}
			}
			switch len(vs) {
			case 0:
			case 1:
				row[c] = vs[0]
			default:
				row[c] = vs
			}
		}
		out = append(out, row)
	}
	return out
}

// join writes LOOKUP JOIN and gives the index. rows have the key under the empty name; nil when they are not known.
func (u *lookupUse) join(rows []map[string]any) string {
	l := u.l
	columns, left := u.indexColumns() // before the key may be computed beside them
	key := u.joinKey()
	renamed := map[string]string{}
	props := map[string]any{key: keywordProperty()}
	var moved distinct
	for _, c := range columns {
		n := columnName(c)
		if n == key || u.taken(n) {
			n = "lookup_" + n
			moved.add(n)
		}
		renamed[c] = n
		props[n] = keywordProperty()
	}
	index := LookupIndex{Name: u.indexName(key, moved.list, left), Body: map[string]any{
		"settings": map[string]any{"index": map[string]any{"mode": "lookup", "number_of_shards": 1}},
		"mappings": map[string]any{"properties": props},
	}}
	array := map[string]bool{}
	for _, r := range rows {
		row := map[string]any{key: r[""]}
		for _, c := range columns {
			if v, ok := r[c]; ok {
				row[renamed[c]] = v
				if _, several := v.([]any); several {
					array[c] = true
				}
			}
		}
		index.Rows = append(index.Rows, row)
	}
	index.Name = l.addLookupIndex(index)
	several := false
	for _, o := range u.outs {
		several = several || array[o.column]
	}
	if several {
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
	return index.Name
}

// indexName is the index that holds a table by a key: lookup_TABLE where that is the table's first column and the field
// that goes by its name, so that rules which join by another field or by several, or whose rows have columns in the way,
// have an index of their own. Rules are compiled apart: what differs has to be in the name.
func (u *lookupUse) indexName(key string, moved, left []string) string {
	name := indexOf(u.cmd.Table.Text)
	switch {
	case len(u.keys) == 1 && key == u.usualKey() && u.byFirst():
	case len(u.keys) == 1 && u.table != nil && u.byFirst():
		name += "_by_" + indexPart(key)
	case len(u.keys) == 1:
		name += "_" + indexPart(u.keys[0].column) + "_by_" + indexPart(key)
	default:
		name += "_by"
		for _, k := range u.keys {
			name += "_" + indexPart(k.column)
		}
		if key != severalKeys {
			name += "_" + indexPart(key)
		}
	}
	for _, m := range moved {
		name += "_" + indexPart(m)
	}
	for _, c := range left {
		name += "_without_" + indexPart(c)
	}
	return name
}

// byFirst says that the key is the table's first column, as far as that is known.
func (u *lookupUse) byFirst() bool {
	if u.table == nil {
		return true
	}
	for _, c := range u.table.Columns {
		if !strings.HasPrefix(c, "_") {
			return c == u.keys[0].column
		}
	}
	return true
}

// usualKey is the column to join on where the event's field is what the table's column is called.
func (u *lookupUse) usualKey() string {
	l, name := u.l, u.keys[0].column
	key := &column{name: columnName(name), typ: "keyword"}
	if f := l.schema.CommonField(name); !l.schema.IsIdentity() && f != nil {
		key.name, key.typ, key.field = f.Name, f.Type, f
	} else if l.schema.IsIdentity() {
		if c := l.peek(name, u.at); !c.hole && c.constant == nil {
			key.typ, key.field = c.typ, c.field
		}
	}
	v := key.value()
	switch {
	case u.folds() && !v.lower && u.casedKeys(name):
		return key.name + "_lower"
	case !isText(key.typ):
		return key.name + "_text"
	}
	return key.name
}

// indexPart makes a name fit for a part of an index name.
func indexPart(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(s))
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

// severalKeys is the column in which several keys ride.
const severalKeys = "lookup_key"

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
			v = l.asText(v)
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
	name := severalKeys
	x := parts[0]
	switch {
	case len(parts) > 1:
		x = call("CONCAT", parts...)
	case lower:
		name = u.keyColumn() + "_lower"
	default:
		name = u.keyColumn() + "_text"
	}
	// Names that begin with an underscore are always taken.
	base := strings.TrimLeft(name, "_")
	if base == "" || base == "lower" || base == "text" {
		base = severalKeys
	}
	name = base
	for i := 2; u.taken(name); i++ {
		l.budget.Step(1)
		name = base + "_" + itoa(i)
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

// addLookupIndex lists an index once; one that is there already gets the columns that it lacks.
func (l *lowering) addLookupIndex(k LookupIndex) string {
	base := k.Name
	for n := 2; ; n++ {
		l.budget.Step(1)
		i := slices.IndexFunc(l.out.Lookups, func(old LookupIndex) bool { return old.Name == k.Name })
		if i < 0 {
			l.out.Lookups = append(l.out.Lookups, k)
			return k.Name
		}
		old := &l.out.Lookups[i]
		if len(old.Rows) == len(k.Rows) && (sameProperties(old.Body, k.Body) || len(k.Rows) == 0) {
			to, from := properties(old.Body), properties(k.Body)
			for _, name := range sortedKeys(from) {
				to[name] = from[name]
			}
			return k.Name
		}
		k.Name = base + "_" + itoa(n)
	}
}

func properties(body map[string]any) map[string]any {
	return body["mappings"].(map[string]any)["properties"].(map[string]any)
}

func sameProperties(a, b map[string]any) bool {
	return slices.Equal(sortedKeys(properties(a)), sortedKeys(properties(b)))
}
