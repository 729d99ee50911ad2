package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// Fields of alerts that stores read.
const (
	FieldTimestamp     = "@timestamp"
	FieldSeverity      = "kibana.alert.severity"
	FieldStatus        = "kibana.alert.workflow_status"
	FieldRisk          = "kibana.alert.risk_score"
	FieldBuildingBlock = "kibana.alert.building_block_type"
	FieldRule          = "kibana.alert.rule.name"

	// DefaultAlertIndex holds the alerts that were imported without an index.
	DefaultAlertIndex = ".alerts-security.alerts-default"
	// MaxTerm is the longest value, in bytes, that conditions and Values see; Elastic's alert mappings index no more.
	MaxTerm = 1024
)

// Conditions of a filter by the fields that each is compared with.
var (
	HostFields      = []string{"host.name", "host.hostname"}
	UserFields      = []string{"user.name"}
	TechniqueFields = []string{
		"kibana.alert.rule.threat.technique.id", "kibana.alert.rule.threat.technique.subtechnique.id",
		"threat.technique.id", "threat.technique.subtechnique.id",
	}
	OSFields = []string{"host.os.type", "host.os.family", "host.os.platform"}
	// OSNameField begins with "Windows" on Windows hosts.
	OSNameField = "host.os.name"
)

// Leaves calls f with every value of an alert document that is no object: its field with dots, and its text. Lists give
// each of their values; null and what is longer than MaxTerm is left out. Whole numbers have no decimals.
func Leaves(source map[string]any, f func(field, value string)) {
	for name, v := range source {
		leaves(name, v, f)
	}
}

func leaves(field string, v any, f func(field, value string)) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, inner := range v {
			leaves(field+"."+name, inner, f)
		}
	case []any:
		for _, inner := range v {
			leaves(field, inner, f)
		}
	case string:
		if len(v) <= MaxTerm {
			f(field, v)
		}
	case bool:
		f(field, strconv.FormatBool(v))
	case json.Number:
		f(field, NumberText(v.String()))
	case float64:
		f(field, NumberText(strconv.FormatFloat(v, 'g', -1, 64)))
	}
}

// NumberText is a JSON number as text, without decimals where it is whole.
func NumberText(number string) string {
	if _, err := strconv.ParseInt(number, 10, 64); err == nil {
		return number
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return number
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// AlertColumns are the values of an alert that stores sort, count and filter by.
type AlertColumns struct {
	At            int64 // Unix milliseconds
	BuildingBlock bool
	Severity      string
	Status        string // open when the alert has none
	Risk          *float64
}

// ErrNoTimestamp says that an alert cannot be placed in time.
var ErrNoTimestamp = errors.New("@timestamp is missing or no date such as 2026-05-04T10:12:00Z")

// Columns reads them of a document.
func Columns(source map[string]any) (AlertColumns, error) {
	c := AlertColumns{Status: assistant.StatusOpen}
	var at any
	found := map[string]string{}
	Leaves(source, func(field, value string) {
		switch field {
		case FieldTimestamp, FieldSeverity, FieldStatus, FieldRisk, FieldBuildingBlock:
			if _, ok := found[field]; !ok {
				found[field] = value
			}
		}
	})
	if text, ok := found[FieldTimestamp]; ok {
		at = text
	}
	ms, err := milliseconds(at)
	if err != nil {
		return c, err
	}
	c.At = ms
	_, c.BuildingBlock = found[FieldBuildingBlock]
	c.Severity = found[FieldSeverity]
	if status := found[FieldStatus]; status != "" {
		c.Status = status
	}
	if text, ok := found[FieldRisk]; ok {
		risk, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return c, fmt.Errorf("%s is no number", FieldRisk)
		}
		c.Risk = &risk
	}
	return c, nil
}

// layouts of dates, as Elasticsearch's strict_date_optional_time reads them.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04", "2006-01-02"}

func milliseconds(v any) (int64, error) {
	text, ok := v.(string)
	if !ok {
		return 0, ErrNoTimestamp
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), nil
		}
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) > 4 {
		return ms, nil
	}
	return 0, ErrNoTimestamp
}

// FoldASCII has the ASCII letters of a text in lower case and leaves the rest.
func FoldASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// SortCounts puts counts in the order that AlertSource promises.
func SortCounts(counts []assistant.Count) {
	rank := func(severity string) int {
		if i := slices.Index(assistant.Severities, severity); i >= 0 {
			return i
		}
		return len(assistant.Severities)
	}
	slices.SortFunc(counts, func(a, b assistant.Count) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Status, b.Status))
	})
}

// MatchIndex reports whether an index pattern, in which * is the only wildcard, stands for a name.
func MatchIndex(pattern, name string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], after
	}
}

// CheckIndex refuses index patterns that could mean something else than some indices of this cluster, whatever was
// checked before.
func CheckIndex(patterns []string) error {
	if len(patterns) == 0 {
		return errors.New("read alerts: no index pattern was given")
	}
	for _, p := range patterns {
		if p == "" || strings.Trim(p, "*") == "" || strings.HasPrefix(p, "-") || strings.ContainsAny(p, ",:<>/\\?#\"|% ") {
			return fmt.Errorf("read alerts: %q is not an index pattern that alerts may be read from", p)
		}
	}
	return nil
}
