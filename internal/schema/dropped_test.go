package schema

import "testing"

// TestDropped asks for values that stand for none, which a pipeline drops: a search for one is in doubt, unless every event
// of the codes has the field, where the draft reads the value for a missing field.
func TestDropped(t *testing.T) {
	for _, c := range []struct {
		source, field string
		codes         []string
		value         string
		doubted       bool
		filled, held  string
	}{
		{"wineventlog_security", "DisplayName", nil, "-", true, "", "-"},
		{"wineventlog_security", "DisplayName", nil, "Ann", false, "", "-"},
		{"wineventlog_security", "DisplayName", []string{"4742"}, "-", false, "-", ""},
		{"wineventlog_security", "SidHistory", []string{"4738", "4742"}, "-", false, "-", ""},
		{"wineventlog_security", "DisplayName", []string{"4742", "4624"}, "-", true, "", "-"},
		{"wineventlog_security", "ObjectName", []string{"4663"}, "-", true, "", ""},
		{"sysmon", "Signature", nil, "-", true, "", "-"},
		{"sysmon", "Signature", []string{"7"}, "-", false, "-", ""},
		{"nginx_access_logs", "user", nil, "-", false, "-", ""},
		{"nginx_access_logs", "method", nil, "-", true, "", ""},
		{"exchange", "cs_username", nil, "-", true, "", "-"},
		{"exchange", "user", nil, "-", true, "", "-"},
		{"exchange", "cs_method", nil, "-", true, "", ""},
	} {
		f := sourceNamed(t, c.source).Field(c.field, Hint{EventCodes: c.codes})
		if got := f.Doubted(c.value) != ""; got != c.doubted || f.Default != c.filled || f.Held != c.held {
			t.Errorf("%s %v %s=%s: doubted %t, filled %q, held %q; want %t, %q, %q", c.source, c.codes, c.field, c.value, got, f.Default, f.Held,
				c.doubted, c.filled, c.held)
		}
		if f.DoubtedNot(c.value) != "" {
			t.Errorf("%s %s!=%s is exact, since no document has the value", c.source, c.field, c.value)
		}
	}
}

// TestPartsOfTexts reads parts of what the integration keeps as one text: never from the field of another part of the event
// that has the same name.
func TestPartsOfTexts(t *testing.T) {
	s := sourceNamed(t, "cloudtrail")
	for _, name := range []string{"requestParameters.status", "responseElements.requestId", "requestParameters.region", "requestParameters.userAgent"} {
		if f := s.Field(name, Hint{}); f.Support != None || f.Extract == nil {
			t.Errorf("%s: %v %s, want what is read out of the text", name, f.Support, f.Name)
		}
	}
	if f := s.Field("requestParameters.user_arn", Hint{}); f.Name != "aws.cloudtrail.user_identity.arn" {
		t.Errorf("a name that the add-on makes is no parameter: %s", f.Name)
	}
}

// TestOneCode asks for fields that share their place with others: only the event codes say whose value stands there.
func TestOneCode(t *testing.T) {
	for _, c := range []struct {
		source, field string
		codes         []string
		support       Support
	}{
		{"sysmon", "TargetFilename", []string{"11", "23"}, Exact},
		{"sysmon", "TargetFilename", nil, Approximate},
		{"sysmon", "ImageLoaded", []string{"7"}, Exact},
		{"sysmon", "ImageLoaded", nil, Approximate},
		{"wineventlog_security", "user", []string{"4720"}, Exact},
		{"wineventlog_security", "user", nil, Approximate},
		{"wineventlog_security", "process_name", []string{"4688"}, Exact},
		{"wineventlog_security", "process_name", nil, Approximate},
		{"powershell", "RunspaceId", []string{"4105"}, Exact},
		{"powershell", "RunspaceId", nil, Approximate},
		{"o365_management_activity", "ClientIP", []string{"MailItemsAccessed"}, Approximate},
		{"o365_management_activity", "ClientIP", []string{"UserLoggedIn"}, Medium},
		{"o365_management_activity", "ClientIP", nil, Approximate},
	} {
		if f := sourceNamed(t, c.source).Field(c.field, Hint{EventCodes: c.codes}); f.Support != c.support {
			t.Errorf("%s %v %s: %v (%s), want %v", c.source, c.codes, c.field, f.Support, f.Reason, c.support)
		}
	}
	f := sourceNamed(t, "sysmon").Field("OriginalFileName", Hint{})
	if f.Name != "process.pe.original_file_name" || len(f.Also) != 1 || f.Also[0] != "file.pe.original_file_name" {
		t.Errorf("OriginalFileName: %s %v", f.Name, f.Also)
	}
	if f, ok := sourceNamed(t, "sysmon").Known("event.action"); !ok || f.Array == Single {
		t.Error("event.action of a loaded image is a list in newer versions")
	}
}

// TestWrittenOver asks for fields of firewalls whose place another value of the event takes: no comparison is exact.
func TestWrittenOver(t *testing.T) {
	for _, c := range []struct {
		source, field string
		support       Support
	}{
		{"fortinet_event", "srcip", Approximate}, // of a VPN the address of the peer stands there
		{"fortinet_event", "remip", Approximate},
		{"fortinet_event", "status", Approximate}, // a sign-in loses it
		{"fortinet_event", "profile", Exact},
		{"fortinet_traffic", "srcip", Exact},
		{"checkpoint", "action", Approximate}, // a sign-in has another word over it
		{"checkpoint", "client_ip", Approximate},
		{"checkpoint", "dst", Exact},
	} {
		if f := sourceNamed(t, c.source).Field(c.field, Hint{}); f.Support != c.support {
			t.Errorf("%s %s: %v %s, want %v", c.source, c.field, f.Support, f.Name, c.support)
		}
	}
}
