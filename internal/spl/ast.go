// Package spl reads Splunk's Search Processing Language: tokens, macro expansion, a parser for the full
// pipeline syntax with both of its expression grammars, an AST with spans, and a printer whose output parses
// back to the same tree. It knows nothing of Elasticsearch and uses the standard library only.
package spl

// Pos is a place in the query as the user wrote it. Line and Column count from 1, Column in characters
// (runes); Offset counts bytes from 0. Text that came out of a macro has the place of the macro's call. Every node has
// two of them, hence the small type: a source has at most 2 GiB.
type Pos struct {
	Offset, Line, Column int32
}

// Span is a half-open range of the query as the user wrote it.
type Span struct {
	Start, End Pos
}

// Node is anything with a place in the query.
type Node interface {
	Span() Span
}

// At is embedded in every node to carry its span.
type At struct{ At Span }

// Span returns the node's place.
func (a At) Span() Span { return a.At }

// Query is one parsed search with everything that expansion and recovery found on the way.
type Query struct {
	Pipeline *Pipeline
	Macros   []MacroUse // every macro call in source order, nested ones after their caller
	Problems []Problem  // syntax errors and recoveries; the pipeline still holds what could be read
	Comments []Span     // ```comments```
}

// Problem is one thing that could not be read, with its place. Code is one of the Code constants of this package.
type Problem struct {
	At
	Code    string
	Message string
}

// MacroUse is one macro call. Known says whether a definition was found; Depth counts nesting from 0.
type MacroUse struct {
	At
	Name  string // without arity: security_content_ctime
	Args  []string
	Known bool
	// Failed says that there is a definition which does not fit this call: a Problem at the call says why.
	Failed bool
	Depth  int
	// Builtin says the definition used is the project's own, not the user's.
	Builtin bool
	// Kept says that Options.Keep asked to leave the call in the tree unexpanded.
	Kept bool
	// Definition is the text it expanded to (arguments substituted).
	Definition string
}

// Pipeline is a sequence of commands, of a whole search or of a subsearch.
type Pipeline struct {
	At
	Commands []Command
}

// Command is one stage of a pipeline. The interface is sealed.
type Command interface {
	Node
	// Name is the command as Splunk spells it.
	Name() string
	command()
}

// Option is a name=value argument of a command. Value has its quotes removed.
type Option struct {
	At
	Name, Value string
	Quoted      bool
}

// Name is a field name, pattern or literal with its place: quotes removed, macros expanded.
type Name struct {
	At
	Text   string
	Quoted bool
}

// ---- commands ----

// Search is the search command, explicit or implied at the start of a pipeline. Expr is nil for "search *" written
// as nothing at all.
type Search struct {
	At
	Expr    SearchExpr
	Implied bool
}

// Where is where EXPR.
type Where struct {
	At
	Expr Expr
}

// Regex is regex [FIELD(=|!=)]"PATTERN"; Field is _raw when absent.
type Regex struct {
	At
	Field   Name
	Negated bool
	Pattern Name
}

// Assign is one FIELD = EXPR.
type Assign struct {
	At
	Field Name
	Expr  Expr
}

// Eval is eval A, B, …
type Eval struct {
	At
	Assigns []Assign
}

// Agg is one aggregation of stats and its kin: FUNC(ARG) AS NAME. Percentiles keep their number in Func
// ("perc95"). Arg is nil for a bare count. With Eval set, the argument was eval(EXPR) or an expression.
type Agg struct {
	At
	Func string // lower case: count, dc, values, perc95, …
	Arg  Expr   // *FieldRef (its Name may hold a wildcard), an expression for eval(…), or nil
	Eval bool
	As   *Name // nil when not given

	text string // between the parentheses
}

// Written is what stands between the parentheses, as it is written: the default name of the result holds it.
func (a Agg) Written() string { return a.text }

// By is one field of a BY clause, with the span of "_time span=5m" where given.
type By struct {
	At
	Field  Name
	Bucket *Option // span=…
}

// Stats is stats, eventstats, streamstats, sistats: Kind tells which.
type Stats struct {
	At
	Kind    string
	Options []Option
	Aggs    []Agg
	By      []By
	// Macros are calls without a definition among the aggregations.
	Macros []MacroText
}

// MacroText is a macro call as it is written, backticks included.
type MacroText struct {
	At
	Name, Text string
}

// TStats is tstats and mstats: Kind tells which.
type TStats struct {
	At
	Kind    string
	Options []Option // summariesonly, allow_old_summaries, fillnull_value, prestats, append, chunk_size, local, …
	Aggs    []Agg
	// From is the data model after datamodel= ("Endpoint.Processes"), or empty.
	From     *Name
	Nodename *Name // nodename= in the where clause
	Where    SearchExpr
	By       []By // the span of _time is on its By, or in Options as span
}

// Rename is rename A AS B, …; both sides may hold wildcards.
type Rename struct {
	At
	Pairs []RenamePair
}

// RenamePair is one A AS B.
type RenamePair struct {
	At
	From, To Name
}

// Fields is fields [+|-] LIST; Table is table LIST. Names may hold wildcards.
type Fields struct {
	At
	Remove bool
	Names  []Name
}

// Table is table LIST.
type Table struct {
	At
	Names []Name
}

// Rex is rex [field=F] [max_match=N] [offset_field=F] (PATTERN | mode=sed PATTERN).
type Rex struct {
	At
	Field    Name // _raw when absent
	Sed      bool
	MaxMatch int // 1 when absent, 0 for no limit
	Offset   *Name
	Pattern  Name
}

// Sort is sort [N] KEYS [d]; Limit -1 when absent (Splunk's default of 10,000 applies), 0 for all.
type Sort struct {
	At
	Limit int
	Keys  []SortKey
	Desc  bool // trailing d or desc: reverses the whole order
}

// SortKey is one key; Func is auto, str, num, ip or empty.
type SortKey struct {
	At
	Field Name
	Desc  bool
	Func  string
}

// Dedup is dedup [N] FIELDS [options] [sortby KEYS].
type Dedup struct {
	At
	Count   int
	Fields  []Name
	Options []Option
	SortBy  []SortKey
}

// Head is head [N | (EXPR)] [limit= null= keeplast=]; Tail has the same shape.
type Head struct {
	At
	Count   int
	Expr    Expr
	Options []Option
}

// Tail is tail [N].
type Tail struct {
	At
	Count int
}

// FillNull is fillnull [value=V] [FIELDS]; Value is "0" when absent.
type FillNull struct {
	At
	Value  string
	Fields []Name
}

// Bin is bin|bucket [options] FIELD [AS NAME]; the options hold span, bins, aligntime, …
type Bin struct {
	At
	Options []Option
	Field   Name
	As      *Name
	// Assumed says that no field was named; Field is then _time.
	Assumed bool
}

// Lookup is lookup [options] TABLE (KEY [AS FIELD])+ [OUTPUT|OUTPUTNEW (COLUMN [AS FIELD])+]. Kind is "lookup".
type Lookup struct {
	At
	Options   []Option
	Table     Name
	Keys      []LookupField
	OutputNew bool
	Outputs   []LookupField // empty: all columns
}

// LookupField is COLUMN [AS FIELD].
type LookupField struct {
	At
	Column Name
	Field  Name // equals Column when AS is absent
}

// InputLookup is inputlookup [append=] [start=] [max=] TABLE [where EXPR].
type InputLookup struct {
	At
	Options []Option
	Table   Name
	Where   SearchExpr
}

// OutputLookup is outputlookup [options] TABLE.
type OutputLookup struct {
	At
	Options []Option
	Table   Name
}

// Join is join [options] FIELDS [subsearch].
type Join struct {
	At
	Options []Option
	Fields  []Name
	Where   Expr // of the form join left=L right=R where L.a = R.b
	Sub     *Pipeline
}

// Append is append, appendcols or appendpipe [subsearch]: Kind tells which.
type Append struct {
	At
	Kind    string
	Options []Option
	Sub     *Pipeline
}

// Multisearch is multisearch [..][..] and union (Kind), whose operands may also be dataset names.
type Multisearch struct {
	At
	Kind     string
	Options  []Option
	Subs     []*Pipeline
	Datasets []Name
}

// Transaction is transaction FIELDS options; startswith and endswith are parsed.
type Transaction struct {
	At
	Fields     []Name
	Options    []Option // maxspan, maxpause, maxevents, …
	StartsWith Filter
	EndsWith   Filter
}

// Filter is a search expression or an eval(EXPR) filter string of transaction; both nil when absent.
type Filter struct {
	Search SearchExpr
	Eval   Expr
}

// Chart is chart and timechart: aggregations OVER field BY field.
type Chart struct {
	At
	Kind    string
	Options []Option
	Aggs    []Agg
	Over    *By
	By      []By
	Where   *SeriesWhere // nil when not given
}

// SeriesWhere is WHERE of chart and timechart: which values of the field behind BY become columns, by an aggregation over
// the cells of each. It is [NOT]IN (top|bottom)N or a threshold.
type SeriesWhere struct {
	At
	Agg       Agg
	Op        string // in, notin, < or >
	Bottom    bool
	N         int     // of in and notin
	Threshold float64 // of < and >
}

// Top is top and rare [N] FIELDS [BY FIELDS].
type Top struct {
	At
	Kind    string
	Count   int // 10 when absent
	Options []Option
	Fields  []Name
	By      []Name
}

// Reverse is reverse.
type Reverse struct{ At }

// FillDown is filldown [FIELDS].
type FillDown struct {
	At
	Fields []Name
}

// MakeMV is makemv [delim=|tokenizer=] [allowempty=] [setsv=] FIELD.
type MakeMV struct {
	At
	Options []Option
	Field   Name
}

// MVExpand is mvexpand FIELD [limit=N].
type MVExpand struct {
	At
	Field Name
	Limit int
}

// MVCombine is mvcombine [delim=] FIELD; NoMV is nomv FIELD.
type MVCombine struct {
	At
	Options []Option
	Field   Name
}

// NoMV is nomv FIELD.
type NoMV struct {
	At
	Field Name
}

// SPath is spath [input=F] [output=F] [path=P | P].
type SPath struct {
	At
	Input, Output, Path *Name
}

// Extract is extract|kv, xmlkv, xpath, kvform and others that read fields out of _raw: Kind tells which.
type Extract struct {
	At
	Kind    string
	Options []Option
	Args    []Name
}

// Convert is convert [timeformat=F] FUNC(FIELD) [AS NAME], …
type Convert struct {
	At
	Timeformat string
	Funcs      []ConvertFunc
}

// ConvertFunc is one FUNC(FIELD) [AS NAME].
type ConvertFunc struct {
	At
	Func  string
	Field Name
	As    *Name
}

// Foreach is foreach [mode=] PATTERNS [subsearch]; the template is kept as text as well, because <<FIELD>> is
// substituted before it is parsed.
type Foreach struct {
	At
	Options  []Option
	Patterns []Name
	Template string
	Body     Span
}

// Map is map search="…" maxsearches=N or map [subsearch].
type Map struct {
	At
	Options []Option
	Search  string
	Sub     *Pipeline
}

// IPLocation is iplocation [prefix=] [allfields=] [lang=] FIELD.
type IPLocation struct {
	At
	Options []Option
	Field   Name
}

// From is from datamodel:X.Y or from datamodel X.Y; DataModel is datamodel X Y search|flat.
type From struct {
	At
	Kind    string // from or datamodel
	Model   Name   // Endpoint.Processes
	Dataset string // of from: datamodel, lookup, savedsearch, …; "datamodel" for the datamodel command
	Mode    string // of datamodel: search, flat, acceleration_search, …, or empty
	Options []Option
}

// MakeResults is makeresults [options].
type MakeResults struct {
	At
	Options []Option
}

// Return is return [N] ($field | field | alias=field)…
type Return struct {
	At
	Count  int
	Fields []ReturnField
}

// ReturnField is one of them: Dollar for the value alone.
type ReturnField struct {
	At
	Alias  *Name
	Field  Name
	Dollar bool
}

// Format is format "…"….
type Format struct {
	At
	Options []Option
	Args    []Name
}

// Other is a command that is known to Splunk but has no node of its own (collect, sendemail, apply, fit, outlier,
// predict, anomalydetection, xyseries, untable, transpose, addtotals, delta, accum, geostats, rest, metadata, …):
// options and arguments as written.
type Other struct {
	At
	Command string
	Options []Option
	Args    []Name
	Subs    []*Pipeline
}

// Unknown is a stage that could not be read: an unknown command, an unresolved macro or a syntax error. The parser
// recovers at the next pipe. Text is what stood there.
type Unknown struct {
	At
	Command string // first word, or the macro's name when Macro
	Macro   bool
	Implied bool // no pipe stood before it, so it was read as a search
	Text    string
}

// ---- search expressions ----

// SearchExpr is an expression of the search command's grammar: NOT binds tightest, then OR, then AND. The interface
// is sealed.
type SearchExpr interface {
	Node
	searchExpr()
}

// SearchAnd and SearchOr have at least two operands; AND may have been implied by juxtaposition.
type SearchAnd struct {
	At
	Exprs []SearchExpr
}

// SearchOr is A OR B ….
type SearchOr struct {
	At
	Exprs []SearchExpr
}

// SearchNot is NOT A.
type SearchNot struct {
	At
	Expr SearchExpr
}

// Compare is FIELD op VALUE with op one of = != < <= > >= (== is read as =).
type Compare struct {
	At
	Field Name
	Op    string
	Value Value
}

// SearchIn is FIELD IN (V, …).
type SearchIn struct {
	At
	Field  Name
	Values []Value
}

// Term is a bare keyword or phrase, searched in the raw event; "*" alone matches everything.
type Term struct {
	At
	Value Value
	// Directive is TERM or CASE where written, else empty.
	Directive string
}

// SubsearchExpr is […] inside a search expression.
type SubsearchExpr struct {
	At
	Pipeline *Pipeline
}

// SearchMacro is an unresolved macro inside a search expression.
type SearchMacro struct {
	At
	Macro string
	Args  []string
}

// SearchHole is a part that could not be read, with what stood there; a Problem says why.
type SearchHole struct {
	At
	Text string
}

// Value is a literal of the search grammar: quotes and backslash escapes of quotes removed, * still a wildcard.
type Value struct {
	At
	Text   string
	Quoted bool
}

// ---- eval expressions ----

// Expr is an expression of the eval/where grammar: NOT > AND > OR. The interface is sealed.
type Expr interface {
	Node
	expr()
}

// FieldRef is a field name: bare, in single quotes, with {} array paths, or (in aggregations) with wildcards.
type FieldRef struct {
	At
	Name   string
	Quoted bool
	// Dotted says that the name holds dots outside quotes, which Splunk's eval reads as the operator that joins texts.
	Dotted bool
}

// StringLit is "…" with escapes resolved.
type StringLit struct {
	At
	Value string
}

// NumberLit is a number as written.
type NumberLit struct {
	At
	Text string
}

// BoolLit is true or false as a bare word where Splunk accepts one.
type BoolLit struct {
	At
	Value bool
}

// Binary is L op R; op is one of + - * / % . < <= > >= = == != AND OR XOR LIKE (upper case for words; = is kept
// apart from == only for printing, they mean the same).
type Binary struct {
	At
	Op   string
	L, R Expr
}

// Unary is NOT X, -X or +X.
type Unary struct {
	At
	Op string
	X  Expr
}

// Call is FUNC(ARGS); Func is lower case.
type Call struct {
	At
	Func string
	Args []Expr
}

// InExpr is X IN (A, …), also written in(X, A, …).
type InExpr struct {
	At
	X    Expr
	List []Expr
}

// ExprMacro is an unresolved macro inside an eval expression.
type ExprMacro struct {
	At
	Macro string
	Args  []string
}

// ExprSubsearch is […] inside an eval expression: what it returns stands for it, as text of the expression.
type ExprSubsearch struct {
	At
	Pipeline *Pipeline
}

// ExprHole is a part that could not be read; a Problem says why.
type ExprHole struct {
	At
	Text string
}

// ---- sealing ----

func (*Search) command()       {}
func (*Where) command()        {}
func (*Regex) command()        {}
func (*Eval) command()         {}
func (*Stats) command()        {}
func (*TStats) command()       {}
func (*Rename) command()       {}
func (*Fields) command()       {}
func (*Table) command()        {}
func (*Rex) command()          {}
func (*Sort) command()         {}
func (*Dedup) command()        {}
func (*Head) command()         {}
func (*Tail) command()         {}
func (*FillNull) command()     {}
func (*Bin) command()          {}
func (*Lookup) command()       {}
func (*InputLookup) command()  {}
func (*OutputLookup) command() {}
func (*Join) command()         {}
func (*Append) command()       {}
func (*Multisearch) command()  {}
func (*Transaction) command()  {}
func (*Chart) command()        {}
func (*Top) command()          {}
func (*Reverse) command()      {}
func (*FillDown) command()     {}
func (*MakeMV) command()       {}
func (*MVExpand) command()     {}
func (*MVCombine) command()    {}
func (*NoMV) command()         {}
func (*SPath) command()        {}
func (*Extract) command()      {}
func (*Convert) command()      {}
func (*Foreach) command()      {}
func (*Map) command()          {}
func (*IPLocation) command()   {}
func (*From) command()         {}
func (*MakeResults) command()  {}
func (*Return) command()       {}
func (*Format) command()       {}
func (*Other) command()        {}
func (*Unknown) command()      {}

// Name is the command as Splunk spells it.
func (*Search) Name() string { return "search" }

// Name is the command as Splunk spells it.
func (*Where) Name() string { return "where" }

// Name is the command as Splunk spells it.
func (*Regex) Name() string { return "regex" }

// Name is the command as Splunk spells it.
func (*Eval) Name() string { return "eval" }

// Name is the command as Splunk spells it.
func (c *Stats) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (c *TStats) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (*Rename) Name() string { return "rename" }

// Name is the command as Splunk spells it.
func (*Fields) Name() string { return "fields" }

// Name is the command as Splunk spells it.
func (*Table) Name() string { return "table" }

// Name is the command as Splunk spells it.
func (*Rex) Name() string { return "rex" }

// Name is the command as Splunk spells it.
func (*Sort) Name() string { return "sort" }

// Name is the command as Splunk spells it.
func (*Dedup) Name() string { return "dedup" }

// Name is the command as Splunk spells it.
func (*Head) Name() string { return "head" }

// Name is the command as Splunk spells it.
func (*Tail) Name() string { return "tail" }

// Name is the command as Splunk spells it.
func (*FillNull) Name() string { return "fillnull" }

// Name is the command as Splunk spells it.
func (*Bin) Name() string { return "bin" }

// Name is the command as Splunk spells it.
func (*Lookup) Name() string { return "lookup" }

// Name is the command as Splunk spells it.
func (*InputLookup) Name() string { return "inputlookup" }

// Name is the command as Splunk spells it.
func (*OutputLookup) Name() string { return "outputlookup" }

// Name is the command as Splunk spells it.
func (*Join) Name() string { return "join" }

// Name is the command as Splunk spells it.
func (c *Append) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (c *Multisearch) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (*Transaction) Name() string { return "transaction" }

// Name is the command as Splunk spells it.
func (c *Chart) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (c *Top) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (*Reverse) Name() string { return "reverse" }

// Name is the command as Splunk spells it.
func (*FillDown) Name() string { return "filldown" }

// Name is the command as Splunk spells it.
func (*MakeMV) Name() string { return "makemv" }

// Name is the command as Splunk spells it.
func (*MVExpand) Name() string { return "mvexpand" }

// Name is the command as Splunk spells it.
func (*MVCombine) Name() string { return "mvcombine" }

// Name is the command as Splunk spells it.
func (*NoMV) Name() string { return "nomv" }

// Name is the command as Splunk spells it.
func (*SPath) Name() string { return "spath" }

// Name is the command as Splunk spells it.
func (c *Extract) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (*Convert) Name() string { return "convert" }

// Name is the command as Splunk spells it.
func (*Foreach) Name() string { return "foreach" }

// Name is the command as Splunk spells it.
func (*Map) Name() string { return "map" }

// Name is the command as Splunk spells it.
func (*IPLocation) Name() string { return "iplocation" }

// Name is the command as Splunk spells it.
func (c *From) Name() string { return c.Kind }

// Name is the command as Splunk spells it.
func (*MakeResults) Name() string { return "makeresults" }

// Name is the command as Splunk spells it.
func (*Return) Name() string { return "return" }

// Name is the command as Splunk spells it.
func (*Format) Name() string { return "format" }

// Name is the command as Splunk spells it.
func (c *Other) Name() string { return c.Command }

// Name is the command as Splunk spells it.
func (c *Unknown) Name() string { return c.Command }

func (*SearchAnd) searchExpr()     {}
func (*SearchOr) searchExpr()      {}
func (*SearchNot) searchExpr()     {}
func (*Compare) searchExpr()       {}
func (*SearchIn) searchExpr()      {}
func (*Term) searchExpr()          {}
func (*SubsearchExpr) searchExpr() {}
func (*SearchMacro) searchExpr()   {}
func (*SearchHole) searchExpr()    {}

func (*FieldRef) expr()      {}
func (*StringLit) expr()     {}
func (*NumberLit) expr()     {}
func (*BoolLit) expr()       {}
func (*Binary) expr()        {}
func (*Unary) expr()         {}
func (*Call) expr()          {}
func (*InExpr) expr()        {}
func (*ExprMacro) expr()     {}
func (*ExprHole) expr()      {}
func (*ExprSubsearch) expr() {}
