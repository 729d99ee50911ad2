package esql

import (
	"fmt"
	"slices"
	"strings"
)

// Env is what a query is checked against.
type Env struct {
	// Columns returns the columns of the indices that the patterns of FROM cover, with ES|QL's type names; the type of a
	// field that ES|QL cannot read is "unsupported", of one that is mapped differently in them "conflict". Not ok means
	// that there is no such index. Without the function no column is known, and none is reported as unknown.
	Columns func(patterns []string) (columns map[string]string, ok bool)
	// Lookup does the same for an index in lookup mode.
	Lookup func(index string) (columns map[string]string, ok bool)
	// DefaultType is the type of columns that Columns does not list; empty means that they are unknown.
	DefaultType string
	Version     Version
}

// Code is the kind of a Problem.
type Code string

// The codes of problems.
const (
	CodeUnknownIndex    Code = "unknown_index"
	CodeUnknownColumn   Code = "unknown_column"
	CodeUnknownFunction Code = "unknown_function"
	CodeArguments       Code = "argument_count"
	CodeType            Code = "type"
	CodeConstant        Code = "constant_required"
	CodeValue           Code = "value"
	CodeUnsupported     Code = "unsupported_field"
	CodeAggregate       Code = "aggregate"
	CodeGrouping        Code = "grouping"
	CodeFullText        Code = "full_text"
	CodePattern         Code = "pattern"
	CodeComplex         Code = "pattern_too_complex"
	CodeLimit           Code = "limit"
	CodeTarget          Code = "not_in_target"
	CodeName            Code = "name"
	CodeMetadata        Code = "metadata"
	CodeJoin            Code = "lookup_join"
	// CodeLostColumn is a lint: one column of STATS hides another of the same name.
	CodeLostColumn Code = "lost_column"
	// CodeAnalysed is a lint: a match on a text field is by words.
	CodeAnalysed Code = "analysed_match"
	// CodeAlertKeys is a lint: a rule without STATS has to keep _id, _index and _version.
	CodeAlertKeys Code = "alert_keys"
)

// Problem is something wrong with a query.
type Problem struct {
	// Place is zero where the node was built, not parsed.
	Place   Span
	Code    Code
	Message string
	// Lint: Elasticsearch accepts it, but it hardly does what it looks like.
	Lint bool
}

func (p Problem) String() string {
	if p.Place.Start.Line == 0 {
		return fmt.Sprintf("%s: %s", p.Code, p.Message)
	}
	return fmt.Sprintf("line %d:%d: %s: %s", p.Place.Start.Line, p.Place.Start.Column, p.Code, p.Message)
}

// Check returns what Elasticsearch would refuse about a query, and lints, in the order of the text. A name that is
// unknown or wrong is reported once; what follows from it is not.
func Check(q *Query, env Env) []Problem {
	c := checker{env: env, scope: &scope{}}
	c.query(q)
	return c.problems
}

// Columns returns the columns of a query's result, and false when they are not all known (an unknown index or policy).
func Columns(q *Query, env Env) ([]ColumnInfo, bool) {
	c := checker{env: env, scope: &scope{}}
	c.query(q)
	var list []ColumnInfo
	for _, col := range c.scope.all() {
		typ := col.typ
		if typ == typeConflict {
			typ = typeUnsupported
		}
		list = append(list, ColumnInfo{Name: col.name, Type: typ})
	}
	return list, !c.scope.open
}

// Accepted reports whether no problem but lints is among them.
func Accepted(problems []Problem) bool {
	return !slices.ContainsFunc(problems, func(p Problem) bool { return !p.Lint })
}

// CheckAlert returns what a query lacks as a detection rule: without STATS every alert needs _id, _index and _version,
// by which Kibana leaves out duplicates.
func CheckAlert(q *Query) []Problem {
	need := []string{"_id", "_index", "_version"}
	var problems []Problem
	report := func(n Node, format string, args ...any) {
		problems = append(problems, Problem{Place: n.Place(), Code: CodeAlertKeys, Message: fmt.Sprintf(format, args...), Lint: true})
	}
	for _, c := range q.Commands {
		if s, ok := c.(*Stats); ok && !s.Inline {
			return nil
		}
	}
	for _, c := range q.Commands {
		switch c := c.(type) {
		case *From:
			for _, name := range need {
				if !slices.Contains(c.Metadata, name) {
					report(c, "without STATS, FROM needs METADATA _id, _index, _version: %s is missing", name)
				}
			}
		case *Keep:
			for _, name := range need {
				if !slices.ContainsFunc(c.Names, func(p string) bool { return matchPattern(p, name) }) {
					report(c, "KEEP drops %s, which alerts need; add it at the end", name)
				}
			}
		case *Drop:
			for _, name := range need {
				if slices.ContainsFunc(c.Names, func(p string) bool { return matchPattern(p, name) }) {
					report(c, "DROP drops %s, which alerts need", name)
				}
			}
		case *Rename:
			for _, pair := range c.Pairs {
				if slices.Contains(need, pair.Old) {
					report(c, "RENAME takes %s away, which alerts need", pair.Old)
				}
			}
		}
	}
	return problems
}

// Limits of Elasticsearch 8.19, measured.
const (
	maxExprDepth  = 300
	maxCommands   = 500
	maxQueryRunes = 1_000_000
	maxRegexRunes = 1000 // index.max_regex_length
)

type checker struct {
	env      Env
	scope    *scope
	problems []Problem
	// What came before the current command, for the position rules of full-text functions.
	afterMatch string // the LIMIT or STATS that a match cannot follow
	afterQuery string // the command that QSTR and KQL cannot follow
}

func (c *checker) report(n Node, code Code, format string, args ...any) {
	c.problems = append(c.problems, Problem{Place: n.Place(), Code: code, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) lint(n Node, code Code, format string, args ...any) {
	c.report(n, code, format, args...)
	c.problems[len(c.problems)-1].Lint = true
}

func (c *checker) query(q *Query) {
	count := 0
	for _, command := range q.Commands {
		if _, ok := command.(*Comment); !ok {
			count++
		}
	}
	if count > maxCommands+1 && len(q.Commands) > 0 {
		c.report(q.Commands[0], CodeLimit, "%d commands, at most %d are allowed", count, maxCommands)
	}
	if size := textSize(q); size > maxQueryRunes/2 && len(q.Commands) > 0 {
		if n := len([]rune(Print(q))); n > maxQueryRunes {
			c.report(q.Commands[0], CodeLimit, "the query has %d characters, at most %d are allowed", n, maxQueryRunes)
		}
	}
	for _, command := range q.Commands {
		c.command(command)
	}
}

// textSize estimates the length of a query from below.
func textSize(q *Query) int {
	size := 0
	Inspect(q, func(n Node) bool {
		size += 2
		switch n := n.(type) {
		case *Column:
			size += len(n.Name)
		case *Literal:
			if s, ok := n.Value.(string); ok {
				size += len(s)
			}
		case *Like:
			for _, p := range n.Patterns {
				size += len(p)
			}
		}
		return true
	})
	return size
}

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
			c.scope.add(column{name: assignName(a), typ: v.typ})
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

func assignName(a *Assign) string {
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
	if c.env.Columns == nil {
		c.scope.open = true
	} else if columns, ok := c.env.Columns(command.Indices); ok {
		c.scope.base, c.scope.defaultType = columns, c.env.DefaultType
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
		name := assignName(a)
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

// ---- STATS ----

func (c *checker) stats(command *Stats) {
	if command.Inline && c.env.Version < V9 {
		c.report(command, CodeTarget, "INLINE STATS needs 9.x")
	}
	groups := map[string]bool{} // plain columns
	var by []column
	for _, a := range command.By {
		v := c.topExpr(a.Expr, context{mode: inBy})
		if isSpan(v.typ) || v.typ == typeSource {
			c.report(a, CodeGrouping, "rows cannot be grouped by a %s", v.typ)
		}
		if col, ok := a.Expr.(*Column); ok {
			groups[col.Name] = true
		}
		name := assignName(a)
		if a.Name != "" {
			groups[a.Name] = true
		}
		by = append(by, column{name: name, typ: v.typ, indexed: false})
	}
	var made []column
	for _, a := range command.Aggs {
		made = append(made, column{name: assignName(a), typ: c.aggregation(a, groups)})
	}
	for i, col := range made {
		for _, other := range made[i+1:] {
			if other.name == col.name {
				c.lint(command.Aggs[i], CodeLostColumn, "a later aggregation is called %s too; this one is lost", col.name)
			}
		}
		for _, group := range by {
			if group.name == col.name {
				c.lint(command.Aggs[i], CodeLostColumn, "the BY column %s has the same name; the aggregation is lost", col.name)
			}
		}
	}
	list := append(made, by...)
	if !command.Inline {
		c.scope.only(nil, false)
	}
	for _, col := range list {
		c.scope.add(col)
	}
}

func (c *checker) aggregation(a *Assign, groups map[string]bool) string {
	v := c.topExpr(a.Expr, context{mode: inStats, groups: groups})
	if a.Where != nil {
		if !v.aggregate {
			c.report(a, CodeAggregate, "WHERE inside STATS belongs to an aggregation such as COUNT(*)")
		}
		c.condition(a.Where, context{mode: inAggWhere, condition: true})
	}
	if v.aggregate || v.typ == typeAny && !v.constant {
		return v.typ
	}
	if col, ok := a.Expr.(*Column); ok {
		if groups[col.Name] {
			c.report(a, CodeAggregate, "%s is a BY column already", col.Name)
		}
		return v.typ
	}
	if v.constant {
		c.report(a, CodeAggregate, "STATS needs an aggregation here, such as COUNT(*), not %s", PrintExpr(a.Expr))
	}
	return v.typ
}

func (c *checker) condition(e Expr, ctx context) {
	v := c.topExpr(e, ctx)
	if v.typ != typeAny && v.typ != "boolean" && v.typ != typeNull {
		c.report(e, CodeType, "a condition has to be boolean, this is %s", v.typ)
	}
}

// topExpr checks a whole expression of a command, its depth included.
func (c *checker) topExpr(e Expr, ctx context) value {
	if d := depth(e, precLowest); d > maxExprDepth {
		c.report(e, CodeLimit, "the expression is nested %d deep, at most %d are allowed; use IN, or parts in parentheses", d, maxExprDepth)
	}
	return c.expr(e, ctx)
}

// depth counts as the parser of Elasticsearch does: a leaf is 2, parentheses are 2, every other node 1.
func depth(e Expr, least int) int {
	d := 1
	if precedence(e) < least {
		d += 2
	}
	switch e := e.(type) {
	case *Binary:
		prec := precedence(e)
		left, right := prec, prec+1
		switch prec {
		case precOr:
			right = precNot
			if l, ok := e.L.(*Binary); !ok || l.Op != "OR" {
				left = precNot
			}
		case precTest:
			return d + 1
		case precCompare:
			left, right = precAdd, precAdd
		}
		return d + max(depth(e.L, left), depth(e.R, right))
	case *Call:
		deepest := 1
		for _, arg := range e.Args {
			deepest = max(deepest, depth(arg, precLowest))
		}
		return d + deepest
	case *Not:
		return d + depth(e.X, precNot)
	case *Neg:
		return d + depth(e.X, precUnary)
	case *IsNull:
		return d + depth(e.X, precAdd)
	case *In:
		deepest := depth(e.X, precAdd)
		for _, item := range e.List {
			deepest = max(deepest, depth(item, precCompare))
		}
		return d + deepest
	case *Like:
		return d + depth(e.X, precAdd)
	case *Cast:
		return d + depth(e.X, precPrimary)
	}
	return d + 1
}
