package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const childEnv = "RULEBRIDGE_TEST_SQLITE_CHILD"

// TestMain runs the child of the tests with several processes when asked to.
func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		path, id, _ := strings.Cut(spec, "\n")
		if err := work(path, id); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const childRules = 400

// work claims and finishes all rules of a migration with 20 callers, and prints each result that the store acknowledged.
func work(path, id string) error {
	ctx := context.Background()
	// SQLite gives its lock to no one in turn: on a busy machine, under the race detector, one process waits long.
	s, err := Open(ctx, path, Options{BusyTimeout: time.Minute})
	if err != nil {
		return err
	}
	m, err := s.Migration(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		m = migration.Migration{ID: id, CreatedAt: time.Unix(1, 0)}
		err = s.CreateMigration(ctx, m, someRules(childRules))
	}
	if err != nil {
		return err
	}
	epoch := m.Epoch + 1
	if _, err := s.Requeue(ctx, id, epoch, store.Again{}); err != nil {
		return err
	}
	if err := s.SetState(ctx, id, store.Change{State: migration.Running, Epoch: epoch}); err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for w := range errs {
		wg.Go(func() {
			for n := int64(0); ; n++ {
				token := migration.Token{Epoch: epoch, Claim: int64(w)<<32 + n}
				ids, _, err := s.Claim(ctx, id, token, 3)
				if err != nil || len(ids) == 0 {
					errs[w] = err
					return
				}
				for _, rule := range ids {
					if errs[w] = s.Record(ctx, id, rule, token, finish); errs[w] != nil {
						return
					}
					mu.Lock()
					fmt.Println(rule)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, s.Close())...)
}

func finish(r *migration.Rule) {
	r.Status, r.Result = migration.StatusFinished, migration.Full
	r.Elastic = &migration.ElasticRule{Query: strings.Repeat("| WHERE a == \"b\" ", 100)}
}

func someRules(n int) []migration.OriginalRule {
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = migration.OriginalRule{ID: fmt.Sprintf("r%05d", i), Query: "search x"}
	}
	return rules
}

func child(t *testing.T, path, id string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path+"\n"+id)
	return cmd
}

// verify checks the file itself, the kept counts against the documents, and that every rule has its original.
func verify(t *testing.T, s *Store) {
	t.Helper()
	var result string
	var wrong int
	err := s.read(t.Context(), func(ctx context.Context, q *statements) error {
		if err := q.row(ctx, "PRAGMA integrity_check", nil, &result); err != nil {
			return err
		}
		return q.row(ctx, `SELECT
			(SELECT count(*) FROM migrations g WHERE
				pending    <> (SELECT count(*) FROM rules WHERE m = g.n AND status = 'pending') OR
				processing <> (SELECT count(*) FROM rules WHERE m = g.n AND status = 'processing') OR
				finished   <> (SELECT count(*) FROM rules WHERE m = g.n AND status = 'finished') OR
				failed     <> (SELECT count(*) FROM rules WHERE m = g.n AND status = 'error'))
			+ abs((SELECT count(*) FROM rules) - (SELECT count(*) FROM originals))
			+ (SELECT count(*) FROM rules LEFT JOIN originals USING (m, id) WHERE originals.doc IS NULL)`, nil, &wrong)
	})
	if err != nil || result != "ok" || wrong != 0 {
		t.Fatalf("integrity: %s, %d disagreements, %v", result, wrong, err)
	}
}

func TestKilledInTheMiddleOfWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rulebridge.db")
	kills, finished := 0, 0
	for round := 0; kills < 5; round++ {
		if round == 40 {
			t.Fatalf("the child finished first %d times", round-kills)
		}
		id := fmt.Sprintf("m%d", round)
		cmd := child(t, path, id)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed after a random number of acknowledged results, so that writes are in flight.
		stopAfter := 1 + rand.IntN(childRules*3/4)
		var acknowledged []string
		for sc := bufio.NewScanner(out); sc.Scan(); {
			acknowledged = append(acknowledged, sc.Text())
			if len(acknowledged) == stopAfter {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if cmd.Wait() != nil {
			kills++
		}
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		verify(t, s)
		for _, rule := range acknowledged {
			if r, err := s.Rule(t.Context(), id, rule); err != nil || r.Status != migration.StatusFinished || r.Elastic == nil {
				t.Fatalf("rule %s was acknowledged and is %s, %v", rule, r.Status, err)
			}
		}
		finished += len(acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if finished == 0 {
		t.Fatal("nothing was written before the kills")
	}
}

func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rulebridge.db")
	// Both create the file and its schema at the same moment.
	var children []*exec.Cmd
	var outs []*bytes.Buffer
	for _, id := range []string{"a", "b"} {
		cmd := child(t, path, id)
		out := &bytes.Buffer{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children, outs = append(children, cmd), append(outs, out)
	}
	for i, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, outs[i])
		}
	}
	s := open(t, path, Options{})
	verify(t, s)
	for _, id := range []string{"a", "b"} {
		c, err := s.Counts(t.Context(), id)
		if err != nil || c.Finished != childRules || c.Total != childRules {
			t.Errorf("migration %s: %+v, %v", id, c, err)
		}
	}
}

// pages limits the file, as a full disk would; 0 lifts the limit.
func pages(t *testing.T, s *Store, more int) {
	t.Helper()
	err := s.write(t.Context(), func(ctx context.Context, q *statements) error {
		var count, got int
		if err := q.row(ctx, "PRAGMA page_count", nil, &count); err != nil {
			return err
		}
		limit := count + more
		if more == 0 {
			limit = 1 << 30
		}
		return q.row(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", limit), nil, &got)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDiskFull(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "rulebridge.db"), Options{})
	create(t, s, "m", 200)
	token := migration.Token{Epoch: 1, Claim: 1}
	ids, _, err := s.Claim(t.Context(), "m", token, 100)
	if err != nil {
		t.Fatal(err)
	}
	pages(t, s, 3)
	if err := s.CreateMigration(t.Context(), migration.Migration{ID: "big"}, someRules(5000)); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("create on a full disk: %v", err)
	}
	if _, err := s.Migration(t.Context(), "big"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the migration is half there: %v", err)
	}
	if _, err := s.AppendRules(t.Context(), "m", []migration.OriginalRule{{ID: "x"}, {ID: "y", Query: strings.Repeat("x", 1<<20)}}, true, ""); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("append on a full disk: %v", err)
	}
	// Large and small results at once: what fits is written, what does not is refused, each caller hears of its own.
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			errs[i] = s.Record(t.Context(), "m", id, token, func(r *migration.Rule) {
				r.Status = migration.StatusFinished
				if i%10 == 0 {
					r.ErrorCode = strings.Repeat("x", 100_000)
				}
			})
		})
	}
	wg.Wait()
	written := 0
	for i, err := range errs {
		want := migration.StatusFinished
		if err != nil {
			want = migration.StatusProcessing
			if !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("record on a full disk: %v", err)
			}
		} else {
			written++
		}
		if r, err := s.Rule(t.Context(), "m", ids[i]); err != nil || r.Status != want {
			t.Fatalf("rule %s is %s, %v; its caller was told %v", ids[i], r.Status, err, errs[i])
		}
	}
	if written == 0 || written == len(ids) {
		t.Errorf("%d of %d results were written; want some, not all", written, len(ids))
	}
	verify(t, s)
	pages(t, s, 0)
	for i, id := range ids {
		if errs[i] != nil {
			if err := s.Record(t.Context(), "m", id, token, finish); err != nil {
				t.Fatal(err)
			}
		}
	}
	create(t, s, "big", 5000)
	if c, err := s.Counts(t.Context(), "m"); err != nil || c.Finished != 100 || c.Pending != 100 {
		t.Errorf("afterwards: %+v, %v", c, err)
	}
	verify(t, s)
}

func TestLockedByAnotherConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rulebridge.db")
	s := open(t, path, Options{BusyTimeout: time.Millisecond})
	create(t, s, "m", 2)
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ready while another holds the lock: %v", err)
	}
	// Readers are not held up.
	if c, err := s.Counts(t.Context(), "m"); err != nil || c.Total != 2 {
		t.Errorf("counts while another holds the lock: %+v, %v", c, err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCallersLeaveInTime: while another process holds the lock, callers are not held longer than their own deadline,
// however many they are and however long the store is ready to wait.
func TestCallersLeaveInTime(t *testing.T) {
	for name, busy := range map[string]time.Duration{"short wait": 200 * time.Millisecond, "long wait": time.Minute} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rulebridge.db")
			s := open(t, path, Options{BusyTimeout: busy})
			create(t, s, "m", 2)
			other, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			other.SetMaxOpenConns(1)
			if _, err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var wg sync.WaitGroup
			var late atomic.Int32
			for range 40 {
				wg.Go(func() {
					err := s.Ready(ctx)
					if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("while another holds the lock: %v", err)
					}
					if d, _ := ctx.Deadline(); time.Since(d) > 2*time.Second {
						late.Add(1)
					}
				})
			}
			wg.Wait()
			if n := late.Load(); n > 0 {
				t.Errorf("%d of 40 callers came back more than 2 s after their deadline", n)
			}
			if _, err := other.Exec("ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestClosed(t *testing.T) {
	for _, path := range []string{Memory, filepath.Join(t.TempDir(), "rulebridge.db")} {
		s := open(t, path, Options{})
		create(t, s, "m", 1)
		closeStore(t, s)
		closeStore(t, s)
		if err := s.Ready(t.Context()); err == nil {
			t.Error("ready after the close")
		}
		if _, err := s.Counts(t.Context(), "m"); err == nil {
			t.Error("counts after the close")
		}
	}
}

// A page of a large migration must come from an index, whatever the filter.
func TestQueriesUseIndices(t *testing.T) {
	s := open(t, Memory, Options{})
	for query, want := range map[string]string{
		"SELECT id FROM rules WHERE m = 1 AND status = 'pending' ORDER BY id LIMIT 50":                                       "rules_by_status",
		"SELECT id FROM rules WHERE m = 1 AND status = 'processing' AND epoch = 1 AND claim = 1 ORDER BY id":                 "rules_by_token",
		"SELECT id FROM rules r WHERE r.m = 1 AND r.id > 'x' AND r.result = 'full' AND r.result <> '' ORDER BY r.id LIMIT 9": "rules_by_result",
		"SELECT id FROM rules r WHERE r.m = 1 AND r.id > 'x' AND r.status = 'pending' ORDER BY r.id LIMIT 9":                 "rules_by_status",
	} {
		var plan strings.Builder
		err := s.read(t.Context(), func(ctx context.Context, q *statements) error {
			return q.each(ctx, "EXPLAIN QUERY PLAN "+query, nil, func(rows *sql.Rows) error {
				var id, parent, unused int
				var detail string
				err := rows.Scan(&id, &parent, &unused, &detail)
				plan.WriteString(detail + "\n")
				return err
			})
		})
		if err != nil || !strings.Contains(plan.String(), want) || strings.Contains(plan.String(), "TEMP B-TREE") {
			t.Errorf("%s\n%s%v; want %s", query, &plan, err, want)
		}
	}
}
