package schema

import "testing"

func TestElement(t *testing.T) {
	s := Default()
	const values = "ModifiedProperties{}.NewValue"
	tests := []struct {
		source, list, key string
		codes             []string
		want              string
		support           Support
	}{
		{"o365_management_activity", values, "4", []string{"Consent to application."}, "o365.audit.ModifiedProperties.ConsentAction_Permissions.NewValue", Approximate},
		{"o365_management_activity", values, "4", []string{"consent to application."}, "o365.audit.ModifiedProperties.ConsentAction_Permissions.NewValue", Approximate},
		{"o365_management_activity", values, "4", []string{"Update user."}, "", None},
		{"o365_management_activity", values, "4", nil, "", None},
		{"o365_management_activity", values, "Role.DisplayName", nil, "o365.audit.ModifiedProperties.Role_DisplayName.NewValue", Exact},
		{"o365_management_activity", values, "Role.TemplateId", nil, "o365.audit.ModifiedProperties.Role_TemplateId.NewValue", Approximate},
		{"azure_monitor_aad", "targetResources{}.modifiedProperties{}.newValue", "2", nil, "azure.auditlogs.properties.target_resources.0.modified_properties.2.new_value", Approximate},
		{"azure_monitor_aad", "targetResources{}.modifiedProperties{}.newValue", "Role.TemplateId", nil, "", None},
		{"azure_monitor_aad", "targetResources{}.displayName", "1", nil, "azure.auditlogs.properties.target_resources.1.display_name", Approximate},
		{"azure_monitor_aad", "user", "0", nil, "", None},
	}
	for _, tt := range tests {
		src, ok := s.Macro(tt.source)
		if !ok {
			t.Fatalf("no source %s", tt.source)
		}
		f, ok := src.Element(tt.list, tt.key, Hint{EventCodes: tt.codes})
		if ok != (tt.support != None) || f.Name != tt.want || f.Support != tt.support {
			t.Errorf("%s %s[%s] of %v: %+v, want %s, %v", tt.source, tt.list, tt.key, tt.codes, f, tt.want, tt.support)
		}
		if ok && f.Support == Approximate && f.Reason == "" {
			t.Errorf("%s[%s]: no reason", tt.list, tt.key)
		}
	}
	src, _ := s.Macro("o365_management_activity")
	if !src.HasElements(values) || src.HasElements("UserId") {
		t.Error("ModifiedProperties has elements, UserId does not")
	}
	o365, _ := Default().Macro("o365_management_activity")
	if f, ok := o365.Element("ExtendedProperties{}.Name", "UserAgent", Hint{}); ok {
		t.Errorf("the pipeline removes the property UserAgent, but it is read from %s", f.Name)
	}
}
