package fidelity

// scene is a stream with what an ordinary raw event of it holds.
type scene struct {
	stream string
	usual  map[string]string
}

// path is a Windows path that no rule asks for.
const path7 = `C:\zq7\zq7.exe`

// windowsUsual are fields of an ordinary event of each event code.
var windowsUsual = map[string]map[string]string{
	"sysmon": {"User": `CORP\zq`, "SecurityID": "S-1-5-18", "source": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", "sourcetype": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", "Channel": "Microsoft-Windows-Sysmon/Operational"},
	"sysmon 1": {"Image": path7, "CommandLine": "zq7", "CurrentDirectory": `C:\zq7\`, "OriginalFileName": "zq7.exe", "ParentImage": `C:\zq7\zq9.exe`, "ParentCommandLine": "zq9", "User": `CORP\zq`,
		"ProcessId": "4242", "ParentProcessId": "4241", "ProcessGuid": "{a-1}", "ParentProcessGuid": "{a-2}", "IntegrityLevel": "Medium", "Hashes": "MD5=AA,SHA256=BB,IMPHASH=CC"},
	"sysmon 3":  {"Image": path7, "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`, "Protocol": "tcp", "SourceIp": "10.1.2.3", "SourcePort": "50000", "DestinationIp": "198.51.100.7", "DestinationPort": "4444", "DestinationHostname": "zq.example", "Initiated": "true"},
	"sysmon 7":  {"Image": path7, "ImageLoaded": `C:\zq7\zq8.dll`, "ProcessId": "4242", "ProcessGuid": "{a-1}", "Signed": "false", "SignatureStatus": "Unavailable", "OriginalFileName": "zq8.dll", "Hashes": "MD5=AA,SHA256=BB,IMPHASH=CC"},
	"sysmon 8":  {"SourceImage": path7, "TargetImage": `C:\zq7\zq9.exe`, "SourceProcessId": "4242", "TargetProcessId": "4243", "StartFunction": "zq", "StartModule": "zq", "StartAddress": "0x1"},
	"sysmon 10": {"SourceImage": path7, "TargetImage": `C:\zq7\zq9.exe`, "SourceProcessId": "4242", "TargetProcessId": "4243", "GrantedAccess": "0x1", "CallTrace": "zq"},
	"sysmon 11": {"Image": path7, "TargetFilename": `C:\zq7\zq8.txt`, "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`},
	"sysmon 12": {"Image": path7, "TargetObject": `HKLM\zq7\zq8`, "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`, "EventType": "CreateKey"},
	"sysmon 13": {"Image": path7, "TargetObject": `HKLM\zq7\zq8`, "Details": "zq", "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`, "EventType": "SetValue"},
	"sysmon 17": {"Image": path7, "PipeName": `\zq`, "ProcessId": "4242", "ProcessGuid": "{a-1}", "EventType": "CreatePipe"},
	"sysmon 22": {"Image": path7, "QueryName": "zq.example.org", "QueryStatus": "0", "QueryResults": "198.51.100.7;", "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`},
	"sysmon 23": {"Image": path7, "TargetFilename": `C:\zq7\zq8.txt`, "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`, "IsExecutable": "false"},
	"sysmon 5":  {"Image": path7, "ProcessId": "4242", "ProcessGuid": "{a-1}", "User": `CORP\zq`},
	"sysmon 6":  {"ImageLoaded": `C:\zq7\zq8.sys`, "Hashes": "MD5=AA,SHA256=BB,IMPHASH=CC", "Signed": "true", "Signature": "Zq", "SignatureStatus": "Valid"},
	"sysmon 9":  {"Image": path7, "ProcessId": "4242", "ProcessGuid": "{a-1}", "Device": `\Device\zq`},
	"security": {"source": "XmlWinEventLog:Security", "sourcetype": "XmlWinEventLog", "Channel": "Security", "Keywords": "0x8020000000000000",
		"SubjectUserSid": "S-1-5-21-1", "SubjectUserName": "zqa", "SubjectDomainName": "CORP", "SubjectLogonId": "0x3e7"},
	"security 4688": {"NewProcessName": path7, "NewProcessId": "0x1f4", "ProcessId": "0x1f5", "ParentProcessName": `C:\zq7\zq9.exe`, "CommandLine": "zq7", "TargetUserName": "zqb", "TargetDomainName": "CORP", "TokenElevationType": "%%1936"},
	"security 4624": {"TargetUserName": "zqb", "TargetDomainName": "CORP", "TargetUserSid": "S-1-5-21-2", "TargetLogonId": "0x1", "LogonType": "3", "IpAddress": "10.1.2.3", "IpPort": "50000", "WorkstationName": "WSZQ", "ProcessName": path7, "ProcessId": "0x1f4", "AuthenticationPackageName": "NTLM", "LogonProcessName": "NtLmSsp"},
	"security 4769": {"TargetUserName": "zqb", "TargetDomainName": "CORP", "ServiceName": "zqsvc", "ServiceSid": "S-1-5-21-3", "TicketOptions": "0x40810000", "TicketEncryptionType": "0x12", "IpAddress": "10.1.2.3", "IpPort": "50000", "Status": "0x0"},
	"powershell": {"source": "XmlWinEventLog:Microsoft-Windows-PowerShell/Operational", "sourcetype": "XmlWinEventLog", "Channel": "Microsoft-Windows-PowerShell/Operational",
		"UserID": "S-1-5-21-1", "Opcode": "15", "ScriptBlockText": "zq7", "ScriptBlockId": "a-1", "Path": `C:\zq7\zq8.ps1`, "MessageNumber": "1", "MessageTotal": "1"},
}

// cloudUsual are fields of an ordinary event of other streams.
var cloudUsual = map[string]map[string]string{
	"aws/cloudtrail": {"sourcetype": "aws:cloudtrail", "eventName": "zqName", "eventSource": "zq.amazonaws.com", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "userAgent": "zq", "eventID": "e-1",
		"userIdentity.type": "IAMUser", "userIdentity.userName": "zqa", "userIdentity.arn": "arn:aws:iam::111122223333:user/zqa", "userIdentity.accountId": "111122223333", "userIdentity.principalId": "AIDZQ", "userIdentity.accessKeyId": "AKZQ"},
	"o365/audit": {"sourcetype": "o365:management:activity", "Operation": "zqName", "Workload": "AzureActiveDirectory", "UserId": "zqa@example.com", "Id": "e-1", "OrganizationId": "o-1", "ResultStatus": "Success", "ActorIpAddress": "198.51.100.7", "ObjectId": "zq-object", "UserType": "0", "RecordType": "15"},
	"kubernetes/audit_logs": {"source": "kubernetes", "sourcetype": "kube:audit", "kind": "Event", "verb": "get", "stage": "ResponseComplete", "requestURI": "/zq", "user.username": "zqa", "user.uid": "u-1", "user.groups{}": "zq",
		"sourceIPs{}": "198.51.100.7", "userAgent": "zq", "objectRef.resource": "zqs", "objectRef.namespace": "zq", "objectRef.name": "zq", "responseStatus.code": "200", "requestReceivedTimestamp": "2026-01-02T00:00:00.000000Z"},
	"auditd/log": {"sourcetype": "linux:audit", "type": "SYSCALL", "pid": "4242", "ppid": "4241", "auid": "1000", "uid": "0", "exe": "/usr/bin/zq", "comm": "zq", "success": "yes", "syscall": "59", "host": "zq",
		"hostname": "zq", "res": "success", "UID": "root", "proctitle": "zq7"},
	"azure/signinlogs": {"sourcetype": "azure:monitor:aad", "category": "SignInLogs", "operationName": "Sign-in activity", "callerIpAddress": "198.51.100.7", "tenantId": "t-1", "resourceId": "/tenants/zq",
		"properties.userPrincipalName": "zqa@example.com", "properties.userId": "u-1", "properties.appDisplayName": "zq", "properties.ipAddress": "198.51.100.7", "properties.status.errorCode": "0",
		"properties.userAgent": "zq", "properties.id": "e-1", "properties.resourceDisplayName": "zq", "properties.resourceId": "r-1"},
	"azure/auditlogs": {"sourcetype": "azure:monitor:aad", "category": "AuditLogs", "operationName": "zqName", "callerIpAddress": "198.51.100.7", "tenantId": "t-1", "resourceId": "/tenants/zq", "resultDescription": "zq",
		"properties.result": "success", "properties.operationType": "Add", "properties.loggedByService": "Core Directory", "properties.targetResources{}.displayName": "zq", "properties.targetResources{}.type": "User",
		"properties.targetResources{}.id": "u-2", "properties.targetResources{}.userPrincipalName": "zqb@example.com", "properties.initiatedBy.user.userPrincipalName": "zqa@example.com",
		"properties.initiatedBy.user.id": "u-1", "properties.initiatedBy.user.displayName": "Zq A"},
	"google_workspace/login": {"sourcetype": "gws:reports:login", "event.name": "login_failure", "event.type": "login", "actor.email": "zqa@example.com", "ipAddress": "198.51.100.7", "id.applicationName": "login", "ownerDomain": "example.com"},
	"google_workspace/drive": {"sourcetype": "gws:reports:drive", "name": "change_user_access", "email": "zqa@example.com", "ip_address": "198.51.100.7", "parameters.doc_id": "d-1", "parameters.doc_title": "zq", "parameters.doc_type": "document",
		"parameters.owner": "zqa@example.com", "parameters.owner_is_shared_drive": "false", "parameters.owner_is_team_drive": "false", "parameters.target_user": "zqb@example.com", "parameters.visibility": "private"},
	"github/audit": {"sourcetype": "github:cloud:audit", "action": "zq.name", "actor": "zqa", "org": "zq", "repo": "zq/zq", "user_agent": "zq", "actor_ip": "198.51.100.7", "_document_id": "e-1"},
	"zeek/ssl":     {"sourcetype": "bro:ssl:json", "uid": "C1", "id.orig_h": "10.1.2.3", "id.orig_p": "50000", "id.resp_h": "198.51.100.7", "id.resp_p": "443", "server_name": "zq.example", "version": "TLSv12"},
	"suricata/eve": {"sourcetype": "suricata", "event_type": "http", "src_ip": "198.51.100.7", "src_port": "50000", "dest_ip": "10.1.2.3", "dest_port": "80", "proto": "TCP", "http.url": "/zq", "http.hostname": "zq.example",
		"http.http_user_agent": "zq", "http.http_method": "GET", "http.status": "200"},
	"system/system":                 {"EventCode": "7036", "source": "XmlWinEventLog:System", "sourcetype": "XmlWinEventLog", "Channel": "System", "Computer": "wszq.example.com", "host": "wszq.example.com", "param1": "zq", "param2": "zq", "param3": "zq", "param4": "zq"},
	"system/application":            {"EventCode": "3000", "source": "XmlWinEventLog:Application", "sourcetype": "XmlWinEventLog", "Channel": "Application", "Computer": "wszq.example.com", "host": "wszq.example.com", "param1": "zq", "param2": "zq"},
	"windows/applocker_exe_and_dll": {"EventCode": "8004", "source": "XmlWinEventLog:Microsoft-Windows-AppLocker/EXE and DLL", "sourcetype": "XmlWinEventLog", "Channel": "Microsoft-Windows-AppLocker/EXE and DLL", "Computer": "wszq.example.com", "host": "wszq.example.com", "Message": "zq"},
	"windows/forwarded":             {"EventCode": "20", "sourcetype": "XmlWinEventLog", "Channel": "zq", "Computer": "wszq.example.com", "host": "wszq.example.com", "Message": "zq", "UserID": "S-1-5-21-1"},
	"windows/windows_defender":      {"EventCode": "1121", "source": "XmlWinEventLog:Microsoft-Windows-Windows Defender/Operational", "sourcetype": "XmlWinEventLog", "Channel": "Microsoft-Windows-Windows Defender/Operational", "Computer": "wszq.example.com", "host": "wszq.example.com", "Message": "zq"},
	"okta/system":                   {"sourcetype": "OktaIM2:log", "eventType": "zq.name", "actor.alternateId": "zqa@example.com", "actor.displayName": "Zq A", "actor.id": "u1", "client.ipAddress": "198.51.100.7", "outcome.result": "SUCCESS", "uuid": "e-1", "client.userAgent.rawUserAgent": "zq"},
}

// forwardedChannels are the channels behind sources and source types that do not name them as Windows does.
var forwardedChannels = map[string]string{
	"msexchange:management": "MSExchange Management", "iis:configuration:operational": "Microsoft-IIS-Configuration/Operational",
	"wineventlog:microsoft-windows-printservice/operational": "Microsoft-Windows-PrintService/Operational",
}

// modelCodes are the event codes that stand for a data set.
var modelCodes = map[string]string{"Processes": "1", "Registry": "13", "Filesystem": "11", "All_Traffic": "3", "DNS": "22", "Network_Traffic": "3", "Network_Resolution": "22"}
