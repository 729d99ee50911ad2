package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// The tests here hold or break off a call at one of its requests, and let others run in between.

func TestClaimBrokenOff(t *testing.T) {
	const claiming, done = `"status":"processing","token"`, `"done":true`
	for _, step := range []string{claiming, done} {
		s, p, _ := behindProxy(t, Options{MaxRetries: -1})
		id := running(t, s, 6)
		token := migration.Token{Epoch: 1, Claim: 1}
		p.dieAt(step)
		if _, _, err := s.Claim(t.Context(), id, token, 4); err == nil {
			t.Fatal("the claim was not broken off")
		}
		p.set(nil)
		// One of its rules is deleted, then the claim is tried again with another limit, several times at once.
		if err := s.DeleteRule(t.Context(), id, "r00001"); err != nil {
			t.Fatal(err)
		}
		want := []string{"r00000", "r00002", "r00003"}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				ids, _, err := s.Claim(t.Context(), id, token, 6)
				if err != nil || !slices.Equal(ids, want) {
					t.Errorf("broken off at %s and tried again: %v, %v; want %v", step, ids, err, want)
				}
			})
		}
		wg.Wait()
		wantCounts(t, s, id, 2, 3, 0)
	}
}

// pauseAt holds the first request whose body contains text until release is called.
func (p *proxy) pauseAt(text string) (reached <-chan struct{}, release func()) {
	at, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.set(func(_ *http.Request, body string) (before, after *http.Response) {
		first := false
		if strings.Contains(body, text) {
			once.Do(func() { first = true })
		}
		if first {
			close(at)
			<-gate
		}
		return nil, nil
	})
	return at, func() { close(gate) }
}

// An attempt that sleeps in the middle of a claim and wakes up when everything has moved on changes nothing.
func TestClaimWakesUpLate(t *testing.T) {
	token := migration.Token{Epoch: 1, Claim: 1}
	for name, tt := range map[string]struct {
		meanwhile func(s *Store, id string) error
		want      error
		pending   int
		held      int
		finished  int
	}{
		"its other attempt finished": {func(s *Store, id string) error {
			ids, _, err := s.Claim(context.Background(), id, token, 2)
			if err != nil || len(ids) != 2 {
				return fmt.Errorf("%v, %w", ids, err)
			}
			return s.Record(context.Background(), id, ids[0], token, finish)
		}, nil, 2, 1, 1},
		"its other attempt was released": {func(s *Store, id string) error {
			ids, _, err := s.Claim(context.Background(), id, token, 2)
			if err != nil || len(ids) != 2 {
				return fmt.Errorf("%v, %w", ids, err)
			}
			_, err = s.Release(context.Background(), id, 1, ids)
			return err
		}, nil, 4, 0, 0},
		"stopped": {func(s *Store, id string) error {
			if _, err := s.Release(context.Background(), id, 1, nil); err != nil {
				return err
			}
			return s.SetState(context.Background(), id, store.Change{State: migration.Stopped, Epoch: 1})
		}, store.ErrFenced, 4, 0, 0},
		"a new start": {func(s *Store, id string) error {
			_, err := s.Requeue(context.Background(), id, 2, store.Again{})
			return err
		}, store.ErrFenced, 4, 0, 0},
		"deleted": {func(s *Store, id string) error { return s.DeleteMigration(context.Background(), id) }, store.ErrNotFound, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, p, _ := behindProxy(t, Options{MaxRetries: -1})
			id := running(t, s, 4)
			reached, release := p.pauseAt(`"status":"processing","token"`)
			type result struct {
				ids []string
				err error
			}
			got := make(chan result, 1)
			go func() {
				ids, _, err := s.Claim(t.Context(), id, token, 2)
				got <- result{ids, err}
			}()
			<-reached
			err := tt.meanwhile(s, id)
			release()
			r := <-got
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(r.err, tt.want) || len(r.ids) != tt.held {
				t.Errorf("the late attempt holds %v, %v; want %d, %v", r.ids, r.err, tt.held, tt.want)
			}
			if errors.Is(tt.want, store.ErrNotFound) {
				if docs, err := s.get(t.Context(), []ref{s.ruleRef(id, "r00000")}); err != nil || docs[0].Found {
					t.Errorf("a deleted rule came back: %v", err)
				}
				return
			}
			wantCounts(t, s, id, tt.pending, tt.held, tt.finished)
		})
	}
}

// An attempt takes over a list that a dead one left, and sleeps; another completes the claim, and the rules are released.
func TestClaimTakenOverLate(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: -1})
	id := running(t, s, 4)
	token := migration.Token{Epoch: 1, Claim: 1}
	p.dieAt(`"status":"processing","token"`)
	if _, _, err := s.Claim(t.Context(), id, token, 2); err == nil {
		t.Fatal("the claim was not broken off")
	}
	reached, release := p.pauseAt(s.ruleRef(id, "r00000").ID) // when it reads the rules of the list
	got := make(chan error, 1)
	go func() {
		ids, _, err := s.Claim(t.Context(), id, token, 2)
		if len(ids) != 0 {
			err = fmt.Errorf("holds %v: %w", ids, err)
		}
		got <- err
	}()
	<-reached
	ids, _, err := s.Claim(t.Context(), id, token, 2)
	if err == nil && len(ids) == 2 {
		_, err = s.Release(t.Context(), id, 1, ids)
	}
	release()
	if err := errors.Join(err, <-got); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, id, 4, 0, 0)
}

// A result that comes between the reading and the writing of a release stays.
func TestReleaseMeetsResult(t *testing.T) {
	for _, ids := range [][]string{{"r00000", "r00001"}, nil} {
		s, p, _ := behindProxy(t, Options{MaxRetries: -1})
		id := running(t, s, 2)
		token := migration.Token{Epoch: 1, Claim: 1}
		if _, _, err := s.Claim(t.Context(), id, token, 2); err != nil {
			t.Fatal(err)
		}
		reached, release := p.pauseAt(`"status":"pending"`)
		got := make(chan error, 1)
		go func() { _, err := s.Release(t.Context(), id, 1, ids); got <- err }()
		<-reached
		err := s.Record(t.Context(), id, "r00000", token, finish)
		release()
		if err := errors.Join(err, <-got); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, s, id, 1, 0, 1)
	}
}

// If the late attempt dies right after it took rules for an old start, the new start takes them from it.
func TestClaimOfDeadOldStart(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: -1})
	id := running(t, s, 3)
	reached, release := p.pauseAt(`"status":"processing","token"`)
	failed := make(chan error, 1)
	go func() {
		_, _, err := s.Claim(t.Context(), id, migration.Token{Epoch: 1, Claim: 1}, 2)
		failed <- err
	}()
	<-reached
	_, err := s.Requeue(t.Context(), id, 2, store.Again{})
	p.dieAt(`"done":true`) // before it could look whether it was fenced
	release()
	if err := errors.Join(err, s.SetState(t.Context(), id, store.Change{State: migration.Running, Epoch: 2})); err != nil {
		t.Fatal(err)
	}
	if <-failed == nil {
		t.Fatal("the claim was not broken off")
	}
	p.set(nil)
	wantCounts(t, s, id, 1, 2, 0)
	ids, c, err := s.Claim(t.Context(), id, migration.Token{Epoch: 2, Claim: 1}, 3)
	if err != nil || len(ids) != 3 || c.Processing != 3 {
		t.Errorf("the new start holds %v, %+v, %v; want all 3", ids, c, err)
	}
}

// Documents written while their migration is being deleted do not stay.
func TestWritesMeetDeletion(t *testing.T) {
	for name, tt := range map[string]struct {
		at    string // part of the write that meets the deletion
		write func(s *Store, id string) error
		index string
	}{
		"append": {`"late rule"`, func(s *Store, id string) error {
			_, err := s.AppendRules(context.Background(), id, []migration.OriginalRule{{ID: "late rule"}}, true, "")
			return err
		}, rulesIndex},
		"resource": {`"late macro"`, func(s *Store, id string) error {
			_, err := s.UpsertResources(context.Background(), id, []migration.Resource{{Type: "macro", Name: "late macro"}})
			return err
		}, resourcesIndex},
		"answer": {`"late answer"`, func(s *Store, id string) error {
			return s.SaveAnswer(context.Background(), id, "k", store.Answer{Text: "late answer"})
		}, answersIndex},
	} {
		t.Run(name, func(t *testing.T) {
			s, p, _ := behindProxy(t, Options{MaxRetries: -1})
			id := newID()
			if err := s.CreateMigration(t.Context(), migration.Migration{ID: id}, someRules(2)); err != nil {
				t.Fatal(err)
			}
			reached, release := p.pauseAt(tt.at)
			failed := make(chan error, 1)
			go func() { failed <- tt.write(s, id) }()
			<-reached
			err := s.DeleteMigration(t.Context(), id)
			release()
			if werr := <-failed; !errors.Is(werr, store.ErrNotFound) {
				t.Errorf("the late write: %v", werr)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := s.refreshIndex(t.Context(), s.index(tt.index)); err != nil {
				t.Fatal(err)
			}
			f, err := s.search(t.Context(), s.index(tt.index), map[string]any{"query": all(term("migration_id", id))})
			if err != nil || len(f.Hits.Hits) != 0 {
				t.Errorf("%d documents stayed, %v", len(f.Hits.Hits), err)
			}
		})
	}
}

// A start that finishes while rules are being appended leaves no pending rule behind in a finished migration.
func TestAppendMeetsFinish(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: -1})
	id := newID()
	if err := s.CreateMigration(t.Context(), migration.Migration{ID: id}, someRules(1)); err != nil {
		t.Fatal(err)
	}
	late := []migration.OriginalRule{{ID: "late rule"}}
	reached, release := p.pauseAt(`"late rule"`)
	appended := make(chan error, 1)
	go func() {
		_, err := s.AppendRules(context.Background(), id, late, true, "")
		appended <- err
	}()
	<-reached
	for _, state := range []migration.State{migration.Running, migration.Finished} {
		if err := s.SetState(t.Context(), id, store.Change{State: state, Epoch: 1}); err != nil {
			t.Fatal(err)
		}
	}
	release()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	ready := func(when string) {
		t.Helper()
		if m, err := s.Migration(t.Context(), id); err != nil || m.State != migration.Ready {
			t.Errorf("%s: the migration is %s, %v; want ready, since a rule is pending", when, m.State, err)
		}
	}
	ready("after the append")
	// An append that broke off before it looked again is repeated.
	for epoch, state := range []migration.State{migration.Running, migration.Finished} {
		if err := s.SetState(t.Context(), id, store.Change{State: state, Epoch: 2 + int64(epoch)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AppendRules(t.Context(), id, late, true, ""); err != nil {
		t.Fatal(err)
	}
	ready("after the repetition")
}

// A creation that was broken off is invisible, can be repeated, and is swept up after a while.
func TestCreationBrokenOff(t *testing.T) {
	now := time.Now()
	var skip atomic.Int64
	s, p, _ := behindProxy(t, Options{Prefix: ownPrefix, MaxRetries: -1, Now: func() time.Time { return now.Add(time.Duration(skip.Load())) }})
	m := migration.Migration{ID: newID(), CreatedAt: now}
	p.dieAt(`"r01500"`)
	id := m.ID
	if err := s.CreateMigration(t.Context(), m, someRules(2000)); err == nil {
		t.Fatal("the creation was not broken off")
	}
	p.set(nil)
	if _, err := s.Migration(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half a migration: %v", err)
	}
	if all, err := s.Overview(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("counts of half a migration: %v, %v", all, err)
	}
	if ids, err := s.Tombstoned(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("swept up at once: %v, %v", ids, err)
	}
	if err := s.CreateMigration(t.Context(), m, someRules(2000)); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, id, 2000, 0, 0)

	m.ID = "left"
	p.dieAt(`"r00500"`)
	if err := s.CreateMigration(t.Context(), m, someRules(1000)); err == nil {
		t.Fatal("the creation was not broken off")
	}
	p.set(nil)
	skip.Store(int64(2 * time.Hour))
	if ids, err := s.Tombstoned(t.Context()); err != nil || !slices.Equal(ids, []string{"left"}) {
		t.Errorf("left behind: %v, %v", ids, err)
	}
	if err := s.DeleteMigration(t.Context(), "left"); err != nil {
		t.Fatal(err)
	}
	if ids, err := s.Tombstoned(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("after the deletion: %v, %v", ids, err)
	}
}
