package kibana_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// exported is a rule as it stands in a file, with every key that may stand there. It is written down here a second time, so
// that a change of the exporter alone fails.
type exported struct {
	RuleID      string `json:"rule_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Type        string `json:"type"`
	Language    string `json:"language"`
	Query       string `json:"query"`
	Severity    string `json:"severity"`
	RiskScore   int    `json:"risk_score"`
	Interval    string `json:"interval"`
	From        string `json:"from"`
	To          string `json:"to"`
	Threat      []struct {
		Framework string `json:"framework"`
		Tactic    named  `json:"tactic"`
		Technique []struct {
			named
			Subtechnique []named `json:"subtechnique"`
		} `json:"technique"`
	} `json:"threat"`
	Tags        []string `json:"tags"`
	References  []string `json:"references"`
	Note        string   `json:"note"`
	Suppression *struct {
		GroupBy  []string `json:"group_by"`
		Duration *struct {
			Value int    `json:"value"`
			Unit  string `json:"unit"`
		} `json:"duration"`
		Missing string `json:"missing_fields_strategy"`
	} `json:"alert_suppression"`
	Exceptions []struct {
		ID            string `json:"id"`
		ListID        string `json:"list_id"`
		NamespaceType string `json:"namespace_type"`
		Type          string `json:"type"`
	} `json:"exceptions_list"`
	TimestampOverride string `json:"timestamp_override"`
	MaxSignals        int    `json:"max_signals"`
	Enabled           bool   `json:"enabled"`
	Version           int    `json:"version"`
}

type named struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Reference string `json:"reference"`
}

var (
	uuidForm     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	spanForm     = regexp.MustCompile(`^([1-9][0-9]*)([smhd])$`)
	backForm     = regexp.MustCompile(`^now-([1-9][0-9]*)([smhd])$`)
	tacticForm   = regexp.MustCompile(`^TA[0-9]{4}$`)
	mitreForm    = regexp.MustCompile(`^T[0-9]{4}$`)
	subMitreForm = regexp.MustCompile(`^T[0-9]{4}\.[0-9]{3}$`)
)

// span reads a number with a unit of a form with two groups.
func span(form *regexp.Regexp, text string) (time.Duration, bool) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	if m[2] == "d" {
		d, err := time.ParseDuration(m[1] + "h")
		return 24 * d, err == nil
	}
	d, err := time.ParseDuration(m[1] + m[2])
	return d, err == nil
}

// strict holds one line of an exported file to what Kibana wants of it, without our exporter's types.
func strict(t *testing.T, line string, ids map[string]bool) {
	t.Helper()
	var r exported
	d := json.NewDecoder(bytes.NewReader([]byte(line)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Errorf("%v: %.300s", err, line)
		return
	}
	fault := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s (%s): "+format, append([]any{r.RuleID, r.Name}, args...)...)
	}
	if !uuidForm.MatchString(r.RuleID) || ids[r.RuleID] {
		fault("the rule_id has no form, or is there twice")
	}
	ids[r.RuleID] = true
	if strings.TrimSpace(r.Name) == "" || strings.TrimSpace(r.Description) == "" {
		fault("name %q, description %q", r.Name, r.Description)
	}
	if r.Type != "esql" || r.Language != "esql" || r.Enabled || r.Version < 1 || r.MaxSignals < 1 || r.MaxSignals > 1000 {
		fault("type %q, language %q, enabled %v, version %d, max_signals %d", r.Type, r.Language, r.Enabled, r.Version, r.MaxSignals)
	}
	if _, err := esql.Parse(r.Query); err != nil {
		fault("the query: %v", err)
	}
	if !slices.Contains([]string{"low", "medium", "high", "critical"}, r.Severity) || r.RiskScore < 0 || r.RiskScore > 100 {
		fault("severity %q, risk score %d", r.Severity, r.RiskScore)
	}
	every, ok := span(spanForm, r.Interval)
	if !ok && r.Interval != "" {
		fault("interval %q", r.Interval)
	}
	if back, ok := span(backForm, r.From); r.To == "now" && r.From != "" && strings.Count(r.From, "/") == 0 && (!ok || back < every) && !strings.Contains(r.From[4:], "w") {
		fault("it looks back %q at an interval of %q: events between two runs are never seen", r.From, r.Interval)
	}
	for _, x := range r.Threat {
		if x.Framework != "MITRE ATT&CK" || !tacticForm.MatchString(x.Tactic.ID) || !x.Tactic.says("tactics/"+x.Tactic.ID) {
			fault("tactic %+v of %q", x.Tactic, x.Framework)
		}
		for _, y := range x.Technique {
			if !mitreForm.MatchString(y.ID) || !y.says("techniques/"+y.ID) {
				fault("technique %+v", y.named)
			}
			for _, z := range y.Subtechnique {
				if !subMitreForm.MatchString(z.ID) || !strings.HasPrefix(z.ID, y.ID+".") || !z.says("techniques/"+strings.Replace(z.ID, ".", "/", 1)) {
					fault("subtechnique %+v of %s", z, y.ID)
				}
			}
		}
	}
	if s := r.Suppression; s != nil {
		if n := len(s.GroupBy); n < 1 || n > 3 || slices.Contains(s.GroupBy, "") || s.Missing != "doNotSuppress" && s.Missing != "suppress" {
			fault("suppression %+v", s)
		}
		if s.Duration != nil && (s.Duration.Value < 1 || !slices.Contains([]string{"s", "m", "h"}, s.Duration.Unit)) {
			fault("suppression for %+v", s.Duration)
		}
	}
	for _, link := range r.References {
		if !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
			fault("the reference %q is no address", link)
		}
	}
	if strings.Contains(r.Note, "!{") {
		fault("the note runs queries")
	}
}

func (r named) says(path string) bool {
	return r.Name != "" && strings.TrimSuffix(r.Reference, "/") == "https://attack.mitre.org/"+path
}
