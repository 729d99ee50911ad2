package esql

import (
	"slices"
	"strings"
)

// mode is the place in which an expression stands.
type mode int

const (
	inWhere mode = iota
	inEval
	inRow
	inSort
	inBy
	inStats
	inAggWhere
)

// context goes down with the check of an expression.
type context struct {
	mode mode
	// condition: the expression is a condition of its own, reached through AND, OR and NOT only.
	condition bool
	// aggregate is the aggregation around it, grouping the grouping function.
	aggregate string
	grouping  string
	// groups are the BY columns, for STATS.
	groups map[string]bool
	// converting: an argument of a conversion, which takes columns of several types.
	converting bool
}

// value is what is known of an expression.
type value struct {
	typ       string
	constant  bool
	literal   *Literal
	aggregate bool
}

func (v value) text() (string, bool) {
	if v.literal == nil {
		return "", false
	}
	s, ok := v.literal.Value.(string)
	return s, ok
}

func (c *checker) expr(e Expr, ctx context) value {
	inner := ctx
	inner.condition, inner.converting = false, false
	switch e := e.(type) {
	case *Column:
		return c.column(e, ctx)
	case *Literal:
		return value{typ: literalType(e.Value), constant: true, literal: e}
	case *Array:
		v := value{typ: typeNull, constant: true}
		for _, item := range e.Items {
			t := c.expr(item, inner).typ
			if v.typ == typeNull {
				v.typ = t
			} else if isNumber(t) && isNumber(v.typ) {
				v.typ = wider(v.typ, t)
			}
		}
		return v
	case *Duration:
		if periodUnits[e.Unit] {
			return value{typ: "date_period", constant: true}
		}
		return value{typ: "time_duration", constant: true}
	case *Star:
		c.report(e, CodeArguments, "* stands in COUNT(*) only")
		return value{}
	case *Call:
		return c.call(e, ctx)
	case *Binary:
		return c.binary(e, ctx)
	case *Not:
		inner.condition = ctx.condition
		x := c.expr(e.X, inner)
		c.boolean(e.X, x)
		return value{typ: "boolean", constant: x.constant, aggregate: x.aggregate}
	case *Neg:
		x := c.expr(e.X, inner)
		if x.typ != typeAny && x.typ != typeNull && !isNumber(x.typ) && !isSpan(x.typ) {
			c.report(e, CodeType, "there is no -%s", x.typ)
			x.typ = typeAny
		}
		return value{typ: x.typ, constant: x.constant, aggregate: x.aggregate}
	case *IsNull:
		x := c.expr(e.X, inner)
		return value{typ: "boolean", constant: x.constant, aggregate: x.aggregate}
	case *In:
		return c.in(e, inner)
	case *Like:
		return c.like(e, inner)
	case *Cast:
		return c.cast(e, inner)
	}
	return value{}
}

func literalType(v any) string {
	switch v := v.(type) {
	case nil:
		return typeNull
	case string:
		return "keyword"
	case bool:
		return "boolean"
	case int:
		return literalType(int64(v))
	case int64:
		if int64(int32(v)) == v {
			return "integer"
		}
		return "long"
	case uint64:
		return "unsigned_long"
	case float64:
		return "double"
	}
	return typeAny
}

func (c *checker) column(e *Column, ctx context) value {
	if ctx.mode == inRow {
		c.report(e, CodeUnknownColumn, "ROW cannot use a column: %s", e.Name)
		return value{}
	}
	col, ok := c.scope.find(e.Name)
	if !ok {
		c.unknown(e, e.Name)
		return value{}
	}
	if col.typ == typeConflict && ctx.converting {
		return value{}
	}
	if !c.usable(e, col) {
		return value{}
	}
	if ctx.mode == inStats && ctx.aggregate == "" && !ctx.groups[e.Name] {
		c.report(e, CodeAggregate, "the column %s has to stand in BY or inside an aggregation such as MAX(%s)", e.Name, QuoteName(e.Name))
		return value{}
	}
	return value{typ: col.typ}
}

func (c *checker) boolean(e Expr, v value) {
	if v.typ != typeAny && v.typ != typeNull && v.typ != "boolean" {
		c.report(e, CodeType, "%s is %s, a boolean is needed here", PrintExpr(e), v.typ)
	}
}

func (c *checker) binary(e *Binary, ctx context) value {
	inner := ctx
	inner.condition, inner.converting = false, false
	switch e.Op {
	case "AND", "OR":
		inner.condition = ctx.condition
		l := c.expr(e.L, inner)
		r := c.expr(e.R, inner)
		c.boolean(e.L, l)
		c.boolean(e.R, r)
		return value{typ: "boolean", constant: l.constant && r.constant, aggregate: l.aggregate || r.aggregate}
	case ":":
		c.fullTextPlace(e, ":", ctx)
		field := e.L
		if cast, ok := field.(*Cast); ok {
			field = cast.X
		}
		c.match(e, ":", field, e.R, ctx)
		return value{typ: "boolean"}
	}
	l, r := c.expr(e.L, inner), c.expr(e.R, inner)
	v := value{typ: "boolean", constant: l.constant && r.constant, aggregate: l.aggregate || r.aggregate}
	if comparison[e.Op] {
		c.compare(e, e.Op, l, r)
		return v
	}
	lt, rt := l.typ, r.typ
	if e.Op == "+" || e.Op == "-" {
		// a constant string beside a date or a time span is read as a date
		if isSpan(rt) || isDate(rt) {
			lt = c.castLiteral(e.L, l, "date")
		}
		if isSpan(lt) || isDate(lt) {
			rt = c.castLiteral(e.R, r, "date")
		}
	}
	t, ok := sumType(e.Op, lt, rt)
	if !ok {
		c.report(e, CodeType, "there is no %s %s %s", lt, e.Op, rt)
	}
	v.typ = t
	return v
}

// compare checks l op r; constant strings are read as dates, addresses, versions and truth values where needed.
func (c *checker) compare(n Node, op string, l, r value) {
	order := op != "==" && op != "!="
	lt, rt := c.castLiteral(n, l, r.typ), c.castLiteral(n, r, l.typ)
	if !comparable(lt, rt, order) {
		c.report(n, CodeType, "%s and %s cannot be compared with %s; convert one, such as TO_STRING or TO_LONG", lt, rt, op)
	}
}

// castLiteral returns the type of v where the other side has a type: a constant string takes over some of them.
func (c *checker) castLiteral(n Node, v value, other string) string {
	text, ok := v.text()
	if !ok || other == "keyword" || other == "text" {
		return v.typ
	}
	reads, valid := literalCast(text, other)
	if !reads || isSpan(other) {
		return v.typ
	}
	if !valid {
		c.report(n, CodeValue, "%s is not a %s", QuoteString(text), other)
		return typeAny
	}
	return other
}

func (c *checker) in(e *In, inner context) value {
	x := c.expr(e.X, inner)
	v := value{typ: "boolean", constant: x.constant, aggregate: x.aggregate}
	items := make([]value, len(e.List))
	nulls := false
	for i, item := range e.List {
		items[i] = c.expr(item, inner)
		v.constant = v.constant && items[i].constant
		v.aggregate = v.aggregate || items[i].aggregate
		nulls = nulls || items[i].typ == typeNull
	}
	// A list of one is a comparison; in longer ones null has a place.
	several := len(items) > 1
	for i, y := range items {
		switch {
		case several && y.typ == typeNull:
			if x.typ == "unsigned_long" {
				c.report(e.List[i], CodeType, "null cannot stand in a list of unsigned_long")
			}
		case several && x.literal != nil && x.typ == "keyword" && y.typ != typeAny && !isString(y.typ):
			c.report(e.List[i], CodeType, "%s cannot stand in a list for a string", y.typ)
		case several && nulls && x.typ == typeNull && y.typ == "unsigned_long":
			c.report(e.List[i], CodeType, "unsigned_long cannot stand in a list for null")
		case several && nulls && (x.typ == typeNull || isSpan(x.typ) && x.typ == y.typ):
		case several && isDate(x.typ) && isDate(y.typ) && x.typ != y.typ:
			c.report(e.List[i], CodeType, "%s and %s cannot stand in one list", x.typ, y.typ)
		default:
			c.compare(e.List[i], "==", x, y)
		}
	}
	return v
}

func (c *checker) like(e *Like, inner context) value {
	x := c.expr(e.X, inner)
	if x.typ != typeAny && x.typ != typeNull && !isString(x.typ) {
		c.report(e, CodeType, "%s needs keyword or text, not %s; use TO_STRING", e.Op, x.typ)
	}
	if len(e.Patterns) > 1 && e.Op == "RLIKE" && c.env.Version < V9 {
		c.report(e, CodeTarget, "RLIKE of 8.19 takes one pattern, not a list")
	}
	if e.Op == "RLIKE" {
		c.regexes(e)
	} else {
		c.wildcards(e)
	}
	return value{typ: "boolean", constant: x.constant, aggregate: x.aggregate}
}

func (c *checker) cast(e *Cast, inner context) value {
	name, ok := castFunctions[e.Type]
	if !ok {
		c.expr(e.X, inner)
		c.report(e, CodeType, "there is no conversion to %s", e.Type)
		return value{}
	}
	return c.call(&Call{At: e.At, Func: name, Args: []Expr{e.X}}, inner)
}

// ---- calls ----

func (c *checker) call(e *Call, ctx context) value {
	f, ok := functions[e.Func]
	if !ok {
		c.report(e, CodeUnknownFunction, "unknown function %s", e.Func)
		return value{}
	}
	if f.Since > c.env.Version {
		c.report(e, CodeTarget, "the function %s needs 9.x", e.Func)
		return value{}
	}
	if f.canonical() == "COUNT" && len(e.Args) == 1 {
		if _, ok := e.Args[0].(*Star); ok {
			c.place(e, f, ctx)
			return value{typ: "long", aggregate: true}
		}
	}
	least, most := f.arity()
	if n := len(e.Args); n < least || most >= 0 && n > most {
		c.report(e, CodeArguments, "%s takes %s, not %d", e.Func, counts(least, most), n)
		return value{typ: c.fixedResult(f), aggregate: f.Kind == Aggregate}
	}
	c.options(e, f)
	inner := c.place(e, f, ctx)
	if f.Kind == FullText {
		c.fullText(e, f, ctx)
		return value{typ: "boolean"}
	}
	inner.converting = strings.HasPrefix(f.Name, "TO_") && len(f.Params) == 1
	args := make([]value, len(e.Args))
	v := value{constant: f.Kind == Scalar}
	for i, arg := range e.Args {
		args[i] = c.expr(arg, inner)
		v.constant = v.constant && args[i].constant
		v.aggregate = v.aggregate || args[i].aggregate
	}
	v.aggregate = v.aggregate || f.Kind == Aggregate
	v.typ = c.signature(e, f, args)
	return v
}

func counts(least, most int) string {
	words := []string{"no argument", "one argument", "two arguments", "three arguments", "four arguments"}
	switch {
	case most < 0:
		return "at least " + words[least]
	case least == most:
		return words[least]
	}
	return strings.Fields(words[least])[0] + " to " + words[most]
}

// fixedResult is the result type where it does not depend on arguments.
func (c *checker) fixedResult(f *Function) string {
	if strings.HasPrefix(f.Result, "=") {
		return typeAny
	}
	return f.Result
}

// place checks where a function stands, and returns the context of its arguments.
func (c *checker) place(e *Call, f *Function, ctx context) context {
	inner := ctx
	inner.condition, inner.converting = false, false
	switch f.Kind {
	case Aggregate:
		switch {
		case ctx.mode == inBy:
			c.report(e, CodeAggregate, "an aggregation cannot stand in BY: %s", e.Func)
		case ctx.mode == inAggWhere:
			c.report(e, CodeAggregate, "an aggregation cannot stand in the WHERE of an aggregation: %s", e.Func)
		case ctx.mode != inStats:
			c.report(e, CodeAggregate, "the aggregation %s stands in STATS only", e.Func)
		case ctx.aggregate != "":
			c.report(e, CodeAggregate, "%s cannot stand inside %s; use two STATS", e.Func, ctx.aggregate)
		}
		inner.aggregate = e.Func
	case Grouping:
		switch {
		case ctx.mode != inBy && ctx.mode != inStats:
			c.report(e, CodeGrouping, "%s stands in STATS only", e.Func)
		case ctx.mode == inStats && ctx.aggregate == "":
			c.report(e, CodeGrouping, "%s stands in BY, or inside an aggregation", e.Func)
		case ctx.grouping != "":
			c.report(e, CodeGrouping, "%s cannot stand inside %s", e.Func, ctx.grouping)
		}
		inner.grouping = e.Func
		inner.aggregate = e.Func
	}
	return inner
}

func (c *checker) options(e *Call, f *Function) {
	for _, o := range e.Options {
		switch {
		case len(f.Options) == 0:
			c.report(e, CodeArguments, "%s takes no options", e.Func)
			return
		case !slices.Contains(f.Options, o.Name):
			c.report(e, CodeArguments, "%s has no option %s; it has %s", e.Func, o.Name, strings.Join(f.Options, ", "))
		case o.Name == "boost":
			if t := literalType(o.Value); !isNumber(t) {
				c.report(e, CodeValue, "the option boost is a number, not %s", literal(o.Value))
			}
		}
	}
}

// signature checks arguments against parameters and returns the type of the result.
func (c *checker) signature(e *Call, f *Function, args []value) string {
	wrong := false
	for i := range args {
		p := f.Params[min(i, len(f.Params)-1)]
		if args[i].typ == typeSource && f.canonical() == "COUNT" {
			continue
		}
		if !c.argument(e, e.Args[i], p, &args[i], i) {
			wrong = true
		}
	}
	if wrong {
		return c.fixedResult(f)
	}
	switch f.canonical() {
	case "CASE":
		return c.caseType(e, args)
	case "BUCKET":
		return c.bucketType(e, args)
	case "DATE_FORMAT":
		c.dateFormat(e, args)
	case "ROUND_TO":
		return c.roundToType(e, args)
	}
	c.constants(e, f, args)
	if f.Kind == Aggregate {
		c.constantAggregate(e, f, args)
	}
	switch f.Result {
	case "=1", "=1s":
		t := args[0].typ
		if f.Result == "=1s" && t == "text" {
			t = "keyword"
		}
		return t
	case "=2":
		if args[1].typ == typeNull {
			return "date"
		}
		return args[1].typ
	case "=sum":
		if args[0].typ == "integer" || args[0].typ == "long" {
			return "long"
		}
		return "double"
	case "=shape":
		switch args[0].typ {
		case "geo_point":
			return "geo_shape"
		case "cartesian_point":
			return "cartesian_shape"
		}
		return args[0].typ
	case "=series":
		if args[0].typ == typeNull || args[1].typ == typeNull {
			return typeNull
		}
		return "double"
	case "=all":
		return c.sharedType(e, f, args)
	case "=same":
		l, r := args[0].typ, args[1].typ
		switch {
		case l == typeAny || r == typeAny:
			return typeAny
		case l == typeNull:
			l = r
		case r != typeNull && family(l) != family(r) || isNumber(l) && isNumber(r) && l != r || isDate(l) && isDate(r) && l != r:
			c.report(e, CodeType, "%s needs two values of one type, not %s and %s", e.Func, l, r)
		}
		if l == "text" {
			l = "keyword"
		}
		return l
	}
	if strings.HasPrefix(f.Name, "ST_") && len(args) == 2 {
		l, r := args[0].typ, args[1].typ
		if isGeo(l) && isGeo(r) && strings.HasPrefix(l, "geo") != strings.HasPrefix(r, "geo") {
			c.report(e, CodeType, "%s cannot mix %s and %s", e.Func, l, r)
		}
	}
	return f.Result
}

// constantAggregate reports aggregations of constants, which only some can do.
func (c *checker) constantAggregate(e *Call, f *Function, args []value) {
	for i, v := range args[min(1, len(args)):] {
		if v.constant && v.typ == typeNull {
			c.report(e.Args[i+1], CodeValue, "argument %d of %s cannot be null", i+2, e.Func)
			return
		}
	}
	switch f.Name {
	case "VALUES", "TOP", "STD_DEV", "SAMPLE", "ST_CENTROID_AGG", "ST_EXTENT_AGG":
		if args[0].constant {
			c.report(e.Args[0], CodeAggregate, "%s needs a column, not a constant", e.Func)
		}
	case "WEIGHTED_AVG":
		if lit := args[1].literal; lit != nil && (lit.Value == int64(0) || lit.Value == 0.0) {
			c.report(e.Args[1], CodeValue, "the weight of WEIGHTED_AVG cannot be 0")
		}
	}
}

// roundToType is the type of ROUND_TO: the widest of its numbers, or that of its dates.
func (c *checker) roundToType(e *Call, args []value) string {
	t := typeNull
	for i, v := range args {
		typ := v.typ
		if i > 0 && isDate(t) {
			typ = c.castLiteral(e.Args[i], v, "date")
		}
		switch {
		case typ == typeAny:
			return typeAny
		case typ == typeNull:
		case t == typeNull:
			t = c.castLiteral(e.Args[i], v, "date")
		case isNumber(t) && isNumber(typ):
			t = wider(t, typ)
		case !isDate(t) || t != typ:
			c.report(e.Args[i], CodeType, "the arguments of ROUND_TO are all numbers or all dates, not %s and %s", t, typ)
			return typeAny
		}
	}
	return t
}

// argument checks one argument and reports at most one problem. A constant string that is read as another type gets it.
func (c *checker) argument(e *Call, arg Expr, p Param, v *value, i int) bool {
	if v.typ == typeAny {
		return true
	}
	if v.typ != typeNull && !slices.Contains(p.Types, v.typ) {
		text, ok := v.text()
		if !ok {
			c.report(arg, CodeType, "argument %d (%s) of %s is %s; it takes %s", i+1, p.Name, e.Func, v.typ, strings.Join(p.Types, ", "))
			return false
		}
		for _, t := range p.Types {
			if reads, valid := literalCast(text, t); reads && valid {
				v.typ = t
				return true
			}
		}
		c.report(arg, CodeType, "argument %d (%s) of %s takes %s; %s is none", i+1, p.Name, e.Func, strings.Join(p.Types, ", "), QuoteString(text))
		return false
	}
	if p.Constant && !v.constant {
		c.report(arg, CodeConstant, "argument %d (%s) of %s has to be a constant", i+1, p.Name, e.Func)
		return false
	}
	return true
}

// sharedType is the type of GREATEST, LEAST and COALESCE: that of the first argument, to which the others are widened.
func (c *checker) sharedType(e *Call, f *Function, args []value) string {
	t := typeNull
	for i, v := range args {
		switch {
		case v.typ == typeAny:
			return typeAny
		case v.typ == typeNull:
		case t == typeNull:
			t = v.typ
		case !widens(t, v.typ):
			c.report(e.Args[i], CodeType, "%s has the type %s of its first argument; argument %d is %s", e.Func, t, i+1, v.typ)
			return t
		}
	}
	if t == "text" {
		t = "keyword"
	}
	return t
}

// widens reports whether a value of type t can stand where the first argument is of type first.
func widens(first, t string) bool {
	switch first {
	case "long":
		return t == "integer" || t == "long"
	case "double":
		return isNumber(t) || t == "unsigned_long"
	case "unsigned_long":
		return t == "integer" || t == "long" || t == "unsigned_long"
	}
	return first == t || isString(first) && isString(t)
}

func (c *checker) caseType(e *Call, args []value) string {
	t := typeNull
	for i, v := range args {
		if i%2 == 0 && i < len(args)-1 {
			if _, ok := v.text(); !ok || i > 0 { // a constant string is read as true or false, but only there
				c.boolean(e.Args[i], v)
			}
			continue
		}
		switch {
		case v.typ == typeAny:
			t = typeAny
		case v.typ == typeNull || t == typeAny:
		case t == typeNull:
			t = v.typ
		case !widens(t, v.typ):
			c.report(e.Args[i], CodeType, "CASE has the type %s of its first value; this value is %s", t, v.typ)
			return t
		}
	}
	if t == "text" {
		t = "keyword"
	}
	return t
}

func (c *checker) bucketType(e *Call, args []value) string {
	field, size := args[0].typ, args[1].typ
	text, literal := args[1].text()
	n := len(args)
	ranges := args[min(2, n):]
	if n == 3 && field != typeNull && size != typeNull {
		c.report(e, CodeArguments, "%s takes two or four arguments", e.Func)
	}
	switch {
	case isDate(field):
		switch {
		case isString(size):
			if !literal {
				c.report(e.Args[1], CodeType, "the bucket size is a time span such as 5 minutes")
				break
			}
			_, period := literalCast(text, "date_period")
			_, duration := literalCast(text, "time_duration")
			if !period && !duration {
				c.report(e.Args[1], CodeValue, "%s is not a time span such as 5 minutes", text)
			}
		case size == "double":
			c.report(e.Args[1], CodeType, "the number of buckets is a whole number")
		case (isNumber(size) || size == "unsigned_long") && n != 4:
			c.report(e, CodeArguments, "%s of a date with a number of buckets takes four arguments, the last two are the range", e.Func)
		case isSpan(size) && n != 2:
			c.report(e, CodeArguments, "%s of a date with a time span takes two arguments", e.Func)
		}
		for i, v := range ranges {
			if v.typ != typeAny && v.typ != typeNull && !isDate(v.typ) && !isString(v.typ) {
				c.report(e.Args[i+2], CodeType, "the range of a bucket of dates is two dates, not %s", v.typ)
			}
		}
		if d, ok := e.Args[1].(*Duration); ok && d.N <= 0 {
			c.report(e.Args[1], CodeValue, "a bucket has to be longer than zero")
		}
		return field
	case isNumber(field) || field == "unsigned_long":
		if size != typeAny && size != typeNull && !isNumber(size) && size != "unsigned_long" {
			c.report(e.Args[1], CodeType, "the bucket size of numbers is a number, not %s", size)
		}
		if size == "double" && n == 4 {
			c.report(e, CodeArguments, "%s with a fractional size takes two arguments", e.Func)
		}
		for i, v := range ranges {
			if v.typ != typeAny && v.typ != typeNull && !isNumber(v.typ) && v.typ != "unsigned_long" {
				c.report(e.Args[i+2], CodeType, "the range of a bucket of numbers is two numbers, not %s", v.typ)
			}
		}
		return "double"
	}
	return field
}

func (c *checker) dateFormat(e *Call, args []value) {
	first := args[0].typ
	switch {
	case len(args) == 2 && isDate(first):
		c.report(e.Args[0], CodeType, "the first of two arguments of DATE_FORMAT is the format, not %s", first)
	case len(args) == 1 && isString(first):
		c.report(e.Args[0], CodeType, "DATE_FORMAT needs a date, not %s", first)
	}
}

// constants checks the values of constant arguments that Elasticsearch looks at before it runs.
func (c *checker) constants(e *Call, f *Function, args []value) {
	text := func(i int) (string, bool) {
		if i >= len(args) {
			return "", false
		}
		return args[i].text()
	}
	whole := func(i int) (int64, bool) {
		if i >= len(args) || args[i].literal == nil {
			return 0, false
		}
		n, ok := args[i].literal.Value.(int64)
		return n, ok
	}
	oneOf := func(i int, code string, valid ...string) {
		if s, ok := text(i); ok && !slices.Contains(valid, strings.ToLower(s)) {
			c.report(e.Args[i], CodeValue, "%s of %s is one of %s, not %s", code, e.Func, strings.Join(valid, ", "), QuoteString(s))
		}
	}
	switch f.canonical() {
	case "MV_SORT":
		oneOf(1, "the order", "asc", "desc")
	case "TOP":
		oneOf(2, "the order", "asc", "desc")
		if n, ok := whole(1); ok && n <= 0 {
			c.report(e.Args[1], CodeValue, "the limit of TOP has to be more than zero")
		}
	case "SAMPLE":
		if n, ok := whole(1); ok && n <= 0 {
			c.report(e.Args[1], CodeValue, "the limit of SAMPLE has to be more than zero")
		}
	case "REPEAT":
		if n, ok := whole(1); ok && n < 0 {
			c.report(e.Args[1], CodeValue, "REPEAT takes no negative number")
		}
	case "SPACE":
		if n, ok := whole(0); ok && n < 0 {
			c.report(e.Args[0], CodeValue, "SPACE takes no negative number")
		}
	case "SPLIT":
		if s, ok := text(1); ok && len(s) != 1 {
			c.report(e.Args[1], CodeValue, "the delimiter of SPLIT is one byte, not %s", QuoteString(s))
		}
	case "HASH":
		oneOf(0, "the algorithm", "md2", "md5", "sha", "sha-1", "sha1", "sha-224", "sha224", "sha-256", "sha256", "sha-384", "sha384",
			"sha-512", "sha512", "sha-512/224", "sha512/224", "sha-512/256", "sha512/256", "sha3-224", "sha3-256", "sha3-384", "sha3-512")
	case "DATE_EXTRACT":
		oneOf(0, "the part", datePartNames...)
	case "DATE_DIFF":
		oneOf(0, "the unit", dateDiffUnits...)
	case "CIDR_MATCH":
		for i := 1; i < len(args); i++ {
			if s, ok := text(i); ok && !validBlock(s) {
				c.report(e.Args[i], CodeValue, "%s is not an address block such as 10.0.0.0/8", QuoteString(s))
			}
		}
	case "DATE_FORMAT", "DATE_PARSE":
		if s, ok := text(0); ok && len(args) == 2 {
			if letter := badDateLetter(s); letter != 0 {
				c.report(e.Args[0], CodeValue, "the date pattern %s has an unknown letter %c", QuoteString(s), letter)
			}
		}
	case "REPLACE":
		if s, ok := text(1); ok {
			if err := regexError(s); err != "" {
				c.report(e.Args[1], CodePattern, "the pattern %s of REPLACE is wrong: %s", QuoteString(s), err)
			}
		}
	}
}

var datePartNames = strings.Fields(`aligned_day_of_week_in_month aligned_day_of_week_in_year aligned_week_of_month
	aligned_week_of_year ampm_of_day clock_hour_of_ampm clock_hour_of_day day_of_month day_of_week day_of_year epoch_day era
	hour_of_ampm hour_of_day instant_seconds micro_of_day micro_of_second milli_of_day milli_of_second minute_of_day
	minute_of_hour month_of_year nano_of_day nano_of_second offset_seconds proleptic_month second_of_day second_of_minute
	year year_of_era`)

var dateDiffUnits = strings.Fields(`year years yyyy yy quarter quarters qq q month months mm m dayofyear dy y day days dd d
	week weeks wk ww weekday weekdays dw hour hours hh minute minutes mi n second seconds ss s millisecond milliseconds ms
	microsecond microseconds mcs nanosecond nanoseconds ns`)

// ---- full text ----

// fullTextPlace checks where a full-text function or the match operator stands.
func (c *checker) fullTextPlace(n Node, name string, ctx context) {
	switch {
	case ctx.mode != inWhere && ctx.mode != inAggWhere:
		c.report(n, CodeFullText, "%s stands in WHERE only", name)
	case !ctx.condition:
		c.report(n, CodeFullText, "%s is a condition of its own; it can be joined with AND, OR and NOT only", name)
	case c.afterMatch != "":
		c.report(n, CodeFullText, "%s cannot follow %s", name, c.afterMatch)
	}
}

func (c *checker) fullText(e *Call, f *Function, ctx context) {
	c.fullTextPlace(e, e.Func, ctx)
	inner := context{mode: ctx.mode}
	if f.Name == "QSTR" || f.Name == "KQL" {
		if c.afterQuery != "" && c.afterMatch == "" {
			c.report(e, CodeFullText, "%s can follow WHERE and SORT only, not %s", e.Func, c.afterQuery)
		}
		v := c.expr(e.Args[0], inner)
		if v.typ == typeNull {
			c.report(e, CodeValue, "the query of %s cannot be null", e.Func)
			return
		}
		if c.argument(e, e.Args[0], f.Params[0], &v, 0) {
			if text, ok := v.text(); ok {
				if err := luceneError(text, f.Name == "QSTR"); err != "" {
					c.report(e, CodePattern, "the query of %s is wrong: %s", e.Func, err)
				}
			}
		}
		return
	}
	c.match(e, e.Func, e.Args[0], e.Args[1], inner)
}

// match checks MATCH, MATCH_PHRASE and the match operator.
func (c *checker) match(n Node, name string, field, query Expr, ctx context) {
	q := c.expr(query, context{mode: ctx.mode})
	column, ok := field.(*Column)
	if cast, isCast := field.(*Cast); isCast {
		column, ok = cast.X.(*Column)
	}
	if !ok {
		c.report(field, CodeFullText, "%s searches a field of the index, not an expression", name)
		return
	}
	col, ok := c.scope.find(column.Name)
	if !ok {
		c.unknown(column, column.Name)
		return
	}
	if !c.usable(column, col) {
		return
	}
	if !col.indexed {
		c.report(column, CodeFullText, "%s searches a field of the index; %s is computed or renamed", name, col.name)
		return
	}
	if q.typ == typeNull {
		c.report(query, CodeValue, "%s cannot search for null", name)
		return
	}
	if !q.constant {
		c.report(query, CodeConstant, "%s searches for a constant", name)
		return
	}
	t := col.typ
	switch {
	case t == typeAny:
	case name == "MATCH_PHRASE":
		if !isString(t) {
			c.report(column, CodeType, "MATCH_PHRASE searches keyword and text, not %s", t)
		} else if !isString(q.typ) {
			c.report(query, CodeType, "MATCH_PHRASE searches for a string, not a %s", q.typ)
		}
	case isGeo(t):
		c.report(column, CodeType, "%s cannot search a %s", name, t)
	case isString(q.typ), family(t) == family(q.typ), (isNumber(t) || t == "unsigned_long") && (isNumber(q.typ) || q.typ == "unsigned_long"):
		if t == "text" && name != "MATCH_PHRASE" {
			c.lint(n, CodeAnalysed, "%s is text: it is searched by words, not as a whole value", col.name)
		}
	default:
		c.report(n, CodeType, "%s of a %s field cannot search for a %s", name, t, q.typ)
	}
}
