// Package compile stands between the rule documents and the compiler: it makes a compiler's request of a rule, and the
// rule document of the compiler's output. Commands and activities compile through it; it links neither Temporal nor a
// model client.
package compile

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// Output is the compiler's result in the words of the rule document. Rule is nil when the rule is untranslatable.
type Output struct {
	Result      migration.Result
	Rule        *migration.ElasticRule
	Diagnostics []migration.Diagnostic
	Missing     []migration.Missing
	// Compiler names the compiler.
	Compiler string
}

// Apply writes the result to a document; beside a prebuilt match the draft is kept apart.
func (o Output) Apply(r *migration.Rule) {
	r.Result, r.Diagnostics, r.Missing = o.Result, o.Diagnostics, o.Missing
	r.CompilerVersion = o.Compiler
	r.Verification, r.ErrorCode = migration.VerificationNotRun, ""
	if r.Matched != nil {
		r.Compiled = o.Rule
		return
	}
	r.Elastic, r.Compiled = o.Rule, nil
}

// Holes counts what the compiler could not lower.
func Holes(ds []migration.Diagnostic) (n int) {
	for _, d := range ds {
		if d.Severity == string(translate.Error) {
			n++
		}
	}
	return n
}

// Request is a rule as the compiler takes it.
func Request(r migration.OriginalRule) translate.Request {
	return translate.Request{ID: r.ID, Title: r.Title, Description: r.Description, Query: r.Query,
		DataSources: r.DataSource, SuppressFields: r.SuppressFields, SuppressPeriod: r.SuppressPeriod}
}

// FromOutput is the compiler's output in the words of the rule document, with the settings of the rule: schedule and range,
// severity and risk, tactics and techniques. A setting that cannot be kept and decides what alerts makes a full translation
// partial.
func (d Defaults) FromOutput(rule migration.OriginalRule, o translate.Output) Output {
	c := Output{Result: migration.Result(o.Result), Diagnostics: make([]migration.Diagnostic, 0, len(o.Diagnostics))}
	for _, d := range o.Diagnostics {
		c.Diagnostics = append(c.Diagnostics, migration.Diagnostic{
			Code: d.Code, Severity: string(d.Severity), Message: d.Message,
			Start: position(d.Span.Start), End: position(d.Span.End), Command: d.Command, Subject: d.Subject,
		})
	}
	for _, m := range o.Missing {
		c.Missing = append(c.Missing, migration.Missing{Kind: m.Kind, Name: m.Name})
	}
	if o.Query == "" {
		return c
	}
	when, notes := d.schedule(rule, o.Rule.Window)
	if trigger := strings.TrimSpace(rule.Trigger); trigger != "" {
		notes = append(notes, note{CodeTrigger, "trigger", "Splunk alerts only when the results meet the trigger condition " + strconv.Quote(clip(trigger)) +
			"; the draft does not ask for it and alerts on every row: add the condition to the search and translate it again"})
	}
	severity, risk, more := weight(rule.Severity, rule.RiskScore)
	notes = append(notes, more...)
	threat, more := threats(rule.MitreAttackIDs)
	notes = append(notes, more...)
	r := &migration.ElasticRule{
		Title: rule.Title, Description: rule.Description, Severity: severity, RiskScore: risk,
		Query: o.Query, QueryLanguage: "esql", Index: o.Index, Threat: threat,
		Interval: when.interval, From: when.from, To: when.to, Suppression: when.suppression,
		MaxSignals: maxSignals(o.Rule.Window.Rows),
	}
	if r.Index == nil {
		r.Index = []string{}
	}
	if t := o.Rule.Threshold; t != nil {
		r.Threshold = &migration.Threshold{Field: t.Fields, Value: t.Value}
	}
	if s := o.Rule.Suppression; s != nil {
		r.Suppression = &migration.Suppression{GroupBy: s.Fields, Duration: s.Duration}
	}
	for _, l := range o.Lookups {
		r.LookupIndices = append(r.LookupIndices, migration.LookupIndex{Name: l.Name, Body: l.Body, Rows: l.Rows})
	}
	r.Streams = streamsOf(o.Streams)
	c.Rule = r
	for _, n := range diagnostics(rule.Query, notes) {
		if c.Result == migration.Full && n.Severity != string(translate.Info) {
			c.Result = migration.Partial
		}
		c.Diagnostics = append(c.Diagnostics, n)
	}
	return c
}

// mostLacking is how many missing fields of a data stream a document lists.
const mostLacking = 50

// streamsOf is the table of a draft's data streams and fields; none where there is one stream or fewer.
func streamsOf(table []translate.StreamFields) []migration.DataStream {
	if len(table) < 2 {
		return nil
	}
	out := make([]migration.DataStream, len(table))
	for i, s := range table {
		out[i] = migration.DataStream{Stream: s.Stream, Index: s.Index, Read: !s.Left, Lacks: append([]string{}, s.Lacks[:min(len(s.Lacks), mostLacking)]...)}
	}
	return out
}

func position(p spl.Pos) migration.Position {
	return migration.Position{Line: int(p.Line), Column: int(p.Column)}
}
