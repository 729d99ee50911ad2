package esql

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
