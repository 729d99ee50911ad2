package esql

import (
	"slices"
	"strings"
)

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
