package fidelity

// heldoutSources are how a search names the sources of events that were read to judge the tables, beside goldenSources.
var heldoutSources = map[string]string{
	"wineventlog_security":      `source="XmlWinEventLog:Security"`,
	"sysmon":                    `source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"`,
	"powershell":                `source="XmlWinEventLog:Microsoft-Windows-PowerShell/Operational"`,
	"aws_vpcflow":               `sourcetype="aws:cloudwatchlogs:vpcflow"`,
	"google_gcp_pubsub_message": `sourcetype="google:gcp:pubsub:message"`,
	"aws_guardduty":             `sourcetype="aws:cloudwatch:guardduty"`,
	"nginx_access_logs":         `sourcetype="nginx:plus:access"`,
	"apache_access":             `sourcetype="access_combined"`,
	"gws_reports_admin":         `sourcetype="gws:reports:admin"`,
	"gws_reports_login":         `sourcetype="gws:reports:login"`,
	"gsuite_drive":              `sourcetype="gsuite:drive:json"`,
	"linux_secure":              `sourcetype="linux_secure"`,
	"zscaler_proxy":             `sourcetype="zscalernss-web"`,
	"fgt_event":                 `sourcetype="fgt_event"`,
	"fgt_utm":                   `sourcetype="fgt_utm"`,
	"pan_globalprotect":         `sourcetype="pan:globalprotect"`,
	"pan_config":                `sourcetype="pan:config"`,
	"pan_system":                `sourcetype="pan:system"`,
	"applocker":                 `source="XmlWinEventLog:Microsoft-Windows-AppLocker/EXE and DLL"`,
}

// goldenSource is how a search names the source of a golden pair.
func goldenSource(name string) string {
	if s := heldoutSources[name]; s != "" {
		return s
	}
	return goldenSources[name]
}
