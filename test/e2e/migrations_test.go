package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/test/program"
)

// TestEmpty: a gateway without migrations says what to do, in both themes and at every width.
func TestEmpty(t *testing.T) {
	g := start(t)
	p := open(t, g.URL)
	p.find("link", "^Rulebridge")
	p.find("button", "^Theme: as the system")
	p.sees("Drop what you have of Splunk here")
	p.look("no-migrations")
}

// archive packs files as an app is packed.
func archive(t *testing.T, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// only is the id of the gateway's one migration.
func (g *gateway) only() string {
	g.t.Helper()
	var all []migration.Stats
	g.call("GET", rulesPath+"/stats", nil, &all)
	if len(all) != 1 {
		g.t.Fatalf("%d migrations", len(all))
	}
	return all[0].MigrationID
}

// TestFromDropToMacro: the test app is dropped, what was found is said, the migration runs to its end by itself, and a macro
// that two apps define differently is given on the page of causes; the rules that it held back are done again.
func TestFromDropToMacro(t *testing.T) {
	g := start(t)
	p := open(t, g.URL)
	_, files := house(t)
	p.drop(".drop", file{"house.tgz", archive(t, files)})
	p.sees("What was found", "Not read", "Taken")
	p.click("button", "^Not read")
	p.click("button", "^Skipped")
	p.sees("it has no trigger condition")
	p.look("what-was-found")
	p.keep("found")
	p.fill("textbox", "Name of the migration", "House of tests")
	p.click("button", "Start the migration")
	p.sees("House of tests", "finished")
	p.find("list", "^Causes, best first")
	id := g.only()
	before := g.rule(id, "beta:In beta")
	if before.Result == migration.Full {
		t.Fatalf("the rule needs no macro: %+v", before)
	}
	p.look("causes")
	p.keep("causes")

	p.click("button", "^Macro without a definition")
	p.look("give-a-macro")
	p.fill("textbox", "definition of vips", "index=alpha")
	p.forget()
	p.click("button", "Define and translate again")
	p.sees("vips is there")
	p.wait("the rules that vips held back are done again", func() bool {
		after := g.rule(id, "beta:In beta")
		return after.Status == migration.StatusFinished && after.UpdatedAt.After(before.UpdatedAt) && !strings.Contains(fmt.Sprint(after.Missing), "vips")
	})
	p.wait("vips is no cause any more", func() bool { return len(p.all("link", "with vips$")) == 0 })

	// A lookup is given as a file; the folder of the app is chosen as a folder.
	p.goTo("#/")
	p.sees("House of tests")
	p.look("migrations")
}

// TestFolder: a folder is taken as a folder; files that no import reads are not sent.
func TestFolder(t *testing.T) {
	g := start(t)
	p := open(t, g.URL)
	dir, _ := house(t)
	p.upload("input[data-testid=folder]", filepath.Join(dir, "etc"))
	p.sees("What was found", "Taken")
	p.click("button", "Start later")
	p.sees("etc", "of 18 done")
	if s := g.stats(g.only()); s.Status != migration.Ready || s.Rules.Pending == 0 {
		t.Errorf("%+v", s)
	}
}

// makeRules are n rules that are translated fully.
func makeRules(n int) []migration.OriginalRule {
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = migration.OriginalRule{
			ID: fmt.Sprintf("rule-%05d", i), Vendor: "splunk", QueryLanguage: "spl", Title: fmt.Sprintf("Rule %05d", i),
			Description: "made for a test", MitreAttackIDs: []string{"T1059"},
			Query: fmt.Sprintf(`sourcetype="linux:audit" type=EXECVE pid=%d | stats count by host`, i),
		}
	}
	return rules
}

// TestStopAndGoOn: a migration is started with a connector, stopped, and goes on to its end; each is said.
func TestStopAndGoOn(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(300))
	p := open(t, g.URL)
	p.click("link", "^"+id)
	p.sees("Nothing is translated yet")
	p.click("button", "^More for ")
	p.click("menuitem", "Start with a choice")
	p.choose("Connector", "slow")
	p.click("button", "^Start$")
	p.sees("running")
	p.wait("some rules are done", func() bool { return g.stats(id).Rules.Finished > 0 })
	p.click("button", "^Stop$")
	p.sees("stopped")
	s := g.stats(id)
	if s.Status != migration.Stopped || s.Rules.Finished == 0 || s.Rules.Pending == 0 || s.Rules.Processing != 0 {
		t.Errorf("stopped with %+v", s)
	}
	p.click("button", "^Go on$")
	p.sees("finished")
	if s := g.stats(id); s.Rules.Finished != 300 {
		t.Errorf("finished with %+v", s)
	}
}

// TestRenameAndDelete: a name is changed, and a migration is deleted after a question that says what goes.
func TestRenameAndDelete(t *testing.T) {
	g := start(t)
	g.create(makeRules(3))
	p := open(t, g.URL)
	p.click("button", "^More for ")
	p.click("menuitem", "^Rename")
	p.fill("textbox", "^Name", "Ours")
	p.click("button", "^Rename$")
	p.find("link", "^Ours$")
	p.click("button", "^More for Ours")
	p.click("menuitem", "^Delete")
	p.sees("This cannot be undone", "3 rules")
	p.accessible("delete")
	p.click("button", "^Delete 3 rules")
	p.sees("Drop what you have of Splunk here")
	var all []migration.Stats
	g.call("GET", rulesPath+"/stats", nil, &all)
	if len(all) != 0 {
		t.Errorf("%d migrations are left", len(all))
	}
}

// TestGatewayKilled: the page says that the gateway is away, and goes on by itself when it is back.
func TestGatewayKilled(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(3))
	p := open(t, g.URL)
	p.find("link", "^"+id)
	p.expect("net::ERR_|Failed to fetch")
	port := g.URL[strings.LastIndexByte(g.URL, ':')+1:]
	g.Kill()
	p.sees("The gateway does not answer")
	p.accessible("away")
	p.picture("away")
	g.run(program.Path(t), "--http-port", port)
	p.gone("The gateway does not answer")
	g.begin(id, "deterministic")
	p.sees("finished")
}
