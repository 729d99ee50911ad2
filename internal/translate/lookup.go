package translate

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
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
	if !u.hasColumns() || !u.findKeys() {
		u.holes()
		return
	}
	l.useful = true
	u.matching()
	switch code, _ := u.incomplete(""); {
	case code != "":
		l.missing("lookup", cmd.Table.Text)
		_, why := u.incomplete(u.join(nil))
		l.diag(code, cmd.Table.Span(), cmd.Table.Text, why)
	case u.never():
		u.bindNone()
	case len(u.rows) == 0 && u.literal():
		index := u.join([]map[string]any{})
		l.diag("lookup_approximate", cmd.Table.Span(), cmd.Table.Text, "lookup `"+cmd.Table.Text+"` has no rows in this export, so nothing matches; fill the index "+index+" with what your Splunk has")
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

// hasColumns says that the table has the columns that are named, where its columns are known.
func (u *lookupUse) hasColumns() bool {
	if u.table == nil || len(u.table.Columns) == 0 {
		return true
	}
	known := map[string]bool{}
	for _, c := range u.table.Columns {
		known[c] = true
	}
	for _, list := range [][]spl.LookupField{u.cmd.Keys, u.cmd.Outputs} {
		for _, f := range list {
			if !known[f.Column.Text] {
				u.l.diag("lookup_unsupported", f.Span(), f.Column.Text, "lookup `"+u.cmd.Table.Text+"` has no column `"+f.Column.Text+"` (it has "+strings.Join(u.table.Columns, ", ")+"), so the lookup is left out; Splunk refuses it too, correct the name")
				return false
			}
		}
	}
	return true
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
			l.diag("depends_on_hole", u.at, k.Field.Text, "the lookup is left out of the draft, because its key `"+k.Field.Text+"` could not be translated; settle that error first")
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
			if f := l.src.SharedField(o.name, schema.Hint{EventCodes: l.eventCodes}); f.Support != schema.None && l.stores(f) {
				if c := l.peek(o.name, o.at); !c.hole && c.constant == nil {
					o.old = c
				}
			}
		}
	}
	return true
}

// incomplete says why the rows of the table cannot be relied on; index is the one to fill.
func (u *lookupUse) incomplete(index string) (Code, string) {
	name := u.cmd.Table.Text
	t := u.table
	switch {
	case t == nil && u.l.hidden("lookup", name) != "":
		return "lookup_missing", u.l.hidden("lookup", name)
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
	key, folds := "", u.folds()
	for i := range u.keys {
		part := r[u.keys[i].column]
		if part == "" {
			return "", false
		}
		if folds {
			part = strings.ToLower(part)
		}
		if i > 0 {
			part = key + rowMark + part
		}
		key = part
	}
	return key, true
}

// folds says that case does not matter. It always does in a KV store.
func (u *lookupUse) folds() bool {
	return u.table != nil && !u.table.CaseSensitive && u.table.Kind != "kvstore"
}

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
	if isNumeric(k.v.typ) && k.kind == "" {
		words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !plainNumber(w) })
		if len(words) == 0 {
			return boolean(neg)
		}
	}
	defer func(before bool) { l.literal = before }(l.literal)
	l.literal = true
	switch {
	case k.v.null:
		return boolean(neg)
	case k.kind == "CIDR":
		var alts []esql.Expr
		for _, w := range words {
			if p, ok := network(w); ok {
				alts = append(alts, l.cidr(k.v, p, l.at))
			}
		}
		if len(alts) == 0 {
			return boolean(neg)
		}
		if !neg {
			return or(alts...)
		}
		return l.orNull(k.v, negate(or(alts...)))
	case !u.folds() && isText(k.v.typ) || k.kind != "WILDCARD" && anyContains(words, "*"):
		var plain []string
		var alts []esql.Expr
		for _, w := range words {
			t := textTest{value: w, wild: k.kind == "WILDCARD", fold: u.folds()}
			if t.hasStar() || t.fold || k.v.multi() {
				x := k.v
				if !isText(x.typ) {
					x = l.asText(x)
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

// plainNumber says that a number would be written like this: keys are texts, and 0445 is not 445.
func plainNumber(w string) bool {
	n, err := strconv.ParseFloat(w, 64)
	return err == nil && strconv.FormatFloat(n, 'f', -1, 64) == w
}

// network reads a network, or an address as a network of one; anything else matches nothing.
func network(s string) (string, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.String(), true
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()).String(), true
	}
	return "", false
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
			l.consume(rest[0])
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
	all := u.rows
	if len(kept) > 0 {
		u.rows = kept // those that the filter left decide the values
	}
	u.values(needed, all)
}

// anyPattern says that a wildcard among the names covers one.
func anyPattern(names map[string]bool, name string) bool {
	for n := range names {
		if strings.Contains(n, "*") {
			if fitsStar(n, name) {
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

// inputlookup starts a search with the rows of a lookup, or appends them.
func (l *lowering) inputlookup(cmd *spl.InputLookup) {
	name := cmd.Table.Text
	if l.lookups[name] == nil {
		l.missing("lookup", name)
		l.diag("lookup_missing", cmd.Table.Span(), name, cmp.Or(l.hidden("lookup", name), "lookup `"+name+"` is not defined here; export it from Splunk and add it to the lookups"))
	}
	if l.first {
		// no event follows, so that nothing further down has a source
		l.env, l.aggregated = newEnv(false), true
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
