package splunk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// detection is a rule of security content.
type detection struct {
	ID          string `yaml:"id"`
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Search      any    `yaml:"search"`
	Status      string `yaml:"status"`
	HowTo       string `yaml:"how_to_implement"`
	False       string `yaml:"known_false_positives"`
	References  any    `yaml:"references"`
	DataSource  any    `yaml:"data_source"`
	Tags        struct {
		Mitre any      `yaml:"mitre_attack_id"`
		Risk  *float64 `yaml:"risk_score"`
	} `yaml:"tags"`
	// A macro or a lookup of the same repository.
	Definition *string  `yaml:"definition"`
	Arguments  []string `yaml:"arguments"`
	Lookup     string   `yaml:"lookup_type"`
	File       string   `yaml:"filename"`
	Collection string   `yaml:"collection"`
	MatchType  any      `yaml:"match_type"`
	Sensitive  any      `yaml:"case_sensitive_match"`
	Default    any      `yaml:"default_match"`
	MaxMatches int      `yaml:"max_matches"`
	MinMatches int      `yaml:"min_matches"`
}

// lookup is the lookup that the file describes. Its rows are in a file beside it, of the same name when none is given.
func (x *detection) lookup(in *importer, file string, fsys fs.FS, dir string) (migration.Resource, string) {
	res := migration.Resource{
		Type: migration.ResourceLookup, Name: x.Name, Kind: "csv", MatchType: strings.Join(ids(x.MatchType), ","), MaxMatches: max(x.MaxMatches, 0), MinMatches: max(x.MinMatches, 0),
	}
	if x.Default != nil {
		res.DefaultMatch = fmt.Sprint(x.Default)
	}
	if x.Sensitive != nil {
		sensitive := isTrue(fmt.Sprint(x.Sensitive))
		res.CaseSensitiveMatch = &sensitive
	}
	if x.Collection != "" || x.Lookup == "kvstore" {
		res.Kind, res.TotalRows = "kvstore", 1
		return res, "its rows are in a KV store: export them to have the lookup whole"
	}
	name := x.File
	if name == "" {
		base := path.Base(filepath.ToSlash(file))
		name = strings.TrimSuffix(base, path.Ext(base)) + ".csv"
	}
	var err error
	if res.Columns, res.Rows, res.TotalRows, err = in.rows(fsys, path.Join(dir, path.Base(name))); err != nil {
		res.TotalRows = 1
		return res, "its rows are not known: " + err.Error()
	}
	return res, ""
}

// yaml imports one file of security content: a detection, a macro or a lookup, whose rows are in the folder dir of fsys.
func (in *importer) yaml(file string, r io.Reader, fsys fs.FS, dir string) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil || len(b) > maxFile {
		in.say(Item{File: file, Kind: "file", Outcome: Fault, Why: fmt.Sprintf("it cannot be read whole (%v)", err)})
		return
	}
	d := yaml.NewDecoder(strings.NewReader(decodeText(b)))
	for {
		var x detection
		err := d.Decode(&x)
		if errors.Is(err, io.EOF) {
			return
		}
		item := Item{File: file, Kind: "rule", Name: x.Name}
		var wrong *yaml.TypeError
		if errors.As(err, &wrong) && x.Name != "" { // the other fields are read
			in.say(Item{File: file, Kind: "setting", Name: x.Name, Outcome: Fault, Why: "fields are left out: " + strings.Join(wrong.Errors, "; ")})
			err = nil
		}
		if err != nil {
			item.Outcome, item.Why = Fault, "it is no YAML of security content: "+strings.ReplaceAll(err.Error(), "\n", " ")
			in.say(item)
			return
		}
		search, _ := x.Search.(string)
		switch {
		case x.Definition != nil && x.Name != "":
			item.Kind = "macro"
			in.define(in.macros, fmt.Sprintf("%s(%d)", x.Name, len(x.Arguments)), definition{
				resource: migration.Resource{Type: migration.ResourceMacro, Name: x.Name, Definition: *x.Definition, Arguments: x.Arguments}, item: item,
			})
		case x.Name != "" && search == "" && (x.File != "" || x.Collection != "" || x.Lookup == "csv" || x.Lookup == "kvstore"):
			item.Kind = "lookup"
			res, why := x.lookup(in, file, fsys, dir)
			item.Why = why
			in.define(in.lookups, x.Name, definition{resource: res, item: item})
		case search == "" || x.Name == "":
			item.Outcome, item.Why = Skipped, "it holds no search"
			in.say(item)
		default:
			rule := migration.OriginalRule{
				ID: x.ID, Vendor: "splunk", Title: x.Name, Description: x.Description, Query: search, QueryLanguage: "spl", MitreAttackIDs: []string{},
			}
			if rule.ID == "" {
				rule.ID = x.Name
			}
			rule.MitreAttackIDs = append(rule.MitreAttackIDs, ids(x.Tags.Mitre)...)
			if x.Tags.Risk != nil {
				rule.RiskScore = Number{Set: !math.IsNaN(*x.Tags.Risk), Value: *x.Tags.Risk}.Int()
			}
			rule.References = ids(x.References)
			rule.DataSource = migration.WordsOf(x.DataSource)
			rule.Disabled = x.Status == "deprecated"
			in.add(rule, item)
		}
	}
}
