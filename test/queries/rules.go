package queries

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Rule is a detection in SPL whose literals are drawn anew for each run, so that no cache of the node has seen them.
type Rule struct {
	// Name says which class of predicate it is about.
	Name string
	// SPL makes the search.
	SPL func(Literals) string
	// Stored says that the search names fields as they are stored, which then may all hold several values, instead of
	// as Splunk's add-ons do.
	Stored bool
}

// Literals draws what a run looks for.
type Literals struct{ draws }

// NewLiterals are the literals of one run of one rule.
func NewLiterals(rule, run int) Literals {
	return Literals{draws{rand.New(rand.NewPCG(uint64(rule), uint64(run)))}}
}

// Program is the name of a program without .exe, Argument a word of command lines, Person an account.
func (l Literals) Program() string  { return word(l.IntN(programs)) }
func (l Literals) Argument() string { return word(l.IntN(arguments)) }
func (l Literals) Person() string   { return word(l.IntN(people)) }

// list joins n literals.
func list(n int, between string, each func() string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = each()
	}
	return strings.Join(parts, between)
}

const (
	starts      = `source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode=1 `
	connections = `source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode=3 `
	processes   = `| tstats count min(_time) as firstTime from datamodel=Endpoint.Processes where `
	byProcess   = " by Processes.dest Processes.user Processes.process | `drop_dm_object_name(Processes)`"
)

// Rules are the rules in the order of the report.
func Rules() []Rule {
	return []Rule{
		{Name: "equality, any case", SPL: func(l Literals) string {
			return processes + `Processes.process_name="` + l.Program() + `.exe"` + byProcess
		}},
		{Name: "equality of several fields", SPL: func(l Literals) string {
			return starts + `process_name="` + l.Program() + `.exe" user!="SYSTEM" IntegrityLevel="High" | stats count by dest user process_name`
		}},
		{Name: "IN, 8 names", SPL: func(l Literals) string {
			return processes + `Processes.process_name IN (` + list(8, ", ", func() string { return `"` + l.Program() + `.exe"` }) + `)` + byProcess
		}},
		{Name: "IN, 40 names", SPL: func(l Literals) string {
			return starts + `process_name IN (` + list(40, ", ", func() string { return `"` + l.Program() + `.exe"` }) + `) IntegrityLevel="System" user="*a*" | table _time dest user process_name CommandLine`
		}},
		{Name: "prefix", SPL: func(l Literals) string {
			return starts + `Image="C:\\Program Files\\` + l.Program() + `\\*" | table _time dest user Image CommandLine`
		}},
		{Name: "suffix", SPL: func(l Literals) string {
			return starts + `Image="*\\` + l.Program() + `.exe" ParentImage="*.exe" | stats count by dest user Image`
		}},
		{Name: "contains", SPL: func(l Literals) string {
			return processes + `Processes.process="*` + l.Argument() + `*"` + byProcess
		}},
		{Name: "contains, 4 OR-ed", SPL: func(l Literals) string {
			return starts + `(` + list(4, " OR ", func() string { return `CommandLine="*` + l.Argument() + `*"` }) + `) | table _time dest user CommandLine`
		}},
		{Name: "contains, 10 OR-ed", SPL: func(l Literals) string {
			return processes + `(` + list(10, " OR ", func() string { return `Processes.process="*` + l.Argument() + `*"` }) + `) Processes.user="*e*"` + byProcess
		}},
		{Name: "contains, 3 AND-ed", SPL: func(l Literals) string {
			return starts + `CommandLine="*--` + l.Argument()[:3] + `*" CommandLine="*https://*" CommandLine="*.dat*"`
		}},
		{Name: "equality AND contains", SPL: func(l Literals) string {
			return processes + `Processes.process_name="powershell.exe" Processes.process="*` + l.Argument() + `*"` + byProcess
		}},
		{Name: "contains AND NOT contains", SPL: func(l Literals) string {
			return starts + `CommandLine="*` + l.Argument() + `*" NOT (ParentImage="*\\svchost.exe" OR ParentImage="*\\services.exe" OR CommandLine="*` + l.Argument() + `*")`
		}},
		{Name: "prefix, middle and suffix in one", SPL: func(l Literals) string {
			return starts + `Image="C:\\Users\\*\\AppData\\Local\\Temp\\*\\` + l.Program() + `.exe" | stats count by dest`
		}},
		{Name: "match, any case", SPL: func(l Literals) string {
			return starts + `| where match(CommandLine, "(?i)--` + l.Argument() + `=[0-9a-f]{8}-[0-9a-f]{4}") | table _time dest user CommandLine`
		}},
		{Name: "regex, as written", SPL: func(l Literals) string {
			return starts + `| regex CommandLine="https://` + l.Argument() + `\.[a-z]+\.example/[0-9a-f]+"`
		}},
		{Name: "like, as written", SPL: func(l Literals) string {
			return starts + `| where like(ParentCommandLine, "%\\` + l.Program() + `.exe %") OR like(ParentCommandLine, "C:\\ProgramData\\` + l.Argument() + `%")`
		}},
		{Name: "networks and ports", SPL: func(l Literals) string {
			return connections + fmt.Sprintf(`DestinationIp="%d.0.0.0/8" DestinationPort>1023 NOT SourceIp="10.3.0.0/16" NOT DestinationHostname="*.%s.example"`,
				1+l.IntN(220), word(l.IntN(300)))
		}},
		// The raw events of Sysmon always have these fields ("-" where there is no value), so only the stored ones can be missing.
		{Name: "missing values", Stored: true, SPL: func(l Literals) string {
			return `event.code=1 NOT process.pe.original_file_name=* NOT process.parent.executable=* process.command_line=* user.name="` + l.Person()[:2] + `*"`
		}},
		{Name: "several values, equality", Stored: true, SPL: func(l Literals) string {
			return `event.code=1 process.args="` + l.Argument() + `" NOT process.args="/quiet" event.category="process"`
		}},
		{Name: "several values, contains", Stored: true, SPL: func(l Literals) string {
			return `event.code=1 process.args="*` + l.Argument() + `*" NOT process.args="*` + l.Argument() + `" process.name="*.exe"`
		}},
	}
}
