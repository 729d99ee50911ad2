package prebuilt

import (
	"regexp"
	"strings"
)

// platforms are the kinds of data a rule reads. Two rules can only replace one another when they share one.
//
// The pairs are substrings: of a Splunk query in lower case, and of a prebuilt rule's index patterns and integrations.
var splunkPlatforms = []struct{ mark, platform string }{
	{"endpoint.processes", "process"}, {"endpoint.registry", "registry"}, {"endpoint.filesystem", "file"},
	{"`sysmon`", "windows"}, {"wineventlog", "windows"}, {"`powershell`", "powershell"},
	{"cloudtrail", "aws"}, {"amazon_security_lake", "aws"}, {"`aws", "aws"}, {"o365", "o365"}, {"`azure_monitor_aad`", "azure"},
	{"`azure", "azure"}, {"`okta`", "okta"}, {"kube", "kubernetes"}, {"gcp", "gcp"}, {"google_gcp", "gcp"},
	{"gsuite", "google_workspace"}, {"gws_", "google_workspace"}, {"github", "github"}, {"linux_auditd", "linux"},
	{"network_traffic", "network"}, {"network_resolution", "network"}, {"datamodel=web", "web"}, {"zeek", "network"},
	{"authentication", "authentication"},
}

var prebuiltPlatforms = []struct{ mark, platform string }{
	{"aws", "aws"}, {"o365", "o365"}, {"azure", "azure"}, {"okta", "okta"}, {"kubernetes", "kubernetes"}, {"gcp", "gcp"},
	{"google_workspace", "google_workspace"}, {"github", "github"}, {"network_traffic", "network"}, {"packetbeat", "network"},
	{"panw", "network"}, {"zeek", "network"}, {"auditd", "linux"}, {"auditbeat", "linux"}, {"windows.powershell", "powershell"},
	{"system.security", "windows"}, {"windows.sysmon", "windows"}, {"winlogbeat", "windows"}, {"windows.forwarded", "windows"},
	{"endpoint.events.process", "process"}, {"endpoint.events.registry", "registry"}, {"endpoint.events.file", "file"},
	{"nginx", "web"}, {"apache", "web"}, {"iis", "web"},
}

var (
	eqlCategory = regexp.MustCompile(`(?m)(?:^|\[)\s*(process|file|registry|network|library|driver|any|iam|authentication|dns)\s+where`)
	osType      = regexp.MustCompile(`host\.os\.type\s*(?:==|:)\s*"?(windows|linux|macos)`)
	splOS       = regexp.MustCompile(`(?i)\b(linux|macos|windows)\b`)
	aggregated  = regexp.MustCompile(`(?i)\bstats\b|\bsequence\b|COUNT_DISTINCT`)
)

// platformOfSplunk reads the marks of data sources from the query text, and the operating system from the title.
func platformOfSplunk(query, title string) set {
	out := set{}
	q := strings.ToLower(query)
	for _, p := range splunkPlatforms {
		if strings.Contains(q, p.mark) {
			out[p.platform] = true
		}
	}
	if m := splOS.FindStringSubmatch(title); m != nil {
		out["os:"+strings.ToLower(m[1])] = true
	} else if strings.Contains(q, ".exe") || strings.Contains(q, `\\`) {
		out["os:windows"] = true
	}
	return out
}

func platformOfPrebuilt(r Rule) set {
	out := set{}
	marks := strings.ToLower(strings.Join(r.Index, " ") + " " + strings.Join(r.Integration, " "))
	if r.Language == "esql" {
		marks += " " + strings.ToLower(r.Query)
	}
	for _, p := range prebuiltPlatforms {
		if strings.Contains(marks, p.mark) {
			out[p.platform] = true
		}
	}
	for _, m := range eqlCategory.FindAllStringSubmatch(r.Query, -1) {
		out[m[1]] = true
	}
	for _, m := range osType.FindAllStringSubmatch(r.Query, -1) {
		out["os:"+m[1]] = true
	}
	return out
}

func aggregates(r Rule) bool {
	return r.Type == "threshold" || r.Type == "new_terms" || r.Type == "machine_learning" || aggregated.MatchString(r.Query)
}

// sameSource says whether two rules read the same kind of data, and not of different operating systems.
func sameSource(splunk, prebuilt set) bool {
	shared, os := false, false
	conflict := false
	for p := range prebuilt {
		if strings.HasPrefix(p, "os:") {
			os = true
		}
	}
	for p := range splunk {
		switch {
		case strings.HasPrefix(p, "os:"):
			conflict = conflict || os && !prebuilt[p]
		case prebuilt[p]:
			shared = true
		}
	}
	return shared && !conflict
}
