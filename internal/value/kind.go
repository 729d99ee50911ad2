// Package value says what Splunk does with values: their kinds, and one table of operations by the place they stand
// in, each row with the page of Splunk's documentation that settles it. Rows without a page are what is taken here
// until one is found; whoever relies on them is approximate.
//
// The table has two readers: the interpreter calls the functions of its operations, and a translation to another
// language asks it for the kinds of results and for what is settled. The package uses the standard library only.
package value

// Kind is what is known of a value.
type Kind uint8

// The kinds. In events every value is text; the kinds say what can be known of it.
const (
	Any     Kind = iota // nothing is known; in a row of the table: every kind
	Missing             // there is no value
	Text                // text that is no number: a path, a name
	Numeral             // text that may be a number: fields of events, what rex, lookup, split and strftime give
	Number              // a computed number
	Time                // a number of seconds since 1970
	Address             // the text of an IP address
	Boolean             // the result of a condition
)

// String is the kind's name in the documentation.
func (k Kind) String() string {
	return [...]string{"any", "missing", "text", "numeral", "number", "time", "address", "boolean"}[k]
}

// Often says how often something holds for the values of a column.
type Often uint8

// Never, maybe and always.
const (
	Never Often = iota
	Maybe
	Always
)

// String is the word.
func (o Often) String() string { return [...]string{"never", "maybe", "always"}[o] }

// Desc describes the values of a column or of an expression.
type Desc struct {
	Kind Kind
	// Places is the number of decimals that a number shows, 0 when not fixed, as round(x, 2) fixes them.
	Places int
	// Missing says whether rows lack the value, Several whether rows have more than one.
	Missing, Several Often
	// Sorted says that several values stand distinct and sorted as text, as values() gives them; otherwise their order
	// is that of the rows or of the computation.
	Sorted bool
	// Fill is what Splunk has where the source has nothing, such as "unknown" of a data model; empty for none.
	Fill string
	// Settled says that Splunk's documentation settles how the value came about.
	Settled bool
}

// Place is where an operation stands. The same sign means different things in different places.
type Place uint8

// The places.
const (
	InEval   Place = iota // eval, where and the like
	InSearch              // conditions of search, tstats where, inputlookup where
	InStats               // aggregations of stats and its kin
	InSort                // keys of sort
	InKey                 // keys of by, dedup, join and transaction
	InLookup              // keys of lookup
)

// String names the place.
func (p Place) String() string {
	return [...]string{"eval and where", "search", "stats", "sort", "keys", "lookup"}[p]
}
