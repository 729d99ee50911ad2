package translate

import (
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

var dissectKey = regexp.MustCompile(`%\{([^}]*)\}`)

// subsearchRows is how many rows of the subsearch of join and append Splunk reads.
const subsearchRows = "50,000"

// antiJoin is a subsearch whose rows exclude events.
const antiJoin = "not subsearch"

// joinOptions are the options of join with Splunk's defaults.
type joinOptions struct {
	left, keepMain bool
	max            int // 0: every match
}

func (l *lowering) joinOptions(opts []spl.Option) (j joinOptions, ok bool) {
	j.max = 1
	ok = true
	for _, o := range opts {
		switch o.Name {
		case "type":
			switch o.Value {
			case "outer", "left":
				j.left = true
			case "inner":
			default:
				l.diag("unsupported_option", o.Span(), "type", "join type="+o.Value+" is not known; use inner or left")
				ok = false
			}
		case "max":
			n, err := strconv.Atoi(o.Value)
			if err != nil || n < 0 {
				l.diag("unsupported_option", o.Span(), "max", "max="+o.Value+" of join is no number")
				ok = false
			}
			j.max = n
		case "overwrite":
			j.keepMain = !isYes(o.Value)
		case "usetime", "earlier":
			if o.Name == "usetime" && isYes(o.Value) {
				l.diag("unsupported_option", o.Span(), "usetime", "join with usetime picks a row by its time, which the draft cannot; leave it out or group by a time interval as well")
				ok = false
			}
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows of join")
		}
	}
	return j, ok
}

// join matches the rows of two searches by the values of fields. 8.19 joins with lookup indices only, so both searches
// become one: their rows ride through one STATS by the keys.
func (l *lowering) join(cmd *spl.Join, rest []spl.Command) { l.joinAs("join", cmd, rest) }

// joinAs is join, also for a subsearch that a search has as a condition.
func (l *lowering) joinAs(command string, cmd *spl.Join, rest []spl.Command) {
	anti := command == antiJoin
	if anti {
		command = "subsearch"
	}
	l.ensureSource(cmd.Span())
	opts, ok := l.joinOptions(cmd.Options)
	opts.left = opts.left || anti // rows without a match are the ones to keep
	name := l.compilation.command
	saved := *l
	saved.env, saved.readOuts, saved.present = l.env.clone(), maps.Clone(l.readOuts), maps.Clone(l.present)
	fail := func(why string) {
		*l = saved
		l.compilation.command = name
		if command == "subsearch" {
			l.diag("subsearch", cmd.Span(), "", "this subsearch makes conditions of its rows, and cannot be folded in: "+why+". The draft goes on without it: run it apart and put its values in, or make it a lookup index")
			return
		}
		l.diag("unsupported_command", cmd.Span(), "join", "this join has no counterpart: "+why+". The draft goes on without it: write it as one search over both kinds of events with stats by the fields it joins on, or as a lookup")
		l.env.setPartial()
	}
	if !ok {
		fail("its options ask for what ES|QL has not")
		return
	}
	if cmd.Sub == nil || len(cmd.Sub.Commands) == 0 {
		fail("it has no subsearch")
		return
	}
	if cmd.Where != nil {
		fail("it names its sides (left=, right=) and compares different fields")
		return
	}
	if k, ok := cmd.Sub.Commands[0].(*spl.InputLookup); ok {
		l.joinLookup(cmd, k, opts, fail)
		return
	}
	var mainRows, subRows *packedRows
	if l.src != nil && !l.aggregated {
		p, reason := l.packRows(cmd, false, opts.left, command == "subsearch", rest)
		if p == nil {
			fail("in the main search, " + reason)
			return
		}
		mainRows = p
	} else if command == "subsearch" {
		l.foldKeys(cmd.Fields)
	}
	main, reason := splitBranch(l, mainSide)
	if main == nil {
		fail("in the main search, " + reason)
		return
	}
	main.rows = mainRows
	r := l.compilation.lowering()
	r.peer = newPeer(main)
	r.branchPipeline(cmd.Sub)
	if command == "subsearch" {
		opts.keepMain = true
	}
	switch {
	case r.src == nil || r.aggregated:
	case command == "subsearch":
		if reason := r.keysOnly(cmd.Fields, cmd.Span()); reason != "" {
			fail("in the subsearch, " + reason)
			return
		}
	default:
		p, reason := r.packRows(cmd, opts.max == 1, false, false, rest)
		if p == nil {
			fail("in the subsearch, " + reason)
			return
		}
		subRows = p
	}
	if command == "subsearch" {
		r.foldKeys(cmd.Fields)
		folded := *cmd
		folded.Fields = nil
		for _, f := range cmd.Fields {
			f.Text = foldedPrefix + f.Text
			folded.Fields = append(folded.Fields, f)
		}
		cmd = &folded
	}
	sub, reason := splitBranch(r, subSide)
	if sub == nil {
		fail("in the subsearch, " + reason)
		return
	}
	sub.rows = subRows
	j := &joining{l: l, r: r, command: command, anti: anti, main: main, sub: sub, opts: opts, at: cmd.Span(), cmd: cmd, rest: rest}
	if reason := j.run(); reason != "" {
		fail(reason)
		return
	}
	for _, f := range cmd.Fields {
		if strings.HasPrefix(f.Text, foldedPrefix) {
			l.env.unbind(f.Text) // gone with the last STATS
		}
	}
}

// branchPipeline lowers the pipeline of a second branch, which must leave the rule's own settings alone.
func (l *lowering) branchPipeline(p *spl.Pipeline) {
	defer l.budget.Enter().Leave()
	threshold, command := l.out.Rule.Threshold, l.compilation.command
	l.pipeline(p)
	l.out.Rule.Threshold, l.compilation.command = threshold, command
}

// foldedPrefix begins the names of keys without case.
const foldedPrefix = "_key_of_"

// foldedKey groups by a field without case, as the conditions of a search compare.
func (l *lowering) foldedKey(k spl.Name, c *column, next *env, at spl.Span) *esql.Assign {
	v := c.value()
	key := &column{name: columnName(foldedPrefix + k.Text), typ: v.typ, computed: true, filled: c.filled, fill: c.fill}
	x := v.expr
	if isText(v.typ) && !v.lower {
		x = call("TO_LOWER", x)
	}
	a := &esql.Assign{At: esql.At{Origin: origin(at)}, Name: key.name, Expr: mark(x, at)}
	a, key.name = l.peer.group(a, key.name)
	next.bind(foldedPrefix+k.Text, key)
	return a
}

// keysOnly groups the events of a subsearch by the fields it gives.
func (l *lowering) keysOnly(fields []spl.Name, at spl.Span) (reason string) {
	st := &esql.Stats{At: esql.At{Origin: origin(at)}}
	next := newEnv(false)
	var present []esql.Expr
	for _, f := range fields {
		c := l.lookup(f.Text, f.Span())
		switch {
		case c.hole:
			return "`" + f.Text + "` could not be translated"
		case c.constant != nil:
			continue
		}
		if !c.filled && !c.nonNull && !l.present[c.name] {
			present = append(present, mark(notNull(c.value().expr), at))
		}
		st.By = append(st.By, l.foldedKey(f, c, next, at))
	}
	if len(st.By) == 0 {
		return "it has none of the fields that it gives"
	}
	l.filter(and(present...))
	l.add(st)
	l.env, l.aggregated, l.fullText = next, true, false
	return ""
}

// foldKeys adds keys without case to rows of stats.
func (l *lowering) foldKeys(fields []spl.Name) {
	for _, f := range fields {
		name := foldedPrefix + f.Text
		c := l.env.cols[f.Text]
		if l.env.cols[name] != nil || c == nil || c.hole || c.constant != nil {
			continue
		}
		v := c.value()
		x := v.expr
		if isText(v.typ) && !v.lower {
			x = call("TO_LOWER", x)
		}
		l.defineAs(name, &column{typ: v.typ, array: v.array, nonNull: v.nonNull, filled: c.filled, fill: c.fill}, mark(x, f.Span()), f.Span())
	}
}

// joining is the state of one join.
type joining struct {
	command   string
	anti      bool // keep the rows without a match
	l, r      *lowering
	main, sub *branch
	opts      joinOptions
	at        spl.Span
	cmd       *spl.Join
	rest      []spl.Command

	needed  map[string]bool // names read after the join; nil for all
	keys    []joinKey
	outMain []carried
	outSub  []carried
	rowMain string
	rowSub  string
}

// joinKey is one field of the join.
type joinKey struct {
	name       string
	main, sub  *column
	c          *column // in the result
	fromEither bool    // the sides have it in different columns
}

func (j *joining) run() (reason string) {
	l := j.l
	if reason := j.findKeys(); reason != "" {
		return reason
	}
	j.needed = namesNeeded(j.rest)
	cmds, reason := merge(j.main, j.sub, j.at)
	if reason != "" {
		return reason
	}
	j.choose()

	o := esql.At{Origin: origin(j.at)}
	l.unique++
	j.rowMain, j.rowSub = "_main", "_sub"
	ev := &esql.Eval{At: o}
	for _, k := range j.keys {
		if k.fromEither {
			x := call("CASE", binary("==", col(sideColumn), str(mainSide)), j.keyText(k, k.main), j.keyText(k, k.sub))
			ev.Assigns = append(ev.Assigns, &esql.Assign{At: o, Name: k.c.name, Expr: mark(x, j.at)})
		}
	}
	// the rows read the key's own column before it is overwritten, so they come first
	rows := []*esql.Assign{
		{At: o, Name: j.rowMain, Expr: mark(onSide(mainSide, j.main.rowOf(j.outMain)), j.at)},
		{At: o, Name: j.rowSub, Expr: mark(onSide(subSide, j.sub.rowOf(j.outSub)), j.at)},
	}
	if j.opts.left {
		// a row without a key matches none
		for _, k := range j.keys {
			if !k.sub.nonNull && !(k.main.filled && k.sub.filled) {
				c := rows[1].Expr.(*esql.Call)
				c.Args[0] = and(c.Args[0], mark(notNull(col(k.sub.name)), j.at))
			}
		}
	}
	ev.Assigns = append(rows, ev.Assigns...)
	cmds = append(cmds, ev)

	st := &esql.Stats{At: o}
	st.Aggs = append(st.Aggs, &esql.Assign{At: o, Name: j.rowMain, Expr: mark(call("VALUES", col(j.rowMain)), j.at)})
	var first esql.Expr
	switch {
	case j.opts.max == 1:
		first = call("MIN", col(j.rowSub))
	default:
		first = call("VALUES", col(j.rowSub))
	}
	st.Aggs = append(st.Aggs, &esql.Assign{At: o, Name: j.rowSub, Expr: mark(first, j.at)})
	for _, k := range j.keys {
		st.By = append(st.By, &esql.Assign{At: o, Expr: mark(col(k.c.name), j.at)})
	}
	cmds = append(cmds, st)
	present := []esql.Expr{notNull(col(j.rowMain))}
	if !j.opts.left {
		present = append(present, notNull(col(j.rowSub)))
	}
	for _, k := range j.keys {
		if !(k.main.filled && k.sub.filled) && !(k.main.nonNull && k.sub.nonNull) && !j.opts.left {
			present = append(present, notNull(col(k.c.name)))
		}
	}
	cmds = append(cmds, &esql.Where{At: o, Expr: mark(and(present...), j.at)})
	if j.opts.max > 1 {
		x := call("MV_SLICE", call("MV_SORT", col(j.rowSub)), integer(0), integer(int64(j.opts.max-1)))
		cmds = append(cmds, &esql.Eval{At: o, Assigns: []*esql.Assign{{At: o, Name: j.rowSub, Expr: mark(x, j.at)}}})
	}
	cmds = append(cmds, &esql.MvExpand{At: o, Field: j.rowMain})
	switch {
	case j.anti:
		cmds = append(cmds,
			&esql.Stats{At: o, Aggs: []*esql.Assign{{At: o, Name: "_hits", Expr: mark(call("COUNT", col(j.rowSub)), j.at)}}, By: []*esql.Assign{{At: o, Expr: mark(col(j.rowMain), j.at)}}},
			&esql.Where{At: o, Expr: mark(binary("==", col("_hits"), integer(0)), j.at)})
	case j.command == "subsearch":
		// an event of several values can match by more than one of them
		cmds = append(cmds, &esql.Stats{At: o, By: []*esql.Assign{{At: o, Expr: mark(col(j.rowMain), j.at)}}})
	}
	if j.opts.max != 1 {
		cmds = append(cmds, &esql.MvExpand{At: o, Field: j.rowSub})
	}
	cmds = append(cmds, l.readRow(j.rowMain, j.outMain, j.at, j.main.leading()...)...)
	cmds = append(cmds, l.readRow(j.rowSub, j.outSub, j.at, j.sub.leading()...)...)
	cmds = append(cmds, j.overlay()...)
	drop := &esql.Drop{At: o, Names: []string{j.rowMain}}
	switch {
	case j.anti:
		drop.Names = append(drop.Names, "_hits")
	case j.command != "subsearch":
		drop.Names = append(drop.Names, j.rowSub)
	}
	cmds = append(cmds, drop)
	j.notes()
	j.finish(cmds)
	return ""
}

// findKeys resolves the fields of the join on both sides; without fields, those that both sides have.
func (j *joining) findKeys() string {
	names := j.cmd.Fields
	if len(names) == 0 {
		for _, n := range j.l.env.order {
			if _, ok := j.r.env.cols[n]; ok && n != partialName {
				names = append(names, spl.Name{At: j.cmd.At, Text: n})
			}
		}
		if len(names) == 0 {
			return "the two searches have no field in common to join on"
		}
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n.Text] {
			continue
		}
		seen[n.Text] = true
		a, b := j.l.env.cols[n.Text], j.r.env.cols[n.Text]
		switch {
		case a == nil || b == nil:
			which := "main search"
			if a != nil {
				which = "subsearch"
			}
			j.l.diag("join_approximate", n.Span(), n.Text, "`"+n.Text+"` does not exist in the "+which+", so that in Splunk the join matches nothing and the rule cannot alert; the draft joins on the other fields. Decide what was meant")
			continue
		case a.hole || b.hole:
			return "`" + n.Text + "`, which it joins on, could not be translated"
		case a.constant != nil || b.constant != nil:
			return "`" + n.Text + "`, which it joins on, has the same value everywhere"
		case a.array != schema.Single || b.array != schema.Single:
			return "`" + n.Text + "`, which it joins on, has several values"
		}
		j.l.used(a, n.Span())
		j.l.used(b, n.Span())
		k := joinKey{name: n.Text, main: a, sub: b}
		c := *a
		if a.name != b.name {
			k.fromEither = true
			if family(a.typ) != family(b.typ) {
				c.typ = "keyword"
			}
		}
		c.pending = nil
		k.c = &c
		j.keys = append(j.keys, k)
	}
	if len(j.keys) == 0 {
		return "none of its fields exists in both searches"
	}
	return ""
}

// family groups types that CASE takes together.
func family(typ string) string {
	switch {
	case isText(typ):
		return "text"
	case isInteger(typ):
		return "long"
	case isNumeric(typ):
		return "double"
	case isDate(typ):
		return "date"
	}
	return typ
}

// keyText reads a key in the type of the result.
func (j *joining) keyText(k joinKey, c *column) esql.Expr {
	if family(c.typ) == family(k.c.typ) {
		return col(c.name)
	}
	return j.l.text(c.value()).expr
}

// namesNeeded lists the names that commands read up to the one that ends with a list of columns; nil when none does.
func namesNeeded(cmds []spl.Command) map[string]bool {
	for i, cmd := range cmds {
		closes := false
		switch c := cmd.(type) {
		case *spl.Stats:
			closes = c.Kind == "stats"
		case *spl.Table, *spl.Chart, *spl.Top:
			closes = true
		case *spl.Fields:
			closes = !c.Remove
		}
		if !closes {
			continue
		}
		used := namesUsed(cmds[:i+1])
		for n := range used {
			if strings.Contains(n, "*") {
				return nil
			}
		}
		return used
	}
	return nil
}

// choose decides which columns ride through, and under which names they come out.
func (j *joining) choose() {
	isKey := map[string]bool{}
	taken := map[string]bool{"_main": true, "_sub": true, sideColumn: true}
	for _, k := range j.keys {
		isKey[k.name] = true
		taken[k.c.name] = true
	}
	grouped := func(b *branch) map[string]bool {
		out := map[string]bool{}
		for _, a := range b.stats.By {
			out[outName(a)] = true
		}
		return out
	}
	pick := func(l *lowering, by map[string]bool, skip func(name string, c *column) bool) (list []carried) {
		seen := map[string]bool{}
		add := func(n string) {
			c := l.env.cols[n]
			if n == partialName || isKey[n] || c.hole || c.constant != nil || seen[c.name] || skip(n, c) {
				return
			}
			if j.needed != nil && !j.needed[n] && !by[c.name] {
				return
			}
			seen[c.name] = true
			out := *c
			list = append(list, carried{name: n, read: col(c.name), c: &out})
		}
		// the order of the rows is that of the keys
		for _, n := range l.env.order {
			if by[l.env.cols[n].name] {
				add(n)
			}
		}
		for _, n := range l.env.order {
			if !by[l.env.cols[n].name] {
				add(n)
			}
		}
		return list
	}
	pickOf := func(b *branch, by map[string]bool, skip func(name string, c *column) bool) []carried {
		if b.rows == nil {
			return pick(b.l, by, skip)
		}
		list := append([]carried(nil), b.rows.list...)
		for i := range list {
			out := *list[i].c
			list[i].c = &out
		}
		return list
	}
	j.outSub = pickOf(j.sub, grouped(j.sub), func(name string, c *column) bool {
		if j.opts.max == 1 && j.needed != nil && !j.needed[name] && len(grouped(j.sub)) == 0 {
			return true
		}
		_, both := j.l.env.cols[name]
		return j.command == "subsearch" || both && j.opts.keepMain
	})
	overlaid := map[string]bool{}
	for _, k := range j.outSub {
		if !j.opts.left && (k.c.nonNull || k.c.filled) {
			overlaid[k.name] = true
		}
	}
	mainBy := grouped(j.main)
	j.outMain = pickOf(j.main, mainBy, func(name string, c *column) bool { return overlaid[name] && !mainBy[c.name] })
	for i := range j.outMain {
		k := &j.outMain[i]
		if overlaid[k.name] {
			// it still tells the main search's rows apart
			k.c.name = "_of_" + k.c.name
		}
		taken[k.c.name] = true
	}
	for i := range j.outSub {
		k := &j.outSub[i]
		name := j.r.originalName(k)
		for n := 2; taken[name]; n++ {
			name = j.r.originalName(k) + "_" + itoa(n)
		}
		taken[name] = true
		k.c.name = name
		if j.opts.left {
			k.c.filled = false
		}
	}
}

// originalName is the name a column of the second branch had before it had to give way to one of the first.
func (l *lowering) originalName(k *carried) string {
	for _, c := range l.cmds {
		st, ok := c.(*esql.Stats)
		if !ok {
			continue
		}
		for _, a := range st.By {
			if x, plain := a.Expr.(*esql.Column); plain && outName(a) == k.c.name {
				return x.Name
			}
		}
		for _, a := range st.Aggs {
			if a.Name == k.c.name {
				return columnName(k.name)
			}
		}
	}
	return k.c.name
}

// overlay gives the subsearch's value where both sides have a name, and the main search's where the subsearch has none.
func (j *joining) overlay() []esql.Command {
	ev := &esql.Eval{At: esql.At{Origin: origin(j.at)}}
	var drop []string
	for i := range j.outSub {
		k := &j.outSub[i]
		for n := range j.outMain {
			m := &j.outMain[n]
			if m.name != k.name || strings.HasPrefix(m.c.name, "_of_") {
				continue
			}
			a, b := k.c.value(), m.c.value()
			if family(a.typ) != family(b.typ) {
				a, b = j.l.text(a), j.l.text(b)
			}
			ev.Assigns = append(ev.Assigns, &esql.Assign{At: ev.At, Name: m.c.name, Expr: mark(call("COALESCE", a.expr, b.expr), j.at)})
			drop = append(drop, k.c.name)
			k.c.typ, k.c.name = a.typ, m.c.name
			m.c = k.c
		}
	}
	if len(ev.Assigns) == 0 {
		return nil
	}
	return []esql.Command{ev, &esql.Drop{At: ev.At, Names: drop}}
}

// notes says what the join became, and where rows can differ.
func (j *joining) notes() {
	l := j.l
	l.diag("join_one_query", j.at, "join", "the join became one query over both kinds of events, grouped by "+strings.ReplaceAll(nameList(j.cmd.Fields), foldedPrefix, "")+": STATS carries the rows of each search as text, and the draft takes them apart again")
	if j.command == "subsearch" {
		l.diag("default_limit", j.cmd.Sub.Span(), "subsearch", "Splunk makes conditions of the first "+itoa(subsearchResults)+" rows of a subsearch, the draft of all of them")
		return
	}
	if !j.subNarrowed() {
		l.diag("truncation", j.cmd.Sub.Span(), "join", "Splunk reads "+subsearchRows+" rows of the subsearch at most, the draft all of them: rows that Splunk leaves without a match alert too")
	} else {
		l.diag("default_limit", j.cmd.Sub.Span(), "join", "Splunk reads "+subsearchRows+" rows of the subsearch at most, the draft all of them")
	}
	switch {
	case j.opts.max != 1 || len(j.outSub) == 0:
	case j.sub.rows != nil:
		l.diag("first_last_order", j.at, "join", "join keeps the first matching event of the subsearch, which is the newest; max=0 gives all")
	default:
		l.diag("first_last_order", j.at, "join", "join keeps the first matching row of the subsearch, the draft the first in the order of its BY fields, compared as text; max=0 gives all")
	}
}

// subNarrowed says that the subsearch filters by more than its data set and the presence of fields.
func (j *joining) subNarrowed() bool {
	filter := j.sub.filter
	if len(j.r.src.Constraints) > 0 && len(filter) > 0 {
		filter = filter[1:]
	}
	for _, x := range flatten("AND", append(append([]esql.Expr(nil), filter...), j.sub.late...)) {
		if t, ok := x.(*esql.IsNull); !ok || !t.Not {
			return true
		}
	}
	for _, c := range j.sub.after {
		if _, ok := c.(*esql.Where); ok {
			return true
		}
	}
	return false
}

// finish puts the joined query in the place of the main search's.
func (j *joining) finish(cmds []esql.Command) {
	l, r := j.l, j.r
	stage := len(l.stages)
	for _, c := range cmds {
		if _, ok := l.stageIndex[c]; !ok {
			l.stageIndex[c] = stage
		}
	}
	next := newEnv(false)
	for _, n := range l.env.order {
		c := l.env.cols[n]
		if c.hole || c.constant != nil {
			next.bind(n, c)
			continue
		}
		for _, k := range j.keys {
			if k.name == n {
				next.bind(n, k.c)
			}
		}
		for _, k := range j.outMain {
			// aliases of one column come out as one
			if (k.name == n || k.reads(c.name)) && !strings.HasPrefix(k.c.name, "_of_") {
				next.bind(n, k.c)
			}
		}
	}
	for _, n := range r.env.order {
		c := r.env.cols[n]
		if n == partialName {
			continue
		}
		_, both := l.env.cols[n]
		if both && j.opts.keepMain {
			continue
		}
		if c.hole || c.constant != nil {
			next.bind(n, c)
			continue
		}
		for _, k := range j.outSub {
			if k.name == n || k.reads(c.name) {
				o := *k.c
				if j.opts.left {
					o.nonNull = false
				}
				next.bind(n, &o)
			}
		}
	}
	l.env = next
	l.cmds = cmds
	if len(l.kinds) == 0 {
		l.kinds = [][]string{l.indices[:len(l.indices):len(l.indices)]}
	}
	if !j.opts.left { // events of the other kind alone alert on nothing, and neither do those of this one
		l.kinds = append(l.kinds, r.indices)
	}
	for _, i := range r.indices {
		l.indices = appendNew(l.indices, i)
	}
	l.longestSpan = max(l.longestSpan, r.longestSpan)
	l.needsID = l.needsID || r.needsID
	l.aggregated, l.fullText, l.projected = true, false, false
	l.present = nil
	l.helpers = nil
	l.useful = true
}

// packRows turns a search over events into one with a row of text for each key: the newest event, as join with max=1
// keeps it of its subsearch, or all of them.
// Rows without a key are left out unless keepAll. With fold the keys are columns of their own without case, and the rows
// keep the fields.
func (l *lowering) packRows(cmd *spl.Join, newest, keepAll, fold bool, rest []spl.Command) (p *packedRows, reason string) {
	keys, at := cmd.Fields, cmd.Span()
	for _, k := range keys {
		if _, ok := l.env.cols[k.Text]; !ok && l.env.open {
			if c := l.lookup(k.Text, k.Span()); !c.hole && c.constant == nil {
				l.env.bind(k.Text, c)
			}
		}
	}
	if !l.settle(cmd, rest) {
		return nil, "it gives whole events: no list of fields (table, fields, stats by) says which columns to carry"
	}
	if l.settled != nil {
		l.env, l.settled = l.settled, nil
	}
	l.oneColumn(at)
	o := esql.At{Origin: origin(at)}
	next := newEnv(false)
	st := &esql.Stats{At: o}
	var present []esql.Expr
	isKey := map[string]bool{}
	for _, k := range keys {
		c := l.env.cols[k.Text]
		if c == nil || c.hole || c.constant != nil || isKey[c.name] || c.mapping().Fn != "" && !c.computed {
			continue
		}
		isKey[c.name] = true
		if !c.filled && !c.nonNull && !l.present[c.name] && !keepAll {
			present = append(present, mark(notNull(col(c.name)), at))
		}
		if fold {
			delete(isKey, c.name)
			st.By = append(st.By, l.foldedKey(k, c, next, at))
			continue
		}
		key := *c
		key.array = schema.Single
		key.nonNull = key.nonNull || !key.filled && !keepAll
		a := &esql.Assign{At: o, Expr: mark(col(c.name), at)}
		a, key.name = l.peer.group(a, c.name)
		st.By = append(st.By, a)
		next.bind(k.Text, &key)
	}
	if len(st.By) == 0 {
		return nil, "it has none of the fields that it joins on"
	}
	l.filter(and(present...))
	p = &packedRows{before: "_of_time", column: "_newest"}
	lead, fn := call("TO_STRING", col("@timestamp")), "MAX"
	if !newest {
		p.before, p.column = "_of_id", "_events"
		lead, fn = col("_id"), "VALUES"
		l.needsID = true
	}
	seen := map[string]bool{}
	for _, n := range l.env.order {
		c := l.env.cols[n]
		if n == partialName || c.hole || c.constant != nil || isKey[c.name] || seen[c.name] {
			if n != partialName && next.cols[n] == nil && (c.hole || c.constant != nil) {
				next.bind(n, c)
			}
			continue
		}
		seen[c.name] = true
		v := c.value()
		out := &column{name: c.name, typ: v.typ, array: v.array, nonNull: v.nonNull, filled: c.filled, fill: c.fill, computed: c.computed, pending: c.pending}
		p.list = append(p.list, carried{name: n, read: v.expr, c: out})
		next.bind(n, out)
	}
	parts := []esql.Expr{lead}
	if len(p.list) > 0 {
		row := rowText(p.list)
		parts = append(parts, str(rowMark), row)
		if c, ok := row.(*esql.Call); ok && c.Func == "CONCAT" {
			parts = append(parts[:2], c.Args...)
		}
	}
	x := lead
	if len(parts) > 1 {
		x = call("CONCAT", parts...)
	}
	st.Aggs = []*esql.Assign{{At: o, Name: p.column, Expr: mark(call(fn, x), at)}}
	l.add(st)
	l.env = next
	l.aggregated, l.fullText, l.useful = true, false, true
	return p, ""
}

// packedRows are rows of events as text, of which before is a leading part that is not shown.
type packedRows struct {
	list           []carried
	before, column string
}
