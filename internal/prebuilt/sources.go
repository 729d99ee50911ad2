package prebuilt

import (
	"strings"
)

// sourceFacts is what every event of an index pattern holds, by its data stream, and what it holds by its event code where
// the leaves name one. Values are those that the integrations' pipelines write.
func sourceFacts(pattern string, leaves []clause) []clause {
	dataset := strings.TrimSuffix(strings.TrimPrefix(pattern, "logs-"), "-*")
	if dataset == pattern || strings.ContainsAny(dataset, "*?") {
		return nil
	}
	is := func(field string, values ...string) clause {
		t := test{field: field}
		for _, v := range values {
			t.any = append(t.any, exactly(v, false))
		}
		return t
	}
	module, _, _ := strings.Cut(dataset, ".")
	facts := []clause{is("data_stream.dataset", dataset), is("event.dataset", dataset)}
	if modules[module] {
		facts = append(facts, is("event.module", module))
	}
	for _, f := range osOf {
		if strings.HasPrefix(dataset, f.dataset) {
			facts = append(facts, is("host.os.type", f.os))
		}
	}
	if channel := channels[dataset]; channel != "" {
		facts = append(facts, is("winlog.channel", channel))
	}
	for _, c := range leaves {
		t, ok := c.(test)
		if !ok || t.not || t.field != "event.code" || len(t.any) == 0 {
			continue
		}
		var shared map[string]string
		for i, g := range t.any {
			known := eventCodes[dataset+" "+string(g.text)]
			if i == 0 {
				shared = known
				continue
			}
			both := map[string]string{}
			for k, v := range shared {
				if known[k] == v {
					both[k] = v
				}
			}
			shared = both
		}
		for _, k := range []string{"event.category", "event.type", "event.action", "winlog.channel"} {
			if v := shared[k]; v != "" {
				facts = append(facts, is(k, v))
			}
		}
	}
	if strings.HasPrefix(dataset, "endpoint.") && windowsNames(leaves) {
		facts = append(facts, is("host.os.type", "windows"))
	}
	return facts
}

// modules are the integrations whose event.module is the first part of their data sets.
var modules = words0("aws azure gcp github google_workspace kubernetes o365 okta")

var osOf = []struct{ dataset, os string }{
	{"windows.", "windows"}, {"system.security", "windows"}, {"system.system", "windows"}, {"system.application", "windows"},
	{"auditd_manager.", "linux"}, {"auditd.", "linux"},
}

var channels = map[string]string{
	"system.security": "Security", "system.system": "System", "system.application": "Application",
	"windows.sysmon_operational":     "Microsoft-Windows-Sysmon/Operational",
	"windows.powershell_operational": "Microsoft-Windows-PowerShell/Operational",
}

// eventCodes are fields that follow from data set and event code.
var eventCodes = map[string]map[string]string{
	"windows.sysmon_operational 1":        {"event.category": "process", "event.type": "start"},
	"windows.sysmon_operational 3":        {"event.category": "network", "event.type": "start"},
	"windows.sysmon_operational 5":        {"event.category": "process", "event.type": "end"},
	"windows.sysmon_operational 8":        {"event.category": "process"},
	"windows.sysmon_operational 10":       {"event.category": "process"},
	"windows.sysmon_operational 11":       {"event.category": "file", "event.type": "creation"},
	"windows.sysmon_operational 13":       {"event.category": "registry", "event.type": "change"},
	"windows.powershell_operational 4104": {"event.category": "process"},
	"system.security 1102":                {"event.action": "audit-log-cleared"},
	"system.security 4624":                {"event.category": "authentication", "event.type": "start", "event.action": "logged-in"},
	"system.security 4625":                {"event.category": "authentication", "event.type": "start", "event.action": "logon-failed"},
	"system.security 4688":                {"event.category": "process", "event.type": "start"},
	"system.security 4720":                {"event.category": "iam", "event.action": "added-user-account"},
	"system.security 4728":                {"event.category": "iam", "event.action": "added-member-to-group"},
	"system.security 4732":                {"event.category": "iam", "event.action": "added-member-to-group"},
	"system.security 4756":                {"event.category": "iam", "event.action": "added-member-to-group"},
	"system.system 104":                   {"event.action": "Log clear"},
}

// windowsNames says whether the leaves only hold on Windows: a registry, or a program whose name ends in .exe.
func windowsNames(leaves []clause) bool {
	for _, c := range leaves {
		t, ok := c.(test)
		if !ok || t.not {
			continue
		}
		if strings.HasPrefix(t.field, "registry.") {
			return true
		}
		if t.field != "process.name" && t.field != "process.executable" {
			continue
		}
		windows := true
		for _, g := range t.any {
			windows = windows && strings.HasSuffix(strings.ToLower(string(g.text)), ".exe")
		}
		if windows {
			return true
		}
	}
	return false
}

// reads says whether one of the index patterns takes in all that another does.
func reads(patterns []string, pattern string) bool {
	for _, p := range patterns {
		if newGlob(p, false).covers(newGlob(pattern, false), false) {
			return true
		}
	}
	return false
}
