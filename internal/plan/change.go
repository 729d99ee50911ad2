package plan

// Change is one change of a row. The interface is sealed.
type Change interface{ change() }

// Assign is one assignment of eval. Name may hold {field} parts, which stand for the value of that field.
type Assign struct {
	Name string
	Expr Expr
}

// Match is rex: the named groups of a regular expression become fields.
type Match struct {
	Field, Pattern string
	Max            int // matches at most; 0 for all
	Offset         string
}

// Edit is rex mode=sed.
type Edit struct{ Field, Script string }

// ReadTree is spath: one path of a text of JSON or XML into Output, or all of its fields.
type ReadTree struct{ Field, Path, Output string }

// ReadPairs reads fields out of a text: extract (kv), xmlkv, kvform, multikv, fromjson.
type ReadPairs struct {
	Kind                string
	Field               string
	PairDelim, KeyDelim string
	Prefix              string
	Several             bool // a name that comes again adds a value
	Max                 int  // pairs; 0: all
}

// ReadXML is xpath.
type ReadXML struct{ Field, Path, Output, Default string }

// Bin puts numbers or times into intervals.
type Bin struct {
	Field, As  string
	Span       string // as written; empty: Bins or the default number of bins
	Bins       int
	Start, End string
	Align      string // a time, or a modifier such as earliest
	MinSpan    string
}

// Convert is one function of convert.
type Convert struct {
	Func, Field, As, Format string   // Field and As may be patterns
	Except                  []string // fields that none() leaves alone
}

// Replace is replace: whole values that match a pattern become another text.
type Replace struct {
	Pairs  []Pair
	Fields []string // none: all fields
}

// Pair is a pattern with its replacement.
type Pair struct{ From, To string }

// Split is makemv.
type Split struct {
	Field, Delim, Tokenizer string
	AllowEmpty              bool
	SetSV                   bool
}

// Total is addtotals: the sum of the numbers of fields, none: of all.
type Total struct {
	Fields []string
	Name   string
}

// Ranges is rangemap.
type Ranges struct {
	Field, Default string
	Ranges         []NamedRange
}

// NamedRange is one range of numbers, both ends included.
type NamedRange struct {
	Name     string
	Low, Top float64
}

// SearchInfo is addinfo: the bounds of the search.
type SearchInfo struct{}

// Place is iplocation: no place is known of an address here, so that its fields stay missing.
type Place struct {
	Field, Prefix string
	All           bool
}

// Ago is reltime: how long ago _time is, in words.
type Ago struct{}

// ToJSON is tojson: fields of the row as an object.
type ToJSON struct {
	Fields   []TypedField // none: all fields
	Type     string       // of fields without one, and of all fields: auto, bool, json, none, num or str
	Null     bool         // a value that the type leaves out is null
	Internal bool         // fields that begin with _ as well
	Output   string
}

// TypedField is a pattern of names and the type that their values take.
type TypedField struct{ Pattern, Type string }

// Joined is nomv.
type Joined struct{ Field, Delim string }

func (*Assign) change()     {}
func (*Match) change()      {}
func (*Edit) change()       {}
func (*ReadTree) change()   {}
func (*ReadPairs) change()  {}
func (*ReadXML) change()    {}
func (*Bin) change()        {}
func (*Convert) change()    {}
func (*Replace) change()    {}
func (*Split) change()      {}
func (*Total) change()      {}
func (*Ranges) change()     {}
func (*SearchInfo) change() {}
func (*Place) change()      {}
func (*ToJSON) change()     {}
func (*Ago) change()        {}
func (*Joined) change()     {}
