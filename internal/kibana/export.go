package kibana

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Names of the files of an export; those of lookup indices are lookups/INDEX.mapping.json and lookups/INDEX.bulk.ndjson.
const (
	RulesFile    = "kibana-rules.ndjson"
	PrebuiltFile = "prebuilt-rules.ndjson"
	LeftOutFile  = "left-out.ndjson"
	SummaryFile  = "export.json"
	// ExceptionsFile has the exception lists, each before its items, for Kibana's import of exception lists.
	ExceptionsFile = "exceptions.ndjson"
)

// Kibana's import refuses a file of maxRuleImportExportSize (10,000) rules and a body over maxRuleImportPayloadBytes
// (10 MiB). What is over goes into further files, kibana-rules-2.ndjson and so on. The body also holds the summary line.
const (
	mostRules   = 9_999
	mostBytes   = 8 << 20
	mostMissing = 20_000
)

// File takes its name when it is finished; Abandon removes what is not.
type File interface {
	io.Writer
	Finish() error
	Abandon()
}

// Formats of exported rules.
const (
	// FormatNDJSON is what Kibana's import takes.
	FormatNDJSON = "ndjson"
	// FormatTOML is a file a rule, in the layout of Elastic's detection-rules repository.
	FormatTOML = "toml"
)

// Formats are all of them.
func Formats() []string { return []string{FormatNDJSON, FormatTOML} }

// Options of an export.
type Options struct {
	MigrationID string
	Format      string // empty: FormatNDJSON
	// Take says which rules are taken; empty: all.
	Take migration.Take
	// Filters, when set, has exclusions written as exception lists; they are asked under Context.
	Filters Filters
	Context context.Context
}

// Summary says what an export holds; its JSON is export.json.
type Summary struct {
	MigrationID string `json:"migration_id"`
	// Files are relative to the folder of the export and written with /. RuleFiles are those of them that Kibana imports.
	Files     []string `json:"files"`
	RuleFiles []string `json:"rule_files"`
	Rules     int      `json:"rules"`
	Partial   int      `json:"partial"` // of Rules
	Prebuilt  int      `json:"prebuilt"`
	// LeftOut rules are in none of these, by reason in LeftOutBy; Take says what was asked for.
	LeftOut   int                 `json:"left_out"`
	LeftOutBy migration.Omissions `json:"left_out_by"`
	Take      migration.Take      `json:"take"`
	Lookups   []Lookup            `json:"lookups"`
	// Renamed are lookup indices that got another name, because rules need different content under one.
	Renamed []Renamed `json:"renamed_lookups"`
	// Exceptions counts the exception items that are written, Kept are exclusions that stay in the queries.
	Exceptions int    `json:"exception_items"`
	Kept       []Kept `json:"exclusions_in_queries"`
	// Compilers counts the exported rules by the compiler that made them.
	Compilers map[string]int `json:"compiler_versions"`
}

// Renamed is a lookup index that a rule joins with under another name than its translation says.
type Renamed struct {
	Rule string `json:"rule"` // its id in the migration
	From string `json:"from"`
	To   string `json:"to"`
}

// Lookup is an index in lookup mode that exported rules join with. With 0 rows, the translation does not know them: they
// have to be added.
type Lookup struct {
	Index string `json:"index"`
	Rows  int    `json:"rows"`
	Rules int    `json:"rules"`
}

// Prebuilt is one line of prebuilt-rules.ndjson: a prebuilt rule, and the rule that it replaces.
type Prebuilt struct {
	RuleID   string `json:"rule_id"`
	Name     string `json:"name"`
	Replaces string `json:"replaces"` // the rule's id in the migration
	Title    string `json:"title"`
	Why      string `json:"why,omitempty"`
}

// LeftOut is one line of left-out.ndjson: a rule that is not exported.
type LeftOut struct {
	ID     string `json:"id"`
	RuleID string `json:"rule_id"`
	Title  string `json:"title"`
	Why    string `json:"why"`
	// Code is the kind of the reason.
	Code migration.Omission `json:"code"`
}

// details is the last line of a file of rules, as Kibana's export writes it; its import passes over it.
type details struct {
	Exported      int       `json:"exported_count"`
	ExportedRules int       `json:"exported_rules_count"`
	Missing       []missing `json:"missing_rules"`
	MissingCount  int       `json:"missing_rules_count"`
}

type missing struct {
	RuleID string `json:"rule_id"`
}

// Exporter writes an export rule by rule. It holds names and counts, never rules.
type Exporter struct {
	o       Options
	create  func(name string) (File, error)
	open    map[string]File
	sum     Summary
	lookups map[string]*Lookup
	names   LookupNames
	missing []missing
	// rules is the file of rules that is being written, and how much stands in it.
	rules        File
	count, bytes int
}

// NewExporter begins an export. create makes a file of that name, relative and written with /, in the export's folder.
func NewExporter(o Options, create func(name string) (File, error)) *Exporter {
	return &Exporter{o: o, create: create, open: map[string]File{}, lookups: map[string]*Lookup{}, names: LookupNames{}, missing: []missing{},
		sum: Summary{MigrationID: o.MigrationID, Take: cmp.Or(o.Take, migration.TakeAll), LeftOutBy: migration.Omissions{}, RuleFiles: []string{}, Renamed: []Renamed{}, Kept: []Kept{}, Compilers: map[string]int{}}}
}

// Add writes one rule where it belongs: among the rules, the prebuilt rules, or those left out.
func (e *Exporter) Add(rule migration.Rule) error {
	code, why := Omitted(rule, e.o.Take)
	if m := rule.Matched; code == "" && Prebuilds(rule) {
		e.sum.Prebuilt++
		return e.line(PrebuiltFile, Prebuilt{RuleID: m.RuleID, Name: m.Name, Replaces: rule.ID, Title: rule.Original.Title, Why: m.Why})
	}
	if code == "" {
		// Before lookup indices are renamed: the exclusions are found by comparing with what the compiler makes.
		rule, exceptions, kept, err := MoveExclusions(e.o.Context, e.o.Filters, rule)
		if err != nil {
			return err
		}
		if rule, why, err = e.addLookups(rule); err != nil {
			return err
		}
		if why == "" {
			e.sum.Kept = append(e.sum.Kept, kept...)
			return e.addRule(rule, exceptions)
		}
		code = migration.OmittedLookup
	} else if code == migration.OmittedNotAccepted && !Prebuilds(rule) {
		// It has its part in the names of lookup indices all the same: they stay when it is accepted later.
		if _, _, _, err := e.names.Add(rule); err != nil {
			return err
		}
	}
	e.sum.LeftOut++
	e.sum.LeftOutBy[code]++
	id := RuleID(rule.ID)
	if len(e.missing) < mostMissing {
		e.missing = append(e.missing, missing{id})
	}
	return e.line(LeftOutFile, LeftOut{ID: rule.ID, RuleID: id, Title: rule.Original.Title, Code: code, Why: why})
}

func (e *Exporter) addRule(rule migration.Rule, exceptions Exceptions) error {
	made := fromRule(rule)
	if len(exceptions.Items) > 0 {
		// The import finds the list by its list_id.
		made.Exceptions = []ExceptionsList{exceptions.List.Of(exceptions.List.ListID)}
		lines, err := exceptionLines(exceptions)
		if err != nil {
			return fmt.Errorf("write the exceptions of rule %s: %w", rule.ID, err)
		}
		e.sum.Exceptions += len(exceptions.Items)
		if err := e.raw(ExceptionsFile, lines); err != nil {
			return err
		}
	}
	e.sum.Rules++
	e.sum.Compilers[cmp.Or(rule.CompilerVersion, "unknown")]++
	if tagOf(rule) != TagFull {
		e.sum.Partial++
	}
	if e.o.Format == FormatTOML {
		return e.addTOML(rule, made)
	}
	line, err := jsonLine(made)
	if err != nil {
		return fmt.Errorf("write rule %s: %w", rule.ID, err)
	}
	if e.rules != nil && (e.count == mostRules || e.bytes+len(line) > mostBytes) {
		if err := e.finishRules(nil, 0); err != nil {
			return err
		}
	}
	if err := e.openRules(); err != nil {
		return err
	}
	e.count++
	e.bytes += len(line)
	_, err = e.rules.Write(line)
	return err
}

func (e *Exporter) openRules() (err error) {
	if e.rules != nil {
		return nil
	}
	name := RulesFile
	if n := len(e.sum.RuleFiles); n > 0 {
		name = fmt.Sprintf("kibana-rules-%d.ndjson", n+1)
	}
	e.count, e.bytes = 0, 0
	if e.rules, err = e.file(name); err == nil {
		e.sum.RuleFiles = append(e.sum.RuleFiles, name)
	}
	return err
}

// finishRules ends the file of rules with its summary line; the last file names the rules that are left out.
func (e *Exporter) finishRules(left []missing, count int) error {
	if left == nil {
		left = []missing{}
	}
	line, err := jsonLine(details{Exported: e.count, ExportedRules: e.count, Missing: left, MissingCount: count})
	if err != nil {
		return fmt.Errorf("write the summary line: %w", err)
	}
	_, err = e.rules.Write(line)
	e.rules = nil
	return err
}

// writeLookup writes the body that creates an index, and its rows as _bulk takes them. The rows have ids, so that loading
// them twice leaves each once: LOOKUP JOIN would give a row for each.
func (e *Exporter) writeLookup(k migration.LookupIndex) error {
	body, err := json.MarshalIndent(k.Body, "", "  ")
	if err != nil {
		return fmt.Errorf("write lookup index %s: %w", k.Name, err)
	}
	if err := e.whole("lookups/"+k.Name+".mapping.json", append(body, '\n')); err != nil || len(k.Rows) == 0 {
		return err
	}
	name := "lookups/" + k.Name + ".bulk.ndjson"
	f, err := e.file(name)
	if err != nil {
		return err
	}
	for i, row := range k.Rows {
		line, err := jsonLine(row)
		if err != nil {
			return fmt.Errorf("write row %d of lookup index %s: %w", i+1, k.Name, err)
		}
		if _, err := fmt.Fprintf(f, "{\"index\":{\"_id\":\"%d\"}}\n%s", i+1, line); err != nil {
			return err
		}
	}
	return e.finish(name)
}

// Finish ends every file and says what was written. A file of rules is there also when no rule is.
func (e *Exporter) Finish() (Summary, error) {
	for _, name := range []string{PrebuiltFile, LeftOutFile} {
		if _, err := e.file(name); err != nil {
			return e.sum, err
		}
	}
	if e.o.Format != FormatTOML {
		if err := e.openRules(); err != nil {
			return e.sum, err
		}
		if err := e.finishRules(e.missing, e.sum.LeftOut); err != nil {
			return e.sum, err
		}
	}
	e.sum.Lookups = make([]Lookup, 0, len(e.lookups))
	for _, k := range e.lookups {
		e.sum.Lookups = append(e.sum.Lookups, *k)
	}
	slices.SortFunc(e.sum.Lookups, func(a, b Lookup) int { return cmp.Compare(a.Index, b.Index) })
	for _, name := range slices.Sorted(maps.Keys(e.open)) {
		if err := e.finish(name); err != nil {
			return e.sum, err
		}
	}
	e.sum.Files = append(e.sum.Files, SummaryFile)
	slices.Sort(e.sum.Files)
	data, err := json.MarshalIndent(e.sum, "", "  ")
	if err != nil {
		return e.sum, fmt.Errorf("write %s: %w", SummaryFile, err)
	}
	f, err := e.create(SummaryFile)
	if err != nil {
		return e.sum, err
	}
	if _, err := f.Write(append(data, '\n')); err != nil {
		f.Abandon()
		return e.sum, err
	}
	return e.sum, f.Finish()
}

// Abandon removes the files that are not finished.
func (e *Exporter) Abandon() {
	for _, f := range e.open {
		f.Abandon()
	}
	clear(e.open)
}

// file is the open file of that name.
func (e *Exporter) file(name string) (File, error) {
	if f := e.open[name]; f != nil {
		return f, nil
	}
	f, err := e.create(name)
	if err != nil {
		return nil, err
	}
	e.open[name] = f
	return f, nil
}

func (e *Exporter) finish(name string) error {
	f := e.open[name]
	delete(e.open, name)
	e.sum.Files = append(e.sum.Files, name)
	return f.Finish()
}

func (e *Exporter) whole(name string, data []byte) error {
	f, err := e.file(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return e.finish(name)
}

func (e *Exporter) line(name string, value any) error {
	f, err := e.file(name)
	if err != nil {
		return err
	}
	line, err := jsonLine(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(line)
	return err
}

// raw adds to a file.
func (e *Exporter) raw(name string, data []byte) error {
	f, err := e.file(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return err
}

// jsonLine is a value as one line of NDJSON.
func jsonLine(value any) ([]byte, error) {
	b, err := json.Marshal(value)
	return append(b, '\n'), err
}

var fileNames = regexp.MustCompile(`^(kibana-rules(-[0-9]+)?\.ndjson|prebuilt-rules\.ndjson|left-out\.ndjson|exceptions\.ndjson|export\.json|rules/[a-z0-9_]+\.toml|lookups/[a-z0-9][a-z0-9._-]*\.(mapping\.json|bulk\.ndjson))$`)

// IsFile says whether an export may have a file of that name.
func IsFile(name string) bool { return fileNames.MatchString(name) }
