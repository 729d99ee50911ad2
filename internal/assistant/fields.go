package assistant

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// allowedPlain are the fields that leave by default as they are: what happened, by which rule and how bad it is.
var allowedPlain = strings.Fields(`
_id @timestamp
agent.type
cloud.availability_zone cloud.provider cloud.region cloud.service.name
dns.question.type dns.response_code
event.action event.category event.code event.dataset event.kind event.module event.outcome event.provider event.reason event.type
file.Ext.original.path file.directory file.extension file.hash.sha256 file.name file.path file.size
group.id group.name
host.asset.criticality host.os.family host.os.full host.os.name host.os.platform host.os.type host.os.version
host.risk.calculated_level host.risk.calculated_score_norm
http.request.method http.response.status_code
kibana.alert.original_time kibana.alert.reason kibana.alert.risk_score
kibana.alert.rule.description kibana.alert.rule.name kibana.alert.rule.references
kibana.alert.rule.threat.framework kibana.alert.rule.threat.tactic.id kibana.alert.rule.threat.tactic.name
kibana.alert.rule.threat.tactic.reference kibana.alert.rule.threat.technique.id kibana.alert.rule.threat.technique.name
kibana.alert.rule.threat.technique.reference kibana.alert.rule.threat.technique.subtechnique.id
kibana.alert.rule.threat.technique.subtechnique.name kibana.alert.rule.threat.technique.subtechnique.reference
kibana.alert.rule.type kibana.alert.severity kibana.alert.status kibana.alert.workflow_status
message
network.direction network.protocol network.transport
package.name package.version
process.Ext.memory_region.bytes_compressed_present process.Ext.memory_region.malware_signature.all_names
process.Ext.memory_region.malware_signature.primary.matches process.Ext.memory_region.malware_signature.primary.signature.name
process.Ext.token.integrity_level_name process.args process.code_signature.exists process.code_signature.signing_id
process.code_signature.status process.code_signature.subject_name process.code_signature.trusted process.command_line
process.executable process.exit_code process.hash.md5 process.hash.sha1 process.hash.sha256 process.name
process.parent.args process.parent.args_count process.parent.code_signature.exists process.parent.code_signature.status
process.parent.code_signature.subject_name process.parent.code_signature.trusted process.parent.command_line
process.parent.executable process.parent.name process.pe.original_file_name process.pid process.title process.working_directory
Ransomware.child_processes.executable Ransomware.feature Ransomware.files.data Ransomware.files.entropy Ransomware.files.extension
Ransomware.files.metrics Ransomware.files.operation Ransomware.files.path Ransomware.files.score Ransomware.version
registry.data.strings registry.key registry.path registry.value
rule.description rule.name rule.reference
threat.framework threat.tactic.id threat.tactic.name threat.tactic.reference threat.technique.id threat.technique.name
threat.technique.reference threat.technique.subtechnique.id threat.technique.subtechnique.name
threat.technique.subtechnique.reference
url.full url.path user_agent.original user.asset.criticality user.risk.calculated_level user.risk.calculated_score_norm
`)

// allowedMasked leave by default as tokens.
var allowedMasked = strings.Fields(`
client.address client.domain client.ip client.user.name
cloud.account.id cloud.account.name
destination.address destination.domain destination.ip destination.user.name dns.question.name dns.question.registered_domain
entity.id entity.name
host.domain host.hostname host.ip host.mac host.name
process.parent.user.name process.user.name
server.address server.domain server.ip source.address source.domain source.ip source.user.name
url.domain user.changes.name user.domain user.effective.name user.email user.full_name user.name
user.target.domain user.target.email user.target.full_name user.target.name
`)

// Numbers of accounts are in neither list: "0" and "1000" name nobody and could not be told from text. Security identifiers
// are masked by their form.

// maskedOnly stay here by default, and what they hold is masked wherever it occurs.
var maskedOnly = strings.Fields(`
agent.hostname agent.name client.mac client.nat.ip client.registered_domain client.user.domain
client.user.email client.user.full_name
cloud.instance.id cloud.instance.name cloud.project.id cloud.project.name
destination.mac destination.nat.ip destination.registered_domain destination.user.domain destination.user.email
destination.user.full_name
dns.answers.data dns.answers.name dns.resolved_ip
email.bcc.address email.cc.address email.from.address email.reply_to.address email.sender.address email.to.address
file.group file.owner
host.geo.name host.user.name
observer.hostname observer.ip observer.mac observer.name
orchestrator.cluster.name organization.id organization.name
process.env_vars process.group_leader.user.name process.real_user.name process.saved_user.name
related.hosts related.ip related.user
server.mac server.nat.ip server.registered_domain server.user.domain server.user.email server.user.full_name
server.user.name
source.mac source.nat.ip source.registered_domain source.user.domain source.user.email source.user.full_name
threat.enrichments.indicator.email.address threat.indicator.email.address
tls.client.server_name url.username user.changes.email user.changes.full_name user.effective.domain user.effective.email
winlog.computer_name winlog.event_data.ComputerName winlog.event_data.IpAddress winlog.event_data.SamAccountName
winlog.event_data.SourceUserName winlog.event_data.SubjectDomainName winlog.event_data.SubjectUserName
winlog.event_data.SubjectUserSid winlog.event_data.TargetDomainName winlog.event_data.TargetServerName
winlog.event_data.TargetUserName winlog.event_data.TargetUserSid winlog.event_data.User winlog.event_data.UserName
winlog.event_data.WorkstationName winlog.user.domain winlog.user.identifier winlog.user.name
`)

// DefaultFields are the settings of a new installation, by name.
func DefaultFields() []FieldSetting {
	var fields []FieldSetting
	for _, f := range allowedPlain {
		fields = append(fields, FieldSetting{Field: f, Allowed: true})
	}
	for _, f := range allowedMasked {
		fields = append(fields, FieldSetting{Field: f, Allowed: true, Anonymized: true})
	}
	for _, f := range maskedOnly {
		fields = append(fields, FieldSetting{Field: f, Anonymized: true})
	}
	slices.SortFunc(fields, byField)
	return fields
}

func byField(a, b FieldSetting) int { return strings.Compare(a.Field, b.Field) }

// Fields are the settings in force: the defaults of this version with what people set, which wins. A stored setting that
// nobody set is a default of an older version and does not count.
func Fields(stored []FieldSetting) []FieldSetting {
	byName := map[string]FieldSetting{}
	for _, f := range DefaultFields() {
		byName[f.Field] = f
	}
	for _, f := range stored {
		if f.SetBy != "" {
			byName[f.Field] = f
		}
	}
	fields := make([]FieldSetting, 0, len(byName))
	for _, f := range byName {
		fields = append(fields, f)
	}
	slices.SortFunc(fields, byField)
	return fields
}

// policy says for one question which fields leave and which are masked.
type policy struct {
	leaves map[string]bool
	masked map[string]bool
}

// newPolicy narrows the settings by what the request asks for: it can take fields away and mask more, never less.
func newPolicy(fields []FieldSetting, q Question) policy {
	p := policy{leaves: map[string]bool{}, masked: map[string]bool{}}
	for _, f := range fields {
		if f.Allowed && (q.Allow == nil || slices.Contains(q.Allow, f.Field)) {
			p.leaves[f.Field] = true
		}
		if f.Anonymized {
			p.masked[f.Field] = true
		}
	}
	for _, f := range q.AllowReplacement {
		p.masked[f] = true
	}
	return p
}

// masks are the fields whose values are masked, by name.
func (p policy) masks() []string {
	fields := make([]string, 0, len(p.masked))
	for f := range p.masked {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	return fields
}

// kindOfField says what the values of a field name, by its name.
func kindOfField(field string) mask.Kind {
	low := strings.ToLower(field)
	last := low[strings.LastIndexByte(low, '.')+1:]
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(last, p) })
	}
	switch {
	case last == "ip" || last == "mac" || strings.HasSuffix(low, ".nat.ip") || has("ipaddress") || last == "resolved_ip":
		return mask.Address
	case has("email") || strings.Contains(low, "email."):
		return mask.Mail
	case has("sid") || strings.HasSuffix(low, "user.id") || last == "identifier":
		return mask.SID
	case has("domain") || last == "server_name" || low == "dns.question.name" || low == "dns.answers.name":
		return mask.Domain
	case has("hostname", "computer", "workstation", "servername") || last == "hosts" || low == "host.name" || low == "agent.name" || low == "observer.name":
		return mask.Host
	case strings.Contains(low, "user") || has("account") || strings.HasPrefix(low, "entity.") || last == "owner":
		return mask.User
	case has("path", "executable", "directory"):
		return mask.Path
	case last == "address":
		return mask.Host
	}
	return mask.Value
}

// freeText are fields whose values are sentences or commands, where a short value cannot be told from a word. A value of
// any field that has several words counts as free text too.
var freeText = map[string]bool{
	"kibana.alert.reason": true, "message": true, "process.command_line": true, "process.parent.command_line": true,
	"process.args": true, "process.parent.args": true, "process.title": true, "rule.name": true, "rule.description": true,
	"kibana.alert.rule.name": true, "kibana.alert.rule.description": true, "event.original": true, "event.reason": true,
	"error.message": true, "user_agent.original": true, "powershell.file.script_block_text": true,
	"registry.data.strings": true,
}
