package e2e

import (
	"fmt"
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
