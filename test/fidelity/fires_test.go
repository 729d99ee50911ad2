package fidelity

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// macroTable gives the interpreter the macros of the real rules.
type macroTable []translate.Macro

// Macro finds a macro by its name and the number of its arguments.
func (m macroTable) Macro(name string, n int) (spl.MacroDef, bool) {
	for _, x := range m {
		if x.Name == name && len(x.Arguments) == n {
			return spl.MacroDef{Name: name, Arguments: x.Arguments, Definition: x.Definition, Eval: x.Eval}, true
		}
	}
	return spl.MacroDef{}, false
}

// sceneOf chooses the stream and the ordinary event that a rule is tried on.
func sceneOf(q *spl.Query, s *solver, indices []string) (scene, string) {
	in := func(name string) bool {
		return slices.ContainsFunc(indices, func(i string) bool { return strings.Contains(i, name) })
	}
	code := ""
	for _, name := range []string{"EventCode", "EventID", "signature_id"} {
		if w := s.want[name]; w != nil && len(w.is) > 0 {
			code = w.is[0]
		}
	}
	kind, stream := "", ""
	switch {
	case in("windows.sysmon_operational"):
		kind, stream = "sysmon", "windows/sysmon_operational"
	case in("system.security"):
		kind, stream = "security", "system/security"
	case in("windows.powershell_operational"):
		kind, stream = "powershell", "windows/powershell_operational"
	}
	if t, ok := q.Pipeline.Commands[0].(*spl.TStats); ok && t.From != nil && strings.HasPrefix(t.From.Text, "Web") && in("iis.access") {
		return scene{"iis/access", map[string]string{"s_computername": "WSZQ", "s_ip": "10.1.2.3", "cs_method": "GET", "cs_uri_stem": "/zq7", "s_port": "80", "c_ip": "198.51.100.7",
			"cs_User_Agent": "zq", "cs_host": "zq.example", "sc_status": "200", "sc_bytes": "5", "cs_bytes": "6", "cs_username": "zqa"}}, ""
	}
	if kind == "" {
		for _, name := range slices.Sorted(maps.Keys(cloudUsual)) {
			if in(strings.ReplaceAll(name, "/", ".")) && (len(indices) == 1 || applocker(indices)) && !lake(q) {
				return scene{name, cloudUsual[name]}, ""
			}
		}
		return scene{}, "no facts about the pipelines of its streams"
	}
	if t, ok := q.Pipeline.Commands[0].(*spl.TStats); ok && t.From != nil {
		set := t.From.Text[strings.LastIndexByte(t.From.Text, '.')+1:]
		if t.Nodename != nil {
			set = t.Nodename.Text[strings.LastIndexByte(t.Nodename.Text, '.')+1:]
		}
		switch set {
		case "Authentication", "Failed_Authentication", "Successful_Authentication":
			name := "okta/system"
			if w := s.want["signature"]; w != nil && slices.Contains(w.is, "ConsoleLogin") {
				name = "aws/cloudtrail"
			}
			return scene{name, cloudUsual[name]}, ""
		case "Change", "All_Changes", "Account_Management":
			if w := s.want["result_id"]; w != nil && len(w.is) > 0 {
				usual := map[string]string{"EventCode": w.is[0], "Computer": "wszq.example.com", "host": "wszq.example.com", "TargetUserName": "zqb", "TargetDomainName": "CORP"}
				maps.Copy(usual, windowsUsual["security"])
				return scene{"system/security", usual}, ""
			}
		}
		deleted := s.want["action"] != nil && slices.Contains(s.want["action"].is, "deleted")
		switch code = modelCodes[set]; {
		case deleted && code == "13":
			code = "12"
		case deleted && code == "11":
			code = "23"
		}
		if code == "" {
			return scene{}, "no event stands for the data set " + set
		}
	}
	if code == "" {
		code = map[string]string{"sysmon": "1", "security": "4688", "powershell": "4104"}[kind]
	}
	usual := map[string]string{"EventCode": code, "Computer": "wszq.example.com", "host": "wszq.example.com", "RecordNumber": "7"}
	maps.Copy(usual, windowsUsual[kind])
	like := code
	switch {
	case kind == "sysmon" && windowsUsual["sysmon "+code] == nil:
		like = map[string]string{"2": "11", "14": "13", "15": "11", "18": "17", "26": "23"}[code]
	case kind == "security" && windowsUsual["security "+code] == nil && slices.Contains(pipeline.Streams()[stream].Has[code], "IpAddress"):
		like = "4624"
	}
	maps.Copy(usual, windowsUsual[kind+" "+like])
	return scene{stream, usual}, ""
}

// applocker says that a search reads the four channels of AppLocker and no other stream.
func applocker(indices []string) bool {
	return !slices.ContainsFunc(indices, func(i string) bool { return !strings.Contains(i, "windows.applocker_") })
}

// lake says that a search reads CloudTrail's events in the form of Amazon Security Lake, whose names no facts know.
func lake(q *spl.Query) bool {
	return slices.ContainsFunc(q.Macros, func(m spl.MacroUse) bool { return m.Name == "amazon_security_lake" })
}

// trial is one rule with the events that it is tried on.
type trial struct {
	rule     corpusRule
	stream   *pipeline.Stream
	hit      []pipeline.Event // raw events that Splunk alerts on
	miss     []pipeline.Event // the same but for one condition, on which it does not; nil where none was found
	changed  string           // the field of that condition
	at       time.Time
	lookups  map[string]run.Lookup
	query    *spl.Query
	unknowns []string
	of       *scene // what to try the rule on; nil where its search says so
}

// splunkAlerts asks the interpreter whether a search gives a row for raw events.
func (t *trial) splunkAlerts(ctx context.Context, events []pipeline.Event) (bool, error) {
	var in []run.Event
	for i, raw := range events {
		fields := map[string]any{}
		for name, vs := range t.stream.WithNames(raw) {
			if len(vs) == 1 {
				fields[name] = vs[0]
			} else {
				fields[name] = vs
			}
		}
		for _, name := range t.unknowns {
			if fields[name] == nil {
				fields[name] = "unknown" // as data models have it
			}
		}
		fields["_time"] = float64(t.at.Unix() + int64(i))
		text, err := json.Marshal(fields)
		if err != nil {
			return false, err
		}
		fields["_raw"] = string(text)
		if text, err = json.Marshal(fields); err != nil {
			return false, err
		}
		ev, err := run.ReadEvent(text, time.UTC)
		if err != nil {
			return false, err
		}
		in = append(in, ev)
	}
	r, err := run.Run(ctx, lower.Lower(t.query), run.Input{Events: in, Lookups: t.lookups, Now: t.at.Add(10 * time.Minute), Zone: time.UTC,
		Limits: run.Limits{Steps: 3_000_000}})
	if err != nil {
		return false, err
	}
	return len(r.Rows) > 0, nil
}

// prepare finds raw events that Splunk alerts on, and some that it does not; why says what stood in the way.
func (t *trial) prepare(ctx context.Context, macros macroTable) (why string) {
	t.query = spl.Parse(t.rule.request.Query, spl.Options{Macros: macros})
	if t.query.Pipeline == nil || len(t.query.Pipeline.Commands) == 0 {
		return "the search cannot be read"
	}
	why = "no event was found that Splunk alerts on"
	for choice := range 16 {
		s := solve(t.query.Pipeline, choice)
		if s.failed != "" {
			return "it has " + s.failed
		}
		var sc scene
		if t.of != nil {
			sc = *t.of
		} else {
			var no string
			if sc, no = sceneOf(t.query, s, t.rule.out.Index); no != "" {
				return no
			}
		}
		t.stream = pipeline.Streams()[sc.stream]
		t.unknowns = nil
		if _, ok := t.query.Pipeline.Commands[0].(*spl.TStats); ok {
			for _, k := range s.keys {
				t.unknowns = append(t.unknowns, k[strings.LastIndexByte(k, '.')+1:])
			}
		}
		raw, err := s.raw(t.stream, sc.usual)
		if err != nil {
			why = err.Error()
			continue
		}
		if t.stream.Name == "windows/forwarded" {
			raw["Channel"] = []string{forwardedChannel(raw)}
		}
		for _, n := range []int{1, 40, 240} {
			if n > 1 && len(s.vary) == 0 && choice > 2 || n > 40 && choice > 1 {
				break // repeating the event gives a threshold no more than the first choices did
			}
			if title := raw["proctitle"]; t.stream.Name == "auditd/log" && len(title) == 1 && strings.Contains(title[0], " ") {
				// the audit log writes a title with several arguments in hexadecimal, with a zero between them
				raw["proctitle"] = []string{strings.ToUpper(hex.EncodeToString([]byte(strings.Join(strings.Fields(title[0]), "\x00"))))}
			}
			events := append(s.several(t.stream, raw, sc.usual, n), t.joined(choice, sc, raw)...)
			if ok, err := t.splunkAlerts(ctx, events); err != nil {
				why = "the interpreter: " + strings.SplitN(err.Error(), "\n", 2)[0]
				break
			} else if ok {
				t.hit = events
				t.without(ctx, s, sc)
				return ""
			}
		}
	}
	return why
}

// forwardedChannel is the channel that a search means by its source or source type.
func forwardedChannel(raw pipeline.Event) string {
	for _, name := range []string{"source", "sourcetype"} {
		if vs := raw[name]; len(vs) == 1 {
			if channel := forwardedChannels[strings.ToLower(vs[0])]; channel != "" {
				return channel
			}
			if _, channel, ok := strings.Cut(vs[0], ":"); ok && strings.Contains(channel, "/") {
				return channel
			}
		}
	}
	return "zq"
}

// joined are the events of the data sets that joined searches read, for the same process on the same host as an event.
func (t *trial) joined(choice int, sc scene, of pipeline.Event) []pipeline.Event {
	var out []pipeline.Event
	if _, ok := t.query.Pipeline.Commands[0].(*spl.TStats); !ok || sc.stream != "windows/sysmon_operational" {
		return nil
	}
	for _, c := range t.query.Pipeline.Commands {
		j, ok := c.(*spl.Join)
		if !ok || j.Sub == nil || len(j.Sub.Commands) == 0 {
			continue
		}
		from, ok := j.Sub.Commands[0].(*spl.TStats)
		if !ok || from.From == nil {
			continue
		}
		code := modelCodes[from.From.Text[strings.LastIndexByte(from.From.Text, '.')+1:]]
		if code == "" || code == sc.usual["EventCode"] {
			continue
		}
		usual := maps.Clone(windowsUsual["sysmon"])
		maps.Copy(usual, windowsUsual["sysmon "+code])
		usual["EventCode"], usual["Computer"], usual["host"], usual["RecordNumber"] = code, "wszq.example.com", "wszq.example.com", "8"
		s := solve(j.Sub, choice)
		raw, err := s.raw(t.stream, usual)
		if s.failed != "" || err != nil {
			continue
		}
		for _, name := range []string{"ProcessId", "ProcessGuid"} {
			if vs := of[name]; len(vs) > 0 {
				raw[name] = vs
			}
		}
		out = append(out, raw)
	}
	return out
}

// several repeats an event, with other values of the fields that a threshold counts.
func (s *solver) several(st *pipeline.Stream, raw pipeline.Event, usual map[string]string, n int) []pipeline.Event {
	var out []pipeline.Event
	for i := range n {
		ev := maps.Clone(raw)
		for name := range s.vary {
			if s.set != "" {
				name = name[strings.LastIndexByte(name, '.')+1:]
			}
			name = s.stands(name)
			code := ""
			if len(raw[st.By]) > 0 {
				code = raw[st.By][0]
			}
			from := name
			if _, own := raw[name]; !own {
				from, _, _ = s.from(st, usual, name, code)
			}
			switch vs := raw[from]; {
			case len(s.among[name]) > 1 && !strings.Contains(s.among[name][i%len(s.among[name])], "*"):
				ev[from] = []string{s.among[name][i%len(s.among[name])]}
			case len(vs) == 1 && i > 0:
				ev[from] = []string{varied(vs[0], i)}
			}
		}
		out = append(out, ev)
	}
	return out
}

// varied is another value of the same form.
func varied(v string, i int) string {
	if name, domain, ok := strings.Cut(v, "@"); ok {
		return fmt.Sprint(name, i, "@", domain)
	}
	if parts := strings.Split(v, "."); len(parts) == 4 {
		return fmt.Sprintf("%s.%s.%s.%d", parts[0], parts[1], parts[2], i%250)
	}
	return fmt.Sprint(v, i)
}

// opposite are the words of fields that an index takes no others for.
var opposite = map[string]string{"yes": "No", "no": "Yes", "true": "false", "false": "true"}

// alien is a value that no rule asks for, a number in the place of a number.
func alien(of []string) string {
	if len(of) == 1 {
		if other, ok := opposite[strings.ToLower(of[0])]; ok {
			return other
		}
	}
	if len(of) == 1 {
		if _, err := strconv.ParseFloat(of[0], 64); err == nil {
			return "98765"
		}
	}
	return `C:\alien\zz.bin`
}

// without looks for a condition whose field can be given another value, so that Splunk does not alert.
func (t *trial) without(ctx context.Context, s *solver, sc scene) {
	for _, name := range slices.Sorted(maps.Keys(s.want)) {
		w := s.want[name]
		if len(w.is) == 0 || name == "index" || name == "EventCode" || name == "sourcetype" || name == "source" || name == "eventtype" || name == "Channel" {
			continue
		}
		from := name
		if _, own := sc.usual[name]; !own {
			from, _, _ = behind(t.stream, name, s.code(t.stream, sc.usual[t.stream.By]))
		}
		_, own := sc.usual[from]
		if from == t.stream.By || len(t.unknowns) > 0 && !own && !t.stream.Knows(from) {
			continue // what data models derive from more than a field cannot be changed alone
		}
		var events []pipeline.Event
		for _, e := range t.hit {
			e = maps.Clone(e)
			e[from] = []string{alien(e[from])}
			events = append(events, e)
		}
		if ok, err := t.splunkAlerts(ctx, events); err == nil && !ok {
			t.miss, t.changed = events, from
			return
		}
	}
}

// TestEveryFullRuleFires gives each full rule a raw event with the values that its SPL asks for, and one that misses by a
// condition, both as the interpreter judges them. The facts about pipelines, never the mapping tables, make documents of
// them. The rule must alert on the first and not on the second.
func TestEveryFullRuleFires(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	macros := macroTable(goldenMacros(t))
	full, tried, fired, quiet, quietTried := 0, 0, 0, 0, 0
	untried, sources := tally{}, tally{}
	made := map[string]string{}
	start := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	var trials []*trial
	for i, r := range corpus(t) {
		if r.out.Result != translate.Full {
			continue
		}
		full++
		if !all() && i%12 != 0 {
			continue
		}
		tr := &trial{rule: r, at: start.Add(time.Duration(len(trials)) * 2 * time.Hour)}
		if why := tr.prepare(ctx, macros); why != "" {
			untried.add(why)
			sources.add(strings.Join(r.out.Index, ", "))
			continue
		}
		trials = append(trials, tr)
	}
	for n, tr := range trials {
		if _, err := catalogue.Ensure(ctx, node.Client, tr.rule.out.Index...); err != nil {
			t.Fatal(err)
		}
		streams := catalogue.Match("logs-" + strings.ReplaceAll(tr.stream.Name, "/", ".") + "-*")
		if len(streams) != 1 {
			t.Fatalf("%d streams for %s", len(streams), tr.stream.Name)
		}
		var ids []string
		var docs []any
		for part, events := range [][]pipeline.Event{tr.hit, tr.miss} {
			for k, raw := range events {
				ids = append(ids, fmt.Sprintf("fires-%d-%d-%d", n, part, k))
				docs = append(docs, document(tr.stream, raw, tr.at.Add(time.Duration(part)*time.Hour+time.Duration(k)*time.Second)))
			}
		}
		if err := bulkIDs(ctx, node, streams[0].Index(), ids, docs); err != nil {
			t.Logf("%s: %v", tr.rule.request.Title, err)
		}
	}
	if err := node.Do(ctx, "POST", "/logs-*/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, tr := range trials {
		if err := createLookups(ctx, node, tr.rule.out.Lookups, made); err != nil {
			t.Fatal(err)
		}
		tried++
		rows, err := tr.alerts(ctx, node, tr.at)
		switch {
		case err != nil:
			t.Logf("NOT FIRED %s: %v", tr.rule.request.Title, err)
		case rows == 0:
			t.Logf("NOT FIRED %s\n  spl: %s\n  raw: %v\n%s", tr.rule.request.Title, tr.rule.request.Query, tr.hit[0], tr.rule.out.Query)
		default:
			fired++
		}
		if tr.miss == nil {
			continue
		}
		quietTried++
		if rows, err := tr.alerts(ctx, node, tr.at.Add(time.Hour)); err == nil && rows == 0 {
			quiet++
		} else {
			t.Logf("FIRED WRONGLY %s without %s: %d rows, %v\n  spl: %s\n%s", tr.rule.request.Title, tr.changed, rows, err, tr.rule.request.Query, tr.rule.out.Query)
		}
	}
	t.Logf("FIGURE full rules: %d; tried on an event that Splunk alerts on: %d (%s); alerted: %d; of %d events that miss by a condition, not alerted on: %d",
		full, tried, percent(tried, full), fired, quietTried, quiet)
	// Where a rule does not fire, either its draft is wrong or the event lacks a field whose raw name the facts do not know:
	// each is printed to be read. Many at once are a fault of this program's.
	if fired*100 < tried*98 || quiet*100 < quietTried*98 {
		t.Errorf("%d of %d rules fired, %d of %d stayed quiet: see NOT FIRED and FIRED WRONGLY", fired, tried, quiet, quietTried)
	}
	for _, line := range untried.lines(25) {
		t.Logf("FIGURE   not tried: %s", line)
	}
	for _, line := range sources.lines(25) {
		t.Logf("FIGURE   not tried, by source: %s", line)
	}
}

// alerts counts the rows of the draft over the ten minutes from a time, as Kibana runs it.
func (t *trial) alerts(ctx context.Context, node *elasticsearch.Node, from time.Time) (int, error) {
	r, err := node.ESQL(ctx, t.rule.out.Query, elasticsearch.ESQLOptions{Filter: map[string]any{"range": map[string]any{"@timestamp": map[string]any{
		"gte": from.Add(-time.Minute).Format(time.RFC3339), "lt": from.Add(10 * time.Minute).Format(time.RFC3339)}}}})
	return len(r.Values), err
}

// document is what the pipeline makes of a raw event, as far as its facts tell.
func document(st *pipeline.Stream, raw pipeline.Event, at time.Time) map[string]any {
	integration, set, _ := strings.Cut(st.Name, "/")
	doc := map[string]any{"@timestamp": at.Format(time.RFC3339), "event.module": integration, "event.dataset": integration + "." + set,
		"data_stream.dataset": integration + "." + set, "data_stream.type": "logs", "data_stream.namespace": "default", "host.os.type": "windows"}
	// the agent names the host, and the task of a Windows event
	if vs := raw["host"]; len(vs) == 1 {
		doc["host.name"] = vs[0]
	}
	if st.By == "EventCode" {
		doc["event.action"] = "Zq task"
	}
	if vs := raw["os"]; len(vs) == 1 && !strings.Contains(strings.ToLower(vs[0]), "windows") {
		doc["host.os.type"] = "linux"
	}
	for name, vs := range st.Apply(raw).Doc {
		if name == "@timestamp" {
			continue
		}
		if len(vs) == 1 {
			doc[name] = vs[0]
		} else {
			doc[name] = vs
		}
	}
	return doc
}
