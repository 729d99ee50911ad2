package esql

import (
	"slices"
	"strings"
)

// Kind tells where a function may stand.
type Kind int

const (
	// Scalar functions compute a value per row and may stand in every expression.
	Scalar Kind = iota
	// Aggregate functions stand in STATS.
	Aggregate
	// Grouping functions (BUCKET, CATEGORIZE) stand in the BY of STATS, or inside an aggregation.
	Grouping
	// FullText functions stand in WHERE, and in the WHERE of an aggregation, as whole conditions.
	FullText
)

// Param is a parameter of a function.
type Param struct {
	Name string
	// Types are the types it takes; null is always one more.
	Types    []string
	Optional bool
	// Repeated stands for any number of further arguments like the last.
	Repeated bool
	// Constant parameters take literals and calls of constants, but no columns.
	Constant bool
}

// Function is one function of ES|QL.
type Function struct {
	Name   string
	Kind   Kind
	Params []Param
	// Result is a type, or =1 for the type of the first argument, =1s for the same with text read as keyword, or =all
	// for the type that all arguments but conditions share.
	Result string
	// Since is the first version that has it.
	Since Version
	// Options are the names that the trailing map takes.
	Options []string
	// aliasOf is the function that this name stands for.
	aliasOf string
}

// Version is a release line of Elasticsearch.
type Version int

const (
	// V8 is 8.19.
	V8 Version = iota
	// V9 is what later lines add, as documented.
	V9
)

// Groups of types that signatures name.
var typeGroups = map[string][]string{
	"num":   {"integer", "long", "double", "unsigned_long"},
	"num3":  {"integer", "long", "double"},
	"whole": {"integer", "long"},
	"str":   {"keyword", "text"},
	"dates": {"date", "date_nanos"},
	"span":  {"date_period", "time_duration"},
	"point": {"geo_point", "cartesian_point"},
	"geo":   {"geo_point", "geo_shape", "cartesian_point", "cartesian_shape"},
	"order": {"boolean", "integer", "long", "double", "keyword", "text", "date", "date_nanos", "ip", "version"},
	"val": {"boolean", "integer", "long", "double", "keyword", "text", "date", "date_nanos", "ip", "version",
		"geo_point", "geo_shape", "cartesian_point", "cartesian_shape"},
	"any": {"boolean", "integer", "long", "double", "unsigned_long", "keyword", "text", "date", "date_nanos", "ip", "version",
		"geo_point", "geo_shape", "cartesian_point", "cartesian_shape"},
}

// table has one line per function: name, parameters, result. A parameter is name:types with types joined by |, ? after
// the name for optional, ... for repeated, ! for constant.
const scalarTable = `
ABS number:num -> =1
ACOS number:num -> double
ASIN number:num -> double
ATAN number:num -> double
ATAN2 y:num x:num -> double
CBRT number:num -> double
CEIL number:num -> =1
COS angle:num -> double
COSH angle:num -> double
E -> double
EXP number:num -> double
FLOOR number:num -> =1
HYPOT number1:num number2:num -> double
LOG base:num number?:num -> double
LOG10 number:num -> double
PI -> double
POW base:num exponent:num -> double
ROUND number:num decimals?:whole -> =1
ROUND_TO field:num3|dates points...!:num3|dates|str -> =1
SCALB d:num factor:whole -> double
SIGNUM number:num -> double
SIN angle:num -> double
SINH angle:num -> double
SQRT number:num -> double
TAN angle:num -> double
TANH angle:num -> double
TAU -> double
TO_DEGREES number:num -> double
TO_RADIANS number:num -> double
GREATEST first:order rest...?:order|unsigned_long -> =all
LEAST first:order rest...?:order|unsigned_long -> =all
COALESCE first:any rest...?:any -> =all
CASE condition:any value:any more...?:any -> =all
BIT_LENGTH string:str -> integer
BYTE_LENGTH string:str -> integer
CONCAT first:str second:str rest...?:str -> keyword
ENDS_WITH string:str suffix:str -> boolean
HASH algorithm:str input:str -> keyword
LEFT string:str length:integer -> keyword
LENGTH string:str -> integer
LOCATE string:str substring:str start?:integer -> integer
LTRIM string:str -> =1s
MD5 input:str -> keyword
REPEAT string:str number:integer -> keyword
REPLACE string:str regex:str replacement:str -> keyword
REVERSE string:str -> =1s
RIGHT string:str length:integer -> keyword
RTRIM string:str -> =1s
SHA1 input:str -> keyword
SHA256 input:str -> keyword
SPACE number:integer -> keyword
SPLIT string:str delimiter:str -> keyword
STARTS_WITH string:str prefix:str -> boolean
SUBSTRING string:str start:integer length?:integer -> keyword
TO_LOWER string:str -> keyword
TO_UPPER string:str -> keyword
TRIM string:str -> =1s
FROM_BASE64 string:str -> keyword
TO_BASE64 string:str -> keyword
DATE_DIFF unit:str start:dates end:dates -> integer
DATE_EXTRACT part:str date:dates -> long
DATE_FORMAT format:str|dates date?:dates -> keyword
DATE_PARSE pattern:str date?:str -> date
DATE_TRUNC interval!:span date:dates -> =2
NOW -> date
CIDR_MATCH ip:ip block...:str -> boolean
IP_PREFIX ip:ip v4:integer v6:integer -> ip
ST_CONTAINS a:geo b:geo -> boolean
ST_DISJOINT a:geo b:geo -> boolean
ST_INTERSECTS a:geo b:geo -> boolean
ST_WITHIN a:geo b:geo -> boolean
ST_DISTANCE a:point b:point -> double
ST_ENVELOPE geometry:geo -> =shape
ST_X point:point -> double
ST_Y point:point -> double
ST_XMAX point:geo -> double
ST_XMIN point:geo -> double
ST_YMAX point:geo -> double
ST_YMIN point:geo -> double
TO_BOOLEAN field:boolean|str|num -> boolean
TO_CARTESIANPOINT field:cartesian_point|str -> cartesian_point
TO_CARTESIANSHAPE field:cartesian_point|cartesian_shape|str -> cartesian_shape
TO_DATE_NANOS field:dates|str|double|long|unsigned_long -> date_nanos
TO_DATEPERIOD field!:date_period|str -> date_period
TO_DATETIME field:dates|str|num -> date
TO_DOUBLE field:boolean|date|str|num -> double
TO_GEOPOINT field:geo_point|str -> geo_point
TO_GEOSHAPE field:geo_point|geo_shape|str -> geo_shape
TO_INTEGER field:boolean|date|str|num -> integer
TO_IP field:ip|str -> ip
TO_LONG field:boolean|dates|str|num -> long
TO_STRING field:any -> keyword
TO_TIMEDURATION field!:time_duration|str -> time_duration
TO_UNSIGNED_LONG field:boolean|date|str|num -> unsigned_long
TO_VERSION field:str|version -> version
TO_AGGREGATE_METRIC_DOUBLE number:num -> unsupported
MV_APPEND first:any second:any -> =same
MV_AVG number:num -> double
MV_CONCAT string:str delimiter:str -> keyword
MV_COUNT field:any -> integer
MV_DEDUPE field:any -> =1s
MV_FIRST field:any -> =1s
MV_LAST field:any -> =1s
MV_MAX field:order|unsigned_long -> =1s
MV_MEDIAN number:num -> =1
MV_MEDIAN_ABSOLUTE_DEVIATION number:num -> =1
MV_MIN field:order|unsigned_long -> =1s
MV_PERCENTILE number:num3 percentile:num3 -> =1
MV_PSERIES_WEIGHTED_SUM number:double p!:double -> =series
MV_SLICE field:any start:integer end?:integer -> =1s
MV_SORT field:order|unsigned_long order?!:str -> =1s
MV_SUM number:num -> =1
MV_ZIP first:str second:str delimiter?:str -> keyword
`

const aggregateTable = `
AVG number:num3 -> double
COUNT field?:any|span -> long
COUNT_DISTINCT field:order precision?!:whole|unsigned_long -> long
MAX field:order -> =1s
MEDIAN number:num3 -> double
MEDIAN_ABSOLUTE_DEVIATION number:num3 -> double
MIN field:order -> =1s
PERCENTILE number:num3 percentile!:num3 -> double
SAMPLE field:val limit!:integer -> =1s
ST_CENTROID_AGG field:point -> =1
ST_EXTENT_AGG field:geo -> =shape
STD_DEV number:num3 -> double
SUM number:num3 -> =sum
TOP field:boolean|num3|date|ip|str limit!:integer order!:keyword -> =1s
VALUES field:val -> =1s
WEIGHTED_AVG number:num3 weight:num3 -> double
`

const groupingTable = `
BUCKET field:num|dates buckets!:num|span|str from?!:num|dates|str to?!:num|dates|str -> =bucket
CATEGORIZE field:str -> keyword
`

const fullTextTable = `
KQL query!:str -> boolean
MATCH field:any query!:any -> boolean
MATCH_PHRASE field:str query!:keyword -> boolean
QSTR query!:str -> boolean
`

// laterTable lists what 9.x documents beyond 8.19, as far as a translation may want it.
const laterTable = `
CONTAINS string:str substring:str -> boolean
COPY_SIGN magnitude:num3 sign:num3 -> =1
DAY_NAME date:dates -> keyword
MONTH_NAME date:dates -> keyword
MV_CONTAINS superset:any subset:any -> boolean
MV_INTERSECTION first:any second:any -> =1s
MV_INTERSECTS first:any second:any -> boolean
MV_UNION first:any second:any -> =1s
NETWORK_DIRECTION source:ip|str destination:ip|str networks:str -> keyword
URL_DECODE string:str -> keyword
URL_ENCODE string:str -> keyword
URL_ENCODE_COMPONENT string:str -> keyword
`

const laterAggregateTable = `
ABSENT field:any -> boolean
FIRST value:any sort:dates|num3 -> =1s
LAST value:any sort:dates|num3 -> =1s
PRESENT field:any -> boolean
VARIANCE number:num3 -> double
`

var aliases = map[string]string{
	"BIN": "BUCKET", "TO_BOOL": "TO_BOOLEAN", "TO_DATENANOS": "TO_DATE_NANOS", "TO_DBL": "TO_DOUBLE", "TO_DT": "TO_DATETIME",
	"TO_INT": "TO_INTEGER", "TO_STR": "TO_STRING", "TO_UL": "TO_UNSIGNED_LONG", "TO_ULONG": "TO_UNSIGNED_LONG",
	"TO_VER": "TO_VERSION",
}

var matchOptions = []string{"analyzer", "auto_generate_synonyms_phrase_query", "boost", "fuzziness", "fuzzy_rewrite",
	"fuzzy_transpositions", "lenient", "max_expansions", "minimum_should_match", "operator", "prefix_length", "zero_terms_query"}

var phraseOptions = []string{"analyzer", "boost", "slop", "zero_terms_query"}

var queryOptions = []string{"allow_leading_wildcard", "allow_wildcard", "analyze_wildcard", "analyzer", "auto_generate_synonyms_phrase_query",
	"boost", "default_field", "default_operator", "enable_position_increments", "fuzziness", "fuzzy_max_expansions",
	"fuzzy_prefix_length", "fuzzy_rewrite", "fuzzy_transpositions", "lenient", "max_determinized_states", "minimum_should_match", "phrase_slop",
	"quote_analyzer", "quote_field_suffix", "rewrite", "time_zone", "tie_breaker", "type"}

var functions = loadFunctions()

func loadFunctions() map[string]*Function {
	all := map[string]*Function{}
	load := func(table string, kind Kind, since Version) {
		for line := range strings.Lines(table) {
			signature, result, ok := strings.Cut(strings.TrimSpace(line), " -> ")
			if !ok {
				signature, result, ok = strings.Cut(strings.TrimSpace(line), "-> ")
			}
			if !ok {
				continue
			}
			words := strings.Fields(signature)
			f := &Function{Name: words[0], Kind: kind, Result: result, Since: since}
			for _, word := range words[1:] {
				f.Params = append(f.Params, parseParam(word))
			}
			all[f.Name] = f
		}
	}
	load(scalarTable, Scalar, V8)
	load(aggregateTable, Aggregate, V8)
	load(groupingTable, Grouping, V8)
	load(fullTextTable, FullText, V8)
	load(laterTable, Scalar, V9)
	load(laterAggregateTable, Aggregate, V9)
	all["MATCH"].Options, all["MATCH_PHRASE"].Options, all["QSTR"].Options = matchOptions, phraseOptions, queryOptions
	for alias, name := range aliases {
		f := *all[name]
		f.Name, f.aliasOf = alias, name
		all[alias] = &f
	}
	return all
}

func parseParam(word string) Param {
	name, types, _ := strings.Cut(word, ":")
	p := Param{}
	for {
		if rest, ok := strings.CutSuffix(name, "!"); ok {
			p.Constant, name = true, rest
		} else if rest, ok := strings.CutSuffix(name, "?"); ok {
			p.Optional, name = true, rest
		} else if rest, ok := strings.CutSuffix(name, "..."); ok {
			p.Repeated, name = true, rest
		} else {
			break
		}
	}
	p.Name = name
	for t := range strings.SplitSeq(types, "|") {
		if group, ok := typeGroups[t]; ok {
			p.Types = append(p.Types, group...)
		} else {
			p.Types = append(p.Types, t)
		}
	}
	return p
}

// LookupFunction finds a function by its upper-case name, aliases included. The result must not be changed.
func LookupFunction(name string) (*Function, bool) {
	f, ok := functions[name]
	return f, ok
}

// Functions returns the names of all functions of a version, sorted, without aliases.
func Functions(v Version) []string {
	var names []string
	for name, f := range functions {
		if f.aliasOf == "" && f.Since <= v {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Commands returns the commands of a version, sorted.
func Commands(v Version) []string {
	list := []string{"CHANGE_POINT", "COMPLETION", "DISSECT", "DROP", "ENRICH", "EVAL", "FROM", "GROK", "KEEP", "LIMIT",
		"LOOKUP JOIN", "MV_EXPAND", "RENAME", "ROW", "SAMPLE", "SHOW", "SORT", "STATS", "WHERE"}
	if v >= V9 {
		list = append(list, "FORK", "FUSE", "INLINE STATS", "RERANK", "TS")
	}
	slices.Sort(list)
	return list
}

// canonical is the name without aliases.
func (f *Function) canonical() string {
	if f.aliasOf != "" {
		return f.aliasOf
	}
	return f.Name
}

// arity returns the least and greatest number of arguments; max is -1 for no limit.
func (f *Function) arity() (least, most int) {
	for _, p := range f.Params {
		if p.Repeated {
			most = -1
			if !p.Optional {
				least++
			}
			return least, most
		}
		most++
		if !p.Optional {
			least++
		}
	}
	return least, most
}
