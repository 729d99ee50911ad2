// Package queries measures what translated rules cost on a real node: generated Windows events, rules written as
// detections are, and two plain ways of writing the same conditions to compare with.
package queries

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	// Span is the time that the events cover.
	Span = 24 * time.Hour
	seed = 20260102
)

// Start is the time of the first event.
var Start = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// Words of the generated names. What a rule asks for is drawn from the same ones, so that it finds something.
const (
	programs  = 4_000  // names of programs besides those of Windows
	arguments = 20_000 // words in command lines
	people    = 5_000
	machines  = 2_000
)

// word is the n-th word of a made-up language: unlike numbers, words share beginnings and ends, as real names do.
func word(n int) string {
	const first, rest = "bcdfghjklmnprstvwz", "aeiou"
	var b strings.Builder
	n += 90 // at least three letters
	for ; n > 0; n /= 90 {
		b.WriteByte(first[n%90/5])
		b.WriteByte(rest[n%90%5])
	}
	return b.String()
}

var (
	windowsPrograms = []string{"svchost.exe", "cmd.exe", "powershell.exe", "rundll32.exe", "regsvr32.exe", "conhost.exe", "explorer.exe", "wmiprvse.exe",
		"services.exe", "msiexec.exe", "taskhostw.exe", "schtasks.exe", "net.exe", "net1.exe", "reg.exe", "certutil.exe", "bitsadmin.exe", "wscript.exe",
		"mshta.exe", "dllhost.exe", "RuntimeBroker.exe", "SearchIndexer.exe", "MsMpEng.exe", "w3wp.exe", "sqlservr.exe", "OUTLOOK.EXE", "WINWORD.EXE", "chrome.exe"}
	flags = []string{"-k", "/c", "/s", "-NoProfile", "-ExecutionPolicy", "/quiet", "--type", "-p", "/i", "-File", "/v", "/t", "--config", "-o"}
)

// draws makes the random parts of one event.
type draws struct{ *rand.Rand }

func (d draws) of(list []string) string { return list[d.IntN(len(list))] }
func (d draws) chance(percent int) bool { return d.IntN(100) < percent }
func (d draws) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.Uint32())
	}
	return b
}

// cased writes a name as one of the many programs that log it would.
func (d draws) cased(s string) string {
	switch d.IntN(6) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// program is the name of a program: half of them Windows' own.
func (d draws) program() string {
	if d.chance(50) {
		return d.of(windowsPrograms)
	}
	return d.cased(word(d.IntN(programs)) + ".exe")
}

func (d draws) folder(user string) string {
	switch d.IntN(8) {
	case 0:
		return `C:\Users\` + user + `\AppData\Local\Temp\` + hex.EncodeToString(d.bytes(5)) + `\`
	case 1:
		return `C:\Program Files\` + d.cased(word(d.IntN(programs))) + `\bin\`
	case 2:
		return `C:\ProgramData\` + word(d.IntN(arguments)) + `\`
	case 3:
		return `C:\Windows\SysWOW64\`
	case 4:
		return `D:\apps\` + word(d.IntN(400)) + `\` + word(d.IntN(arguments)) + `\`
	}
	return `C:\Windows\System32\`
}

func (d draws) guid() string {
	h := hex.EncodeToString(d.bytes(16))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// argument is one argument of a command line.
func (d draws) argument() string {
	switch d.IntN(9) {
	case 0, 1:
		return d.of(flags)
	case 2:
		return "--" + word(d.IntN(arguments)) + "=" + d.guid()
	case 3:
		return "https://" + word(d.IntN(arguments)) + "." + word(d.IntN(300)) + ".example/" + hex.EncodeToString(d.bytes(8))
	case 4:
		return d.folder("Public") + word(d.IntN(arguments)) + ".dat"
	case 5:
		return fmt.Sprint(d.IntN(1_000_000))
	}
	return d.cased(word(d.IntN(arguments)))
}

// Event returns event i of n. The same numbers give the same event.
func Event(i, n int) map[string]any {
	d := draws{rand.New(rand.NewPCG(seed, uint64(i)))}
	at := Start.Add(time.Duration(float64(Span) * (float64(i) / float64(n))))
	user, host := d.cased(word(d.IntN(people))), fmt.Sprintf("%s-%04d", d.of([]string{"WKS", "wks", "SRV", "Laptop"}), d.IntN(machines))
	if d.chance(2) {
		user = "Jürgen." + user // letters beyond ASCII
	} else if d.chance(40) {
		user = d.of([]string{"SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE"})
	}
	name := d.program()
	executable := d.folder(user) + name
	process := map[string]any{"name": name, "executable": executable, "pid": 4 * d.IntN(16_000), "entity_id": "{" + d.guid() + "}"}
	event := map[string]any{
		"@timestamp": at.Format("2006-01-02T15:04:05.000Z"),
		"host":       map[string]any{"name": host, "ip": []string{d.address(), d.address()}},
		"user":       map[string]any{"name": user, "domain": d.of([]string{"CORP", "corp", "NT AUTHORITY", "LAB"}), "id": fmt.Sprintf("S-1-5-21-%d", d.IntN(people))},
		"related":    map[string]any{"user": []string{user, d.cased(word(d.IntN(people)))}},
		"process":    process,
	}
	if d.chance(5) {
		delete(event, "user")
	}
	if d.chance(20) {
		d.connection(event)
	} else {
		d.start(event, process, executable, user)
	}
	return event
}

func (d draws) address() string {
	return fmt.Sprintf("10.%d.%d.%d", d.IntN(40), d.IntN(256), d.IntN(256))
}

// start makes it the start of a process.
func (d draws) start(event, process map[string]any, executable, user string) {
	event["event"] = map[string]any{"code": "1", "category": []string{"process"}, "type": []string{"start"}, "action": "Process creation"}
	args := []string{executable}
	for range 1 + d.IntN(8) {
		args = append(args, d.argument())
	}
	switch {
	case d.chance(4):
		args = append(args, "-enc", base64.StdEncoding.EncodeToString(d.bytes(40+d.IntN(120))))
	case d.chance(1): // longer than ignore_above
		args = append(args, base64.StdEncoding.EncodeToString(d.bytes(900)))
	case d.chance(1):
		args = append(args, "<<\n"+d.argument())
	}
	if !d.chance(3) {
		process["command_line"] = `"` + executable + `" ` + strings.Join(args[1:], " ")
		process["args"] = args
	}
	if !d.chance(10) {
		parent := d.program()
		path := d.folder(user) + parent
		process["parent"] = map[string]any{"name": parent, "executable": path, "command_line": path + " " + d.argument() + " " + d.argument(), "pid": 4 * d.IntN(16_000)}
	}
	if !d.chance(10) {
		process["pe"] = map[string]any{"original_file_name": d.program(), "company": d.of([]string{"Microsoft Corporation", word(d.IntN(500)) + " Ltd"})}
		hash := rand.New(rand.NewPCG(seed, uint64(d.IntN(8_000)))) // programs are few, starts are many
		process["hash"] = map[string]any{"sha256": hex.EncodeToString(draws{hash}.bytes(32))}
	}
	if !d.chance(15) {
		event["winlog"] = map[string]any{"event_data": map[string]any{"IntegrityLevel": d.of([]string{"System", "High", "Medium", "Medium", "Low"})}}
	}
}

// connection makes it a connection of a process.
func (d draws) connection(event map[string]any) {
	event["event"] = map[string]any{"code": "3", "category": []string{"network"}, "type": []string{"start", "connection", "protocol"}, "action": "Network connection detected"}
	event["source"] = map[string]any{"ip": d.address(), "port": 1024 + d.IntN(64_000)}
	destination := map[string]any{"ip": fmt.Sprintf("%d.%d.%d.%d", 1+d.IntN(220), d.IntN(256), d.IntN(256), d.IntN(256)), "port": []int{443, 80, 53, 445, 1024 + d.IntN(64_000)}[d.IntN(5)]}
	if !d.chance(30) {
		destination["domain"] = word(d.IntN(arguments)) + "." + word(d.IntN(300)) + ".example"
	}
	event["destination"] = destination
}
