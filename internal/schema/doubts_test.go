package schema

import "testing"

// TestDoubts asks whether comparing a field with a value can differ: with ICMP's types among ports, with texts that the
// audit log has in hexadecimal.
func TestDoubts(t *testing.T) {
	traffic, ok := Default().DataModel("Network_Traffic.All_Traffic")
	if !ok {
		t.Fatal("no Network_Traffic.All_Traffic")
	}
	resolution, ok := Default().DataModel("Network_Resolution.DNS")
	if !ok {
		t.Fatal("no Network_Resolution.DNS")
	}
	registry, ok := Default().DataModel("Endpoint.Registry")
	if !ok {
		t.Fatal("no Endpoint.Registry")
	}
	sysmon := sourceNamed(t, "sysmon")
	audit, stream := sourceNamed(t, "linux_auditd"), sourceNamed(t, "stream_dns")
	for _, c := range []struct {
		src     *Source
		field   string
		value   string
		doubted bool
	}{
		{traffic, "All_Traffic.dest_port", "3", true},
		{traffic, "dest_port", "11", true},
		{traffic, "dest_port", "0", false}, // rules leave out events without a port this way
		{traffic, "dest_port", "22", false},
		{traffic, "dest_port", "443", false},
		{traffic, "src_ip", "3", false},
		{resolution, "message_type", "QUERY", true}, // most queries are in the record of their answer
		{resolution, "message_type", "response", false},
		{stream, "message_type", "query", true},
		{audit, "exe", "2F746D702F61206", false}, // half a letter is none
		{audit, "exe", "2F746D702F612062", true},
		{audit, "exe", "/tmp/abc", false},
		{audit, "comm", "cafe", false},
		{registry, "registry_value_data", "0x00000001", false},
		{registry, "registry_value_data", "0x000003ff", false},
		{registry, "registry_value_data", "0x00000400", true}, // 1024 in the document
		{registry, "registry_value_data", "0xFFFFFFFF", true},
		{registry, "registry_value_data", "*FORMS*", false},
		{sysmon, "Details", "DWORD (0x00010000)", true},
		{sysmon, "Details", "DWORD (0x00000000)", false},
	} {
		f := c.src.Field(c.field, Hint{})
		if got := f.Doubted(c.value) != ""; got != c.doubted {
			t.Errorf("%s %s=%s: doubted %t, want %t", c.src.Name, c.field, c.value, got, c.doubted)
		}
	}
}

// TestDoubtedNot asks the same of a field that has to differ from a value: what the documents lack differs from all but itself.
func TestDoubtedNot(t *testing.T) {
	for _, c := range []struct {
		model, field, value string
		doubted             bool
	}{
		{"Web", "http_user_agent", "-", false}, // neither has it
		{"Web", "http_user_agent", "curl*", true},
		{"Web", "url", "*curl*", false},
		{"Web", "url", "/health*", false},
		{"Web", "url", "curl*", true}, // a proxy's integration writes the scheme in front
		{"Network_Resolution", "query", "*.example.com", true},
		{"Network_Resolution", "message_type", "response", true}, // what is left are the queries without an answer
		{"Network_Traffic", "dest_port", "0", false},
		{"Network_Traffic", "dest_port", "3", false},
	} {
		s, ok := Default().DataModel(c.model)
		if !ok {
			t.Fatal(c.model)
		}
		f := s.Field(c.field, Hint{})
		if got := f.DoubtedNot(c.value) != ""; got != c.doubted {
			t.Errorf("%s %s!=%s: doubted %t, want %t", c.model, c.field, c.value, got, c.doubted)
		}
	}
}

// TestWrittenAlso gives the other spelling of a text: of a part once, of a letter wherever it stands.
func TestWrittenAlso(t *testing.T) {
	for _, c := range []struct {
		written    [2]string
		text, want string
	}{
		{[2]string{"+", " "}, "curl/7+(x+y)", "curl/7 (x y)"},
		{[2]string{"+", " "}, "curl/7", ""},
		{[2]string{"CurrentControlSet", "ControlSet001"}, `*\currentcontrolset\a`, `*\ControlSet001\a`},
		{[2]string{}, "a+b", ""},
	} {
		f := Field{Written: c.written}
		if got := f.WrittenAlso(c.text); got != c.want {
			t.Errorf("%v of %q: %q, want %q", c.written, c.text, got, c.want)
		}
	}
}
