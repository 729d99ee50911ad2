package integration

import (
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// TestChaosStartStop has two gateways start and stop one migration at once, again and again. Of two starts at once exactly
// one is told that it started; whatever was said, state and counts agree afterwards, and nothing is lost.
func TestChaosStartStop(t *testing.T) {
	binary(t)
	const n = 400
	rounds := 4
	if fullForm(t) {
		rounds = 12
	}
	random := seeded(t)
	node := elasticsearch.Start(t)
	cfg, prefix := chaosConfig(t, node.URL, "2s", "heartbeat: 5s, pause: 0s")
	f := newFleet(t, node, cfg, prefix, 2, 2)
	gs := f.gateways()
	id := f.create(n)

	// both has each gateway carry out a call at once, and gives what they were told.
	both := func(calls [2]string) (told [2]bool) {
		t.Helper()
		var wg sync.WaitGroup
		for i, g := range gs {
			wg.Go(func() {
				var answer struct{ Started, Stopped bool }
				var body any
				if calls[i] == "start" {
					body = map[string]any{"connectorId": "sim", "settings": map[string]any{"pause": "0s"}}
				}
				if status, err := g.try("PUT", "/"+id+"/"+calls[i], body, &answer); err != nil || status != http.StatusOK {
					t.Errorf("%s: %d %v", calls[i], status, err)
				}
				told[i] = answer.Started || answer.Stopped
			})
		}
		wg.Wait()
		return told
	}
	// at gives the state once store, documents, gateways and workflow agree that the migration rests; a migration that
	// runs is stopped for that.
	rest := func() {
		t.Helper()
		both([2]string{"stop", "stop"})
		if s := f.rests(id, n, migration.Stopped, time.Minute); s.ParkReason != "" || s.Rules.Failed > 0 {
			t.Fatalf("stopped with %+v", s)
		}
	}
	for round := range rounds {
		if told := both([2]string{"start", "start"}); told[0] == told[1] {
			t.Errorf("round %d: two starts at once were told %v, want exactly one true", round, told)
		}
		f.sleep(time.Duration(random.Int64N(int64(time.Second))))
		// A start and a stop at once: either may win.
		for range random.IntN(4) {
			calls := [2]string{"start", "stop"}
			if random.IntN(2) == 0 {
				calls[0], calls[1] = calls[1], calls[0]
			}
			both(calls)
		}
		rest()
	}
	if told := both([2]string{"start", "start"}); told[0] == told[1] {
		t.Errorf("at the end two starts at once were told %v, want exactly one true", told)
	}
	s := f.rests(id, n, migration.Finished, 3*time.Minute)
	if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
		t.Errorf("ended with %+v", s.Rules)
	}
	if told := both([2]string{"start", "stop"}); told[0] || told[1] {
		t.Errorf("after the end a start and a stop were told %v", told)
	}
	f.sound()
	t.Logf("FIGURE fault: two gateways starting and stopping one migration at once, %d rounds: of two starts one each time, every rule has one result", rounds)
}

// TestChaosAbsent holds a process for longer than the heartbeat timeout, as a paused machine does, and lets it go on: what
// others have done meanwhile it must not do again. Then Temporal is away.
func TestChaosAbsent(t *testing.T) {
	binary(t)
	node := elasticsearch.Start(t)
	cfg, prefix := chaosConfig(t, node.URL, "500ms", "heartbeat: 5s, pause: 0s")
	f := newFleet(t, node, cfg, prefix, 2, 2)
	for _, kind := range []string{"worker", "temporal", "gateway"} {
		i := slices.IndexFunc(f.members, func(m *member) bool { return m.kind == kind })
		send := func(s os.Signal) func(*testing.T) {
			return func(*testing.T) { f.members[i].signal(s) }
		}
		o := outage{kind + " frozen", 30 * time.Second, send(syscall.SIGSTOP), send(syscall.SIGCONT), nil}
		t.Run(o.name, func(t *testing.T) { f.rides(t, o) })
	}
	server := f.members[0]
	down := outage{"temporal down", 30 * time.Second, func(*testing.T) {
		server.kill()
		server.startAt = time.Now().Add(time.Hour)
	}, func(*testing.T) { f.revive(server) }, func(t *testing.T, id string) {
		f.answers(t, "PUT", "/"+id+"/stop", http.StatusServiceUnavailable, "the workflow service is not available")
		f.answers(t, "GET", "/"+id+"/stats", http.StatusOK, "")
		f.unready(t, "workflows")
	}}
	t.Run(down.name, func(t *testing.T) { f.rides(t, down) })
	f.sound()
}

// TestChaosClocks runs a cluster whose processes disagree about the time by up to two hours, and kills a worker in it.
func TestChaosClocks(t *testing.T) {
	binary(t)
	const n = 250
	node := elasticsearch.Start(t)
	cfg, prefix := chaosConfig(t, node.URL, "500ms", "heartbeat: 5s, pause: 0s")
	f := &fleet{cluster: &cluster{t: t, dir: t.TempDir(), cfg: cfg}, root: t, clocks: map[string][]time.Duration{
		"temporal": {-40 * time.Minute}, "worker": {time.Hour, -time.Hour}, "gateway": {90 * time.Minute, -20 * time.Minute},
	}}
	f.over(node, prefix, 2, 2)
	gs := f.gateways()
	id := f.create(n)
	if !gs[0].begin(id, "sim") {
		t.Error("not started")
	}
	f.inWork(id)
	if !gs[1].halt(id) {
		t.Error("not stopped by the other gateway")
	}
	if s := f.rests(id, n, migration.Stopped, time.Minute); s.ParkReason != "" || s.Rules.Finished == 0 || s.Rules.Pending == 0 {
		t.Errorf("stopped with %+v", s)
	}
	if !gs[1].begin(id, "sim") {
		t.Error("not started again by the other gateway")
	}
	f.inWork(id)
	for _, m := range f.members {
		if m.kind == "worker" {
			m.kill() // the one whose clock is ahead; the other goes on
			m.startAt = time.Now().Add(time.Second)
			break
		}
	}
	s := f.rests(id, n, migration.Finished, 3*time.Minute)
	if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
		t.Errorf("ended with %+v", s.Rules)
	}
	shifted := false
	for _, r := range f.documents(id, "") {
		off := time.Until(r.UpdatedAt).Abs()
		shifted = shifted || off > 50*time.Minute
	}
	if !shifted {
		t.Error("no rule has a time of a shifted clock: the clocks were not changed")
	}
	if status := gs[0].call("DELETE", "/"+id, nil, nil); status != http.StatusOK {
		t.Errorf("delete: %d", status)
	}
	if status := gs[1].call("GET", "/"+id, nil, nil); status != http.StatusNoContent {
		t.Errorf("after the deletion: %d", status)
	}
	f.sound()
	t.Logf("FIGURE fault: clocks of Temporal, workers and gateways up to 2.5 h apart, a worker killed: every rule has one result")
}
