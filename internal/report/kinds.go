package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Remedy says in one word how the causes of a kind are settled.
type Remedy string

// The remedies.
const (
	RemedyDefine  Remedy = "define"  // give the definition that is missing
	RemedyMap     Remedy = "map"     // name a field, a source or a data model in the schema overrides
	RemedyRewrite Remedy = "rewrite" // write that part of the rule in another way
	RemedyReview  Remedy = "review"  // look where alerts can differ, and accept the rule or change it
	RemedyUpgrade Remedy = "upgrade" // a later Elasticsearch has what is needed
	RemedyReport  Remedy = "report"  // a defect, for the people who make the compiler
)

// KindInfo says in the words of the reports and of the page what a kind of cause is and what to do about it.
type KindInfo struct {
	Title  string
	Remedy Remedy
	Do     string
}

// About describes the kind of causes that a code of a diagnostic stands for.
func About(code string) KindInfo {
	if info, ok := kindInfos[code]; ok {
		return info
	}
	title := strings.ReplaceAll(code, "_", " ")
	if title != "" {
		title = strings.ToUpper(title[:1]) + title[1:]
	}
	return KindInfo{title, RemedyReview, "Read what is said of each rule, and change the query where it matters."}
}

// What to do, where several kinds are settled alike.
const (
	doMapField = "Name the field of your index in the schema overrides (the file that the setting `schema` names)."
	doMapIndex = "Name the index pattern of the source in the schema overrides (the file that the setting `schema` names)."
	doRewrite  = "Open a rule and write that part in another way; the message says which."
	doReview   = "Read when alerts can differ; accept the rules where that does not matter to you."
	doExport   = "Export it from Splunk and drop it here; the rules that need it are translated again."
	doUpgrade  = "Set a later target where your Elasticsearch is one, or write that part in another way."
)

var kindInfos = map[string]KindInfo{
	"unknown_macro":        {"Macro without a definition", RemedyDefine, doExport},
	"filter_macro_missing": {"Filter macro without a definition", RemedyDefine, "It holds your exclusions: drop macros.conf, or type its definition; `search *` where it excludes nothing."},
	"lookup_missing":       {"Lookup that is not there", RemedyDefine, doExport},
	"lookup_incomplete":    {"Lookup with rows missing", RemedyDefine, "Searches fill it at run time: export its rows from Splunk as CSV and drop them here."},
	"missing_knowledge":    {"Event type or tag without a definition", RemedyDefine, doExport},

	"unknown_field":        {"Field without a counterpart", RemedyMap, doMapField},
	"unproven_mapping":     {"Field not seen in real events", RemedyMap, "Look at an event of yours, and confirm the field in the schema overrides (the file that the setting `schema` names)."},
	"mapping_approximate":  {"Field mapping that can differ", RemedyMap, "Read what differs; where your index has a better field, name it in the schema overrides, and else accept the rules."},
	"unknown_source":       {"Source without a known index", RemedyMap, doMapIndex},
	"source_approximate":   {"Source that is not named, or not quite the same", RemedyMap, doMapIndex},
	"unknown_datamodel":    {"Data model without a counterpart", RemedyMap, "Describe the data model in the schema overrides (the file that the setting `schema` names)."},
	"needs_estate":         {"Columns that one data stream lacks", RemedyMap, "Install the integration that brings them, or create an empty data stream of it."},
	"no_stream":            {"Fields that no data stream has together", RemedyMap, doMapField},
	"named_sources_unread": {"Source of the rule that the draft does not read", RemedyMap, doMapIndex},

	"unknown_command":         {"Command that is not known", RemedyRewrite, "An app brought it: say in the rule what it computed, or take it out of the macro and drop that anew."},
	"unsupported_command":     {"Command without a counterpart", RemedyRewrite, doRewrite},
	"unsupported_option":      {"Option without a counterpart", RemedyRewrite, doRewrite},
	"unsupported_function":    {"Function without a counterpart", RemedyRewrite, doRewrite},
	"unsupported_aggregation": {"Aggregation without a counterpart", RemedyRewrite, doRewrite},
	"unsupported_expression":  {"Expression that ES|QL cannot say", RemedyRewrite, doRewrite},
	"unsupported_regex":       {"Regular expression that ES|QL cannot say", RemedyRewrite, doRewrite},
	"lookup_unsupported":      {"Lookup without a counterpart", RemedyRewrite, doRewrite},
	"subsearch":               {"Subsearch that cannot be folded in", RemedyRewrite, "Run it apart and put its values in, or make it a lookup."},
	"syntax":                  {"Part that could not be read", RemedyRewrite, "Correct the search, or define the macro that is empty."},
	"type_mismatch":           {"Types that do not compare", RemedyRewrite, doRewrite},
	"too_large":               {"Query that is too large", RemedyRewrite, "Split the rule, or make its long lists lookups."},
	"too_complex":             {"Query that is too complex", RemedyRewrite, "Split the rule."},
	"no_draft":                {"Nothing could be written", RemedyRewrite, doRewrite},
	"broken_spl":              {"SPL that is broken in Splunk too", RemedyRewrite, "Correct the search in Splunk, or accept what the draft takes it to mean."},
	"schedule_lost":           {"Schedule that Elastic cannot keep", RemedyReview, "Set interval and look-back of the rule to what you need."},

	"schedule_invalid": {"Schedule that cannot be read", RemedyReview, "Correct it, or set the interval of the rule."},
	"trigger":          {"Trigger condition that the draft does not ask for", RemedyReview, "Add the condition to the query, or accept that the rule alerts without it."},
	"model_unusable":   {"Draft of a model that could not be used", RemedyRewrite, doRewrite},

	"needs_target_9": {"Needs a later Elasticsearch", RemedyUpgrade, doUpgrade},
	"internal_error": {"Defect of the compiler", RemedyReport, "Report it with the search; the draft goes on without that part."},

	"lookup_approximate":    {"Lookup that can match other rows", RemedyReview, doReview},
	"macro_replaced":        {"Macro replaced by the nearest fields", RemedyReview, doReview},
	"regex_differs":         {"Regular expression that can match differently", RemedyReview, doReview},
	"window_edges":          {"Windows that begin elsewhere", RemedyReview, doReview},
	"transaction_window":    {"Transaction as fixed windows", RemedyReview, doReview},
	"order_dependent":       {"Result that depends on the order of events", RemedyReview, doReview},
	"truncation":            {"Limit that is not reproduced", RemedyReview, doReview},
	"time_rounding":         {"Time that rounds differently", RemedyReview, doReview},
	"text_search":           {"Keyword searched in the raw event", RemedyReview, "Name the field that holds the keyword, where you can; and else accept the rules."},
	"array_approximate":     {"Function over several values at once", RemedyReview, doReview},
	"join_approximate":      {"Join that can match other rows", RemedyReview, doReview},
	"pivot_approximate":     {"Pivot that can have other cells", RemedyReview, doReview},
	"function_differs":      {"Function that differs in a corner", RemedyReview, doReview},
	"never_alerts":          {"Rule that never alerts, in Splunk either", RemedyReview, "Correct its condition, or reject the rule."},
	"always_present":        {"Test for a field that is always there", RemedyReview, doReview},
	"number_text":           {"Number used as text", RemedyReview, doReview},
	"operator_order":        {"AND and OR without parentheses", RemedyReview, "Put the parentheses that are meant."},
	"fill_all":              {"fillnull of every field", RemedyReview, doReview},
	"escaped_mark":          {"Backslash before a mark", RemedyReview, doReview},
	"dotted_name":           {"Name with dots outside quotes", RemedyReview, doReview},
	"statistic_approximate": {"Statistic that is estimated", RemedyReview, doReview},
	"empty_aggregate":       {"Aggregate over a field that is missing", RemedyReview, doReview},
	"bin_of_time":           {"bin without a field", RemedyReview, doReview},
}

// CauseKind is what the causes of one code have in common: what they are, what to do about them, and the rules they hold back.
type CauseKind struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Remedy Remedy `json:"remedy"`
	Do     string `json:"do"`
	// Holes and Approximations count its items by what they are.
	Holes          int `json:"holes"`
	Approximations int `json:"approximations"`
	// Rules counts rules with such a cause, Sole those that have no cause of another kind: they are full without this kind.
	Rules int `json:"rules"`
	Sole  int `json:"sole"`
	// Items are its causes, best first.
	Items []CauseItem `json:"items"`

	share float64
}

// CauseItem is one thing that holds rules back, whatever the commands it stands in: a field, a macro, a lookup, a source.
type CauseItem struct {
	// Key names it in queries of rules, as do the keys of its causes and the code of its kind.
	Key      string `json:"key"`
	Severity string `json:"severity"`
	// Subject is the thing; empty where the cause is about the search as a whole.
	Subject string `json:"subject,omitempty"`
	// Commands are those it stands in.
	Commands []string `json:"commands,omitempty"`
	Rules    int      `json:"rules"`
	// Sole counts rules that have no other cause.
	Sole    int    `json:"sole"`
	Example string `json:"example"`

	share float64
}

func (c Cause) itemKey() string {
	sum := sha256.Sum256([]byte("item\x00" + c.Code + "\x00" + c.Severity + "\x00" + c.thing()))
	return hex.EncodeToString(sum[:6])
}

// thing is what a cause is about: its subject, where it is more than the name of the command; the arguments with which a macro
// is called are left out.
func (c Cause) thing() string {
	s := c.Subject
	if name, _, ok := strings.Cut(strings.Trim(s, "`"), "("); ok && strings.HasPrefix(s, "`") && strings.HasSuffix(s, ")`") {
		return "`" + name + "`"
	}
	return s
}

// Is says whether a key names the cause: its own, its item's, or the code of its kind.
func (c Cause) Is(key string) bool { return c.Key == key || c.Code == key || c.Item == key }

// severity says in the words of the reports what the causes of the kind are.
func (k CauseKind) severity() string {
	switch {
	case k.Approximations == 0:
		return Severity("error")
	case k.Holes == 0:
		return Severity("approximation")
	}
	return "holes and approximations"
}

// kindCounts sums up causes by kind and item.
type kindCounts struct {
	kinds map[string]*CauseKind
	items map[string]map[string]*CauseItem // by code, then by key
}

func newKindCounts() kindCounts {
	return kindCounts{map[string]*CauseKind{}, map[string]map[string]*CauseItem{}}
}

// add counts the causes of one rule. What lies between a rule and full is shared out among its kinds and items, so that those
// whose settling brings most rules nearest to full come first.
func (k kindCounts) add(causes []Cause) {
	kinds, items := map[string]bool{}, map[string]bool{}
	for _, c := range causes {
		kinds[c.Code], items[c.Item] = true, true
	}
	counted := map[string]bool{}
	for _, c := range causes {
		kind := k.kinds[c.Code]
		if kind == nil {
			about := About(c.Code)
			kind = &CauseKind{Code: c.Code, Title: about.Title, Remedy: about.Remedy, Do: about.Do}
			k.kinds[c.Code], k.items[c.Code] = kind, map[string]*CauseItem{}
		}
		if kinds[c.Code] {
			kinds[c.Code] = false
			kind.Rules++
			kind.share += 1 / float64(len(kinds))
			if len(kinds) == 1 {
				kind.Sole++
			}
		}
		key := c.Item
		item := k.items[c.Code][key]
		if item == nil {
			item = &CauseItem{Key: key, Severity: c.Severity, Subject: c.thing(), Example: c.Example}
			k.items[c.Code][key] = item
		}
		if c.Command != "" && c.Command != item.Subject && !slices.Contains(item.Commands, c.Command) {
			item.Commands = append(item.Commands, c.Command)
		}
		if !counted[key] {
			counted[key] = true
			item.Rules++
			item.share += 1 / float64(len(items))
			if len(items) == 1 {
				item.Sole++
			}
		}
	}
}

// list gives the kinds, and the items of each, best first: what brings most rules nearest to full.
func (k kindCounts) list() []CauseKind {
	out := make([]CauseKind, 0, len(k.kinds))
	for code, kind := range k.kinds {
		one := *kind
		for _, item := range k.items[code] {
			i := *item
			i.Commands = slices.Sorted(slices.Values(item.Commands))
			if i.Severity == "error" {
				one.Holes++
			} else {
				one.Approximations++
			}
			one.Items = append(one.Items, i)
		}
		slices.SortFunc(one.Items, func(a, b CauseItem) int {
			return cmp.Or(cmp.Compare(b.share, a.share), cmp.Compare(b.Rules, a.Rules), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Key, b.Key))
		})
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b CauseKind) int {
		return cmp.Or(cmp.Compare(b.share, a.share), cmp.Compare(b.Rules, a.Rules), cmp.Compare(a.Code, b.Code))
	})
	return out
}
