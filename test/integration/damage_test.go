package integration

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	_ "modernc.org/sqlite"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// settled writes the log of a database that was killed into its file, and gives the file.
func settled(t *testing.T, path string) []byte {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTemporalDamaged: a temporal.db that is damaged at its beginning or in its middle is set aside and kept, in words that
// say so, and what was unfinished goes on from the store.
func TestTemporalDamaged(t *testing.T) {
	const n = 60
	for name, damage := range map[string]func([]byte) []byte{
		"no database": func([]byte) []byte { return []byte("this is no database\n") },
		"cut short":   func(data []byte) []byte { return data[:len(data)/2/4096*4096] },
		"pages in the middle": func(data []byte) []byte {
			data = bytes.Clone(data)
			middle := data[len(data)/4/4096*4096 : len(data)*3/4/4096*4096]
			for i := range middle {
				middle[i] = 0xa5
			}
			return data
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, cfg := t.TempDir(), config(t, "1s")
			d := startDev(t, dir, "--config", cfg)
			id := d.create(n)
			d.begin(id, "sim")
			eventually(t, 30*time.Second, "some rules are done", func() bool { return d.stats(id).Rules.Finished > 0 })
			d.kill()
			path := filepath.Join(dir, "temporal.db")
			bad := damage(settled(t, path))
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			d = startDev(t, dir, "--config", config(t, "5ms"))
			kept, err := filepath.Glob(filepath.Join(dir, "temporal-damaged-*.db"))
			if err != nil || len(kept) != 1 {
				t.Fatalf("kept: %q %v", kept, err)
			}
			if data, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(data, bad) {
				t.Errorf("the damaged file changed, %v", err)
			}
			if said := d.stderr.String(); !strings.Contains(said, "temporal.db is damaged and was set aside") || !strings.Contains(said, kept[0]) {
				t.Errorf("nothing says what happened: %s", tail(said))
			}
			d.finished(id, n, 60*time.Second)
		})
	}
}

// TestStoreDamaged: a damaged rulebridge.db is refused in words that say what to do, and stays as it is.
func TestStoreDamaged(t *testing.T) {
	dir := t.TempDir()
	d := startDev(t, dir)
	d.create(500)
	d.stop()
	path := filepath.Join(dir, "rulebridge.db")
	bad := settled(t, path)
	middle := bad[len(bad)/2/4096*4096:]
	copy(middle, bytes.Repeat([]byte{0xa5}, min(len(middle), 16<<10)))
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"dev", "--http-port", "0", "--temporal-port", "0", "--ui-port", "0"}, {"migrate", writeRules(t, 3)}, {"report"},
	} {
		p := start(t, append(args, "--data-dir", dir)...)
		code := p.wait(60 * time.Second)
		if said := p.stderr.String(); code != 1 || !strings.Contains(said, path+" is damaged; nothing was changed") || !strings.Contains(said, "restore a back-up") {
			t.Errorf("%s ended with exit code %d: %s", args[0], code, tail(said))
		}
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
		t.Errorf("the damaged file changed, %v", err)
	}
}

// TestUnreadableRule: a rule whose stored document is no JSON ends with a code of its own, and its neighbours finish.
func TestUnreadableRule(t *testing.T) {
	dir := t.TempDir()
	d := startDev(t, dir)
	id := d.create(20)
	d.stop()
	db, err := sql.Open("sqlite", filepath.Join(dir, "rulebridge.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE rules SET doc = '{' WHERE id = (SELECT max(id) FROM rules)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d = startDev(t, dir)
	d.begin(id, "deterministic")
	eventually(t, 60*time.Second, "the migration finishes", func() bool { return d.stats(id).Status == migration.Finished })
	if s := d.stats(id); s.Rules != (migration.Counts{Total: 20, Finished: 19, Failed: 1}) || s.Errors[workflows.CodeUnreadable] != 1 {
		t.Errorf("stats: %+v", s)
	}
	if rules := d.rules(id); len(rules) != 20 {
		t.Errorf("%d rules are listed", len(rules))
	}
	d.stop()
	out := t.TempDir()
	p := start(t, "report", "--data-dir", dir, "--out", out)
	code := p.wait(60 * time.Second)
	report, err := os.ReadFile(filepath.Join(out, "report.md"))
	if code != 0 || err != nil || !strings.Contains(string(report), "unreadable") {
		t.Errorf("report ended with exit code %d, %v: %.500s", code, err, report)
	}
}

// TestTerminatedElsewhere: a migration whose workflow somebody terminates in the Temporal UI does not stay running: it is
// stopped, says why, and goes on when it is started again.
func TestTerminatedElsewhere(t *testing.T) {
	const n = 60
	d := startDev(t, t.TempDir(), "--config", config(t, "1s"))
	id := d.create(n)
	d.begin(id, "sim")
	eventually(t, 30*time.Second, "some rules are done", func() bool { return d.stats(id).Rules.Finished > 0 })
	temporal, err := client.Dial(client.Options{HostPort: d.temporal, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	defer temporal.Close()
	if err := temporal.TerminateWorkflow(t.Context(), workflows.WorkflowID(id), "", "by hand"); err != nil {
		t.Fatal(err)
	}
	var s migration.Stats
	eventually(t, 30*time.Second, "the migration is said to be stopped", func() bool {
		s = d.stats(id)
		return s.Status == migration.Stopped
	})
	if s.ParkReason != workflows.ParkTerminated || s.Rules.Processing != 0 || s.Rules.Pending == 0 {
		t.Errorf("stopped with %+v", s)
	}
	var all []migration.Stats
	if d.call("GET", "/stats", nil, &all); len(all) != 1 || all[0].Status != migration.Stopped || all[0].ParkReason != workflows.ParkTerminated {
		t.Errorf("in the list of all: %+v", all)
	}
	if !d.begin(id, "sim") {
		t.Fatal("not started again")
	}
	d.finished(id, n, 90*time.Second)
}

// TestMigrateTerminatedElsewhere: so does one that migrate waits for, which ends and says why.
func TestMigrateTerminatedElsewhere(t *testing.T) {
	dir, rules, out := t.TempDir(), writeRules(t, 60), t.TempDir()
	port := freePort(t)
	p := start(t, "migrate", rules, "--data-dir", dir, "--out", out, "--config", config(t, "20s"), "--connector", "sim", "--temporal-port", port)
	id := migrating(t, dir)
	temporal, err := client.Dial(client.Options{HostPort: "127.0.0.1:" + port, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	defer temporal.Close()
	if err := temporal.TerminateWorkflow(t.Context(), workflows.WorkflowID(id), "", "by hand"); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(60 * time.Second); code != 1 || !strings.Contains(p.stderr.String(), workflows.ParkTerminated) {
		t.Errorf("exit code %d: %s", code, tail(p.stderr.String()))
	}
	p = start(t, "migrate", rules, "--data-dir", dir, "--out", out, "--config", config(t, "5ms"), "--connector", "sim")
	if code := p.wait(120 * time.Second); code != 0 {
		t.Errorf("started again, it ended with exit code %d", code)
	}
}

// smallDisk is a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	binary(t)
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skipf("skipped, needs a small file system, and mounting one is not allowed here (run as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// TestDiskFull: where the disk of the data folder is full, dev and migrate say so and name the folder, whether at the start
// or in the middle of the work; with room again the same command goes on to the end.
func TestDiskFull(t *testing.T) {
	const n = 60
	names := func(t *testing.T, p *process, dir string) {
		t.Helper()
		if said := p.stderr.String(); !strings.Contains(said, "disk") || !strings.Contains(said, "full") || !strings.Contains(said, dir) {
			t.Errorf("nothing says which disk is full: %s", tail(said))
		}
	}
	t.Run("migrate", func(t *testing.T) {
		disk := smallDisk(t, "48m")
		dir, filler, rules, out := filepath.Join(disk, "data"), filepath.Join(disk, "filler"), writeRules(t, n), t.TempDir()
		args := []string{"migrate", rules, "--data-dir", dir, "--out", out, "--connector", "sim", "--config"}
		p := start(t, append(args, diskConfig(t, "20s"))...)
		migrating(t, dir)
		fill(t, filler)
		if code := p.wait(150 * time.Second); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		names(t, p, dir)
		p = start(t, append(args, diskConfig(t, "5ms"))...) // full from the start
		if code := p.wait(150 * time.Second); code != 1 {
			t.Errorf("exit code %d at the start, want 1", code)
		}
		names(t, p, dir)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		p = start(t, append(args, diskConfig(t, "5ms"))...)
		if code := p.wait(150 * time.Second); code != 0 {
			t.Errorf("exit code %d with room again", code)
		}
		if lines := countLines(t, filepath.Join(out, "rules.ndjson")); lines != n {
			t.Errorf("%d rules written", lines)
		}
	})
	t.Run("dev", func(t *testing.T) {
		disk := smallDisk(t, "48m")
		dir, filler := filepath.Join(disk, "data"), filepath.Join(disk, "filler")
		d := startDev(t, dir, "--config", diskConfig(t, "1s"))
		id := d.create(n)
		d.begin(id, "sim")
		eventually(t, 30*time.Second, "some rules are done", func() bool { return d.stats(id).Rules.Finished > 0 })
		fill(t, filler)
		eventually(t, 60*time.Second, "dev says that the disk is full", func() bool { return strings.Contains(d.stderr.String(), dir+" is full") })
		names(t, d.process, dir)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		eventually(t, 120*time.Second, "the migration goes on", func() bool {
			s := d.stats(id)
			if s.Status == migration.Stopped { // it was parked
				d.begin(id, "sim")
			}
			return s.Rules.Done()
		})
		d.finished(id, n, 90*time.Second)
	})
}

// diskConfig gives up early.
func diskConfig(t *testing.T, latency string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.yaml")
	text := "connectors: [{id: sim, kind: simulated, latency: " + latency + ", jitter: 50%, seed: 7}]\nmigration: {pause: 0s, heartbeat: 5s, outage_failures: 3, outage_after: 20s}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// migrating waits until the only migration in a folder has rules in work, and gives its id.
func migrating(t *testing.T, dir string) (id string) {
	t.Helper()
	eventually(t, 60*time.Second, "there is a store", func() bool {
		_, err := os.Stat(filepath.Join(dir, "inputs")) // made after the migration
		return err == nil
	})
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
		eventually(t, 60*time.Second, "rules are in work", func() bool {
			all, err := s.Overview(ctx)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d migrations, %v", len(all), err)
			}
			id = all[0].ID
			return all[0].Counts.Processing > 0
		})
	})
	return id
}
