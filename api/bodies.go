package api

import (
	"io"
	"math"
	"strings"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Bounds that are not settings.
const (
	maxID           = 256 // bytes of a rule id or a resource's name
	maxSmall        = 1 << 10
	maxMitre        = 1000
	maxColumns      = 1000
	maxResourceRows = 1_000_000
)

// decodeRules reads the rules of one request. Members it does not know are ignored, as exports carry more.
func decodeRules(r io.Reader, l config.Limits) ([]migration.OriginalRule, error) {
	b := newBody(r, "rule")
	var rules []migration.OriginalRule
	seen := map[string]int{}
	err := b.array(l.Rules, func() error {
		rule, err := b.rule(l)
		if err != nil {
			return err
		}
		if first, ok := seen[rule.ID]; ok {
			return b.fault("id", "stands already at [%d] (rule %d); ids are unique within a migration", first, first+1)
		}
		seen[rule.ID] = b.index
		rules = append(rules, rule)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rules, nil
}

func (b *body) rule(l config.Limits) (migration.OriginalRule, error) {
	r := migration.OriginalRule{MitreAttackIDs: []string{}}
	found := map[string]bool{}
	err := b.object(func(name string) (bool, error) {
		found[name] = true
		var err error
		switch name {
		case "id":
			if r.ID, err = b.text(name, maxID, ""); err == nil {
				err = b.identifier(name, r.ID)
				b.id = r.ID
			}
		case "vendor":
			r.Vendor, err = b.text(name, maxSmall, "")
		case "title":
			err = b.optional(name, int64(l.Title), " (limits.title)", &r.Title)
		case "description":
			err = b.optional(name, int64(l.Description), " (limits.description)", &r.Description)
		case "query":
			r.Query, err = b.text(name, int64(l.Query), " (limits.query)")
		case "query_language":
			r.QueryLanguage, err = b.text(name, maxSmall, "")
		case "mitre_attack_ids":
			r.MitreAttackIDs, err = b.texts(name, maxMitre, maxID)
		case "severity":
			err = b.optional(name, maxSmall, "", &r.Severity)
		case "risk_score":
			if b.null() {
				break
			}
			var f float64
			if f, err = b.number(name, 0, 100); err == nil {
				n := int(math.Round(f))
				r.RiskScore = &n
			}
		case "earliest_time":
			err = b.optional(name, maxSmall, "", &r.EarliestTime)
		case "latest_time":
			err = b.optional(name, maxSmall, "", &r.LatestTime)
		case "cron_schedule":
			err = b.optional(name, maxSmall, "", &r.Cron)
		case "trigger":
			err = b.optional(name, int64(l.Query), " (limits.query)", &r.Trigger)
		case "suppress_fields":
			r.SuppressFields, err = b.texts(name, maxMitre, maxID)
		case "data_source":
			if b.dec.PeekKind() == '"' { // rules are written with one name too
				var s string
				s, err = b.text(name, maxID, "")
				r.DataSource = migration.Words{s}
				break
			}
			r.DataSource, err = b.texts(name, maxMitre, maxID)
		case "suppress_period":
			err = b.optional(name, maxSmall, "", &r.SuppressPeriod)
		case "note":
			err = b.optional(name, int64(l.Description), " (limits.description)", &r.Note)
		case "references":
			r.References, err = b.texts(name, maxMitre, maxSmall)
		case "actions":
			r.Actions, err = b.texts(name, maxMitre, maxSmall)
		case "app":
			err = b.optional(name, maxID, "", &r.App)
		case "owner":
			err = b.optional(name, maxID, "", &r.Owner)
		case "disabled":
			if !b.null() {
				r.Disabled, err = b.boolean(name)
			}
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return r, err
	}
	for _, name := range []string{"id", "vendor", "query", "query_language"} {
		if !found[name] {
			return r, b.fault(name, "is missing")
		}
	}
	switch {
	case strings.TrimSpace(r.Query) == "":
		return r, b.fault("query", "is empty; send the search")
	case r.Vendor != "splunk":
		return r, b.fault("vendor", "%q is not known; use \"splunk\"", clip(r.Vendor, 64))
	case r.QueryLanguage != "spl":
		return r, b.fault("query_language", "%q is not known; use \"spl\"", clip(r.QueryLanguage, 64))
	}
	return r, nil
}

func (b *body) identifier(field, s string) error {
	if strings.TrimSpace(s) == "" {
		return b.fault(field, "is empty")
	}
	for i, r := range s {
		if r < ' ' || r == 0x7f {
			return b.fault(field, "holds a control character at offset %d; remove it", i)
		}
	}
	return nil
}

// decodeResources reads macros and lookups.
func decodeResources(r io.Reader, l config.Limits) ([]migration.Resource, error) {
	b := newBody(r, "resource")
	var list []migration.Resource
	seen := map[string]int{}
	err := b.array(l.Resources, func() error {
		x, err := b.resource(l)
		if err != nil {
			return err
		}
		key := string(x.Type) + " " + x.Name
		if first, ok := seen[key]; ok {
			return b.fault("name", "%s %q stands already at [%d]", x.Type, clip(x.Name, 64), first)
		}
		seen[key] = b.index
		list = append(list, x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (b *body) resource(l config.Limits) (migration.Resource, error) {
	var x migration.Resource
	found := map[string]bool{}
	err := b.object(func(name string) (bool, error) {
		if b.null() {
			return true, nil
		}
		found[name] = true
		var err error
		switch name {
		case "type":
			var s string
			s, err = b.text(name, maxSmall, "")
			x.Type = migration.ResourceType(s)
		case "name":
			if x.Name, err = b.text(name, maxID, ""); err == nil {
				err = b.identifier(name, x.Name)
			}
		case "definition":
			x.Definition, err = b.text(name, int64(l.Query), " (limits.query)")
		case "arguments":
			x.Arguments, err = b.texts(name, maxColumns, maxSmall)
		case "iseval":
			x.IsEval, err = b.boolean(name)
		case "kind":
			x.Kind, err = b.text(name, maxSmall, "")
		case "columns":
			x.Columns, err = b.texts(name, maxColumns, maxSmall)
		case "rows":
			x.Rows, err = b.rows(name, int64(l.Query))
		case "total_rows":
			x.TotalRows, err = b.integer(name, 0, 1e12)
		case "match_type":
			x.MatchType, err = b.text(name, int64(l.Description), "")
		case "case_sensitive_match":
			var v bool
			v, err = b.boolean(name)
			x.CaseSensitiveMatch = &v
		case "max_matches":
			x.MaxMatches, err = b.integer(name, 0, 1e9)
		case "min_matches":
			x.MinMatches, err = b.integer(name, 0, 1e9)
		case "default_match":
			x.DefaultMatch, err = b.text(name, maxSmall, "")
		case "app":
			x.App, err = b.text(name, maxSmall, "")
		case "owner":
			x.Owner, err = b.text(name, maxSmall, "")
		default:
			return false, nil
		}
		return true, err
	})
	switch lookup := x.Type == migration.ResourceLookup; {
	case err != nil:
		return x, err
	case !found["type"]:
		return x, b.fault("type", "is missing; use \"macro\" or \"lookup\"")
	case !x.Type.Known():
		return x, b.fault("type", "%q is not known; use \"macro\" or \"lookup\", \"setting\", or \"eventtype\", \"tag\", \"props\" or \"datamodel\" for what is kept and not used yet", clip(string(x.Type), 64))
	case !found["name"]:
		return x, b.fault("name", "is missing")
	case x.Type == migration.ResourceSetting && x.Name != migration.SettingTimeZone:
		return x, b.fault("name", "%q is no setting of a migration; the one there is is %s", clip(x.Name, 64), migration.SettingTimeZone)
	case x.Type == migration.ResourceSetting && !config.KnownTimeZone(x.Definition):
		return x, b.fault("definition", "%q is no time zone; write it as Europe/Berlin or UTC, or leave it empty for the zone of the configuration", clip(x.Definition, 64))
	case !lookup && !found["definition"]:
		return x, b.fault("definition", "is missing; a %s needs one, if only an empty text", x.Type)
	case !lookup && found["rows"]:
		return x, b.fault("rows", "belongs to lookups; a %s has a definition", x.Type)
	case lookup && !found["rows"]:
		return x, b.fault("rows", "is missing; a lookup needs them, if only an empty array")
	case lookup && found["definition"]:
		return x, b.fault("definition", "belongs to macros; a lookup has rows")
	}
	return x, nil
}

// rows reads lookup rows: objects whose values are texts, numbers, booleans or null (an empty text).
func (b *body) rows(field string, limit int64) ([]map[string]string, error) {
	rows := []map[string]string{}
	err := b.list(field, maxResourceRows, func(at string) error {
		if err := b.expect('{', at, "an object"); err != nil {
			return err
		}
		row := map[string]string{}
		rows = append(rows, row)
		return b.object(func(name string) (bool, error) {
			if strings.IndexByte(name, 0) >= 0 || len(name) > maxSmall {
				return true, b.fault(at, "a column's name holds a NUL character or is longer than %d bytes", maxSmall)
			}
			where := at + "." + clip(name, 64)
			switch k := b.dec.PeekKind(); k {
			case '"':
				s, err := b.text(where, limit, " (limits.query)")
				row[name] = s
				return true, err
			case 'n', 't', 'f', '0':
				t, err := b.dec.ReadToken()
				if err != nil {
					return true, b.broken(err)
				}
				row[name] = ""
				if k != 'n' {
					row[name] = t.String()
				}
				return true, nil
			}
			return true, b.expect('"', where, "a text, number or boolean")
		})
	})
	return rows, err
}

// decodeStart reads the body of a start. Members it does not know are ignored, since clients of the same API elsewhere
// send more; within settings they are refused.
func decodeStart(r io.Reader, d config.Migration) (startRequest, error) {
	b := newBody(r, "")
	req := startRequest{batch: d.Batch, pause: d.Pause}
	if err := b.expect('{', "", "an object such as {\"connectorId\": \"deterministic\"}"); err != nil {
		return req, err
	}
	err := b.object(func(name string) (bool, error) {
		var err error
		switch name {
		case "connectorId":
			req.connectorID, err = b.text(name, maxID, "")
		case "retry":
			req.retry, err = b.boolean(name)
		case "retry_filter":
			req.filter, err = b.retryFilter()
		case "settings":
			if err = b.expect('{', name, "an object"); err == nil {
				err = b.object(func(key string) (bool, error) { return b.setting(key, &req) })
			}
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return req, err
	}
	if req.connectorID == "" {
		return req, b.fault("connectorId", "is missing; name a connector, for example \"deterministic\"")
	}
	return req, b.end()
}

func (b *body) setting(key string, req *startRequest) (bool, error) {
	var err error
	field := "settings." + clip(key, 64)
	switch key {
	case "batch":
		req.batch, err = b.integer(field, 1, maxBatch)
	case "pause":
		var s string
		if s, err = b.text(field, maxSmall, ""); err == nil {
			req.pause, err = parsePause(s)
			if err != nil {
				err = b.fault(field, "%s", err)
			}
		}
	case "time_zone":
		var s string
		if s, err = b.text(field, maxSmall, ""); err == nil {
			req.timeZone = &s
			if !config.KnownTimeZone(s) {
				err = b.fault(field, "%q is not known; write it as Europe/Berlin or UTC, or leave it empty for the zone of the configuration", clip(s, 64))
			}
		}
	default:
		err = b.fault(field, "is not known; use batch, pause or time_zone")
	}
	return true, err
}
