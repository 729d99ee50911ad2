package api

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

func TestStart(t *testing.T) {
	b := newBench(t)
	id := b.create(2)
	w := b.do("PUT", BasePath+"/"+id+"/start",
		`{"connectorId":"azureOpenAiGPT4o","retry":true,"settings":{"batch":7,"pause":"0s"},"langSmithOptions":{"project":"x"}}`, "Idempotency-Key: key-1")
	b.want(w, 200, `{"started":true}`)
	in, sig := b.flows.inputs[0], b.flows.signals[0]
	if in.MigrationID != id || in.Vendor != "splunk" || in.Settings.Batch != 7 || in.Settings.Pause != 0 || in.Settings.OutageFailures != 20 {
		t.Errorf("input %+v", in)
	}
	if sig.RequestID != "key-1" || sig.Mode != workflows.ModeSimulated || !sig.Retry || sig.ConnectorID != "azureOpenAiGPT4o" || sig.By != Anonymous || *sig.Settings != in.Settings {
		t.Errorf("signal %+v", sig)
	}
	if !b.start(id, "Idempotency-Key: key-1") {
		t.Error("the same request again is the same request")
	}
	if b.start(id, "Idempotency-Key: key-2") {
		t.Error("another request did not start it")
	}
	for connector, want := range map[string]string{"deterministic": workflows.ModeDeterministic, "gpt": workflows.ModeModel} {
		b.want(b.do("PUT", BasePath+"/"+b.create(1)+"/start", fmt.Sprintf(`{"connectorId":%q}`, connector)), 200, "true")
		sig := b.flows.signals[len(b.flows.signals)-1]
		if sig.Mode != want || sig.Settings.Batch != 50 || sig.Settings.Pause != 10*time.Second {
			t.Errorf("signal %+v", sig)
		}
	}
}

// TestStartsAtOnce: of many starts over two gateways exactly one answers true.
func TestStartsAtOnce(t *testing.T) {
	b := newBench(t)
	d := b.server.Deps
	other, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	id := b.create(2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	started := 0
	for i := range 20 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			req := b.request("PUT", BasePath+"/"+id+"/start", startBody)
			if i%2 == 0 {
				other.ServeHTTP(w, req)
			} else {
				b.server.ServeHTTP(w, req)
			}
			mu.Lock()
			defer mu.Unlock()
			if w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "true") {
				started++
			}
		})
	}
	wg.Wait()
	if started != 1 {
		t.Errorf("%d of 20 started it", started)
	}
}

// TestNobodyAnswers: with no worker, start goes by the store, stop still reaches the workflow, and stats say where they
// come from.
func TestNobodyAnswers(t *testing.T) {
	b := newBench(t)
	id := b.create(2)
	b.flows.queryErr = fmt.Errorf("%w: no poller", ErrUnanswered)
	if !b.start(id) {
		t.Error("the store was not running before, so this start did it")
	}
	if st, source := b.statsOf(id); st.Status != migration.Running || st.Rules.Total != 2 || source != "store" {
		t.Errorf("stats %+v from %s", st, source)
	}
	if b.start(id) {
		t.Error("started twice")
	}
	if !b.stop(id) || len(b.flows.stops) != 1 {
		t.Error("not stopped")
	}
}

// TestStopBeforeAnybodyAnswers: the start waits for a worker, the store does not know of it yet; the stop must not get lost.
func TestStopBeforeAnybodyAnswers(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	b.flows.runs[id] = &fakeRun{state: migration.Running, open: true}
	b.flows.queryErr = fmt.Errorf("%w: no poller", ErrUnanswered)
	b.stop(id)
	if len(b.flows.stops) != 1 {
		t.Error("the workflow was not told")
	}
}

func TestStopWithoutWorkflow(t *testing.T) {
	b := newBench(t)
	id := b.create(2)
	b.start(id)
	token := migration.Token{Epoch: 1, Claim: 1}
	if _, _, err := b.store.Claim(t.Context(), id, token, 1); err != nil {
		t.Fatal(err)
	}
	delete(b.flows.runs, id)
	if !b.stop(id) {
		t.Error("not stopped")
	}
	if st, _ := b.statsOf(id); st.Status != migration.Stopped || st.Rules.Pending != 2 {
		t.Errorf("stats %+v", st)
	}
}

func TestStopOfAPausedOne(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	b.start(id)
	b.flows.runs[id].state = migration.Stopped
	err := b.store.SetState(t.Context(), id, store.Change{State: migration.Stopped, Epoch: 1, ParkReason: workflows.ParkShutdown, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if b.stop(id) || len(b.flows.stops) != 1 {
		t.Error("a paused migration was not running, and must learn that it is stopped for good")
	}
}
