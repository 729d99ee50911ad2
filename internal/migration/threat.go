package migration

import (
	"slices"
	"strings"
)

// mitre is the framework's name in Kibana's threat arrays, and where its pages are.
const (
	mitreFramework = "MITRE ATT&CK"
	mitreURL       = "https://attack.mitre.org/"
)

// NewThreat builds one entry of Kibana's threat array from a tactic and technique ids, with sub-techniques as T1059.001.
// Techniques are named by their id: ATT&CK's names change with its releases.
func NewThreat(tacticID, tacticName string, techniqueIDs []string) Threat {
	t := Threat{Framework: mitreFramework, Tactic: ThreatRef{
		ID: tacticID, Name: tacticName, Reference: mitreURL + "tactics/" + tacticID + "/",
	}}
	for _, id := range techniqueIDs {
		parent, sub, isSub := strings.Cut(id, ".")
		i := slices.IndexFunc(t.Technique, func(x Technique) bool { return x.ID == parent })
		if i < 0 {
			i = len(t.Technique)
			t.Technique = append(t.Technique, Technique{ThreatRef: ThreatRef{
				ID: parent, Name: parent, Reference: mitreURL + "techniques/" + parent + "/",
			}})
		}
		if !isSub || slices.ContainsFunc(t.Technique[i].Subtechnique, func(x ThreatRef) bool { return x.ID == id }) {
			continue
		}
		t.Technique[i].Subtechnique = append(t.Technique[i].Subtechnique, ThreatRef{
			ID: id, Name: id, Reference: mitreURL + "techniques/" + parent + "/" + sub + "/",
		})
	}
	return t
}
