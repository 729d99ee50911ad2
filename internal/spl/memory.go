package spl

import "github.com/rulebridge/rulebridge/internal/arena"

// Memory is memory for queries that is used again: a query parsed with it is valid until Reset. The texts in it are not
// part of the memory and stay. The zero value is ready to use, for one query at a time.
type Memory struct {
	searches    arena.Of[SearchExpr]
	ands        arena.Of[SearchAnd]
	ors         arena.Of[SearchOr]
	compares    arena.Of[Compare]
	terms       arena.Of[Term]
	ins         arena.Of[SearchIn]
	values      arena.Of[Value]
	exprs       arena.Of[Expr]
	fields      arena.Of[FieldRef]
	strings     arena.Of[StringLit]
	numbers     arena.Of[NumberLit]
	binaries    arena.Of[Binary]
	calls       arena.Of[Call]
	commands    arena.Of[Command]
	pipelines   arena.Of[Pipeline]
	search      arena.Of[Search]
	evals       arena.Of[Eval]
	rename      arena.Of[Rename]
	converts    arena.Of[Convert]
	stats       arena.Of[Stats]
	tstats      arena.Of[TStats]
	aggs        arena.Of[Agg]
	by          arena.Of[By]
	names       arena.Of[Name]
	options     arena.Of[Option]
	assigns     arena.Of[Assign]
	renames     arena.Of[RenamePair]
	conversions arena.Of[ConvertFunc]
	macros      arena.Of[MacroUse]
	segments    arena.Of[segment]
	marks       arena.Of[mark]
}

// Reset takes the memory back from the queries that were parsed with it, which must not be used any more.
func (m *Memory) Reset() {
	m.searches.Reset()
	m.ands.Reset()
	m.ors.Reset()
	m.compares.Reset()
	m.terms.Reset()
	m.ins.Reset()
	m.values.Reset()
	m.exprs.Reset()
	m.fields.Reset()
	m.strings.Reset()
	m.numbers.Reset()
	m.binaries.Reset()
	m.calls.Reset()
	m.commands.Reset()
	m.pipelines.Reset()
	m.search.Reset()
	m.evals.Reset()
	m.rename.Reset()
	m.converts.Reset()
	m.stats.Reset()
	m.tstats.Reset()
	m.aggs.Reset()
	m.by.Reset()
	m.names.Reset()
	m.options.Reset()
	m.assigns.Reset()
	m.renames.Reset()
	m.conversions.Reset()
	m.macros.Reset()
	m.segments.Reset()
	m.marks.Reset()
}
