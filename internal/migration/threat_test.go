package migration

import (
	"encoding/json"
	"testing"
)

func TestNewThreat(t *testing.T) {
	got, err := json.Marshal(NewThreat("TA0002", "Execution", []string{"T1059.001", "T1059", "T1059.001", "T1204"}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"framework":"MITRE ATT\u0026CK",` +
		`"tactic":{"id":"TA0002","name":"Execution","reference":"https://attack.mitre.org/tactics/TA0002/"},` +
		`"technique":[{"id":"T1059","name":"T1059","reference":"https://attack.mitre.org/techniques/T1059/",` +
		`"subtechnique":[{"id":"T1059.001","name":"T1059.001","reference":"https://attack.mitre.org/techniques/T1059/001/"}]},` +
		`{"id":"T1204","name":"T1204","reference":"https://attack.mitre.org/techniques/T1204/"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
