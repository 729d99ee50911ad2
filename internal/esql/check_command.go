package esql

import (
	"slices"
	"strings"
)

func (c *checker) command(command Command) {
	switch command := command.(type) {
	case *Comment:
		return
	case *From:
		c.from(command)
		return
	case *Row:
		c.row(command)
		c.afterQuery = "ROW"
		return
	case *Where:
		c.condition(command.Expr, context{mode: inWhere, condition: true})
		return
	case *Sort:
		c.sort(command)
		return
	case *Eval:
		for _, a := range command.Assigns {
			v := c.topExpr(a.Expr, context{mode: inEval})
			if isSpan(v.typ) {
				c.report(a, CodeType, "EVAL cannot make a column of the type %s", v.typ)
			}
			c.scope.add(column{name: a.ColumnName(), typ: v.typ})
		}
	case *Stats:
		c.stats(command)
		if !command.Inline {
			c.afterMatch = "STATS"
		}
	case *Keep:
		c.keep(command)
	case *Drop:
		c.drop(command)
	case *Rename:
		c.rename(command)
	case *Limit:
		if command.N < 0 {
			c.report(command, CodeValue, "LIMIT needs a number that is not negative, not %d", command.N)
		}
		c.afterMatch = "LIMIT"
	case *Dissect:
		c.dissect(command)
	case *Grok:
		c.grok(command)
	case *MvExpand:
		if col, ok := c.use(command, command.Field); ok {
			c.scope.replace(column{name: col.name, typ: col.typ})
		}
	case *LookupJoin:
		c.lookupJoin(command)
	case *Enrich:
		if command.On != "" {
			c.use(command, command.On)
		}
		c.scope.open = true
	case *Fork:
		c.fork(command)
	case *Other:
		c.other(command)
	}
	if c.afterQuery == "" {
		c.afterQuery = strings.Fields(command.Keyword())[0]
	}
}

func (c *checker) other(command *Other) {
	if !slices.Contains(Commands(c.env.Version), command.Word) {
		c.report(command, CodeTarget, "%s is not a command of 8.19", command.Word)
	}
	if command.Word != "SAMPLE" {
		c.scope.open = true
	}
}

// ColumnName is the name of the column that an assignment makes: the given one, else the expression as written.
func (a *Assign) ColumnName() string {
	if a.Name != "" {
		return a.Name
	}
	if col, ok := a.Expr.(*Column); ok {
		return col.Name
	}
	if a.text != "" {
		return a.text
	}
	return PrintExpr(a.Expr)
}

// metadataTypes are the fields that METADATA takes in 8.19.
var metadataTypes = map[string]string{
	"_id": "keyword", "_index": "keyword", "_version": "long", "_source": typeSource, "_ignored": "keyword",
	"_score": "double", "_index_mode": "keyword",
}

func (c *checker) from(command *From) {
	for _, s := range command.Set {
		switch {
		case c.env.Version < V9:
			c.report(command, CodeTarget, "SET needs 9.x")
		case !strings.EqualFold(s.Name, UnmappedNull.Name):
		case !slices.Contains([]string{"default", "fail", "load", "nullify"}, strings.ToLower(s.Value)):
			c.report(command, CodeValue, "unmapped_fields is nullify, load or fail, not %s", s.Value)
		}
	}
	if c.env.Columns == nil {
		c.scope.open = true
	} else if columns, ok := c.env.Columns(command.Indices); ok {
		c.scope.base, c.scope.defaultType = columns, c.env.DefaultType
		c.scope.open = command.nullsUnmapped() // of the type null, which fits everywhere
	} else {
		c.report(command, CodeUnknownIndex, "no index matches %s", strings.Join(command.Indices, ", "))
		c.scope.open = true
	}
	for i, name := range command.Metadata {
		typ, ok := metadataTypes[name]
		switch {
		case !ok:
			c.report(command, CodeMetadata, "%s is not a metadata field", name)
		case slices.Contains(command.Metadata[:i], name):
			c.report(command, CodeMetadata, "the metadata field %s is listed twice", name)
		default:
			c.scope.add(column{name: name, typ: typ})
		}
	}
}

func (c *checker) row(command *Row) {
	var made []column
	for _, a := range command.Fields {
		v := c.topExpr(a.Expr, context{mode: inRow})
		if isSpan(v.typ) {
			c.report(a, CodeType, "ROW cannot make a column of the type %s", v.typ)
		}
		name := a.ColumnName()
		made = slices.DeleteFunc(made, func(col column) bool { return col.name == name })
		made = append(made, column{name: name, typ: v.typ})
	}
	c.scope.only(made, false)
}

func (c *checker) sort(command *Sort) {
	for _, k := range command.Keys {
		v := c.topExpr(k.Expr, context{mode: inSort})
		if isGeo(v.typ) || v.typ == typeSource || isSpan(v.typ) {
			c.report(k, CodeType, "rows cannot be sorted by a %s", v.typ)
		}
	}
}

// use finds a column that a command works on.
func (c *checker) use(n Node, name string) (column, bool) {
	col, ok := c.scope.find(name)
	if !ok {
		c.unknown(n, name)
		return col, false
	}
	return col, c.usable(n, col)
}

func (c *checker) usable(n Node, col column) bool {
	switch col.typ {
	case typeUnsupported:
		c.report(n, CodeUnsupported, "ES|QL cannot read the type of the field %s; it can only be kept or dropped", col.name)
		return false
	case typeConflict:
		c.report(n, CodeUnsupported, "the indices map the field %s to different types; convert it first, such as TO_STRING(%s)",
			col.name, QuoteName(col.name))
		return false
	}
	return true
}

func (c *checker) unknown(n Node, name string) {
	if other := c.scope.similar(name); other != "" {
		c.report(n, CodeUnknownColumn, "unknown column %s, did you mean %s?", name, other)
		return
	}
	c.report(n, CodeUnknownColumn, "unknown column %s", name)
}

func (c *checker) keep(command *Keep) {
	// A name wins over a wildcard, and of two of a kind the later; each column stands where its winner has it.
	type pick struct {
		col  column
		rank int
		item int
	}
	var picks []pick
	at := map[string]int{}
	for i, pattern := range command.Names {
		found, wild := c.scope.match(pattern)
		if len(found) == 0 && !(wild && c.scope.open) {
			if wild {
				c.report(command, CodeUnknownColumn, "no column matches %s", pattern)
			} else {
				name, _ := unescapePattern(pattern)
				c.unknown(command, name)
			}
			continue
		}
		rank := 2
		if wild {
			rank = 1
			if pattern == "*" {
				rank = 0
			}
		}
		for _, col := range found {
			if j, ok := at[col.name]; ok {
				if picks[j].rank > rank {
					continue
				}
				picks[j].item = -1
			}
			at[col.name] = len(picks)
			picks = append(picks, pick{col, rank, i})
		}
	}
	var kept []column
	for _, p := range picks {
		if p.item >= 0 {
			kept = append(kept, p.col)
		}
	}
	open := c.scope.open && slices.ContainsFunc(command.Names, func(p string) bool { _, wild := unescapePattern(p); return wild })
	c.scope.only(kept, open)
}

func (c *checker) drop(command *Drop) {
	for _, pattern := range command.Names {
		if pattern == "*" {
			c.report(command, CodeValue, "DROP * would leave no column")
			continue
		}
		found, wild := c.scope.match(pattern)
		if len(found) == 0 && !(wild && c.scope.open) {
			if wild {
				c.report(command, CodeUnknownColumn, "no column matches %s", pattern)
			} else {
				name, _ := unescapePattern(pattern)
				c.unknown(command, name)
			}
		}
		for _, col := range found {
			c.scope.remove(col.name)
		}
	}
}

func (c *checker) rename(command *Rename) {
	gone := map[string]string{}
	for _, pair := range command.Pairs {
		if to, ok := gone[pair.Old]; ok {
			if _, back := c.scope.find(pair.Old); !back {
				c.report(command, CodeName, "the column %s was renamed to %s before and is no longer there", pair.Old, to)
				continue
			}
		}
		col, ok := c.use(command, pair.Old)
		if !ok || pair.Old == pair.New {
			continue
		}
		if c.scope.isOwn(pair.Old) {
			c.scope.renameOwn(pair.Old, pair.New, col.typ)
		} else {
			c.scope.remove(pair.Old)
			c.scope.add(column{name: pair.New, typ: col.typ})
		}
		gone[pair.Old] = pair.New
	}
}

func (c *checker) lookupJoin(command *LookupJoin) {
	if len(command.On) > 1 && c.env.Version < V9 {
		c.report(command, CodeTarget, "LOOKUP JOIN of 8.19 takes one column, not %d", len(command.On))
	}
	if strings.Contains(command.Index, "*") {
		c.report(command, CodeJoin, "LOOKUP JOIN takes one index, no pattern: %s", command.Index)
		return
	}
	var right map[string]string
	known := false
	if c.env.Lookup != nil {
		if right, known = c.env.Lookup(command.Index); !known {
			c.report(command, CodeUnknownIndex, "there is no lookup index %s", command.Index)
		}
	}
	for _, name := range command.On {
		left, ok := c.scope.find(name)
		if !ok {
			c.unknown(command, name)
		} else if !c.usable(command, left) {
			continue
		}
		if !known {
			continue
		}
		typ, found := right[name]
		switch {
		case !found:
			c.report(command, CodeUnknownColumn, "the lookup index %s has no column %s", command.Index, name)
		case typ == "text" || isGeo(typ) || typ == typeUnsupported:
			c.report(command, CodeJoin, "a join on the %s column %s of %s is not supported", typ, name, command.Index)
		case ok && !joinable(left.typ, typ):
			c.report(command, CodeJoin, "the column %s is %s here and %s in %s", name, left.typ, typ, command.Index)
		}
	}
	if !known {
		c.scope.open = true
		return
	}
	names := make([]string, 0, len(right))
	for name := range right {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(command.On, name) {
			c.scope.add(column{name: name, typ: right[name]})
		}
	}
}

func joinable(left, right string) bool {
	if left == typeAny || left == typeNull || left == right {
		return true
	}
	return isString(left) && isString(right) || isNumber(left) && isNumber(right)
}

func (c *checker) fork(command *Fork) {
	if c.env.Version < V9 {
		c.report(command, CodeTarget, "FORK needs 9.x")
	}
	for _, branch := range command.Branches {
		inner := checker{env: c.env, scope: c.scope.clone(), afterMatch: c.afterMatch, afterQuery: c.afterQuery}
		for _, command := range branch {
			inner.command(command)
		}
		c.problems = append(c.problems, inner.problems...)
	}
	c.scope.open = true
}

func (c *checker) dissect(command *Dissect) {
	c.textInput(command.Input, "DISSECT")
	names, err := dissectNames(command.Pattern)
	if err != nil {
		c.report(command, CodePattern, "the DISSECT pattern %s is wrong: %v", QuoteString(command.Pattern), err)
	}
	for _, name := range names {
		c.scope.add(column{name: name, typ: "keyword"})
	}
}

func (c *checker) grok(command *Grok) {
	c.textInput(command.Input, "GROK")
	columns, open, err := grokColumns(command.Pattern)
	if err != nil {
		c.report(command, CodePattern, "the GROK pattern %s is wrong: %v", QuoteString(command.Pattern), err)
	}
	for _, col := range columns {
		c.scope.add(col)
	}
	if open {
		c.scope.open = true
	}
}

func (c *checker) textInput(e Expr, command string) {
	v := c.topExpr(e, context{mode: inEval})
	if v.typ != typeAny && !isString(v.typ) {
		c.report(e, CodeType, "%s reads keyword or text, not %s", command, v.typ)
	}
}

func (s *scope) isOwn(name string) bool {
	return slices.ContainsFunc(s.own, func(c column) bool { return c.name == name })
}

// renameOwn gives a made column another name, in its place.
func (s *scope) renameOwn(from, to, typ string) {
	if from != to {
		s.remove(to)
	}
	for i := range s.own {
		if s.own[i].name == from {
			s.own[i] = column{name: to, typ: typ}
		}
	}
}

// replace changes a column in its place.
func (s *scope) replace(c column) {
	for i := range s.own {
		if s.own[i].name == c.name {
			s.own[i] = c
			return
		}
	}
	s.add(c)
}
