package translate

import (
	"cmp"
	"slices"
	"sort"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// Code is what a diagnostic says, for machines: counts of causes and the documentation are made from it.
type Code string

// CodeInfo describes one code for the documentation.
type CodeInfo struct {
	Code     Code
	Severity Severity
	Meaning  string
}

// codes is the one table of diagnostics. Severity is a property of the code, so that what is exact, approximate or a
// hole is decided here and nowhere else.
var codes = []CodeInfo{
	// info: the alerting rows and their keys cannot differ
	{"macro_no_counterpart", Info, "a macro that only concerns Splunk's own acceleration or display; nothing is needed in its place"},
	{"macro_rewritten", Info, "a macro whose work the integration does, so that the stored field takes its place"},
	{"filter_macro_empty", Info, "a *_filter macro that filters nothing: `search *`, as it is shipped"},
	{"renamed", Info, "a rename or an output list; columns keep their Elasticsearch names so that alerts carry ECS fields"},
	{"time_display", Info, "a time is formatted for display only; the date stays a date"},
	{"source_resolved", Info, "a macro, data model or metadata predicate resolved to index patterns"},
	{"mapping_medium", Info, "a field mapping of medium confidence"},
	{"mapping_display", Info, "a field mapping that can differ, of a value that only is shown or only tells the same rows apart"},
	{"ignore_above", Info, "values longer than the index keeps are null to ES|QL"},
	{"row_limit", Info, "ES|QL returns at most 1,000 rows without LIMIT, 10,000 with"},
	{"approximate_count_distinct", Info, "COUNT_DISTINCT is exact in the range of the threshold only"},
	{"bin_clock_aligned", Info, "BUCKET is aligned to the clock as bin is; the look-back covers the span"},
	{"option_ignored", Info, "an option that has no effect on the rows"},
	{"field_absent", Info, "a field that does not exist at this point in Splunk either: always null"},
	{"no_group", Info, "a grouping by a field that no row has here: no rows, in Splunk too"},
	{"constant_condition", Info, "a condition that always or never holds, in Splunk too"},
	{"numeric_comparison", Info, "a comparison with a number on text: values that are not numbers do not compare"},
	{"array_single", Info, "a function of one value on a field that may hold several by its mapping"},
	{"order_not_kept", Info, "an order that the alerts do not depend on"},
	{"default_limit", Info, "a limit that Splunk applies without being asked"},
	{"time_zone", Info, "what depends on the time zone goes by that of the search head"},
	{"time_range", Info, "a time range of the search that became the rule's own window"},
	{"side_effect", Info, "a command that only writes or sends results elsewhere; the alert does this in Elastic"},
	{"value_mapped", Info, "the integration stores other words for the same values"},
	{"first_last_order", Info, "first and last follow the search's order, newest event first; ties are arbitrary in both"},
	{"display_only", Info, "a result that is shown but decides nothing"},
	{"template_repeated", Info, "a template that was repeated for each field it names"},
	{"join_one_query", Info, "a join or append that became one query over both kinds of events"},
	{"fill_found", Info, "fillnull of every field, which leaves a field missing that no event has"},
	{"pivot_columns", Info, "a pivot whose columns are those that the rest of the search names"},
	{"literal_star", Info, "a value that seems to escape a star, which the search grammar cannot"},
	{"stream_left", Info, "a data stream that is not read, because its events lack a field that a condition needs"},
	{"named_source_left", Info, "a source that the rule is written for and the draft does not read, beside others that it reads"},
	{"estate_beside", Info, "a data stream that is read beside others and alone does not have every column of the draft"},
	{"unmapped_null", Info, "a draft that reads a field which no index has as null, with SET unmapped_fields"},
	{"threshold", Info, "a count condition that could also be a threshold rule"},

	// approximation: they can differ; the message says when
	{"mapping_approximate", Approximation, "a field mapping that can differ"},
	{"unproven_mapping", Approximation, "a field that is in a field list only, and in nothing that was read of real events"},
	{"source_approximate", Approximation, "a data source that is not quite the same"},
	{"window_edges", Approximation, "windows that start elsewhere than in Splunk"},
	{"macro_replaced", Approximation, "a macro whose shipped definition has no counterpart, replaced by the nearest fields"},
	{"fill_all", Approximation, "fillnull of every field, of which some may be in no event"},
	{"bin_of_time", Approximation, "bin without a field, taken as over _time"},
	{"dotted_name", Approximation, "a name with dots outside single quotes, which Splunk reads as texts to join"},
	{"transaction_window", Approximation, "transaction as fixed windows"},
	{"order_dependent", Approximation, "a result that depends on the order of events"},
	{"truncation", Approximation, "a limit of a subsearch or of a list that is not reproduced"},
	{"time_rounding", Approximation, "time arithmetic that rounds differently"},
	{"text_search", Approximation, "a bare keyword searched in the raw event"},
	{"regex_differs", Approximation, "a regular expression that matches differently in a corner"},
	{"array_approximate", Approximation, "a function on several values at once"},
	{"broken_spl", Approximation, "SPL that is broken in Splunk too, such as typographic quotation marks and comments behind #; the draft has what was meant"},
	{"escaped_mark", Approximation, "a single backslash before a mark of punctuation in a search value, which Splunk keeps"},
	{"operator_order", Approximation, "AND and OR without parentheses where Splunk documents no order"},
	{"empty_aggregate", Approximation, "aggregates over events that all lack the field"},
	{"statistic_approximate", Approximation, "a statistic that ES|QL estimates"},
	{"join_approximate", Approximation, "a join that can match other rows"},
	{"lookup_approximate", Approximation, "a lookup that can match other rows"},
	{"pivot_approximate", Approximation, "a pivot that can have other columns or cells"},
	{"function_differs", Approximation, "a function that gives another value in a corner"},
	{"filter_macro_missing", Approximation, "the macro NAME_filter of the rule without a definition, where houses keep their exclusions"},
	{"needs_estate", Approximation, "columns that one of the data streams lacks: where it is installed alone, ES|QL refuses the draft"},
	{"never_alerts", Approximation, "a rule whose conditions never hold together, in Splunk either: it is the same in both, and alerts in neither"},
	{"always_present", Approximation, "a test for a missing field, which Splunk's events of today always have, with a placeholder where there is no value"},
	{"named_sources_unread", Approximation, "of the sources that the rule is written for, the draft reads none"},
	{"no_stream", Approximation, "conditions on fields of which no data stream has all"},
	{"number_text", Approximation, "a number with a fraction that is used as text"},

	// error: a hole
	{"syntax", Error, "a part of the query that could not be read"},
	{"unknown_command", Error, "a command that is not known"},
	{"unsupported_command", Error, "a command with no counterpart on the target"},
	{"unsupported_option", Error, "an option with no counterpart"},
	{"unsupported_function", Error, "an eval function with no counterpart"},
	{"unsupported_aggregation", Error, "an aggregation with no counterpart"},
	{"unsupported_expression", Error, "an expression that cannot be written in ES|QL"},
	{"unsupported_regex", Error, "a regular expression that cannot be written in ES|QL"},
	{"unknown_macro", Error, "a macro with no definition"},
	{"unknown_field", Error, "a field with no counterpart in the schema"},
	{"missing_knowledge", Error, "an event type or a tag, which Splunk's configuration defines"},
	{"unknown_source", Error, "no index is known for the search"},
	{"no_draft", Error, "a query of which nothing could be written"},
	{"unknown_datamodel", Error, "a data model with no counterpart"},
	{"depends_on_hole", Error, "a part that needs something that is a hole"},
	{"lookup_missing", Error, "a lookup that nobody defined"},
	{"lookup_incomplete", Error, "a lookup of which not all rows are known"},
	{"lookup_unsupported", Error, "a lookup with no counterpart"},
	{"subsearch", Error, "a subsearch that cannot be folded in"},
	{"type_mismatch", Error, "values of types that do not compare"},
	{"too_large", Error, "a query beyond the caps of size, depth or expansion"},
	{"too_complex", Error, "a query on which the compiler gave up, because it needs too many steps or nests too deeply"},
	{"needs_target_9", Error, "what only a later Elasticsearch can do"},
	{"internal_error", Error, "a defect of the compiler"},
}

var severityOf = func() map[Code]Severity {
	m := make(map[Code]Severity, len(codes))
	for _, c := range codes {
		m[c.Code] = c.Severity
	}
	return m
}()

// Codes lists every diagnostic code with its severity and meaning.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codes...) }

// diag records a diagnostic of the command being lowered. The same finding at a further place is one diagnostic with
// a further span.
func (c *compilation) diag(code Code, span spl.Span, subject, message string) {
	c.budget.Step(1)
	sev, ok := severityOf[code]
	if !ok {
		panic("undeclared diagnostic code " + string(code))
	}
	if c.quiet {
		return
	}
	if c.holding > 0 && heldBack[code] {
		c.held = append(c.held, &mappingNote{code: code, subject: subject, message: message, at: span, command: c.command})
		return
	}
	if d := c.same(code, subject, message); d != nil {
		if d.Span != span {
			d.Also = append(d.Also, span)
		}
		return
	}
	c.diags = append(c.diags, Diagnostic{
		Code: string(code), Severity: sev, Message: message, Span: span, Command: c.command, Subject: subject,
	})
}

// heldBack are the approximations that only count once the value they are about decides something. Others can give another
// value for the same event, which alone makes the rule an approximation.
var heldBack = map[Code]bool{"mapping_approximate": true, "time_rounding": true, "number_text": true, "function_differs": true}

// fewDiags is the number of diagnostics up to which comparing with each is faster than a map.
const fewDiags = 40

// same is the diagnostic that says the same already, nil if there is none.
func (c *compilation) same(code Code, subject, message string) *Diagnostic {
	if len(c.diags) <= fewDiags {
		for i := range c.diags {
			if d := &c.diags[i]; d.Code == string(code) && d.Subject == subject && (d.Message == message || folded(code, subject)) {
				return d
			}
		}
		return nil
	}
	if c.seen == nil {
		c.seen = make(map[diagKey]int, 2*fewDiags)
	}
	for ; c.indexed < len(c.diags); c.indexed++ {
		d := &c.diags[c.indexed]
		c.seen[keyOf(Code(d.Code), d.Subject, d.Message)] = c.indexed
	}
	if i, ok := c.seen[keyOf(code, subject, message)]; ok {
		return &c.diags[i]
	}
	return nil
}

// folded says whether diagnostics of a code and subject are one, however they are worded: of what follows from a hole one
// is enough, at each of its places.
func folded(code Code, subject string) bool { return code == "depends_on_hole" && subject != "" }

// keyOf is what makes two diagnostics the same.
func keyOf(code Code, subject, message string) diagKey {
	if folded(code, subject) {
		message = ""
	}
	return diagKey{code, subject, message}
}

type diagKey struct {
	code             Code
	subject, message string
}

// missing lists a resource once.
func (c *compilation) missing(kind, name string) {
	m := Missing{Kind: kind, Name: name}
	if c.listed[m] {
		return
	}
	if c.listed == nil {
		c.listed = map[Missing]bool{}
	}
	c.listed[m] = true
	c.out.Missing = append(c.out.Missing, m)
}

// sortDiagnostics puts diagnostics in source order and points the stages at them.
func (c *compilation) sortDiagnostics() {
	var few [2 * fewDiags]int
	order := few[:0]
	for i := range c.diags {
		order = append(order, i)
	}
	slices.SortFunc(order, func(i, j int) int {
		x, y := &c.diags[i].Span, &c.diags[j].Span
		return cmp.Or(cmp.Compare(x.Start.Offset, y.Start.Offset), cmp.Compare(x.End.Offset, y.End.Offset), cmp.Compare(i, j))
	})
	c.out.Diagnostics = make([]Diagnostic, len(order))
	for i, j := range order {
		c.out.Diagnostics[i] = c.diags[j]
	}
	notes := make([]int, len(c.out.Diagnostics)) // shared by the stages
	for i := range notes {
		notes[i] = i
	}
	after := func(offset int32) int {
		return sort.Search(len(notes), func(j int) bool { return c.out.Diagnostics[j].Span.Start.Offset >= offset })
	}
	for i := range c.out.Stages {
		s := &c.out.Stages[i]
		if from, to := after(s.SPL.Start.Offset), after(s.SPL.End.Offset); from < to {
			s.Notes = notes[from:to:to]
		}
	}
}
