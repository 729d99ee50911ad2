package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/workflows"
)

// TranslateRule compiles a rule and records the draft with everything said about it. It finishes the rule, unless holes
// are left for a model.
func (a *Activities) TranslateRule(ctx context.Context, in workflows.TranslateInput) (workflows.TranslateOutput, error) {
	return do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (workflows.TranslateOutput, error) {
		rule, err := a.held(ctx, in.RuleInput)
		if err != nil {
			return workflows.TranslateOutput{}, err
		}
		if rule.Status == migration.StatusFinished {
			// Recorded by an attempt whose answer was lost.
			return workflows.TranslateOutput{Finished: true, Result: rule.Result, Holes: holes(rule.Diagnostics)}, nil
		}
		c, err := a.Compiler.Compile(ctx, in.MigrationID, rule.Original)
		if err != nil {
			return workflows.TranslateOutput{}, err
		}
		out := workflows.TranslateOutput{Result: c.Result, Holes: holes(c.Diagnostics)}
		// A prebuilt rule that replaces the original leaves nothing for a model to do.
		out.Finished = !in.LeaveHoles || out.Holes == 0 || rule.Matched != nil
		at := a.Now()
		return out, a.Rules.Record(ctx, in.MigrationID, in.RuleID, in.Token, func(r *migration.Rule) {
			c.apply(r)
			note(r, at, "translated", string(c.Result))
			if out.Finished {
				r.Status = migration.StatusFinished
			}
		})
	})
}

// Compiled is the compiler's result in the words of the rule document. Rule is nil when the rule is untranslatable.
type Compiled struct {
	Result      migration.Result
	Rule        *migration.ElasticRule
	Diagnostics []migration.Diagnostic
	Missing     []migration.Missing
}

// apply writes the result to a document; beside a prebuilt match the draft is kept apart.
func (c Compiled) apply(r *migration.Rule) {
	r.Result, r.Diagnostics, r.Missing = c.Result, c.Diagnostics, c.Missing
	r.Verification, r.ErrorCode = migration.VerificationNotRun, ""
	if r.Matched != nil {
		r.Compiled = c.Rule
		return
	}
	r.Elastic, r.Compiled = c.Rule, nil
}

// holes counts what the compiler could not lower.
func holes(ds []migration.Diagnostic) (n int) {
	for _, d := range ds {
		if d.Severity == string(translate.Error) {
			n++
		}
	}
	return n
}

// Resources is what a CompilerCache needs of the store.
type Resources interface {
	Resources(ctx context.Context, id string) ([]migration.Resource, error)
	ResourcesVersion(ctx context.Context, id string) (int64, error)
}

// CompilerCache compiles with the macros and lookups of each migration. Preparing a compiler reads and indexes all of
// them, so the last few are kept, by migration and version of its resources.
type CompilerCache struct {
	resources Resources
	base      translate.Options

	mu     sync.Mutex
	recent []prepared // latest use last
}

type prepared struct {
	migrationID string
	version     int64
	compiler    *translate.Compiler
}

// keptCompilers bounds the memory that prepared compilers take.
const keptCompilers = 8

// NewCompilerCache compiles with base, to whose macros and lookups each migration adds its own; of two with one name the
// migration's wins.
func NewCompilerCache(resources Resources, base translate.Options) *CompilerCache {
	return &CompilerCache{resources: resources, base: base}
}

// Compile implements Compiler.
func (c *CompilerCache) Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (Compiled, error) {
	compiler, err := c.compiler(ctx, migrationID)
	if err != nil {
		return Compiled{}, err
	}
	return FromOutput(rule, compiler.Translate(RequestOf(rule))), nil
}

func (c *CompilerCache) compiler(ctx context.Context, migrationID string) (*translate.Compiler, error) {
	version, err := c.resources.ResourcesVersion(ctx, migrationID)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.recent {
		if p.migrationID == migrationID && p.version == version {
			c.recent = append(append(c.recent[:i:i], c.recent[i+1:]...), p)
			return p.compiler, nil
		}
	}
	// Others wait for the lock, which saves them preparing the same compiler.
	resources, err := c.resources.Resources(ctx, migrationID)
	if err != nil {
		return nil, err
	}
	compiler, err := translate.New(WithResources(c.base, resources))
	if err != nil {
		return nil, fmt.Errorf("prepare the compiler of migration %s: %w: %w", migrationID, errResources, err)
	}
	c.recent = append(c.recent, prepared{migrationID, version, compiler})
	if len(c.recent) > keptCompilers {
		c.recent = c.recent[1:]
	}
	return compiler, nil
}

// RequestOf is a rule as the compiler takes it.
func RequestOf(r migration.OriginalRule) translate.Request {
	return translate.Request{
		ID: r.ID, Title: r.Title, Description: r.Description, Query: r.Query, MitreAttackIDs: r.MitreAttackIDs,
		Severity: r.Severity, RiskScore: r.RiskScore, EarliestTime: r.EarliestTime, LatestTime: r.LatestTime, Cron: r.Cron,
	}
}

// WithResources adds macros and lookups to the options of a compiler. Of several with one name, and for macros one arity,
// the last of resources wins, and all of them win over those of o.
func WithResources(o translate.Options, resources []migration.Resource) translate.Options {
	macros, lookups := map[string]bool{}, map[string]bool{}
	var ownMacros []translate.Macro
	var ownLookups []translate.Lookup
	addMacro := func(m translate.Macro) {
		if key := macroKey(m); !macros[key] {
			macros[key] = true
			ownMacros = append(ownMacros, m)
		}
	}
	addLookup := func(l translate.Lookup) {
		if !lookups[l.Name] {
			lookups[l.Name] = true
			ownLookups = append(ownLookups, l)
		}
	}
	for _, r := range slices.Backward(resources) {
		switch r.Type {
		case migration.ResourceMacro:
			name, _, _ := strings.Cut(r.Name, "(")
			addMacro(translate.Macro{Name: name, Arguments: r.Arguments, Definition: r.Definition, Eval: r.IsEval})
		case migration.ResourceLookup:
			addLookup(lookupOf(r))
		}
	}
	for _, m := range o.Macros {
		addMacro(m)
	}
	for _, l := range o.Lookups {
		addLookup(l)
	}
	o.Macros, o.Lookups = ownMacros, ownLookups
	return o
}

func macroKey(m translate.Macro) string { return fmt.Sprintf("%s(%d)", m.Name, len(m.Arguments)) }

func lookupOf(r migration.Resource) translate.Lookup {
	l := translate.Lookup{
		Name: r.Name, Kind: r.Kind, Columns: r.Columns, Rows: r.Rows, TotalRows: max(r.TotalRows, len(r.Rows)),
		MatchType: matchTypes(r.MatchType), CaseSensitive: true,
		MaxMatches: r.MaxMatches, MinMatches: r.MinMatches, DefaultMatch: r.DefaultMatch,
	}
	if r.CaseSensitiveMatch != nil {
		l.CaseSensitive = *r.CaseSensitiveMatch
	}
	return l
}

// matchTypes reads transforms.conf's match_type: WILDCARD(url), CIDR(range).
func matchTypes(s string) map[string]string {
	var types map[string]string
	for part := range strings.SplitSeq(s, ",") {
		kind, rest, ok := strings.Cut(strings.TrimSpace(part), "(")
		column, closed := strings.CutSuffix(rest, ")")
		if !ok || !closed {
			continue
		}
		if types == nil {
			types = map[string]string{}
		}
		types[strings.TrimSpace(column)] = strings.ToUpper(strings.TrimSpace(kind))
	}
	return types
}

// FromOutput is the compiler's output in the words of the rule document.
func FromOutput(rule migration.OriginalRule, o translate.Output) Compiled {
	c := Compiled{Result: migration.Result(o.Result), Diagnostics: make([]migration.Diagnostic, 0, len(o.Diagnostics))}
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
	r := &migration.ElasticRule{
		Title: rule.Title, Description: rule.Description, Severity: cmp.Or(o.Rule.Severity, rule.Severity),
		RiskScore: o.Rule.RiskScore, Query: o.Query, QueryLanguage: "esql", Index: o.Index,
		Interval: o.Rule.Interval, From: o.Rule.From,
	}
	if r.Index == nil {
		r.Index = []string{}
	}
	for _, t := range o.Rule.Threat {
		r.Threat = append(r.Threat, threatOf(t))
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
	c.Rule = r
	return c
}

func position(p spl.Pos) migration.Position {
	return migration.Position{Line: int(p.Line), Column: int(p.Column)}
}

const attack = "https://attack.mitre.org/"

// threatOf groups sub-techniques under their technique, as Kibana shows them.
func threatOf(t translate.Threat) migration.Threat {
	out := migration.Threat{
		Framework: "MITRE ATT&CK",
		Tactic:    migration.ThreatRef{ID: t.TacticID, Name: t.TacticName, Reference: attack + "tactics/" + t.TacticID + "/"},
	}
	technique := func(id string) *migration.Technique {
		for i := range out.Technique {
			if out.Technique[i].ID == id {
				return &out.Technique[i]
			}
		}
		out.Technique = append(out.Technique, migration.Technique{ThreatRef: migration.ThreatRef{
			ID: id, Name: id, Reference: attack + "techniques/" + id + "/"}})
		return &out.Technique[len(out.Technique)-1]
	}
	for _, id := range t.TechniqueIDs {
		parent, sub, nested := strings.Cut(id, ".")
		of := technique(parent)
		if nested {
			of.Subtechnique = append(of.Subtechnique, migration.ThreatRef{
				ID: id, Name: id, Reference: attack + "techniques/" + parent + "/" + sub + "/"})
		}
	}
	return out
}
