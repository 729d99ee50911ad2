package elastic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Alerts reads the alerts of Elastic Security. It only searches, and needs the privileges read and view_index_metadata.
type Alerts struct{ client *client }

var _ assistant.AlertSource = (*Alerts)(nil)

// NewAlerts prepares a source and sends nothing. Of the options those of the connection count.
func NewAlerts(opts Options) (*Alerts, error) {
	opts = opts.withDefaults()
	c, err := newClient(opts)
	if err != nil {
		return nil, err
	}
	return &Alerts{c}, nil
}

const (
	// maxWindow is what a search may return without a cursor (index.max_result_window).
	maxWindow = 10_000
	// maxBuckets stays below Elasticsearch's limit of buckets in one answer (search.max_buckets).
	maxBuckets = 60_000
)

// search reads from the scope's indices; none that matches is no alert. An answer that lacks shards is an error, because
// it would look like fewer alerts.
func (a *Alerts) search(ctx context.Context, s assistant.Scope, further []map[string]any, body map[string]any) (found, error) {
	var f found
	if err := store.CheckIndex(s.Index); err != nil {
		return f, err
	}
	body["query"] = all(append([]map[string]any{
		{"range": map[string]any{store.FieldTimestamp: map[string]any{"gte": s.From.UnixMilli(), "lte": s.To.UnixMilli(), "format": "epoch_millis"}}},
		not(exists(store.FieldBuildingBlock)),
	}, further...)...)
	text, err := json.Marshal(body)
	if err != nil {
		return f, err
	}
	yes, no := true, false
	req := esapi.SearchRequest{Index: s.Index, Body: bytes.NewReader(text), AllowPartialSearchResults: &no, IgnoreUnavailable: &yes,
		AllowNoIndices: &yes, ExpandWildcards: "open,hidden"}
	if err := a.client.call(ctx, req, &f); err != nil {
		return f, explain("search the alerts in "+strings.Join(s.Index, ", "), err)
	}
	if f.TimedOut || f.Shards.Failed > 0 {
		return f, fmt.Errorf("search the alerts in %s: %w: the answer lacks %d shards", strings.Join(s.Index, ", "), store.ErrUnavailable, f.Shards.Failed)
	}
	return f, nil
}

func exists(field string) map[string]any {
	return map[string]any{"exists": map[string]any{"field": field}}
}

// bucket is one of a terms aggregation.
type bucket struct {
	Key      any    `json:"key"`
	KeyText  string `json:"key_as_string"`
	Count    int    `json:"doc_count"`
	Statuses *terms `json:"statuses"`
}

type terms struct {
	Other   int      `json:"sum_other_doc_count"`
	Buckets []bucket `json:"buckets"`
}

// text is the bucket's value.
func (b bucket) text() string {
	switch key := b.Key.(type) {
	case string:
		return key
	case json.Number:
		if b.KeyText != "" {
			return b.KeyText
		}
		return store.NumberText(key.String())
	}
	return b.KeyText
}

func readTerms(raw json.RawMessage) (t terms, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return t, decoder.Decode(&t)
}

// Counts implements assistant.AlertSource.
func (a *Alerts) Counts(ctx context.Context, s assistant.Scope) ([]assistant.Count, error) {
	f, err := a.search(ctx, s, nil, map[string]any{"size": 0, "track_total_hits": false, "aggs": map[string]any{
		"severities": map[string]any{
			"terms": map[string]any{"field": store.FieldSeverity, "missing": "", "size": 500},
			"aggs": map[string]any{
				"statuses": map[string]any{"terms": map[string]any{"field": store.FieldStatus, "missing": assistant.StatusOpen, "size": 100}},
			},
		},
	}})
	if err != nil || f.Aggregations == nil {
		return nil, err
	}
	severities, err := readTerms(f.Aggregations["severities"])
	if err != nil {
		return nil, fmt.Errorf("count alerts: read the answer: %w", err)
	}
	var counts []assistant.Count
	left := severities.Other
	for _, severity := range severities.Buckets {
		left += severity.Statuses.Other
		for _, status := range severity.Statuses.Buckets {
			counts = append(counts, assistant.Count{Severity: severity.text(), Status: status.text(), Alerts: status.Count})
		}
	}
	if left > 0 {
		return nil, fmt.Errorf("count alerts: %s and %s have too many different values to count", store.FieldSeverity, store.FieldStatus)
	}
	store.SortCounts(counts)
	return counts, nil
}

// Open implements assistant.AlertSource.
func (a *Alerts) Open(ctx context.Context, s assistant.Scope, size int) (assistant.Page, error) {
	return a.page(ctx, s, size, []map[string]any{withStatus([]string{assistant.StatusOpen}, false)})
}

// Search implements assistant.AlertSource.
func (a *Alerts) Search(ctx context.Context, s assistant.Scope, f assistant.Filter, size int) (assistant.Page, error) {
	var further []map[string]any
	if len(f.Severity) > 0 {
		further = append(further, among([]string{store.FieldSeverity}, f.Severity))
	}
	if len(f.Status) > 0 {
		further = append(further, withStatus(f.Status, true))
	}
	for _, part := range []struct{ fields, values []string }{
		{store.HostFields, f.Host}, {store.UserFields, f.User}, {store.TechniqueFields, f.Technique},
	} {
		if len(part.values) > 0 {
			further = append(further, among(part.fields, part.values))
		}
	}
	if f.Rule != "" {
		pattern := "*" + strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(f.Rule) + "*"
		further = append(further, map[string]any{"wildcard": map[string]any{store.FieldRule: map[string]any{"value": pattern, "case_insensitive": true}}})
	}
	if f.OS != "" {
		os := among(store.OSFields, []string{f.OS})
		if store.FoldASCII(f.OS) == "windows" {
			os = anyOf(os, map[string]any{"prefix": map[string]any{store.OSNameField: map[string]any{"value": "windows", "case_insensitive": true}}})
		}
		further = append(further, os)
	}
	return a.page(ctx, s, size, further)
}

// among holds if one of the fields has one of the values, in any case of ASCII letters.
func among(fields, values []string) map[string]any {
	var clauses []map[string]any
	for _, field := range fields {
		for _, value := range values {
			clauses = append(clauses, map[string]any{"term": map[string]any{field: map[string]any{"value": value, "case_insensitive": true}}})
		}
	}
	return anyOf(clauses...)
}

// withStatus holds for alerts of these workflow statuses; those without one are open.
func withStatus(statuses []string, anyCase bool) map[string]any {
	var clauses []map[string]any
	for _, status := range statuses {
		clauses = append(clauses, map[string]any{"term": map[string]any{store.FieldStatus: map[string]any{"value": status, "case_insensitive": anyCase}}})
		if store.FoldASCII(status) == assistant.StatusOpen {
			clauses = append(clauses, not(exists(store.FieldStatus)))
		}
	}
	return anyOf(clauses...)
}

// ranked is an alert with what it is ordered by.
type ranked struct {
	assistant.Alert
	store.AlertColumns
}

// byRank is the order of AlertSource.Open.
func byRank(a, b ranked) int {
	risk := func(r *float64) (known int, score float64) {
		if r == nil {
			return 1, 0
		}
		return 0, -*r
	}
	noneA, scoreA := risk(a.Risk)
	noneB, scoreB := risk(b.Risk)
	return cmp.Or(cmp.Compare(noneA, noneB), cmp.Compare(scoreA, scoreB), cmp.Compare(b.At, a.At), cmp.Compare(a.ID, b.ID))
}

func rank(h hit) (ranked, error) {
	r := ranked{Alert: assistant.Alert{ID: h.ID, Index: h.Index}}
	decoder := json.NewDecoder(bytes.NewReader(h.Source))
	decoder.UseNumber()
	if err := decoder.Decode(&r.Source); err != nil {
		return r, fmt.Errorf("read alert %s in %s: %w", h.ID, h.Index, err)
	}
	var err error
	if r.AlertColumns, err = store.Columns(r.Source); err != nil {
		return r, fmt.Errorf("read alert %s in %s: %w", h.ID, h.Index, err)
	}
	return r, nil
}

func rankAll(hits []hit) ([]ranked, error) {
	list := make([]ranked, 0, len(hits))
	for _, h := range hits {
		r, err := rank(h)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// page reads the first alerts and how many there are.
func (a *Alerts) page(ctx context.Context, s assistant.Scope, size int, further []map[string]any) (assistant.Page, error) {
	f, err := a.search(ctx, s, further, map[string]any{"size": max(size, 0), "track_total_hits": true, "sort": []map[string]any{
		{store.FieldRisk: map[string]any{"order": "desc", "missing": "_last", "unmapped_type": "float"}},
		{store.FieldTimestamp: map[string]any{"order": "desc", "unmapped_type": "date"}},
	}})
	if err != nil {
		return assistant.Page{}, err
	}
	list, err := rankAll(f.Hits.Hits)
	if err != nil {
		return assistant.Page{}, err
	}
	page := assistant.Page{Total: f.Hits.Total.Value}
	if len(list) > 0 && page.Total > len(list) {
		if list, err = a.settleTies(ctx, s, further, list); err != nil {
			return page, err
		}
	}
	slices.SortFunc(list, byRank)
	for _, r := range list {
		page.Alerts = append(page.Alerts, r.Alert)
	}
	return page, nil
}

// settleTies makes the ids decide which alerts of the last one's score and time are on the page. Elasticsearch cannot: a
// cluster may forbid sorting by _id.
func (a *Alerts) settleTies(ctx context.Context, s assistant.Scope, further []map[string]any, list []ranked) ([]ranked, error) {
	last := list[len(list)-1]
	kept := slices.IndexFunc(list, func(r ranked) bool {
		return r.At == last.At && (r.Risk == nil) == (last.Risk == nil) && (r.Risk == nil || *r.Risk == *last.Risk)
	})
	risk := not(exists(store.FieldRisk))
	if last.Risk != nil {
		risk = term(store.FieldRisk, *last.Risk)
	}
	same := append(slices.Clone(further), risk, map[string]any{"range": map[string]any{store.FieldTimestamp: map[string]any{
		"gte": last.At, "lte": last.At, "format": "epoch_millis"}}})
	f, err := a.search(ctx, s, same, map[string]any{"size": maxWindow, "track_total_hits": false, "_source": false})
	if err != nil {
		return nil, err
	}
	tied := f.Hits.Hits
	slices.SortFunc(tied, func(a, b hit) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Index, b.Index)) })
	tied = tied[:min(len(list)-kept, len(tied))]
	if len(tied) < len(list)-kept { // alerts have changed between the two searches
		return list, nil
	}
	wanted := make([]string, len(tied))
	for i, h := range tied {
		wanted[i] = h.ID
	}
	f, err = a.search(ctx, s, append(same, map[string]any{"ids": map[string]any{"values": wanted}}), map[string]any{"size": maxWindow, "track_total_hits": false})
	if err != nil {
		return nil, err
	}
	more, err := rankAll(f.Hits.Hits)
	if err != nil || len(more) < len(tied) {
		return list, err
	}
	slices.SortFunc(more, byRank)
	return append(list[:kept], more[:len(tied)]...), nil
}

// Values implements assistant.AlertSource.
func (a *Alerts) Values(ctx context.Context, s assistant.Scope, fields []string, limit int) (map[string][]string, error) {
	values := map[string][]string{}
	if err := store.CheckIndex(s.Index); err != nil {
		return nil, err
	}
	if len(fields) == 0 || limit <= 0 {
		return values, nil
	}
	limit = min(limit, maxBuckets)
	grouped, other, err := a.readable(ctx, s, fields)
	if err != nil {
		return nil, err
	}
	// Most fields have few values: all are asked for at once with a small number each, and again those that have more.
	few := min(limit, max(1, maxBuckets/max(1, len(grouped))))
	more, err := a.values(ctx, s, grouped, few, values)
	if err != nil {
		return nil, err
	}
	if few < limit {
		for part := range slices.Chunk(more, max(1, maxBuckets/limit)) {
			if _, err := a.values(ctx, s, part, limit, values); err != nil {
				return nil, err
			}
		}
	}
	for _, field := range other {
		if values[field], err = a.fromDocuments(ctx, s, field, limit); err != nil {
			return nil, err
		}
		if len(values[field]) == 0 {
			delete(values, field)
		}
	}
	return values, nil
}

// values reads the values of fields in one search and says which fields have more than limit.
func (a *Alerts) values(ctx context.Context, s assistant.Scope, fields []string, limit int, into map[string][]string) (more []string, err error) {
	if len(fields) == 0 {
		return nil, nil
	}
	aggs := map[string]any{}
	for _, field := range fields {
		aggs[field] = map[string]any{"terms": map[string]any{"field": field, "size": limit}}
	}
	f, err := a.search(ctx, s, nil, map[string]any{"size": 0, "track_total_hits": false, "aggs": aggs})
	if err != nil {
		return nil, err
	}
	for field, raw := range f.Aggregations {
		t, err := readTerms(raw)
		if err != nil {
			return nil, fmt.Errorf("read the values of %s: %w", field, err)
		}
		var list []string
		for _, b := range t.Buckets {
			list = append(list, b.text())
		}
		if len(list) > 0 {
			into[field] = list
		}
		if t.Other > 0 {
			more = append(more, field)
		}
	}
	slices.Sort(more)
	return more, nil
}

// readable parts fields that Elasticsearch groups by from those whose documents have to be read, such as text. Fields
// that no index has are left out.
func (a *Alerts) readable(ctx context.Context, s assistant.Scope, fields []string) (grouped, other []string, err error) {
	yes := true
	var answer struct {
		Fields map[string]map[string]struct {
			Aggregatable bool `json:"aggregatable"`
		} `json:"fields"`
	}
	body, err := json.Marshal(map[string]any{"fields": fields}) // in the address they would be too long
	if err != nil {
		return nil, nil, err
	}
	req := esapi.FieldCapsRequest{Index: s.Index, Body: bytes.NewReader(body), IgnoreUnavailable: &yes, AllowNoIndices: &yes, ExpandWildcards: "open,hidden"}
	if err := a.client.call(ctx, req, &answer); err != nil {
		return nil, nil, explain("read the fields of "+strings.Join(s.Index, ", "), err)
	}
	for field, kinds := range answer.Fields {
		aggregatable, object := true, false
		for kind, c := range kinds {
			aggregatable = aggregatable && c.Aggregatable
			object = object || kind == "object" || kind == "nested"
		}
		switch {
		case object:
		case aggregatable:
			grouped = append(grouped, field)
		default:
			other = append(other, field)
		}
	}
	slices.Sort(grouped)
	slices.Sort(other)
	return grouped, other, nil
}

// fromDocuments reads the values of a field out of the newest documents that have it.
func (a *Alerts) fromDocuments(ctx context.Context, s assistant.Scope, field string, limit int) ([]string, error) {
	f, err := a.search(ctx, s, []map[string]any{exists(field)}, map[string]any{"size": maxWindow, "track_total_hits": false, "_source": []string{field},
		"sort": []map[string]any{{store.FieldTimestamp: map[string]any{"order": "desc", "unmapped_type": "date"}}}})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var list []string
	for _, h := range f.Hits.Hits {
		var source map[string]any
		decoder := json.NewDecoder(bytes.NewReader(h.Source))
		decoder.UseNumber()
		if err := decoder.Decode(&source); err != nil {
			return nil, fmt.Errorf("read alert %s in %s: %w", h.ID, h.Index, err)
		}
		store.Leaves(source, func(name, value string) {
			if name == field && !seen[value] && len(list) < limit {
				seen[value] = true
				list = append(list, value)
			}
		})
	}
	return list, nil
}
