package fidelity

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// goldenSources are how a search names the source of a golden pair.
var goldenSources = map[string]string{
	// clouds, identity and endpoints
	"azure_signin": `sourcetype="azure:monitor:aad" operationName="Sign-in activity"`, "azure_audit": `sourcetype="azure:monitor:aad" category="AuditLogs"`,
	"azure_risk": `sourcetype="azure:monitor:aad" category="UserRiskEvents"`, "azure_risky_users": `sourcetype="azure:monitor:aad" category="RiskyUsers"`,
	"azure_graph": `sourcetype="azure:monitor:aad" category="MicrosoftGraphActivityLogs"`, "azure_activity": `sourcetype="azure:monitor:activity"`,
	"gcp_audit": `sourcetype="google:gcp:pubsub:message"`, "github": `sourcetype="github:cloud:audit"`, "gws_login": `sourcetype="gws:reports:login"`,
	"gws_drive": `sourcetype="gws:reports:drive"`, "kube_audit": `sourcetype="kube:audit"`,
	"crowdstrike_fdr": `sourcetype="crowdstrike:events:sensor"`, "crowdstrike_falcon": `sourcetype="CrowdStrike:Event:Streams:JSON"`,
	"osquery": `sourcetype="osquery:results"`, "cisco_duo": `sourcetype="cisco:duo"`, "sysmon_linux": `sourcetype="sysmon:linux"`, "auditd_manager": `sourcetype="auditd_manager"`,
	"aws_cloudtrail": `sourcetype="aws:cloudtrail"`, "o365": `sourcetype="o365:management:activity"`, "okta": `sourcetype="OktaIM2:log"`,
	"zeek_conn": `sourcetype="bro:conn:json"`, "zeek_dns": `sourcetype="bro:dns:json"`, "suricata": `sourcetype="suricata"`,
	"panos_traffic": `sourcetype="pan:traffic"`, "iis": `sourcetype="ms:iis:auto"`, "linux_auditd": `sourcetype="linux:audit"`,
	"cisco_asa": `sourcetype="cisco:asa"`, "amazon_security_lake": `sourcetype="aws:cloudtrail:lake"`,
	"zeek_rpc": `sourcetype="zeek:rpc:json"`, "zeek_files": `sourcetype="zeek:files:json"`, "zeek_kerberos": `sourcetype="zeek:kerberos:json"`,
	"zeek_notice": `sourcetype="zeek:notice:json"`, "zeek_rdp": `sourcetype="zeek:rdp:json"`, "zeek_smb_files": `sourcetype="zeek:smb_files:json"`,
	"zeek_smtp": `sourcetype="zeek:smtp:json"`, "zeek_http": `sourcetype="zeek:http:json"`, "zeek_ssl": `sourcetype="zeek:ssl:json"`,
	"fortigate": `sourcetype="fgt_traffic"`, "checkpoint": `sourcetype="cp_log"`, "nginx": `sourcetype="nginx:access"`, "apache": `sourcetype="apache:access"`,
	"vpcflow": `sourcetype="aws:cloudwatchlogs:vpcflow"`, "elb": `sourcetype="aws:elb:accesslogs"`, "zscaler_web": `sourcetype="zscalernss-web"`,
	"cisco_ftd": `sourcetype="cisco:ftd"`, "cisco_ios": `sourcetype="cisco:ios"`,
	"stream_http": `sourcetype="stream:http"`, "stream_dns": `sourcetype="stream:dns"`, "stream_tcp": `sourcetype="stream:tcp"`,
	"aws_waf": `sourcetype="aws:waf"`, "aws_firewall": `sourcetype="aws:networkfirewall"`, "route53": `sourcetype="aws:route53"`,
	"gcp_firewall": `sourcetype="google:gcp:compute:firewall"`, "gcp_dns": `sourcetype="google:gcp:dns"`,
	"zeek_x509": `sourcetype="zeek:x509:json"`,
}

// goldenSearch is a search for one value of one field, with the events that Splunk finds.
type goldenSearch struct {
	source, model, field, spl string
	truth                     map[string]bool
}

// fields are the values of an event by Splunk's names, those that the add-on derives included.
func (p *goldenPair) fields() pipeline.Event {
	out := pipeline.Event{}
	for name, vs := range p.raw() {
		if vs = slices.DeleteFunc(vs, func(v string) bool { return v == "" }); len(vs) > 0 {
			out[name] = vs
		}
	}
	for name, v := range p.Derived {
		if s := plain(v); v != nil && s != "" {
			out[name] = []string{s}
		}
	}
	return out
}

// TestGoldenSearches makes a search of every field and value of the events whose documents are known, and looks for the
// events in an index of those documents: found; a hole or an approximation, which say so; or, in silence, missed or found
// wrongly.
func TestGoldenSearches(t *testing.T) {
	pairs := goldenPairs(t)
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	ids := map[string][]*goldenPair{}
	for i := range pairs {
		ids[pairs[i].Source] = append(ids[pairs[i].Source], &pairs[i])
	}
	classes := []string{"found", "hole", "approximation", "silent miss", "silently wrong", "refused"}
	grouped := map[string]tally{"all": {}}
	t.Logf("FIGURE searches for the values of golden events: %-16s %6s  %s", "source", "tried", strings.Join(classes, "  "))
	total := tally{}
	for _, source := range slices.Sorted(maps.Keys(ids)) {
		of := ids[source]
		index, err := goldenIndex(ctx, node, catalogue, source, of)
		if err != nil {
			t.Fatal(err)
		}
		compiler, err := translate.New(translate.Options{Index: []string{index}, Macros: goldenMacros(t)})
		if err != nil {
			t.Fatal(err)
		}
		counts := tally{}
		for n, g := range goldenSearches(source, of) {
			if !all() && n%6 != 0 {
				continue
			}
			class, detail := g.try(ctx, node, compiler, of)
			counts.add(class)
			total.add(class)
			switch {
			case class == "refused":
				t.Errorf("%s: %s", g.spl, detail)
			case strings.HasPrefix(class, "silent"):
				t.Errorf("%s: %s: %s", class, g.spl, detail)
			}
		}
		t.Logf("FIGURE   %s", row(source, classes, counts))
		grouped[source] = tally{}
		for n, g := range groupings(source, of) {
			if !all() && n%6 != 0 {
				continue
			}
			class, detail := g.group(ctx, node, compiler)
			if known := splitOtherwise[source+": "+g.spl]; known != "" && class == "silently wrong" {
				class = "excused"
				t.Logf("FIGURE excused: %s: %s", g.spl, known)
			}
			grouped[source].add(class)
			grouped["all"].add(class)
			if class == "refused" || strings.HasPrefix(class, "silent") {
				t.Errorf("%s: %s: %s", class, g.spl, detail)
			}
		}
	}
	t.Logf("FIGURE   %s", row("all", classes, total))
	classes = append(classes, "excused")
	t.Logf("FIGURE grouping golden events by their fields: %-24s %6s  %s", "source", "tried", strings.Join(classes, "  "))
	for _, source := range slices.Sorted(maps.Keys(grouped)) {
		t.Logf("FIGURE   %s", row(source, classes, grouped[source]))
	}
}

func row(name string, classes []string, counts tally) string {
	sum, cells := 0, ""
	for _, c := range classes {
		sum += counts[c]
		cells += fmt.Sprintf("  %*d", len(c), counts[c])
	}
	return fmt.Sprintf("%-62s %6d%s", name, sum, cells)
}

func goldenMacros(t testing.TB) []translate.Macro {
	t.Helper()
	f, err := os.Open(dataFile(t, "spl", "macros.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []translate.Macro
	for r, err := range splunk.Macros("macros.jsonl", f) {
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(r.Name, "(")
		out = append(out, translate.Macro{Name: name, Arguments: r.Arguments, Definition: r.Definition, Eval: r.IsEval})
	}
	return out
}

// goldenIndex indexes the documents of a source under the numbers of their events.
func goldenIndex(ctx context.Context, node *elasticsearch.Node, c *elasticsearch.Catalogue, source string, pairs []*goldenPair) (string, error) {
	index := "golden-" + strings.ReplaceAll(source, "_", "-")
	streams := c.Match("logs-" + strings.ReplaceAll(pairs[0].Stream, "/", ".") + "-*")
	if len(streams) != 1 {
		return "", fmt.Errorf("%d streams for %s", len(streams), pairs[0].Stream)
	}
	body := c.Mapping(streams[0])
	body["settings"].(map[string]any)["index"].(map[string]any)["mapping.ignore_malformed"] = true
	if mappings, ok := body["mappings"].(map[string]any); ok {
		for _, p := range pairs {
			grown(mappings, p.Doc)
		}
	}
	if err := node.DeleteIndex(ctx, index); err != nil {
		return "", err
	}
	if err := node.CreateIndex(ctx, index, body); err != nil {
		return "", err
	}
	integration, dataset, _ := strings.Cut(pairs[0].Stream, "/")
	for i, p := range pairs {
		doc := maps.Clone(p.Doc)
		event, _ := doc["event"].(map[string]any)
		event = maps.Clone(event)
		if event == nil {
			event = map[string]any{}
		}
		event["module"], event["dataset"] = integration, integration+"."+dataset // the pipelines' tests leave them out
		doc["event"] = event
		if err := putDoc(ctx, node, index, fmt.Sprint("e", i), doc); err != nil {
			return "", fmt.Errorf("%s: document %d: %w", source, i, err)
		}
	}
	return index, node.Do(ctx, "POST", "/"+index+"/_refresh", nil, nil)
}

// grown makes a field an object that is one in the document and a value in the list of fields, which is the older.
func grown(mapping, doc map[string]any) {
	properties, _ := mapping["properties"].(map[string]any)
	for name, v := range doc {
		inner, ok := v.(map[string]any)
		field, known := properties[name].(map[string]any)
		if !ok || !known {
			continue
		}
		if t := field["type"]; t != nil && !slices.Contains([]any{"object", "nested", "flattened", "geo_point"}, t) {
			properties[name] = map[string]any{"type": "object"}
			continue
		}
		grown(field, inner)
	}
}

// goldenSearches are the searches for the values of a source's events: at most eight values a field.
func goldenSearches(source string, pairs []*goldenPair) []goldenSearch {
	type value struct {
		text string
		at   map[string]bool
	}
	found := map[string]map[string]*value{}
	add := func(field, v, id string) {
		if found[field] == nil {
			found[field] = map[string]*value{}
		}
		k := strings.ToLower(v)
		if found[field][k] == nil {
			found[field][k] = &value{text: v, at: map[string]bool{}}
		}
		found[field][k].at[id] = true
	}
	for i, p := range pairs {
		for field, vs := range p.fields() {
			for _, v := range vs {
				add(field, v, fmt.Sprint("e", i))
			}
		}
		for model, fields := range p.CIM {
			for field, v := range fields {
				if s := plain(v); v != nil && s != "" {
					add(model+" "+field, s, fmt.Sprint("e", i))
				}
			}
		}
	}
	by, codes := "", map[string]map[string]bool{}
	if facts := pipeline.Streams()[pairs[0].Stream]; facts != nil && plainName.MatchString(facts.By) {
		by = facts.By
	}
	for i, p := range pairs {
		for _, code := range p.raw()[by] {
			if codes[code] == nil {
				codes[code] = map[string]bool{}
			}
			codes[code][fmt.Sprint("e", i)] = true
		}
	}
	var out []goldenSearch
	for _, field := range slices.Sorted(maps.Keys(found)) {
		values := slices.Sorted(maps.Keys(found[field]))
		for _, k := range values[:min(8, len(values))] {
			v := found[field][k]
			if strings.Contains(v.text, "*") || len(v.text) > 700 {
				continue
			}
			quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v.text) + `"`
			if model, name, ok := strings.Cut(field, " "); ok && strings.Contains(name, ".") {
				out = append(out, goldenSearch{source, model, name, fmt.Sprintf("| tstats count from datamodel=%s where %s=%s by %s", model, name, quoted, name), v.at})
				continue
			}
			name := field
			if !plainName.MatchString(name) {
				name = `"` + name + `"`
			}
			out = append(out, goldenSearch{source, "", field, goldenSource(source) + " " + name + "=" + quoted, v.at})
			if by == "" || field == by {
				continue
			}
			// the same for the events of one code alone, as a rule asks for them
			for code, of := range codes {
				at := map[string]bool{}
				for id := range v.at {
					if of[id] {
						at[id] = true
					}
				}
				if len(at) > 0 {
					out = append(out, goldenSearch{source, "", field, fmt.Sprintf("%s %s=%q %s=%s", goldenSource(source), by, code, name, quoted), at})
				}
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].spl < out[j].spl })
	return out
}

// grouping is a search that counts events by a field, with the sizes of the groups that Splunk makes, largest first.
type grouping struct {
	spl   string
	truth []int
}

// splitOtherwise are counts of a source that give more groups than Splunk's, never fewer events, with the reason.
var splitOtherwise = map[string]string{
	`fortigate: sourcetype="fgt_traffic" | stats count by transport`:   "the add-on's transport is the protocol, in the place of the translated port that the log calls so",
	`zeek_files: sourcetype="zeek:files:json" | stats count by source`: "source is Splunk's own word for where an event comes from",
	"zeek_http: | tstats count from datamodel=Web.Web by Web.dest":     "a sensor has the address of the server in Splunk, the name that the request asks for here",
	"iis: | tstats count from datamodel=Web.Web by Web.dest":           "a web server has a name for each host that it serves, IIS one of its own",
}

// groupings are the counts by each field of a source's events whose values are known of all its events: of a raw field that
// the events carry themselves, of a field of a data set that each event of the set has.
func groupings(source string, pairs []*goldenPair) []grouping {
	sizes, models := map[string]map[string]int{}, map[string]int{}
	has := map[string]int{}
	add := func(field string, values []string) {
		if sizes[field] == nil {
			sizes[field] = map[string]int{}
		}
		has[field]++
		for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
			sizes[field][v]++
		}
	}
	for _, p := range pairs {
		for field, vs := range p.raw() {
			if vs = slices.DeleteFunc(vs, func(v string) bool { return v == "" }); len(vs) > 0 {
				add(field, vs)
			}
		}
		for model, fields := range p.CIM {
			models[model]++
			for field, v := range fields {
				if s := plain(v); v != nil && s != "" {
					add(model+" "+field, []string{s})
				}
			}
		}
	}
	var out []grouping
	for _, field := range slices.Sorted(maps.Keys(sizes)) {
		// a document keeps an empty text, and nothing shows whether Splunk has a value there
		if slices.ContainsFunc(pairs, func(p *goldenPair) bool { return p.Raw[field] == "" }) {
			continue
		}
		g := grouping{}
		for _, n := range sizes[field] {
			g.truth = append(g.truth, n)
		}
		slices.Sort(g.truth)
		slices.Reverse(g.truth)
		if model, name, ok := strings.Cut(field, " "); ok && strings.Contains(name, ".") {
			if has[field] != models[model] || models[model] != len(pairs) {
				continue // events outside of the data set would be counted with it
			}
			g.spl = fmt.Sprintf("| tstats count from datamodel=%s by %s", model, name)
		} else {
			if !plainName.MatchString(field) {
				field = `"` + field + `"`
			}
			g.spl = goldenSource(source) + " | stats count by " + field
		}
		out = append(out, g)
	}
	return out
}

// group translates and runs a count by a field, and compares the sizes of the groups: how a value is spelled decides nothing.
func (g *grouping) group(ctx context.Context, node *elasticsearch.Node, compiler *translate.Compiler) (class, detail string) {
	out := compiler.Translate(translate.Request{ID: "golden", Query: g.spl})
	if out.ESQL == nil || slices.ContainsFunc(out.Diagnostics, func(d translate.Diagnostic) bool { return d.Severity == translate.Error }) {
		return "hole", ""
	}
	result, err := node.ESQL(ctx, out.Query, elasticsearch.ESQLOptions{})
	if err != nil {
		return "refused", fmt.Sprintf("%v\n%s", err, out.Query)
	}
	at := slices.IndexFunc(result.Columns, func(c elasticsearch.Column) bool { return c.Name == "count" })
	if at < 0 {
		return "refused", "no count in the answer\n" + out.Query
	}
	var sizes []int
	sum, want := 0, 0
	for _, row := range result.Values {
		n := 0
		if _, err := fmt.Sscan(fmt.Sprint(row[at]), &n); err != nil {
			return "refused", err.Error()
		}
		sizes, sum = append(sizes, n), sum+n
	}
	for _, n := range g.truth {
		want += n
	}
	slices.Sort(sizes)
	slices.Reverse(sizes)
	detail = fmt.Sprintf("groups of %v, Splunk has %v\n%s", sizes, g.truth, out.Query)
	switch {
	case slices.Equal(sizes, g.truth):
		return "found", ""
	case slices.ContainsFunc(out.Diagnostics, func(d translate.Diagnostic) bool { return d.Severity == translate.Approximation }):
		return "approximation", detail
	case sum < want:
		return "silent miss", detail
	}
	return "silently wrong", detail
}

var (
	plainName = regexp.MustCompile(`^[\w.{}@-]+$`)
	statsOn   = regexp.MustCompile(`(?s)\n\| STATS .*`)
	fromLine  = regexp.MustCompile(`^FROM ([^\n]*)`)
)

// try translates and runs a search. An event that is found and has no known value of the field decides nothing, unless
// the raw events of the source carry the field themselves: then it is known to be absent.
func (g *goldenSearch) try(ctx context.Context, node *elasticsearch.Node, compiler *translate.Compiler, pairs []*goldenPair) (class, detail string) {
	out := compiler.Translate(translate.Request{ID: "golden", Query: g.spl})
	if out.ESQL == nil || slices.ContainsFunc(out.Diagnostics, func(d translate.Diagnostic) bool { return d.Severity == translate.Error }) {
		return "hole", ""
	}
	query := out.Query
	if g.model != "" {
		query = fromLine.ReplaceAllString(statsOn.ReplaceAllString(query, ""), "FROM $1 METADATA _id") + "\n| KEEP _id"
	}
	result, err := node.ESQL(ctx, query, elasticsearch.ESQLOptions{})
	approximate := slices.ContainsFunc(out.Diagnostics, func(d translate.Diagnostic) bool { return d.Severity == translate.Approximation })
	switch {
	case err != nil && approximate && strings.Contains(err.Error(), "Unknown column"):
		return "approximation", "the index knows the column only once an event has had it, as the draft says\n" + query
	case err != nil:
		return "refused", fmt.Sprintf("%v\n%s", err, query)
	}
	at := slices.IndexFunc(result.Columns, func(c elasticsearch.Column) bool { return c.Name == "_id" })
	if at < 0 {
		return "refused", "no _id in the answer\n" + query
	}
	found := map[string]bool{}
	for _, row := range result.Values {
		found[fmt.Sprint(row[at])] = true
	}
	carried := slices.ContainsFunc(pairs, func(p *goldenPair) bool { _, ok := p.raw()[g.field]; return ok })
	var missed, extra []string
	for id := range g.truth {
		if !found[id] {
			missed = append(missed, id)
		}
	}
	for i, p := range pairs {
		id := fmt.Sprint("e", i)
		if !found[id] || g.truth[id] {
			continue
		}
		_, has := p.fields()[g.field]
		if g.model != "" {
			v := p.CIM[g.model][g.field]
			has = v != nil && plain(v) != ""
		}
		if has || g.model == "" && carried {
			extra = append(extra, id)
		}
	}
	sort.Strings(missed)
	detail = fmt.Sprintf("missed %v, wrongly found %v\n%s", missed, extra, query)
	switch {
	case len(missed) == 0 && len(extra) == 0:
		return "found", ""
	case approximate:
		return "approximation", detail
	case len(missed) > 0:
		return "silent miss", detail
	}
	return "silently wrong", detail
}
