package schema

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestField(t *testing.T) {
	s := Default()
	tests := []struct {
		source, field string
		codes         []string
		want          string // Elasticsearch field, empty for a hole
		support       Support
	}{
		{"Endpoint.Processes", "process", nil, "process.command_line", Exact},
		{"Endpoint.Processes", "Processes.process", nil, "process.command_line", Exact},
		{"Endpoint.Processes", "process_name", nil, "process.name", Medium},
		{"Endpoint.Processes", "Process", nil, "", None}, // names are case-sensitive
		{"Endpoint.Processes", "dest_category", nil, "", None},
		{"Endpoint.Processes", "_time", nil, "@timestamp", Exact},
		{"Endpoint.Processes", "index", nil, "", None},
		{"Endpoint.Processes", "process.hash.sha256", nil, "process.hash.sha256", Exact},
		{"Endpoint.Registry", "Registry.registry_key_name", nil, "registry.key", Approximate},
		{"Web.Web", "url_length", nil, "url.original", Approximate},
		{"Change.All_Changes", "All_Changes.Account_Management.src_user", nil, "user.name", Approximate},
		{"sysmon", "Image", nil, "process.executable", Exact},
		{"sysmon", "OriginalFileName", nil, "process.pe.original_file_name", Exact},
		{"sysmon", "OriginalFileName", []string{"7"}, "file.pe.original_file_name", Exact},
		{"sysmon", "OriginalFileName", []string{"1", "7"}, "process.pe.original_file_name", Exact},
		{"sysmon", "GrantedAccess", nil, "winlog.event_data.GrantedAccess", Exact},
		{"sysmon", "TargetObject", nil, "registry.path", Exact},
		{"wineventlog_security", "SubjectUserName", []string{"4663"}, "winlog.event_data.SubjectUserName", Exact},
		{"wineventlog_security", "SubjectUserName", []string{"1102"}, "winlog.user_data.SubjectUserName", Exact},
		{"wineventlog_security", "user", []string{"1102"}, "winlog.user_data.SubjectUserName", Exact},
		{"wineventlog_security", "Share_Name", nil, "winlog.event_data.ShareName", Medium},
		{"wineventlog_security", "ObjectDN", nil, "winlog.event_data.ObjectDN", Approximate},
		{"wineventlog_security", "user", []string{"4720"}, "winlog.event_data.TargetUserName", Exact},
		{"wineventlog_security", "user", []string{"4688"}, "winlog.event_data.SubjectUserName", Exact},
		{"powershell", "ScriptBlockText", nil, "powershell.file.script_block_text", Exact},
		{"cloudtrail", "errorCode", nil, "aws.cloudtrail.error_code", Exact},
		{"kube_audit", "user.groups{}", nil, "kubernetes.audit.user.groups", Exact},
		{"azure_signin", "properties.appDisplayName", nil, "azure.signinlogs.properties.app_display_name", Exact},
		{"azure_signin", "appDisplayName", nil, "azure.signinlogs.properties.app_display_name", Exact},
		{"okta", "debugContext.debugData.factor", nil, "okta.debug_context.debug_data.factor", Exact},
		{"o365_management_activity", "Actor{}.ID", nil, "o365.audit.Actor.ID", Exact},
		{"Risk.All_Risk", "risk_object", nil, "", None},
		{"pingid", "user", nil, "", None},
		{"cloudtrail", "vpcEndpointId", nil, "aws.cloudtrail.vpc_endpoint_id", Exact},
		{"cloudtrail", "digestS3Object", nil, "file.path", Exact}, // no table has it: the pipeline says where it goes
	}
	for _, tt := range tests {
		src := s.byName[strings.ToLower(tt.source)]
		if src == nil {
			t.Errorf("no source %s", tt.source)
			continue
		}
		f := src.Field(tt.field, Hint{EventCodes: tt.codes})
		if f.Name != tt.want || f.Support != tt.support || f.Source != tt.field {
			t.Errorf("%s %s %v: have %s (%d), want %s (%d)", tt.source, tt.field, tt.codes, f.Name, f.Support, tt.want, tt.support)
		}
		if f.Support != Exact && f.Reason == "" {
			t.Errorf("%s %s: no reason", tt.source, tt.field)
		}
	}
}

func TestFieldFacts(t *testing.T) {
	s := Default()
	proc, _ := s.DataModel("Endpoint.Processes")
	sysmon, _ := s.Macro("sysmon")
	web, _ := s.DataModel("Web")
	reg, _ := s.DataModel("Endpoint.Registry")
	trail, _ := s.Macro("cloudtrail")
	kube, _ := s.Macro("kube_audit")
	if f := proc.Field("process_name", Hint{}); f.Type != "keyword" || f.IgnoreAbove != 1024 || f.Array != Single {
		t.Errorf("process.name: %+v", f)
	}
	if f := proc.Field("process", Hint{}); f.Type != "wildcard" || f.IgnoreAbove != 0 {
		t.Errorf("a wildcard field has no length limit: %+v", f)
	}
	if f, ok := proc.Known("event.category"); !ok || f.Array != AlwaysArray || !f.LowerCase {
		t.Errorf("event.category: %+v", f)
	}
	if f := web.Field("url_length", Hint{}); f.Fn != "LENGTH" {
		t.Errorf("url_length: %+v", f)
	}
	if f := reg.Field("registry_value_data", Hint{}); !slices.Equal(f.Values["0x00000001"], []string{"1", "0x00000001"}) || f.Array != AlwaysArray {
		t.Errorf("registry data: %v %d", f.Values["0x00000001"], f.Array)
	}
	if f := sysmon.Field("Hashes", Hint{EventCodes: []string{"7"}}); f.Name != "file.hash.sha256" || !f.FormatOnly {
		t.Errorf("Hashes of event 7: %+v", f)
	}
	if f := trail.Field("errorCode", Hint{}); f.Default != "success" {
		t.Errorf("errorCode: %+v", f)
	}
	if f := trail.Field("noSuchValue", Hint{}); f.Support != None || f.Candidate == "" {
		t.Errorf("a hole names the field it would be: %+v", f)
	}
	if f := kube.Field("user.groups{}", Hint{}); f.Array == Single || f.Type != "text" {
		t.Errorf("user.groups: %+v", f)
	}
	if _, ok := trail.Known("aws.cloudtrail.flattened.request_parameters"); ok {
		t.Error("a flattened field is not readable by ES|QL")
	}
	if _, ok := sysmon.Known("no.such.field"); ok {
		t.Error("an unknown field is known")
	}
	if got := proc.Reverse("host.name"); !slices.Contains(got, "dest") || !slices.IsSorted(got) {
		t.Errorf("Reverse(host.name) = %v", got)
	}
	want := []Constraint{
		{Field: "event.category", Array: AlwaysArray, Type: "keyword", Values: []string{"process"}},
		{Field: "event.type", Array: AlwaysArray, Type: "keyword", Values: []string{"start"}},
	}
	if !slices.EqualFunc(proc.Constraints, want, func(a, b Constraint) bool {
		return a.Field == b.Field && a.Array == b.Array && a.Type == b.Type && slices.Equal(a.Values, b.Values)
	}) {
		t.Errorf("constraints: %+v", proc.Constraints)
	}
}

func TestExtraction(t *testing.T) {
	const request = "{policyName=p1, roles=[a, b], imageId={imageDigest=sha256:1, imageTag=latest}, bucketName=mine}"
	tests := []struct{ source, field, text, want string }{
		{"cloudtrail", "requestParameters.policyName", request, "p1"},
		{"cloudtrail", "requestParameters.imageId.imageDigest", request, "sha256:1"},
		{"cloudtrail", "requestParameters.bucketName", request, "mine"},
		{"cloudtrail", "requestParameters.roles", request, "[a, b]"},
		{"cloudtrail", "requestParameters.add.items{}.userId", "{add={items=[{userId=1234}, {userId=5678}]}, kind=x}", "1234"},
		{"wineventlog_security", "Network_Account_Name", "New Logon:\r\n\tNetwork Account Name:\t\tbob\r\n\tNetwork Account Domain:\t-\r\n", "bob"},
		{"wineventlog_security", "Old_UAC_Value", "Changed Attributes:\r\n\tOld UAC Value:\t\t\r\n\tNew UAC Value:\t\t0x15\r\n", ""},
		{"cisco_networks", "command", "User:admin  logged command:monitor session 1 source interface Gi1/0/1", "monitor session 1 source interface Gi1/0/1"},
		{"cisco_networks", "src_mac", "drop message on untrusted port, message type: DHCPOFFER, MAC sa: 0cd0.f8aa.0001", "0cd0.f8aa.0001"},
		{"cisco_networks", "message_type", "drop message on untrusted port, message type: DHCPOFFER, MAC sa: 0cd0.f8aa.0001", "DHCPOFFER"},
	}
	s := Default()
	for _, tt := range tests {
		src, _ := s.Macro(tt.source)
		f := src.Field(tt.field, Hint{})
		if f.Support != None || f.Name != "" || f.Extract == nil || f.Extract.Reason == "" {
			t.Errorf("%s %s: %+v", tt.source, tt.field, f)
			continue
		}
		if known, ok := src.Known(f.Extract.Name); !ok || known.Type != f.Extract.Type {
			t.Errorf("%s %s: the text %s is not a field of the source", tt.source, tt.field, f.Extract.Name)
		}
		got := ""
		if m := regexp.MustCompile(f.Extract.Regex).FindStringSubmatch(tt.text); m != nil {
			got = m[1]
		}
		if got != tt.want {
			t.Errorf("%s %s: read %q, want %q", tt.source, tt.field, got, tt.want)
		}
	}
	trail, _ := s.Macro("cloudtrail")
	if f := trail.Field("requestParameters.userIds{}", Hint{}); f.Extract != nil {
		t.Errorf("a list cannot be read out of a text: %+v", f.Extract)
	}
}

func TestDataModelAndMacro(t *testing.T) {
	s := Default()
	for name, want := range map[string]string{"Web": "Web.Web", "Web.Web": "Web.Web", "endpoint.processes": "Endpoint.Processes",
		`"Network_Traffic"`: "Network_Traffic.All_Traffic", "Authentication.Failed_Authentication": "Authentication.Failed_Authentication",
		"All_Changes.Account_Management": "Change.Account_Management", "Performance": "CIM_without_counterpart"} {
		if src, ok := s.DataModel(name); !ok || src.Name != want || !src.DataModel {
			t.Errorf("DataModel(%s) = %+v", name, src)
		}
	}
	for _, name := range []string{"", "sysmon", "No.Such"} {
		if src, ok := s.DataModel(name); ok {
			t.Errorf("DataModel(%s) = %s", name, src.Name)
		}
	}
	if _, ok := s.Macro("security_content_ctime"); ok {
		t.Error("security_content_ctime is no data source")
	}
}

func TestMatch(t *testing.T) {
	s := Default()
	tests := []struct {
		ps       []Predicate
		want     string
		consumed []bool
	}{
		{[]Predicate{{"sourcetype", "linux:audit"}}, "linux_auditd", []bool{true}},
		{[]Predicate{{"SourceType", "LINUX:AUDIT"}}, "linux_auditd", []bool{true}},
		{[]Predicate{{"index", "main"}, {"source", "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"}}, "sysmon", []bool{true, true}},
		{[]Predicate{{"sourcetype", "XmlWinEventLog"}, {"source", "XmlWinEventLog:Security"}}, "wineventlog_security", []bool{true, true}},
		{[]Predicate{{"sourcetype", "*WinEventLog*"}, {"EventCode", "4624"}, {"Channel", "Security"}}, "wineventlog_security", []bool{true, false, true}},
		{[]Predicate{{"source", "*WinEventLog:Security"}}, "wineventlog_security", []bool{true}},
		{[]Predicate{{"Channel", "Security"}}, "wineventlog_security", []bool{true}},
		{[]Predicate{{"eventtype", "wineventlog_system"}}, "wineventlog_system", []bool{true}},
		{[]Predicate{{"source", "WinEventLog:Microsoft-Windows-AppLocker/EXE and DLL"}}, "applocker", []bool{true}},
		{[]Predicate{{"source", "XmlWinEventLog:Microsoft-Windows-TaskScheduler/Operational"}}, "wineventlog_task_scheduler", []bool{true}},
		{[]Predicate{{"source", "XmlWinEventLog:Microsoft-Windows-Made-Up/Operational"}}, "wineventlog", []bool{true}},
		{[]Predicate{{"sourcetype", "aws:cloudtrail"}, {"index", "*"}}, "cloudtrail", []bool{true, true}},
		{[]Predicate{{"index", "risk"}}, "risk_index", []bool{true}},
	}
	for _, tt := range tests {
		src, consumed, ok := s.Match(tt.ps)
		if !ok || src.Name != tt.want || !slices.Equal(consumed, tt.consumed) {
			t.Errorf("Match(%v) = %v %v %v, want %s %v", tt.ps, src, consumed, ok, tt.want, tt.consumed)
		}
	}
	for _, ps := range [][]Predicate{nil, {{"index", "*"}}, {{"index", "main"}}, {{"sourcetype", "my:own:thing"}}, {{"source", "*"}}} {
		if src, _, ok := s.Match(ps); ok {
			t.Errorf("Match(%v) = %s", ps, src.Name)
		}
	}
	src, _, _ := s.Match([]Predicate{{"source", "XmlWinEventLog:Microsoft-Windows-Made-Up/Operational"}})
	last := src.Constraints[len(src.Constraints)-1]
	if last.Field != "winlog.channel" || last.Values[0] != "Microsoft-Windows-Made-Up/Operational" {
		t.Errorf("the channel is not bound: %+v", last)
	}
	if base := s.byName["wineventlog"]; len(base.Constraints) != 0 {
		t.Errorf("the shared source was changed: %+v", base.Constraints)
	}
}

func TestNarrow(t *testing.T) {
	src, _ := Default().Macro("azure_monitor_aad")
	if got := src.Narrow([]Predicate{{"category", "signinlogs"}}).Name; got != "azure_signin" {
		t.Errorf("category=SignInLogs: %s", got)
	}
	if got := src.Narrow([]Predicate{{"Category", "SignInLogs"}, {"user", "x"}}); got != src {
		t.Errorf("field names are case-sensitive: %s", got.Name)
	}
}

func TestConflictingTypesAreUnknown(t *testing.T) {
	a := &fact{name: "x.y", typ: "keyword"}
	b := &fact{name: "x.y", typ: "long"}
	c := &fact{name: "x.z", typ: "keyword", ignoreAbove: 1024}
	d := &fact{name: "x.z", typ: "wildcard"}
	stream := func(fs ...*fact) *stream {
		m := map[string]*fact{}
		for _, f := range fs {
			m[f.name] = f
		}
		return &stream{decode: func() map[string]*fact { return m }, pattern: func() []*fact { return nil },
			moves: func() map[string]move { return nil }}
	}
	s := &Schema{cat: &catalogue{streams: map[string]*streamAlias{"one": stream(a, c), "two": stream(b, d)}}}
	src := &Source{Streams: []string{"one", "two"}, schema: s}
	if f, ok := src.Known("x.y"); ok {
		t.Errorf("keyword and long read together: %+v", f)
	}
	if f, ok := src.Known("x.z"); !ok || f.IgnoreAbove != 1024 {
		t.Errorf("keyword and wildcard can be read together: %v %+v", ok, f)
	}
}

type streamAlias = stream

func TestIdentity(t *testing.T) {
	s := Identity([]string{"events"}, map[string]string{"size": "long"})
	src, ok := s.DataModel("Anything")
	if !ok || src.Indices[0] != "events" {
		t.Fatalf("DataModel: %v %v", src, ok)
	}
	m, consumed, ok := s.Match([]Predicate{{"source", "x"}, {"index", "y"}})
	if !ok || m != src || slices.Contains(consumed, true) {
		t.Errorf("Match: %v %v %v", m, consumed, ok)
	}
	for name, want := range map[string]Field{
		"_time":       {Name: "@timestamp", Type: "date", Array: Single},
		"size":        {Name: "size", Type: "long", Array: MaybeArray},
		"CommandLine": {Name: "CommandLine", Type: "keyword", Array: MaybeArray},
	} {
		f := src.Field(name, Hint{})
		if f.Name != want.Name || f.Type != want.Type || f.Array != want.Array || f.Support != Exact || f.IgnoreAbove != 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if len(s.Sources()) != 1 || s.Fallback() != src || !s.IsIdentity() {
		t.Error("an identity schema has one source")
	}
}

func TestConcurrentUse(t *testing.T) {
	cat, err := parseCatalogue(catalogueText)
	if err != nil {
		t.Fatal(err)
	}
	defs, order, err := parseTables()
	if err != nil {
		t.Fatal(err)
	}
	s, err := build(cat, defs, order)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			var b strings.Builder
			for _, src := range s.Sources() {
				b.WriteString(src.Field("user", Hint{}).Name)
				b.WriteString(src.Field("src_ip", Hint{EventCodes: []string{"1"}}).Name)
			}
			got[i] = b.String()
		})
	}
	wg.Wait()
	if got[0] == "" || slices.ContainsFunc(got, func(s string) bool { return s != got[0] }) {
		t.Error("answers differ between goroutines")
	}
}

func TestTableErrors(t *testing.T) {
	for text, want := range map[string]string{
		"  = a b":                                   "before the first block",
		"source":                                    "needs one name",
		"source a\nsource a":                        "not taken",
		"hole x":                                    "needs a reason",
		"source a\n  ~ x y":                         "reason is missing",
		"source a\n  = x":                           "name and a target",
		"source a\n  $ x y":                         "unknown word",
		"source a\n  =[1,2 x y":                     "not closed",
		"source a\n  auto x. quick":                 "unknown option",
		"source a\n  narrow category X":             "narrow needs",
		"source a\n  ^ x :: y :: ( # r":             "missing closing",
		"source a\n  ^ x :: y :: z # r":             "one group",
		"source a\n  ^ x y # r":                     "regular expression",
		"source a\n  text a. b":                     "a reason",
		"source a\n  medium":                        "needs a reason",
		"source a\n  match source":                  "a field and a value",
		"source a\n  = x y {k: v} trailing # words": "braces",
	} {
		err := parseTable(text, map[string]*definition{}, new([]string))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v, want %q with its line", text, err, want)
		}
	}
	for _, text := range []string{"", "x\n", "1\na\tb\n", "1\n\tkeyword\t\t\n", "1\na\tkeyword\tz\t\n"} {
		if _, err := parseCatalogue(text); err == nil {
			t.Errorf("parseCatalogue(%q) accepted it", text)
		}
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{"appDisplayName": "app_display_name", "userPrincipalName": "user_principal_name",
		"properties.riskLevel": "properties.risk_level", "appId": "app_id", "ipAddress": "ip_address", "isPIMRole": "is_pim_role", "id": "id"} {
		if got := snake(in); got != want {
			t.Errorf("snake(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, value string
		want           bool
	}{{"a*c", "ABC", true}, {"a*c", "ab", false}, {"*b*", "abc", true}, {"a", "A", true}, {"a*a", "a", false}, {"*", "", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}} {
		if got := glob(tt.pattern, tt.value); got != tt.want {
			t.Errorf("glob(%s, %s) = %v", tt.pattern, tt.value, got)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		cat, err := parseCatalogue(catalogueText)
		if err != nil {
			b.Fatal(err)
		}
		defs, order, err := parseTables()
		if err != nil {
			b.Fatal(err)
		}
		s, err := build(cat, defs, order)
		if err != nil {
			b.Fatal(err)
		}
		src, _ := s.DataModel("Endpoint.Processes")
		if src.Field("process", Hint{}).Name == "" {
			b.Fatal("no field")
		}
	}
}

func BenchmarkField(b *testing.B) {
	src, _ := Default().DataModel("Endpoint.Processes")
	b.ReportAllocs()
	for b.Loop() {
		if src.Field("Processes.parent_process_name", Hint{}).Name == "" {
			b.Fatal("no field")
		}
	}
}

func BenchmarkFieldOfManyStreams(b *testing.B) {
	src, _ := Default().DataModel("Network_Traffic")
	b.ReportAllocs()
	for b.Loop() {
		if src.Field("All_Traffic.dest_port", Hint{}).Name == "" {
			b.Fatal("no field")
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	s := Default()
	ps := []Predicate{{"index", "main"}, {"sourcetype", "linux:audit"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := s.Match(ps); !ok {
			b.Fatal("no source")
		}
	}
}

// TestOwnDataOfEvents resolves what an event of Windows brings with it and no list names: a field that the index has once
// an event brought it. Names that only Splunk's add-on makes are none.
func TestOwnDataOfEvents(t *testing.T) {
	s := Default()
	for _, tt := range []struct{ source, field, want string }{
		{"wineventlog_system", "Service_Start_Type", "winlog.event_data.StartType"},
		{"wineventlog_system", "ImagePath", "winlog.event_data.ImagePath"},
		{"wineventlog_security", "OperationType", "winlog.event_data.OperationType"},
		{"sysmon", "Contents", "winlog.event_data.Contents"},
		{"wineventlog_security", "severity_id", ""},
		{"wineventlog_security", "Old_UAC_Value", ""},
		{"wineventlog_security", "noSuchValue", ""},
		{"cloudtrail", "Nothing", ""},
	} {
		src, _ := s.Macro(tt.source)
		f := src.Field(tt.field, Hint{})
		if f.Name != tt.want || f.Dynamic != (tt.want != "") || tt.want != "" && f.Support != Approximate {
			t.Errorf("%s %s: %+v", tt.source, tt.field, f)
		}
	}
}
