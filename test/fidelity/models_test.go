package fidelity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// sensorScenes are ordinary events of the streams that the data models of networks read, under the raw names of their facts.
// A data model is read of all its streams at once, so a rule has to fire on each.
var sensorScenes = map[string]map[string]map[string]string{
	"Web": {
		"iis/access": {"s_computername": "WSZQ", "s_ip": "10.1.2.3", "cs_method": "GET", "cs_uri_stem": "/zq7", "s_port": "80", "c_ip": "198.51.100.7", "cs_User_Agent": "zq",
			"cs_host": "zq.example", "sc_status": "200", "sc_bytes": "5", "cs_bytes": "6", "cs_username": "zqa"},
		"nginx/access":  {"host": "lxzq", "clientip": "198.51.100.7", "user": "zqa", "method": "GET", "uri": "/zq7", "version": "HTTP/1.1", "status": "200", "bytes": "5", "useragent": "zq"},
		"apache/access": {"host": "lxzq", "clientip": "198.51.100.7", "user": "zqa", "method": "GET", "uri": "/zq7", "version": "HTTP/1.1", "status": "200", "bytes": "5", "useragent": "zq"},
		"zscaler_zia/web": {"ClientIP": "10.1.2.3", "serverip": "198.51.100.7", "action": "Allowed", "user": "zqa@example.com", "url": "zq.example/zq7", "hostname": "zq.example", "protocol": "HTTPS",
			"requestmethod": "GET", "useragent": "zq", "appname": "zq", "requestsize": "5", "responsesize": "6", "transactionsize": "11"},
		"zeek/http": {"uid": "C1", "id.orig_h": "10.1.2.3", "id.orig_p": "50000", "id.resp_h": "198.51.100.7", "id.resp_p": "80", "method": "GET", "host": "zq.example", "uri": "/zq7",
			"version": "1.1", "user_agent": "zq", "status_code": "200", "request_body_len": "5", "response_body_len": "6"},
		"aws/elb_logs": {"type": "https", "elb": "app/zq/1", "client_ip": "198.51.100.7", "client_port": "50000", "target_ip": "10.1.2.3", "target_port": "80", "elb_status_code": "200",
			"target_status_code": "200", "received_bytes": "5", "sent_bytes": "6", "http_method": "GET", "url": "https://zq.example:443/zq7", "http_version": "HTTP/1.1", "user_agent": "zq"},
		"suricata/eve": {"event_type": "http", "src_ip": "198.51.100.7", "src_port": "50000", "dest_ip": "10.1.2.3", "dest_port": "80", "proto": "TCP", "http.url": "/zq",
			"http.hostname": "zq.example", "http.http_user_agent": "zq", "http.http_method": "GET", "http.status": "200"},
		"panw/panos": {"type": "THREAT", "log_subtype": "url", "serial_number": "7", "src_ip": "10.1.2.3", "src_port": "50000", "dest_ip": "198.51.100.7", "dest_port": "80", "transport": "tcp",
			"app": "web-browsing", "rule": "zq", "vendor_action": "alert", "url": "zq.example/zq7", "http_method": "GET", "http_user_agent": "zq", "dvc_name": "fwzq", "severity": "informational"},
	},
}

// TestModelsFireOnEveryStream tries the full rules over data models of networks on an event of each stream that their drafts
// read: they alert on one with the values that they ask for, and not on one that misses by a condition.
func TestModelsFireOnEveryStream(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	macros := macroTable(goldenMacros(t))
	rules := corpus(t)
	start := time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	made := map[string]string{}
	n := 0
	for _, model := range slices.Sorted(maps.Keys(sensorScenes)) {
		for _, stream := range slices.Sorted(maps.Keys(sensorScenes[model])) {
			index := "logs-" + strings.ReplaceAll(stream, "/", ".") + "-*"
			read, tried, fired, quiet, quietTried := 0, 0, 0, 0, 0
			untried := tally{}
			for _, r := range rules {
				if r.out.Result != translate.Full || !slices.Contains(r.out.Index, index) || !readsModel(r.request.Query, macros, model) {
					continue
				}
				if read++; !all() && read%9 != 1 {
					continue
				}
				n++
				tr := &trial{rule: r, at: start.Add(time.Duration(n) * 2 * time.Hour), of: &scene{stream, maps.Clone(sensorScenes[model][stream])}}
				if why := tr.prepare(ctx, macros); why != "" {
					untried.add(why)
					continue
				}
				if !tr.serverInFront(ctx) {
					untried.add("addresses begin with the server there")
					continue
				}
				tr.index(ctx, t, node, catalogue, fmt.Sprintf("models-%d", n), made)
				tried++
				if rows, err := tr.alerts(ctx, node, tr.at); err != nil || rows == 0 {
					t.Errorf("NOT FIRED %s on %s: %v\n  spl: %s\n  raw: %v\n%s", r.request.Title, stream, err, r.request.Query, tr.hit[0], r.out.Query)
				} else {
					fired++
				}
				if tr.miss == nil {
					continue
				}
				quietTried++
				if rows, err := tr.alerts(ctx, node, tr.at.Add(time.Hour)); err == nil && rows == 0 {
					quiet++
				} else {
					t.Errorf("FIRED WRONGLY %s on %s without %s: %d rows, %v\n%s", r.request.Title, stream, tr.changed, rows, err, r.out.Query)
				}
			}
			t.Logf("FIGURE full rules of %s that read %s: %d; tried: %d; alerted: %d; of %d events that miss by a condition, not alerted on: %d", model, stream, read, tried, fired, quietTried, quiet)
			for _, line := range untried.lines(5) {
				t.Logf("FIGURE   not tried on %s: %s", stream, line)
			}
			if read > 0 && tried == 0 && all() {
				t.Errorf("no rule of %s was tried on %s", model, stream)
			}
		}
	}
}

// withServer are the streams whose raw addresses begin with the server.
var withServer = map[string]string{"zscaler_zia/web": "zq.example", "panw/panos": "zq.example", "aws/elb_logs": "https://zq.example:443"}

// serverInFront writes the server in front of the path that a search asks for, in streams that log addresses that way; false
// where Splunk does not alert on such an address.
func (t *trial) serverInFront(ctx context.Context) bool {
	server := withServer[t.stream.Name]
	changed := false
	for _, events := range [][]pipeline.Event{t.hit, t.miss} {
		for _, e := range events {
			if vs := e["url"]; server != "" && len(vs) == 1 && strings.HasPrefix(vs[0], "/") {
				e["url"], changed = []string{server + vs[0]}, true
			}
		}
	}
	if !changed {
		return true
	}
	ok, err := t.splunkAlerts(ctx, t.hit)
	return ok && err == nil
}

// readsModel says that a search begins with a count over a data model, or a data set of it.
func readsModel(query string, macros macroTable, model string) bool {
	q := spl.Parse(query, spl.Options{Macros: macros})
	if q.Pipeline == nil || len(q.Pipeline.Commands) == 0 {
		return false
	}
	t, ok := q.Pipeline.Commands[0].(*spl.TStats)
	if !ok || t.From == nil {
		return false
	}
	name, _, _ := strings.Cut(t.From.Text, ".")
	return name == model
}
