package kibana

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// tomlFile is a rule in the layout of Elastic's detection-rules repository: members in alphabetical order, the query and
// the tables last.
type tomlFile struct {
	Metadata tomlMetadata `toml:"metadata"`
	Rule     tomlRule     `toml:"rule"`
}

type tomlMetadata struct {
	CreationDate string   `toml:"creation_date"` // 2026/12/31
	Integration  []string `toml:"integration,omitempty"`
	Maturity     string   `toml:"maturity"`
	UpdatedDate  string   `toml:"updated_date"`
}

type tomlRule struct {
	Author            []string `toml:"author"`
	Description       string   `toml:"description,multiline"`
	Enabled           bool     `toml:"enabled"`
	From              string   `toml:"from,omitempty"`
	Interval          string   `toml:"interval,omitempty"`
	Language          string   `toml:"language"`
	MaxSignals        int      `toml:"max_signals"`
	Name              string   `toml:"name"`
	Note              string   `toml:"note,multiline,omitempty"`
	References        []string `toml:"references,omitempty"`
	RiskScore         int      `toml:"risk_score"`
	RuleID            string   `toml:"rule_id"`
	Severity          string   `toml:"severity"`
	Tags              []string `toml:"tags"`
	TimestampOverride string   `toml:"timestamp_override,omitempty"`
	To                string   `toml:"to,omitempty"`
	Type              string   `toml:"type"`
	Query             string   `toml:"query,multiline"`

	Suppression *tomlSuppression `toml:"alert_suppression,omitempty"`
	Exceptions  []ExceptionsList `toml:"exceptions_list,omitempty"`
	Threat      []tomlThreat     `toml:"threat,omitempty"`
}

type tomlSuppression struct {
	GroupBy       []string      `toml:"group_by"`
	MissingFields string        `toml:"missing_fields_strategy"`
	Duration      *tomlDuration `toml:"duration,omitempty"`
}

type tomlDuration struct {
	Unit  string `toml:"unit"`
	Value int64  `toml:"value"`
}

type tomlThreat struct {
	Framework string          `toml:"framework"`
	Technique []tomlTechnique `toml:"technique,omitempty"`
	Tactic    tomlReference   `toml:"tactic"`
}

type tomlTechnique struct {
	tomlReference
	Subtechnique []tomlReference `toml:"subtechnique,omitempty"`
}

type tomlReference struct {
	ID        string `toml:"id"`
	Name      string `toml:"name"`
	Reference string `toml:"reference"`
}

// addTOML writes a rule as a file of its own.
func (e *Exporter) addTOML(rule migration.Rule, made Rule) error {
	data, err := toTOML(rule, made)
	if err != nil {
		return fmt.Errorf("write rule %s: %w", rule.ID, err)
	}
	return e.whole(tomlName(made), data)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// tomlName is the file of a rule: its name in words, and the beginning of its id, since names repeat.
func tomlName(r Rule) string {
	slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(r.Name), "_"), "_")
	if len(slug) > 80 {
		slug = strings.TrimRight(slug[:80], "_")
	}
	id := strings.ReplaceAll(r.RuleID, "-", "")[:12]
	if slug == "" {
		return "rules/" + id + ".toml"
	}
	return "rules/" + slug + "_" + id + ".toml"
}

// maturity of a rule that nobody has tried yet.
const maturity = "development"

func toTOML(rule migration.Rule, r Rule) ([]byte, error) {
	day := func(at time.Time) string { return at.UTC().Format("2006/01/02") }
	changed := rule.UpdatedAt
	if changed.Before(rule.Timestamp) {
		changed = rule.Timestamp
	}
	f := tomlFile{
		Metadata: tomlMetadata{CreationDate: day(rule.Timestamp), UpdatedDate: day(changed), Maturity: maturity, Integration: integrations(rule.Elastic.Index)},
		Rule: tomlRule{
			Author: []string{cmp.Or(rule.Original.Owner, "Rulebridge")}, Description: r.Description, Enabled: r.Enabled, From: r.From, Interval: r.Interval,
			Language: r.Language, MaxSignals: r.MaxSignals, Name: r.Name, Note: r.Note, References: r.References, RiskScore: r.RiskScore,
			RuleID: r.RuleID, Severity: r.Severity, Tags: r.Tags, TimestampOverride: r.TimestampOverride, To: r.To, Type: r.Type, Query: r.Query,
			Exceptions: r.Exceptions,
		},
	}
	if s := r.Suppression; s != nil {
		f.Rule.Suppression = &tomlSuppression{GroupBy: s.GroupBy, MissingFields: s.MissingFields}
		if s.Duration != nil {
			f.Rule.Suppression.Duration = &tomlDuration{Unit: s.Duration.Unit, Value: s.Duration.Value}
		}
	}
	for _, t := range r.Threat {
		threat := tomlThreat{Framework: t.Framework, Tactic: tomlReference(t.Tactic)}
		for _, technique := range t.Technique {
			one := tomlTechnique{tomlReference: tomlReference(technique.ThreatRef)}
			for _, sub := range technique.Subtechnique {
				one.Subtechnique = append(one.Subtechnique, tomlReference(sub))
			}
			threat.Technique = append(threat.Technique, one)
		}
		f.Rule.Threat = append(f.Rule.Threat, threat)
	}
	var b bytes.Buffer
	enc := toml.NewEncoder(&b)
	if err := enc.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var integrationIndex = regexp.MustCompile(`^logs-([a-z0-9_]+)\.`)

// integrations are the packages of Elastic's that the index patterns belong to.
func integrations(patterns []string) []string {
	var names []string
	for _, p := range patterns {
		if m := integrationIndex.FindStringSubmatch(p); m != nil && !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return names
}
