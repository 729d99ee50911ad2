package splunk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Bounds of a rule's parts, as the gateway takes them. What is beyond them would be refused with the whole chunk of rules
// that it is in, so it is shortened or left out here, and named.
const (
	maxSmall = 1 << 10
	maxList  = 1000
)

// fit brings a rule within the bounds of the gateway. It answers what was shortened or left out.
func fit(r *migration.OriginalRule) (warnings []string) {
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	r.ID = identifier(r.ID)
	for _, text := range []struct {
		what string
		to   *string
		most int
	}{
		{"name", &r.Title, maxTitle}, {"description", &r.Description, maxText}, {"note", &r.Note, maxText}, {"app", &r.App, maxID}, {"owner", &r.Owner, maxID},
	} {
		*text.to = strings.ReplaceAll(strings.ToValidUTF8(*text.to, "\uFFFD"), "\x00", "\uFFFD")
		if len(*text.to) > text.most {
			*text.to = cut(*text.to, text.most)
			warn("its %s is longer than %d bytes, and is shortened", text.what, text.most)
		}
	}
	for _, setting := range []struct {
		what string
		to   *string
		most int
	}{
		{"severity", &r.Severity, maxSmall}, {"start of the time range", &r.EarliestTime, maxSmall}, {"end of the time range", &r.LatestTime, maxSmall},
		{"cron schedule", &r.Cron, maxSmall}, {"throttling period", &r.SuppressPeriod, maxSmall}, {"trigger condition", &r.Trigger, maxQuery},
	} {
		if len(*setting.to) > setting.most || strings.ContainsRune(*setting.to, 0) {
			warn("its %s is longer than %d bytes or holds a NUL character, and is shortened to %q", setting.what, setting.most, shorten(*setting.to))
			*setting.to = strings.ReplaceAll(shorten(*setting.to), "\x00", "\uFFFD")
		}
	}
	for _, list := range []struct {
		what string
		to   *[]string
		most int
	}{{"MITRE ids", &r.MitreAttackIDs, maxID}, {"throttling fields", &r.SuppressFields, maxID}, {"data sources", (*[]string)(&r.DataSource), maxID}, {"references", &r.References, maxSmall}, {"actions", &r.Actions, maxSmall}} {
		var fitting []string
		for _, s := range *list.to {
			if len(s) <= list.most && !strings.ContainsRune(s, 0) && len(fitting) < maxList {
				fitting = append(fitting, s)
			}
		}
		if n := len(*list.to) - len(fitting); n > 0 {
			warn("%d of its %s are longer than %d bytes, hold a NUL character or are more than %d, and are left out", n, list.what, list.most, maxList)
			*list.to = append([]string{}, fitting...)
		}
	}
	if n := r.RiskScore; n != nil && (*n < 0 || *n > 100) {
		warn("its risk score %d is not from 0 to 100, and is left out", *n)
		r.RiskScore = nil
	}
	return warnings
}

// identifier is an id within the gateway's bounds: without control characters, and with a hash in place of its end when it
// is too long, so that long ids still differ and stay the same at every import.
func identifier(id string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return '_'
		}
		return r
	}, id)
	if len(clean) <= maxID {
		return clean
	}
	sum := sha256.Sum256([]byte(id))
	end := "~" + hex.EncodeToString(sum[:8])
	return strings.ToValidUTF8(clean[:maxID-len(end)], "") + end
}

// cut bounds a text for people.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// fitResource says why the gateway would refuse a macro or a lookup; empty when it would not.
func fitResource(r migration.Resource) string {
	switch {
	case strings.TrimSpace(r.Name) == "" || identifier(r.Name) != r.Name:
		return fmt.Sprintf("its name is empty, longer than %d bytes or holds control characters", maxID)
	case len(r.Definition) > maxQuery || strings.ContainsRune(r.Definition, 0):
		return fmt.Sprintf("its definition is longer than %d KiB or holds a NUL character", maxQuery>>10)
	case len(r.Arguments) > maxList || len(r.Columns) > maxList:
		return fmt.Sprintf("it has more than %d arguments or columns", maxList)
	case len(r.MatchType) > maxText || len(r.DefaultMatch) > maxSmall || len(r.Kind) > maxSmall:
		return "its match type or default is too long"
	}
	for _, name := range append(append([]string{}, r.Arguments...), r.Columns...) {
		if len(name) > maxSmall || strings.ContainsRune(name, 0) {
			return fmt.Sprintf("the name of an argument or column is longer than %d bytes or holds a NUL character", maxSmall)
		}
	}
	for i, row := range r.Rows {
		for _, cell := range row {
			if len(cell) > maxQuery || strings.ContainsRune(cell, 0) {
				return fmt.Sprintf("a cell of row %d is longer than %d KiB or holds a NUL character", i+1, maxQuery>>10)
			}
		}
	}
	return ""
}
