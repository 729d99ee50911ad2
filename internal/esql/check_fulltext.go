package esql

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
