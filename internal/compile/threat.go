package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/mitre"
)

const attackURL = "https://attack.mitre.org/"

// Threats are the tactics and techniques of ids in Kibana's shape; ids that MITRE does not know are left out.
func Threats(ids []string) []migration.Threat {
	list, _ := threats(ids)
	return list
}

// threats are the tactics and techniques of a rule in Kibana's shape: techniques stand under each tactic that they serve,
// sub-techniques under their technique, a tactic that the rule names by itself stands alone.
func threats(ids []string) (out []migration.Threat, notes []note) {
	b := threatBuilder{}
	for _, given := range ids {
		id := strings.ToUpper(strings.TrimSpace(given))
		if id == "" {
			continue
		}
		if e, ok := mitre.Lookup(id); ok {
			b.add(e)
			continue
		}
		what := fmt.Sprintf("%s is no tactic or technique of MITRE ATT&CK %s", strconv.Quote(clip(given)), mitre.Version)
		if parent, _, sub := strings.Cut(id, "."); sub {
			if e, ok := mitre.Lookup(parent); ok {
				notes = append(notes, note{CodeUnknownTechnique, clip(given), what + ": the rule keeps its technique " + parent + " (" + e.Name + "); name the sub-technique that replaced it"})
				b.add(e)
				continue
			}
		}
		notes = append(notes, note{CodeUnknownTechnique, clip(given), what + " and is left out; correct the id"})
	}
	return b.sorted(), notes
}

// threatBuilder gathers techniques by tactic.
type threatBuilder struct{ threats []migration.Threat }

func (b *threatBuilder) add(e mitre.Entry) {
	if len(e.Tactics) == 0 {
		b.tactic(e.ID)
		return
	}
	parent, _, sub := strings.Cut(e.ID, ".")
	for _, id := range e.Tactics {
		t := b.tactic(id)
		of := technique(t, parent)
		if sub && !slices.ContainsFunc(of.Subtechnique, func(s migration.ThreatRef) bool { return s.ID == e.ID }) {
			of.Subtechnique = append(of.Subtechnique, reference(e.ID))
		}
	}
}

func (b *threatBuilder) tactic(id string) *migration.Threat {
	for i := range b.threats {
		if b.threats[i].Tactic.ID == id {
			return &b.threats[i]
		}
	}
	b.threats = append(b.threats, migration.Threat{Framework: "MITRE ATT&CK", Tactic: reference(id)})
	return &b.threats[len(b.threats)-1]
}

func technique(t *migration.Threat, id string) *migration.Technique {
	for i := range t.Technique {
		if t.Technique[i].ID == id {
			return &t.Technique[i]
		}
	}
	t.Technique = append(t.Technique, migration.Technique{ThreatRef: reference(id)})
	return &t.Technique[len(t.Technique)-1]
}

// sorted orders everything by id.
func (b *threatBuilder) sorted() []migration.Threat {
	slices.SortFunc(b.threats, func(a, b migration.Threat) int { return strings.Compare(a.Tactic.ID, b.Tactic.ID) })
	for _, t := range b.threats {
		slices.SortFunc(t.Technique, func(a, b migration.Technique) int { return strings.Compare(a.ID, b.ID) })
		for _, of := range t.Technique {
			slices.SortFunc(of.Subtechnique, func(a, b migration.ThreatRef) int { return strings.Compare(a.ID, b.ID) })
		}
	}
	return b.threats
}

// reference names an id with its page.
func reference(id string) migration.ThreatRef {
	e, _ := mitre.Lookup(id)
	kind, path := "techniques/", strings.ReplaceAll(id, ".", "/")
	if strings.HasPrefix(id, "TA") {
		kind = "tactics/"
	}
	return migration.ThreatRef{ID: id, Name: e.Name, Reference: attackURL + kind + path + "/"}
}

// clip shortens what a message quotes.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
