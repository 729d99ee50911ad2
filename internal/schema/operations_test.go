package schema

import (
	"slices"
	"strings"
	"testing"
)

// TestFieldsOfSelectedEvents checks lines that hold only for the event codes or operations that a query selects.
func TestFieldsOfSelectedEvents(t *testing.T) {
	s := Default()
	tests := []struct {
		source, field string
		codes         []string
		want          string
		support       Support
	}{
		{"cloudtrail", "action", nil, "event.outcome", Approximate},
		{"cloudtrail", "action", []string{"ConsoleLogin"}, "event.outcome", Exact},
		{"cloudtrail", "action", []string{"consolelogin"}, "event.outcome", Exact},
		{"cloudtrail", "action", []string{"ConsoleLogin", "RunInstances"}, "event.outcome", Approximate},
		{"wineventlog_system", "start_mode", []string{"7040"}, "winlog.event_data.param3", Medium},
		{"wineventlog_system", "start_mode", []string{"7045"}, "winlog.event_data.StartType", Approximate},
		{"wineventlog_system", "service_name", []string{"7036"}, "winlog.event_data.param1", Medium},
		{"wineventlog_system", "service_name", []string{"7045"}, "winlog.event_data.ServiceName", Medium},
		{"Change", "user", []string{"4720"}, "winlog.event_data.TargetUserName", Medium},
		{"Change", "user", nil, "user.name", Approximate},
		{"Change", "result", nil, "event.action", Approximate},
		{"Change", "result", []string{"4794"}, "event.code", Approximate},
		{"Change", "result", []string{"4720", "4726"}, "event.action", Approximate},
	}
	for _, tt := range tests {
		src, ok := s.Macro(tt.source)
		if !ok {
			src, ok = s.DataModel(tt.source)
		}
		if !ok {
			t.Fatalf("no source %s", tt.source)
		}
		f := src.Field(tt.field, Hint{EventCodes: tt.codes})
		if f.Name != tt.want || f.Support != tt.support {
			t.Errorf("%s %s of %v: %s, %v; want %s, %v", tt.source, tt.field, tt.codes, f.Name, f.Support, tt.want, tt.support)
		}
	}
	trail, _ := s.Macro("cloudtrail")
	if !trail.SelectsOperation("eventName") || trail.SelectsOperation("user") {
		t.Error("eventName selects the operation in CloudTrail, user does not")
	}
}

func TestWindowsDescriptions(t *testing.T) {
	s := Default()
	sec, _ := s.Macro("wineventlog_security")
	f := sec.Field("signature", Hint{})
	if f.Name != "event.code" || !f.FormatOnly {
		t.Fatalf("signature: %+v", f)
	}
	for text, want := range map[string][]string{
		"a user account was created":          {"4720"},
		"a user account was created.":         {"4720"},
		"a handle to an object was requested": {"4656", "4661"},
	} {
		if !slices.Equal(f.Values[text], want) {
			t.Errorf("%s: %v, want %v", text, f.Values[text], want)
		}
	}
	for text, codes := range f.Values {
		if text != strings.ToLower(text) || len(codes) == 0 || slices.ContainsFunc(codes, func(c string) bool { return len(c) != 4 }) {
			t.Errorf("%q: %v", text, codes)
		}
	}
}

func TestTableCodes(t *testing.T) {
	tests := []struct {
		text, err string
		codes     []string
		one       bool
	}{
		{"source a\n = [x] y\n", "", nil, false},
		{"source a\n =[1,5] x y\n", "", []string{"1", "5"}, false},
		{"source a\n ~[Add user., Delete user.] x y # why\n", "", []string{"Add user.", "Delete user."}, false},
		{"source a\n ?[=1,5] x y # why\n", "", []string{"1", "5"}, true},
		{"source a\n =[1,5 x y\n", "not closed", nil, false},
		{"source a\n =[] x y\n", "empty", nil, false},
		{"source a\n ? x dynamic:y.* # why\n", "dynamic template", nil, false},
	}
	for _, tt := range tests {
		defs, order := map[string]*definition{}, []string(nil)
		err := parseTable(tt.text, defs, &order)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "line 2") {
				t.Errorf("%q: %v, want an error with %q", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		for _, ms := range defs["a"].maps {
			if !slices.Equal(ms[0].codes, tt.codes) || ms[0].one != tt.one {
				t.Errorf("%q: codes %q, one %v", tt.text, ms[0].codes, ms[0].one)
			}
		}
	}
}

// TestValuesThatPipelinesChange checks words that an integration stores otherwise than Splunk.
func TestValuesThatPipelinesChange(t *testing.T) {
	s := Default()
	tests := []struct {
		source, field, word string
		want                []string
	}{
		{"sysmon", "Details", "dword (0x00000001)", []string{"1", "0x00000001", "DWORD (0x00000001)"}},
		{"sysmon", "Details", "0x0000000a", []string{"10", "0x0000000a"}},
		{"sysmon", "QueryStatus", "9003", []string{"DNS_ERROR_RCODE_NAME_ERROR"}},
		{"sysmon", "Initiated", "true", []string{"egress", "outbound"}},
		{"okta", "outcome.result", "failure", nil},
		{"okta", "result", "deny", []string{"failure"}},
		{"okta", "result", "challenge", []string{"unknown"}},
		{"cloudtrail", "tlsDetails.tlsVersion", "tlsv1.2", []string{"1.2"}},
		{"cloudtrail", "additionalEventData.MFAUsed", "no", []string{"false"}},
		{"azure_audit", "status.value", "succeeded", []string{"success"}},
		{"Endpoint.Processes", "os", "microsoft windows", []string{"windows"}},
		{"Endpoint.Filesystem", "action", "deleted", []string{"deletion", "FileDelete (File Delete archived)", "FileDeleteDetected (File Delete logged)"}},
	}
	for _, tt := range tests {
		src, ok := s.Macro(tt.source)
		if !ok {
			src, ok = s.DataModel(tt.source)
		}
		if !ok {
			t.Fatalf("no source %s", tt.source)
		}
		if got := src.Field(tt.field, Hint{}).Values[tt.word]; !slices.Equal(got, tt.want) {
			t.Errorf("%s %s of %s: %q, want %q", tt.word, tt.field, tt.source, got, tt.want)
		}
	}
}
