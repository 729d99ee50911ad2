package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// proxy stands between the store and the node. fault may answer in the node's place (before), or replace its answer,
// which is then lost to the client (after).
type proxy struct {
	next  http.RoundTripper
	fault atomic.Pointer[func(r *http.Request, body string) (before, after *http.Response)]
	count atomic.Int64
}

func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	p.count.Add(1)
	fault := p.fault.Load()
	if fault == nil {
		return p.next.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	before, after := (*fault)(r, string(body))
	if before != nil {
		return before, r.Context().Err()
	}
	res, err := p.next.RoundTrip(r)
	if err == nil && after != nil {
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		return after, nil
	}
	return res, err
}

func (p *proxy) set(f func(r *http.Request, body string) (before, after *http.Response)) {
	if f == nil {
		p.fault.Store(nil)
		return
	}
	p.fault.Store(&f)
}

func answer(status int) *http.Response {
	body := fmt.Sprintf(`{"error":{"type":"test_exception","reason":"made by the test"},"status":%d}`, status)
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1, ProtoMinor: 1}
}

// behindProxy is a store that is set up, with the proxy in front of the node. With ownPrefix its indices are its alone.
func behindProxy(t *testing.T, opts Options) (*Store, *proxy, *elasticsearch.Node) {
	t.Helper()
	node := elasticsearch.Start(t)
	p := &proxy{next: http.DefaultTransport}
	own := opts.Prefix != ""
	opts.URLs, opts.Transport = []string{node.URL}, p
	if own {
		opts.Prefix = prefix(t, node)
	} else {
		opts.Prefix = sharedPrefix
	}
	if opts.retryPause == 0 {
		opts.retryPause = time.Millisecond
	}
	if opts.RefreshInterval == "" {
		opts.RefreshInterval = "30s"
	}
	s := newStore(t, opts)
	var err error
	if own {
		err = s.Setup(t.Context())
	} else {
		sharedSetup.Do(func() { err = s.Setup(t.Context()) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, p, node
}

// Most tests share their indices, since creating those takes longer than most tests, and use ids of their own.
var (
	sharedPrefix = fmt.Sprintf("t%d-shared", time.Now().UnixNano())
	sharedSetup  sync.Once
	lastID       atomic.Int64
)

const ownPrefix = "own"

func newID() string { return fmt.Sprintf("m%d", lastID.Add(1)) }

func someRules(n int) []migration.OriginalRule {
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = migration.OriginalRule{ID: fmt.Sprintf("r%05d", i), Query: "search x"}
	}
	return rules
}

// running makes a migration of n rules that runs under start 1.
func running(t *testing.T, s *Store, n int) (id string) {
	t.Helper()
	id = newID()
	if err := s.CreateMigration(t.Context(), migration.Migration{ID: id}, someRules(n)); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(t.Context(), id, store.Change{State: migration.Running, Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	return id
}

func finish(r *migration.Rule) { r.Status, r.Result = migration.StatusFinished, migration.Full }

func wantCounts(t *testing.T, s *Store, id string, pending, processing, finished int) {
	t.Helper()
	c, err := s.Counts(t.Context(), id)
	if err != nil || c.Pending != pending || c.Processing != processing || c.Finished != finished {
		t.Fatalf("counts are %+v, %v; want %d pending, %d processing, %d finished", c, err, pending, processing, finished)
	}
}

// The whole suite passes while every tenth request is refused and every tenth is carried out with its answer lost.
func TestSuiteBehindFlakyProxy(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: 20})
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	lost := atomic.Int64{}
	p.set(func(r *http.Request, body string) (before, after *http.Response) {
		wellFormed(t, r, body)
		mu.Lock()
		n := random.IntN(20)
		mu.Unlock()
		switch n {
		case 0:
			return answer(http.StatusTooManyRequests), nil
		case 1:
			return answer(http.StatusServiceUnavailable), nil
		case 2:
			lost.Add(1)
			return nil, answer(http.StatusBadGateway)
		case 3:
			lost.Add(1)
			return nil, answer(http.StatusGatewayTimeout)
		}
		return nil, nil
	})
	storetest.Run(t, func(*testing.T) store.Store { return s }, spoil)
	if lost.Load() == 0 {
		t.Error("no answer was lost")
	}
}

// wellFormed checks what holds for every request: nothing runs scripts or deletes by query, and a rule or migration that
// is there is only changed as the document that was read.
func wellFormed(t *testing.T, r *http.Request, body string) {
	if strings.Contains(r.URL.Path, "_by_query") || strings.Contains(r.URL.Path, "/_update/") || strings.Contains(body, `"script"`) {
		t.Errorf("%s %s runs a script or works by query", r.Method, r.URL.Path)
	}
	if !strings.HasSuffix(r.URL.Path, "_bulk") {
		return
	}
	for line := range strings.Lines(body) {
		var op map[string]struct {
			Index       string `json:"_index"`
			ID          string `json:"_id"`
			SeqNo       *int64 `json:"if_seq_no"`
			PrimaryTerm *int64 `json:"if_primary_term"`
			Alias       bool   `json:"require_alias"`
		}
		if json.Unmarshal([]byte(line), &op) != nil || len(op) != 1 {
			continue // a document
		}
		for action, o := range op {
			guarded := o.SeqNo != nil && o.PrimaryTerm != nil
			document := strings.HasSuffix(o.Index, "-"+rulesIndex) || strings.HasSuffix(o.Index, "-"+migrationsIndex)
			if o.ID != "" && (action == "index" || action == "update") && document && !guarded {
				t.Errorf("%s of %s in %s without a sequence number", action, o.ID, o.Index)
			}
			if o.ID != "" && action != "delete" && !o.Alias {
				t.Errorf("%s of %s in %s could create an index", action, o.ID, o.Index)
			}
		}
	}
}

// Pauses between attempts double, and differ.
func TestBackOff(t *testing.T) {
	c := &client{pause: time.Second}
	seen := map[time.Duration]bool{}
	for range 20 {
		b := c.backOff()
		for i := range 8 {
			mean := min(time.Second<<i, 20*time.Second)
			pause := b.NextBackOff()
			if pause < mean/2 || pause > mean*3/2 {
				t.Errorf("pause %d is %s, want %s, more or less by half", i, pause, mean)
			}
			seen[pause] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("160 pauses have %d lengths: no jitter", len(seen))
	}
}

func TestOverload(t *testing.T) {
	for _, status := range []int{429, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s, p, _ := behindProxy(t, Options{MaxRetries: 2})
			id := running(t, s, 2)
			token := migration.Token{Epoch: 1, Claim: 1}
			if _, _, err := s.Claim(t.Context(), id, token, 2); err != nil {
				t.Fatal(err)
			}
			// Twice is within the retries.
			var n atomic.Int64
			p.set(func(r *http.Request, _ string) (before, after *http.Response) {
				if strings.HasSuffix(r.URL.Path, "_bulk") && n.Add(1) <= 2 {
					return answer(status), nil
				}
				return nil, nil
			})
			if err := s.Record(t.Context(), id, "r00000", token, finish); err != nil || n.Load() != 3 {
				t.Fatalf("after two refusals: %v, %d attempts", err, n.Load())
			}
			// All the time is an outage, and said so.
			p.set(func(*http.Request, string) (before, after *http.Response) { return answer(status), nil })
			for name, call := range map[string]func() error{
				"Record": func() error { return s.Record(t.Context(), id, "r00001", token, finish) },
				"Counts": func() error { _, err := s.Counts(t.Context(), id); return err },
				"Claim": func() error {
					_, _, err := s.Claim(t.Context(), id, migration.Token{Epoch: 1, Claim: 2}, 1)
					return err
				},
				"List":     func() error { _, _, err := s.List(t.Context(), id, store.RuleQuery{}); return err },
				"Ready":    func() error { return s.Ready(t.Context()) },
				"Setup":    func() error { return s.Setup(t.Context()) },
				"Overview": func() error { _, err := s.Overview(t.Context()); return err },
			} {
				if err := call(); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s: %v", name, err)
				}
			}
			p.set(nil)
			if err := s.Record(t.Context(), id, "r00001", token, finish); err != nil {
				t.Fatal(err)
			}
			wantCounts(t, s, id, 0, 0, 2)
		})
	}
}

// An operation of a bulk request can be refused alone.
func TestOverloadOfOneShard(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: 2})
	var n atomic.Int64
	p.set(func(r *http.Request, body string) (before, after *http.Response) {
		if !strings.HasSuffix(r.URL.Path, "_bulk") || strings.Count(body, "original_rule") < 2 || n.Add(1) > 1 {
			return nil, nil
		}
		// The second of three is refused; nothing was written, and the client repeats what it has to.
		res := answer(http.StatusOK)
		res.Body = io.NopCloser(strings.NewReader(`{"errors":true,"items":[
			{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}},
			{"create":{"status":503,"error":{"type":"unavailable_shards_exception","reason":"no primary"}}},
			{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}}]}`))
		return res, nil
	})
	id := running(t, s, 3)
	wantCounts(t, s, id, 3, 0, 0)
	if n.Load() != 2 {
		t.Errorf("%d requests, want 2", n.Load())
	}
}

func TestSlow(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: 1})
	id := running(t, s, 1)
	token := migration.Token{Epoch: 1, Claim: 1}
	if _, _, err := s.Claim(t.Context(), id, token, 2); err != nil {
		t.Fatal(err)
	}
	s.client.timeout = 20 * time.Millisecond
	p.set(func(r *http.Request, _ string) (before, after *http.Response) {
		<-r.Context().Done()
		return answer(http.StatusOK), nil
	})
	if err := s.Record(t.Context(), id, "r00000", token, finish); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a node that does not answer: %v", err)
	}
	// The caller's own end comes first, and is told apart.
	s.client.timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Record(ctx, id, "r00000", token, finish); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a caller that gives up: %v", err)
	}
	if _, err := s.Counts(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller that has given up: %v", err)
	}
}

// Partial answers look like fewer documents; they are errors.
func TestPartialAnswers(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: -1})
	id := running(t, s, 1)
	p.set(func(r *http.Request, _ string) (before, after *http.Response) {
		res := answer(http.StatusOK)
		switch {
		case strings.HasSuffix(r.URL.Path, "_search"):
			res.Body = io.NopCloser(strings.NewReader(`{"_shards":{"total":2,"failed":1,"failures":[{"reason":{"reason":"disk lost"}}]},"hits":{"hits":[]},"aggregations":{"statuses":{"buckets":[]}}}`))
		case strings.HasSuffix(r.URL.Path, "_refresh"):
			res.Body = io.NopCloser(strings.NewReader(`{"_shards":{"total":2,"failed":0}}`))
		default:
			return nil, nil
		}
		return res, nil
	})
	if _, err := s.Counts(t.Context(), id); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "disk lost") {
		t.Errorf("counts without a shard: %v", err)
	}
}

func TestReadOnlyBlocks(t *testing.T) {
	s, _, node := behindProxy(t, Options{Prefix: ownPrefix, MaxRetries: 1})
	id := running(t, s, 3)
	token := migration.Token{Epoch: 1, Claim: 1}
	if _, _, err := s.Claim(t.Context(), id, token, 2); err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{"read_only_allow_delete", "write"} {
		set := func(value any) {
			t.Helper()
			body := map[string]any{"index.blocks." + block: value}
			if err := node.Do(t.Context(), "PUT", "/"+s.concrete(rulesIndex)+"/_settings", body, nil); err != nil {
				t.Fatal(err)
			}
		}
		set(true)
		if err := s.Record(t.Context(), id, "r00000", token, finish); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "block") {
			t.Errorf("record with the block %s: %v", block, err)
		}
		if _, err := s.Release(t.Context(), id, 1, nil); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("release with the block %s: %v", block, err)
		}
		set(nil)
		wantCounts(t, s, id, 1, 2, 0)
	}
	if err := s.Record(t.Context(), id, "r00000", token, finish); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, id, 1, 1, 1)
}

// One document that the mapping refuses does not fail those that share its request.
func TestMappingConflict(t *testing.T) {
	node := elasticsearch.Start(t)
	s := newStore(t, Options{URLs: []string{node.URL}, Prefix: prefix(t, node), kinds: withRules(t, 1, func(p map[string]any) {
		p["error_code"] = map[string]any{"type": "long"}
	})})
	if err := s.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	const n = 20
	id := running(t, s, n)
	token := migration.Token{Epoch: 1, Claim: 1}
	ids, _, err := s.Claim(t.Context(), id, token, n)
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i, rule := range ids {
		wg.Go(func() {
			errs[i] = s.Record(t.Context(), id, rule, token, func(r *migration.Rule) {
				finish(r)
				if i == 7 {
					r.ErrorCode = "not a number"
				}
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		switch {
		case i == 7 && (err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "error_code") || !strings.Contains(err.Error(), "rulebridge setup")):
			t.Errorf("the document that does not fit: %v", err)
		case i != 7 && err != nil:
			t.Errorf("another document: %v", err)
		}
	}
	wantCounts(t, s, id, 0, 1, n-1)
}

// broken makes the next request whose body contains text fail as if the process had died there: the node never sees it.
func (p *proxy) dieAt(text string) {
	p.set(func(_ *http.Request, body string) (before, after *http.Response) {
		if strings.Contains(body, text) {
			return answer(http.StatusInternalServerError), nil
		}
		return nil, nil
	})
}

// The composite aggregation and the list of migrations turn several pages.
func TestOverviewManyPages(t *testing.T) {
	s, _, _ := behindProxy(t, Options{Prefix: ownPrefix, pageSize: 3})
	want := map[string]migration.Counts{}
	for i := range 40 {
		id := fmt.Sprintf("m%02d", i)
		if err := s.CreateMigration(t.Context(), migration.Migration{ID: id}, someRules(i%4)); err != nil {
			t.Fatal(err)
		}
		c := migration.Counts{Total: i % 4, Pending: i % 4}
		if c.Pending > 0 {
			if _, _, err := s.Claim(t.Context(), id, migration.Token{Epoch: 1, Claim: 1}, 1); err != nil {
				t.Fatal(err)
			}
			c.Pending, c.Processing = c.Pending-1, 1
		}
		want[id] = c
	}
	time.Sleep(1100 * time.Millisecond) // older than that they must not be
	all, err := s.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]migration.Counts{}
	for _, m := range all {
		got[m.ID] = m.Counts
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if !bytes.Equal(a, b) {
		t.Errorf("counts of all migrations\n%s\nwant\n%s", b, a)
	}
	ms, err := s.Migrations(t.Context())
	if err != nil || len(ms) != 40 {
		t.Errorf("%d migrations, %v", len(ms), err)
	}
}

// A listing is one point in time, and goes on when that is lost.
func TestListIsOnePointInTime(t *testing.T) {
	s, _, node := behindProxy(t, Options{})
	id := newID()
	if err := s.CreateMigration(t.Context(), migration.Migration{ID: id}, someRules(9)); err != nil {
		t.Fatal(err)
	}
	page := func(after string) ([]string, string) {
		t.Helper()
		rules, next, err := s.List(t.Context(), id, store.RuleQuery{After: after, Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range rules {
			ids = append(ids, r.ID)
		}
		return ids, next
	}
	_, next := page("")
	if err := s.DeleteRule(t.Context(), id, "r00004"); err != nil {
		t.Fatal(err)
	}
	ids, next := page(next)
	if !slices.Equal(ids, []string{"r00003", "r00004", "r00005"}) {
		t.Errorf("the second page of one listing is %v", ids)
	}
	if err := node.Do(t.Context(), "DELETE", "/_pit", map[string]any{"id": onlyPIT(t, s)}, nil); err != nil {
		t.Fatal(err)
	}
	if ids, next = page(next); !slices.Equal(ids, []string{"r00006", "r00007", "r00008"}) || next != "" {
		t.Errorf("the page after its point in time was lost: %v, next %q", ids, next)
	}
	if len(s.pits.open) != 0 {
		t.Errorf("%d points in time are left open", len(s.pits.open))
	}
}

func onlyPIT(t *testing.T, s *Store) string {
	t.Helper()
	if len(s.pits.open) != 1 {
		t.Fatalf("%d points in time are open, want 1", len(s.pits.open))
	}
	for _, kept := range s.pits.open {
		return kept.id
	}
	return ""
}
