package report

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// MostInFull is how many rules the page shows one by one; beyond, it has the summary only.
const MostInFull = 2000

// Bounds of the page's lists; report.json has all.
const (
	shownKinds   = 8
	shownItems   = 100
	shownSources = 20
	shownLookups = 200
	shownMatches = 200
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// page escapes everything that is put into it. Style and script are the page's own: their hashes stand in its policy, so
// that a browser runs nothing else.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"css": func() template.CSS { return template.CSS(pageCSS) }, //nolint:gosec // a constant of ours
	"js":  func() template.JS { return template.JS(pageJS) },    //nolint:gosec // a constant of ours
	"policy": func() string {
		return "default-src 'none'; style-src '" + hash(pageCSS) + "'; script-src '" + hash(pageJS) + "'; base-uri 'none'; form-action 'none'"
	},
	"count": thousands, "said": said, "rules": numberOf, "severity": Severity, "label": label, "reviewed": Report.reviewed, "class": func(s string) Class { return Class(s) }, "means": func(c Class) string { return meanings[c] },
}).Parse(pageHTML))

// hash is a text as a content security policy names it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// PagePolicy is the content security policy of the page, for a server that sends it.
func PagePolicy() string {
	return "default-src 'none'; style-src '" + hash(pageCSS) + "'; script-src '" + hash(pageJS) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

var labels = map[Class]string{
	ClassFull: "full", ClassMatched: "prebuilt rule", ClassApproximations: "approximations only", ClassPartial: "partial, with holes",
	ClassUntranslatable: "untranslatable", ClassError: "in error", ClassWaiting: "not done yet",
}

var meanings = map[Class]string{
	ClassFull:           "the same alerts as in Splunk",
	ClassMatched:        "a prebuilt rule of Elastic's takes its place",
	ClassApproximations: "all of it translated; alerts can differ in the cases that are named",
	ClassPartial:        "a draft that leaves a part of the search out",
	ClassUntranslatable: "no useful query",
	ClassError:          "a step of the migration failed for good",
	ClassWaiting:        "pending, or being worked on",
}

func label(c Class) string { return labels[c] }

// reviewed says what people decided about rules, and nothing where they decided nothing.
func (r Report) reviewed() string {
	var parts []string
	for _, state := range []migration.ReviewState{migration.ReviewAccepted, migration.ReviewInstalled, migration.ReviewRejected} {
		if n := r.Reviews[state]; n > 0 {
			parts = append(parts, thousands(n)+" "+string(state))
		}
	}
	if r.Edited > 0 {
		parts = append(parts, thousands(r.Edited)+" edited by people")
	}
	if len(parts) == 0 {
		return ""
	}
	return "Reviewed: " + strings.Join(append(parts, thousands(r.Reviews[migration.ReviewOpen])+" open"), ", ") + "."
}

// phrase is a part of a message; code is what stands between marks there.
type phrase struct {
	Text string
	Code bool
}

// said cuts a message at the marks around code. A mark without a partner stands as it is.
func said(message string) (out []phrase) {
	parts := strings.Split(message, "`")
	for i, part := range parts {
		code := i%2 == 1 && i < len(parts)-1
		if i%2 == 1 && !code {
			part = "`" + part
		}
		if part != "" {
			out = append(out, phrase{part, code})
		}
	}
	return out
}

// thousands writes a number with a thin space between the thousands.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

// numberOf is a number of rules in words.
func numberOf(rules int) string {
	if rules == 1 {
		return "1 rule"
	}
	return thousands(rules) + " rules"
}

// segment is a part of a bar, in thousandths of its width.
type segment struct {
	Class       Class
	Rules       int
	Start, Wide float64
	Percent     string
}

// bar cuts a bar of the width of wide thousandths into the classes.
func bar(by map[Class]int, total int, wide float64) (out []segment) {
	start := 0.0
	for _, c := range Classes() {
		if n := by[c]; n > 0 && total > 0 {
			w := wide * float64(n) / float64(total)
			out = append(out, segment{c, n, start, w, percent(n, total)})
			start += w
		}
	}
	return out
}

// bars are breakdowns with the bar of each, as wide as its share of the largest.
type bars struct {
	Breakdown
	Bar []segment
}

func barsOf(list []Breakdown, most int) (shown []bars, more int) {
	largest := 0
	for _, b := range list {
		largest = max(largest, b.Rules)
	}
	for i, b := range list {
		if i == most {
			return shown, len(list) - most
		}
		shown = append(shown, bars{b, bar(b.By, b.Rules, 1000*float64(b.Rules)/float64(largest))})
	}
	return shown, 0
}

// kindRow is a kind of causes with its bar: Alone of Wide thousandths are rules that it holds back alone.
type kindRow struct {
	CauseKind
	Number      string
	Wide, Alone float64
	Items       []itemRow
	MoreItems   int
}

// itemRow is an item of a kind with the number that its rules carry.
type itemRow struct {
	CauseItem
	Number string
}

// summary is what the page says before the rules.
type summary struct {
	Report
	Title         string
	Bar           []segment
	Usable        int // rules with all of the search translated, or replaced
	UsablePercent string
	Kinds         []kindRow
	MoreKinds     []kindRow
	Held          int // rules whose causes are of one kind
	Sources, Apps []bars
	MoreSources   int
	MoreApps      int
	Tactics       []bars
	Filters       []MissingResource
	Others        []MissingResource
	Lookups       []LookupIndex
	MoreLookups   int
	Matches       []Replaced
	MoreMatches   int
	InFull        bool
	MostInFull    int
}

func (r Report) summary() summary {
	s := summary{Report: r, Title: cmp.Or(r.Name, r.MigrationID), Bar: bar(r.Classes, r.Statuses.Total, 1000), MostInFull: MostInFull}
	s.Usable = r.Classes[ClassFull] + r.Classes[ClassMatched] + r.Classes[ClassApproximations]
	s.UsablePercent = percent(s.Usable, r.Statuses.Total)
	s.InFull = r.Statuses.Total <= MostInFull
	largest := 1
	for _, k := range r.Kinds {
		largest = max(largest, k.Rules)
		s.Held += k.Sole
	}
	for i, k := range r.Kinds {
		row := kindRow{CauseKind: k, Number: kindNumber(i), Wide: 1000 * float64(k.Rules) / float64(largest), Alone: 1000 * float64(k.Sole) / float64(largest)}
		var shown []CauseItem
		shown, row.MoreItems = first(k.Items, shownItems)
		for j, item := range shown {
			row.Items = append(row.Items, itemRow{item, itemNumber(i, j)})
		}
		if i < shownKinds {
			s.Kinds = append(s.Kinds, row)
		} else {
			s.MoreKinds = append(s.MoreKinds, row)
		}
	}
	s.Sources, s.MoreSources = barsOf(r.BySource, shownSources)
	s.Apps, s.MoreApps = barsOf(r.ByApp, shownSources)
	s.Tactics, _ = barsOf(r.MITRE.Tactics, len(r.MITRE.Tactics))
	for _, m := range r.Missing {
		if m.IsFilter() {
			s.Filters = append(s.Filters, m)
		} else {
			s.Others = append(s.Others, m)
		}
	}
	s.Lookups, s.MoreLookups = first(r.LookupIndices, shownLookups)
	s.Matches, s.MoreMatches = first(r.Replaced, shownMatches)
	return s
}

func kindNumber(kind int) string { return "k" + strconv.Itoa(kind) }

func itemNumber(kind, item int) string { return kindNumber(kind) + "." + strconv.Itoa(item) }

// numbers are the numbers of kinds, by their codes, and of items, by their keys.
func (r Report) numbers() map[string]string {
	out := map[string]string{}
	for i, k := range r.Kinds {
		out[k.Code] = kindNumber(i)
		for j, item := range k.Items {
			out[item.Key] = itemNumber(i, j)
		}
	}
	return out
}

func first[T any](list []T, most int) ([]T, int) {
	n := min(most, len(list))
	return list[:n], len(list) - n
}

// Rules calls each with every rule, in the order of their ids.
type Rules func(each func(migration.Rule) error) error

// WriteHTML writes the report as a page that needs no other file and no network: the summary, then up to MostInFull rules
// with both queries, which are read again for it.
func (r Report) WriteHTML(w io.Writer, rules Rules) error {
	b := bufio.NewWriterSize(w, 64<<10)
	s := r.summary()
	err := page.ExecuteTemplate(b, "head", s)
	if err == nil && s.InFull {
		numbers := r.numbers()
		err = rules(func(rule migration.Rule) error { return page.ExecuteTemplate(b, "rule", newRuleView(rule, numbers)) })
	}
	if err == nil {
		err = page.ExecuteTemplate(b, "foot", s)
	}
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// ruleView is a rule as the page shows it.
type ruleView struct {
	migration.Rule
	Class  Class
	Title  string
	Query  string // the translation's, also beside a prebuilt rule
	SPL    []marked
	Why    string
	Causes []causeView
	// Notes are what is said of the rule that holds nothing back.
	Notes []migration.Diagnostic
	// Numbers are the causes of the summary that the rule has; Sources the names that it is filed under.
	Numbers string
	Sources string
	Draft   *migration.ElasticRule
}

// causeView is a cause with its place in words.
type causeView struct {
	migration.Diagnostic
	Place string
}

func newRuleView(r migration.Rule, numbers map[string]string) ruleView {
	v := ruleView{Rule: r, Class: ClassOf(r), Title: cmp.Or(strings.TrimSpace(r.Original.Title), r.ID), Sources: strings.Join(Sources(r), " ")}
	if v.Draft = r.Compiled; v.Draft == nil || r.Edited != nil {
		v.Draft = r.Elastic
	}
	if v.Draft != nil {
		v.Query = v.Draft.Query
	}
	var found []string
	var causes []migration.Diagnostic
	if r.Result != migration.Full {
		causes = Causes(r.Diagnostics)
	}
	for _, d := range causes {
		v.Causes = append(v.Causes, causeView{d, strings.TrimSpace(at(d))})
	}
	for _, c := range CausesOf(r) {
		found = append(found, numbers[c.Code], numbers[c.Item])
	}
	for _, d := range r.Diagnostics {
		if d.Severity == "info" {
			v.Notes = append(v.Notes, d)
		}
	}
	slices.Sort(found)
	v.Numbers = strings.Join(slices.Compact(found), " ")
	switch {
	case r.Status == migration.StatusError:
		v.Why = r.ErrorCode
	case r.Replaced():
		v.Why = r.Matched.Name
	case len(causes) > 0:
		v.Why = causes[0].Message
	}
	v.SPL = mark(r.Original.Query, causes)
	return v
}
