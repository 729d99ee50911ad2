package compile

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

const attack = "https://attack.mitre.org/"

// threat groups sub-techniques under their technique, as Kibana shows them.
func threat(t translate.Threat) migration.Threat {
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
