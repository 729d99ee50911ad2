package schema

import (
	"slices"
	"strings"
	"testing"
)

// TestUnlistedNames: a name that an event brings and no list has is a field of the object that its pipeline leaves it in.
// Until an event brought it the index refuses the query, so it is an approximation; what shows it is said.
func TestUnlistedNames(t *testing.T) {
	s := Default()
	windows := 0
	for _, src := range s.sources {
		if src.DataModel || len(src.Streams) != 1 || !slices.ContainsFunc(src.autos, func(a auto) bool { return a.names != nil && strings.HasPrefix(a.prefix, "winlog.") }) {
			continue
		}
		windows++
		if f := src.Field("NameOfTomorrow", Hint{}); f.Name != "winlog.event_data.NameOfTomorrow" || f.Support != Approximate || !f.Dynamic || f.Proof.Kind != Unproven {
			t.Errorf("%s: %+v", src.Name, f)
		}
		// names of the add-on's making, of the rendered event and of the event's System part are no data of the event
		for _, n := range []string{"name_of_tomorrow", "nameOfTomorrow", "Name_Of_Tomorrow", "Qualifiers", "SystemTime", "ActivityID", "Guid",
			"EventData_Xml", "UserData_Xml", "System_Props_Xml", "EventCode", "EventID", "Level", "Task", "Version", "Keywords", "RecordNumber", "Message", "Type"} {
			if f := src.Field(n, Hint{}); f.Dynamic {
				t.Errorf("%s: %s is %s", src.Name, n, f.Name)
			}
		}
	}
	if windows < 25 {
		t.Errorf("%d sources of Windows", windows)
	}
	for _, tt := range []struct{ source, name, want string }{
		{"osquery", "columns.cmdline", "osquery.result.columns.cmdline"},
		{"osquery", "decorations.team", "osquery.result.decorations.team"},
		{"osquery", "columns.path", ""}, // listed
		{"osquery", "columns.Bad Name", ""},
		{"osquery", "nothing", ""},
		{"linux_auditd", "nametype", "auditd.log.nametype"},
		{"linux_auditd", "permissive", "auditd.log.permissive"},
		{"linux_auditd", "app", ""}, // of the data model, no key of a record
	} {
		src := s.byName[tt.source]
		f := src.Field(tt.name, Hint{})
		if f.Dynamic != (tt.want != "") || f.Dynamic && (f.Name != tt.want || f.Support != Approximate) {
			t.Errorf("%s %s: %+v", tt.source, tt.name, f)
		}
	}
}

// TestShownNames: what shows a name that no list has is a document or a rule that has it, never the pipeline that leaves all
// names alone. A name of the rendered event is the field that one of these shows.
func TestShownNames(t *testing.T) {
	security := Default().byName["wineventlog_security"]
	for name, want := range map[string]ProofKind{"AttributeLDAPDisplayName": ByRule, "NameOfTomorrow": Unproven} {
		if f := security.Field(name, Hint{}); f.Proof.Kind != want {
			t.Errorf("%s: %+v", name, f.Proof)
		}
	}
	if f := security.Field("object_dn", Hint{}); f.Dynamic {
		t.Errorf("a name of a data model: %+v", f)
	}
	if f := security.Field("Attribute_Ldap_Display_Name", Hint{}); f.Name != "winlog.event_data.AttributeLDAPDisplayName" || !f.Dynamic {
		t.Errorf("a name of the rendered event: %+v", f)
	}
}

// TestAnyElement: the fields of all elements of a list have one pattern.
func TestAnyElement(t *testing.T) {
	src := Default().byName["o365_management_activity"]
	if p, ok := src.AnyElement("ModifiedProperties{}.NewValue"); !ok || p != "o365.audit.ModifiedProperties.*.NewValue" {
		t.Errorf("%q %v", p, ok)
	}
	if p, ok := src.AnyElement("Actor{}.ID"); ok {
		t.Errorf("a list that is one field: %q", p)
	}
	for _, n := range []string{"Parameters{}.Value", "ExtendedProperties{}.Value"} {
		f, _ := src.Element(n, "X", Hint{})
		if strings.Contains(f.Reason, "changed property") {
			t.Errorf("%s: %s", n, f.Reason)
		}
	}
}
