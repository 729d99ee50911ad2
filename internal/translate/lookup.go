package translate

import (
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// A lookup adds columns of a table to each row. The rows of a small table become conditions (IN, LIKE, CIDR_MATCH) where
// they only filter, and CASE where their values are needed; a larger table becomes an index in lookup mode that LOOKUP
// JOIN reads.
//
// In Splunk nothing is output for an event without a match (min_matches 0), so OUTPUT overwrites a field only where the
// table has a value for it; OUTPUTNEW leaves a field that has a value.

const (
	// caseRows and caseValues bound a table that becomes a CASE: its rows, and the different values of a column.
	caseRows, caseValues = 64, 16
	// maxMatches is how many rows match an event when the lookup does not say.
	maxMatches = 100
)

// lookupUse is one use of a lookup table.
type lookupUse struct {
	l     *lowering
	cmd   *spl.Lookup
	table *Lookup // nil when nobody defined it
	keys  []lookupKey
	outs  []lookupOut
	rows  []map[string]string // those that can match, in file order
	at    spl.Span
	mark  spl.Span // of conditions on the keys
}

type lookupKey struct {
	column string
	field  spl.Name
	v      value
	kind   string // WILDCARD, CIDR or empty
}

type lookupOut struct {
	column, name string
	at           spl.Span
	old          *column // the field of that name before, nil when none
}

// lookupTable adds columns of a lookup table to the rows.
func (l *lowering) lookupTable(cmd *spl.Lookup, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	for _, o := range cmd.Options {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` says where and when Splunk reads the table, which does not change the rows")
	}
	u := &lookupUse{l: l, cmd: cmd, table: l.lookups[cmd.Table.Text], at: cmd.Span(), mark: cmd.Span()}
	u.outputs()
	if len(cmd.Keys) == 0 {
		l.diag("lookup_unsupported", cmd.Span(), cmd.Table.Text, "lookup `"+cmd.Table.Text+"` names no field to match by; add one")
		u.holes()
		return
	}
	if !u.findKeys() {
		u.holes()
		return
	}
	l.useful = true
	u.matching()
	switch code, why := u.incomplete(); {
	case code != "":
		l.missing("lookup", cmd.Table.Text)
		l.diag(code, cmd.Table.Span(), cmd.Table.Text, why)
		u.join(nil)
	case u.never():
		u.bindNone()
	case len(u.rows) == 0 && u.literal():
		l.diag("lookup_approximate", cmd.Table.Span(), cmd.Table.Text, "lookup `"+cmd.Table.Text+"` has no rows in this export, so nothing matches; fill the index "+indexOf(cmd.Table.Text)+" with what your Splunk has")
		u.join([]map[string]any{})
	case len(u.rows) == 0:
		l.diag("lookup_approximate", cmd.Table.Span(), cmd.Table.Text, "lookup `"+cmd.Table.Text+"` has no rows in this export, so nothing matches, and LOOKUP JOIN takes no wildcards or networks; export it again with its rows")
		u.join([]map[string]any{})
	default:
		u.inline(rest)
	}
}

// outputs lists what the lookup outputs: all columns but the keys when it does not say.
func (u *lookupUse) outputs() {
	seen := map[string]bool{}
	add := func(column, name string, at spl.Span) {
		if !seen[name] {
			seen[name] = true
			u.outs = append(u.outs, lookupOut{column: column, name: name, at: at})
		}
	}
	for _, o := range u.cmd.Outputs {
		add(o.Column.Text, o.Field.Text, o.Span())
	}
	if len(u.cmd.Outputs) > 0 || u.table == nil {
		return
	}
	for _, k := range u.cmd.Keys {
		seen[k.Column.Text] = true
	}
	for _, c := range u.table.Columns {
		add(c, c, u.at)
	}
}

func (u *lookupUse) holes() {
	for _, o := range u.outs {
		u.l.defineHole(o.name)
	}
	if len(u.outs) == 0 {
		u.l.env.setPartial()
	}
}

func (u *lookupUse) findKeys() bool {
	l := u.l
	for _, k := range u.cmd.Keys {
		c := l.lookup(k.Field.Text, k.Field.Span())
		if c.hole {
			l.diag("depends_on_hole", u.at, k.Field.Text, "the lookup is left out of the draft, because `"+k.Field.Text+"` is a hole")
			return false
		}
		key := lookupKey{column: k.Column.Text, field: k.Field, v: c.value()}
		if u.table != nil {
			key.kind = strings.ToUpper(u.table.MatchType[k.Column.Text])
		}
		u.keys = append(u.keys, key)
	}
	for i := range u.outs {
		o := &u.outs[i]
		if c, ok := l.env.cols[o.name]; ok {
			if !c.hole && !(c.constant != nil && c.constant.Value == nil) {
				o.old = c
			}
			continue
		}
		if l.env.open && l.src != nil && !l.env.gone[o.name] {
			if f := l.src.Field(o.name, schema.Hint{EventCodes: l.eventCodes}); f.Support != schema.None && l.stores(f) {
				if c := l.peek(o.name, o.at); !c.hole && c.constant == nil {
					o.old = c
				}
			}
		}
	}
	return true
}

// incomplete says why the rows of the table cannot be relied on.
func (u *lookupUse) incomplete() (Code, string) {
	name := u.cmd.Table.Text
	index := indexOf(name)
	t := u.table
	switch {
	case t == nil:
		return "lookup_missing", "lookup `" + name + "` is not defined here; export it from Splunk and add it to the lookups, or create the index " + index + " in lookup mode yourself, one row a key"
	case len(t.Rows) == 0 && (t.Kind == "kvstore" || t.TotalRows > 0):
		return "lookup_incomplete", "the rows of lookup `" + name + "` are not in the export (searches write them at run time); export its content, or fill the index " + index + ", one row a key"
	case len(t.Rows) == 0 && len(t.Columns) == 0:
		return "lookup_missing", "lookup `" + name + "` is known by name only; export its content and add it to the lookups, or fill the index " + index + ", one row a key"
	case t.TotalRows > len(t.Rows):
		why := "lookup `" + name + "` has " + itoa(t.TotalRows) + " rows, of which " + itoa(len(t.Rows)) + " are known; add all of them, or fill the index " + index + ", one row a key"
		if !u.literal() {
			why += ". It matches wildcards or networks, which LOOKUP JOIN does not: only values without them match until then"
		}
		return "lookup_incomplete", why
	}
	return "", ""
}

// never says that a key is always null, so that no row matches.
func (u *lookupUse) never() bool {
	for _, k := range u.keys {
		if k.v.null {
			return true
		}
	}
	return false
}

// fallback is the value of outputs without a match, if there is one.
func (u *lookupUse) fallback() (string, bool) {
	if u.table == nil || u.table.MinMatches <= 0 || u.table.DefaultMatch == "" {
		return "", false
	}
	return u.table.DefaultMatch, true
}

// bindNone binds the outputs where nothing matches.
func (u *lookupUse) bindNone() {
	u.l.diag("field_absent", u.at, u.cmd.Table.Text, "the lookup's key never has a value here, so nothing matches")
	for _, o := range u.outs {
		d, ok := u.fallback()
		switch {
		case ok && (!u.cmd.OutputNew || o.old == nil):
			u.l.defineAs(o.name, &column{typ: "keyword", nonNull: true}, mark(str(d), o.at), o.at)
		case o.old == nil:
			u.l.diag("field_absent", o.at, o.name, "`"+o.name+"` is always null: the lookup's key never has a value here")
			u.l.env.bind(o.name, &column{name: o.name, typ: "null", constant: &esql.Literal{}})
		}
	}
}

// matching keeps the rows that have a value for every key; of rows with one literal key, as many as may match.
func (u *lookupUse) matching() {
	if u.table == nil {
		return
	}
	count := map[string]int{}
	literal := u.literal()
	for _, r := range u.table.Rows {
		k, ok := u.keyOf(r)
		if !ok {
			continue
		}
		if literal {
			if count[k]++; count[k] > u.most() {
				continue
			}
		}
		u.rows = append(u.rows, r)
	}
}

func (u *lookupUse) most() int {
	if u.table == nil || u.table.MaxMatches <= 0 {
		return maxMatches
	}
	return u.table.MaxMatches
}

// keyOf is the key of a row as LOOKUP JOIN compares it.
func (u *lookupUse) keyOf(r map[string]string) (string, bool) {
	parts := make([]string, len(u.keys))
	for i, k := range u.keys {
		parts[i] = r[k.column]
		if parts[i] == "" {
			return "", false
		}
		if u.folds() {
			parts[i] = strings.ToLower(parts[i])
		}
	}
	return strings.Join(parts, rowMark), true
}

func (u *lookupUse) folds() bool { return u.table != nil && !u.table.CaseSensitive }

// literal says that no key of a row is a pattern or a network.
func (u *lookupUse) literal() bool {
	for _, k := range u.keys {
		switch k.kind {
		case "CIDR":
			return false
		case "WILDCARD":
			if len(u.table.Rows) == 0 || u.table.TotalRows > len(u.table.Rows) {
				return false
			}
			for _, r := range u.table.Rows {
				if strings.Contains(r[k.column], "*") {
					return false
				}
			}
		}
	}
	return true
}

// matches is true where the event matches any of the rows, or, with neg, none. nil is a hole.
func (u *lookupUse) matches(rows []map[string]string, neg bool) esql.Expr {
	if len(rows) == 0 {
		return boolean(neg)
	}
	if len(u.keys) == 1 {
		var words []string
		for _, r := range rows {
			words = append(words, r[u.keys[0].column])
		}
		return mark(u.keyIs(&u.keys[0], words, neg), u.mark)
	}
	var out []esql.Expr
	for _, r := range rows {
		var parts []esql.Expr
		for i := range u.keys {
			k := &u.keys[i]
			x := u.keyIs(k, []string{r[k.column]}, neg)
			if x == nil {
				return nil
			}
			parts = append(parts, x)
		}
		if neg {
			out = append(out, or(parts...))
		} else {
			out = append(out, and(parts...))
		}
	}
	if neg {
		return mark(and(out...), u.mark)
	}
	return mark(or(out...), u.mark)
}

// keyIs compares one key field with values of its column.
func (u *lookupUse) keyIs(k *lookupKey, words []string, neg bool) esql.Expr {
	l := u.l
	switch {
	case k.v.null:
		return boolean(neg)
	case k.kind == "CIDR":
		var alts []esql.Expr
		for _, w := range words {
			alts = append(alts, l.cidr(k.v, w))
		}
		if !neg {
			return or(alts...)
		}
		return l.orNull(k.v, negate(or(alts...)))
	case u.table.CaseSensitive && isText(k.v.typ) || k.kind != "WILDCARD" && anyContains(words, "*"):
		var plain []string
		var alts []esql.Expr
		for _, w := range words {
			t := textTest{value: w, wild: k.kind == "WILDCARD", fold: !u.table.CaseSensitive}
			if t.hasStar() || t.fold || k.v.multi() {
				x := k.v
				if !isText(x.typ) {
					x = asText(x)
				}
				alts = append(alts, l.textEquals(x, t))
				continue
			}
			plain = appendNew(plain, w)
		}
		if len(plain) > 0 {
			alts = append([]esql.Expr{l.evalWords(k.v, plain)}, alts...)
		}
		if !neg {
			return or(alts...)
		}
		return l.orNull(k.v, negate(or(alts...)))
	}
	at := spl.At{At: k.field.Span()}
	values := make([]spl.Value, len(words))
	for i, w := range words {
		values[i] = spl.Value{At: at, Text: w, Quoted: true}
	}
	return l.searchIn(k.field, values, k.field.Span(), neg)
}

func anyContains(words []string, part string) bool {
	for _, w := range words {
		if strings.Contains(w, part) {
			return true
		}
	}
	return false
}

// inline writes a table whose rows are all known.
func (u *lookupUse) inline(rest []spl.Command) {
	l := u.l
	name := u.cmd.Table.Text
	switch {
	case u.table.Kind == "kvstore":
		l.diag("lookup_approximate", u.cmd.Table.Span(), name, "lookup `"+name+"` is written at run time: the draft knows its rows as they were exported; export it again when they change")
	default:
		l.diag("source_resolved", u.cmd.Table.Span(), name, "lookup `"+name+"` has "+itoa(len(u.table.Rows))+" rows, all known; translate again when it changes")
	}
	kept := u.rows
	consumed := false
	if len(rest) > 0 && len(u.rows) <= inlineRows {
		if rows, ok := u.filter(rest[0]); ok {
			kept, consumed = rows, true
			l.skipped(rest[0])
			rest = rest[1:]
		}
	}
	used := namesUsed(rest)
	open := namesNeeded(rest) == nil
	var needed []lookupOut
	for _, o := range u.outs {
		named := used[o.name] || anyPattern(used, o.name)
		if v, same := u.oneValue(o, kept); consumed && same && o.old == nil {
			if named {
				l.defineAs(o.name, &column{typ: "keyword", nonNull: true}, mark(str(v), o.at), o.at)
			} else {
				l.diag("display_only", o.at, o.name, "`"+o.name+"` is \""+clip(v)+"\" in every row that is left")
				l.env.bind(o.name, &column{name: o.name, typ: "keyword", constant: &esql.Literal{Value: v}, nonNull: true})
			}
			continue
		}
		if !named && !open {
			l.diag("display_only", o.at, o.name, "`"+o.name+"` is not used further down, so the draft leaves it out")
			continue
		}
		needed = append(needed, o)
	}
	if len(needed) == 0 {
		return
	}
	u.values(needed)
}

// anyPattern says that a wildcard among the names covers one.
func anyPattern(names map[string]bool, name string) bool {
	for n := range names {
		if strings.Contains(n, "*") {
			if _, ok := matchStar(n, name); ok {
				return true
			}
		}
	}
	return false
}

// oneValue is the value of an output when it is the same in all rows.
func (u *lookupUse) oneValue(o lookupOut, rows []map[string]string) (string, bool) {
	if len(rows) == 0 {
		return "", false
	}
	for _, r := range rows {
		if r[o.column] == "" || r[o.column] != rows[0][o.column] {
			return "", false
		}
	}
	return rows[0][o.column], true
}

// values makes columns of outputs.
func (u *lookupUse) values(outs []lookupOut) {
	l := u.l
	literal := u.literal()
	small := len(u.rows) <= caseRows
	for _, o := range outs {
		distinct := map[string]bool{}
		for _, r := range u.rows {
			distinct[r[o.column]] = true
		}
		small = small && len(distinct) <= caseValues && (!literal || !u.several(o))
	}
	if literal && !small {
		u.join(u.indexRows())
		return
	}
	full := l.fullText
	defer func() { l.fullText = full }()
	l.fullText = false // EVAL takes no full-text operators
	for _, o := range outs {
		x, several, why := u.caseOf(o)
		if x == nil {
			l.diag("lookup_unsupported", o.at, u.cmd.Table.Text, "`"+o.name+"` of lookup `"+u.cmd.Table.Text+"` is left out of the draft: "+why)
			l.defineHole(o.name)
			continue
		}
		c := &column{typ: "keyword"}
		if several {
			c.array = schema.MaybeArray
		}
		u.define(o, c, x, false)
	}
}

// several says that an event can get several values of an output.
func (u *lookupUse) several(o lookupOut) bool {
	first := map[string]string{}
	for _, r := range u.rows {
		k, _ := u.keyOf(r)
		if v, ok := first[k]; ok && v != r[o.column] {
			return true
		}
		first[k] = r[o.column]
	}
	return false
}

// caseOf writes an output as CASE over the rows; of several matching rows with different values all of them, in file
// order.
func (u *lookupUse) caseOf(o lookupOut) (x esql.Expr, several bool, why string) {
	overlap := false
	if u.most() > 1 {
		overlap = u.overlap(o)
	}
	if len(u.rows) > inlineRows || overlap && len(u.rows) > caseRows {
		return nil, false, "its " + itoa(len(u.rows)) + " rows match wildcards or networks, which LOOKUP JOIN does not; write the rows out as plain values"
	}
	type group struct {
		value string
		rows  []map[string]string
	}
	var groups []group
	at := map[string]int{}
	ordered := u.most() == 1 && u.overlap(o) // the first row that matches decides
	for _, r := range u.rows {
		v := r[o.column]
		i, ok := at[v]
		if ordered && ok && i != len(groups)-1 {
			ok = false
		}
		if !ok {
			i = len(groups)
			at[v] = i
			groups = append(groups, group{value: v})
		}
		groups[i].rows = append(groups[i].rows, r)
	}
	var args, parts []esql.Expr
	for _, g := range groups {
		c := u.matches(g.rows, false)
		if c == nil {
			return nil, false, "its key does not compare with the rows"
		}
		var v esql.Expr = str(g.value)
		switch {
		case overlap && g.value != "":
			parts = append(parts, call("CASE", c, str(g.value+listMark), str("")))
		case overlap:
		case g.value == "":
			args = append(args, c, null())
		default:
			args = append(args, c, v)
		}
	}
	if overlap {
		joined := parts[0]
		if len(parts) > 1 {
			joined = call("CONCAT", parts...)
		}
		return call("CASE", binary("!=", joined, str("")), call("SPLIT", call("REPLACE", joined, str(listMark+"$"), str("")), str(listMark))), true, ""
	}
	if len(args) == 0 {
		return null(), false, ""
	}
	return call("CASE", args...), false, ""
}

// overlap says that rows with different values may match the same event.
func (u *lookupUse) overlap(o lookupOut) bool {
	for i, a := range u.rows {
		for _, b := range u.rows[i+1:] {
			if a[o.column] != b[o.column] && u.meet(a, b) {
				return true
			}
		}
	}
	return false
}

// meet says that two rows may match the same event.
func (u *lookupUse) meet(a, b map[string]string) bool {
	for _, k := range u.keys {
		x, y := a[k.column], b[k.column]
		if u.folds() {
			x, y = strings.ToLower(x), strings.ToLower(y)
		}
		switch k.kind {
		case "WILDCARD":
			if !patternsMeet(x, y) {
				return false
			}
		case "CIDR":
			if !networksMeet(x, y) {
				return false
			}
		default:
			if x != y {
				return false
			}
		}
	}
	return true
}

// define binds an output to its value; joined says that the value is already in a column of that expression.
func (u *lookupUse) define(o lookupOut, c *column, x esql.Expr, joined bool) {
	l := u.l
	d, hasDefault := u.fallback()
	if hasDefault {
		switch e := x.(type) {
		case *esql.Call:
			if e.Func == "CASE" && !u.emptyCells(o) {
				if len(e.Args)%2 == 0 {
					e.Args = append(e.Args, str(d))
				}
			} else {
				x = call("COALESCE", x, str(d))
			}
		default:
			x = call("COALESCE", x, str(d))
		}
		c.nonNull = !u.emptyCells(o)
	}
	if o.old != nil {
		old := l.text(o.old.value())
		switch {
		case u.cmd.OutputNew && o.old.nonNull:
			return
		case u.cmd.OutputNew:
			x = call("COALESCE", old.expr, x)
			c.nonNull = c.nonNull || old.nonNull
		case !c.nonNull:
			x = call("COALESCE", x, old.expr)
			c.nonNull = old.nonNull
		}
		if !(c.nonNull && !u.cmd.OutputNew) && old.array > c.array {
			c.array = old.array
		}
		l.defineAs(o.name, c, mark(x, o.at), o.at)
		return
	}
	if plain, ok := x.(*esql.Column); ok && joined {
		c = l.define(o.name, c)
		if c.name != plain.Name {
			r := &esql.Rename{Pairs: []esql.RenamePair{{Old: plain.Name, New: c.name}}}
			r.Origin = origin(o.at)
			l.add(r)
		}
		return
	}
	l.defineAs(o.name, c, mark(x, o.at), o.at)
}

// emptyCells says that a matching row may have no value for the output.
func (u *lookupUse) emptyCells(o lookupOut) bool {
	for _, r := range u.rows {
		if r[o.column] == "" {
			return true
		}
	}
	return false
}

// ---- LOOKUP JOIN ----

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
			if sameColumns(old.Body, k.Body) && len(old.Rows) == len(k.Rows) {
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

func sameColumns(a, b map[string]any) bool {
	names := func(m map[string]any) []string {
		props := m["mappings"].(map[string]any)["properties"].(map[string]any)
		out := sortedKeys(props)
		sort.Strings(out)
		return out
	}
	return strings.Join(names(a), "\x00") == strings.Join(names(b), "\x00")
}

// inputlookup starts a search with the rows of a lookup, or appends them.
func (l *lowering) inputlookup(cmd *spl.InputLookup) {
	name := cmd.Table.Text
	if l.lookups[name] == nil {
		l.missing("lookup", name)
		l.diag("lookup_missing", cmd.Table.Span(), name, "lookup `"+name+"` is not defined here; export it from Splunk and add it to the lookups")
	}
	why := "inputlookup starts with the rows of lookup `" + name + "`, which are no events to alert on; search the events and use lookup, or index the rows with a time"
	if !l.first {
		why = "inputlookup append=t adds the rows of lookup `" + name + "` to those of the search, as a search does that keeps its state in a lookup; ES|QL cannot write one. Compare with the past instead: search a longer range and group by the key, or make a new terms rule"
	}
	l.diag("unsupported_command", cmd.Span(), "inputlookup", why)
	l.env.setPartial()
}

// outputlookup writes the rows to a lookup; they go on unchanged.
func (l *lowering) outputlookup(cmd *spl.OutputLookup) {
	name := cmd.Table.Text
	why := "outputlookup writes the results to lookup `" + name + "`; the alert itself is stored. Rules that read the lookup need another source for it, such as a transform that keeps an index"
	l.diag("side_effect", cmd.Span(), "outputlookup", why)
}
