package schema

import (
	"slices"
	"testing"
)

func TestStreamHas(t *testing.T) {
	s := Default()
	for _, c := range []struct {
		stream, field string
		want          bool
	}{
		{"endpoint/process", "process.parent.command_line", true},
		{"windows/sysmon_operational", "process.pe.original_file_name", true},
		{"system/security", "process.parent.command_line", false}, // although rules that read several streams name it
		{"system/security", "process.pe.original_file_name", false},
		{"system/security", "winlog.event_data.Anything", true},
		{"endpoint/registry", "winlog.event_data.EventType", false},
		{"endpoint/registry", "event.code", true},
		{"okta/system", "event.code", false},      // an agent sets it for events of Windows
		{"aws/cloudtrail", "event.outcome", true}, // the pipeline sets it, the list of fields does not say so
		{"aws/vpcflow", "event.action", false},
		{"aws/cloudfront_logs", "url.original", false}, // the list has it, the documents do not
		{"aws/cloudfront_logs", "url.path", true},
	} {
		if got := s.StreamHas(c.stream, c.field); got != c.want {
			t.Errorf("StreamHas(%s, %s) is %v", c.stream, c.field, got)
		}
	}
	o, err := s.With(Overrides{Sources: map[string]SourceOverride{"Endpoint.Processes": {Fields: map[string]FieldOverride{
		"original_file_name": {Name: "process.pe.original_file_name"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if !o.StreamHas("system/security", "process.pe.original_file_name") || s.StreamHas("system/security", "process.pe.original_file_name") {
		t.Error("a person's answer counts for the schema it was given to")
	}
	if !slices.Equal(o.StreamsAt("logs-system.security-*"), []string{"system/security"}) || !o.Beside("system/security") {
		t.Error("overrides keep what is known of the streams")
	}
}
