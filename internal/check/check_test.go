package check

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

func TestChecker(t *testing.T) {
	c := Checker{Known: compile.Known{Schema: schema.Default()}}
	const keys = " METADATA _id, _index, _version"
	for _, tt := range []struct {
		query string
		want  []string // severity, place and a part of the message
	}{
		{"FROM logs-endpoint.events.process-*" + keys + "\n| WHERE process.name == \"a\"\n| KEEP process.*, host.name, _id, _index, _version, @timestamp", nil},
		{"FROM logs-endpoint.events.process-*" + keys + "\n| WHERE process.nmae == \"a\"", []string{"warning 2:9-2:21 unknown column process.nmae"}},
		{"FROM logs-endpoint.events.process-* | STATS n = COUNT(*) BY host.name | WHERE n > 3 AND process.name == \"a\"",
			[]string{"warning 1:89-1:101 unknown column process.name"}},
		{"FROM logs-of-somebody-*" + keys + " | WHERE whatever.it.does == 1", nil},
		{"FROM logs-endpoint.events.process-*" + keys + " | WHERE", []string{"error 1:75"}},
		{"FROM logs-endpoint.events.process-*" + keys + "\n| WHERE NOSUCH(process.name) == 1", []string{"error 2:9"}},
		{"FROM logs-endpoint.events.process-* | KEEP process.name", []string{"warning 1:1-1:36 without STATS", "warning 1:1", "warning 1:1", "warning 1:39-1:56 KEEP drops _id", "warning 1:39", "warning 1:39"}},
		{"", []string{"error 1:1"}},
		{"\xff", []string{"error 1:1-1:2"}},
	} {
		var got []string
		for _, p := range c.Check(tt.query) {
			got = append(got, fmt.Sprintf("%s %d:%d-%d:%d %s", p.Severity, p.Start.Line, p.Start.Column, p.End.Line, p.End.Column, p.Message))
		}
		ok := len(got) == len(tt.want)
		for i := range min(len(got), len(tt.want)) {
			ok = ok && strings.HasPrefix(got[i], tt.want[i])
		}
		if !ok {
			t.Errorf("%s\n%q, want %q", tt.query, got, tt.want)
		}
	}
}

// TestCheckerIsQuick: queries made to take long do not. What grows too fast takes minutes; the watchdog leaves room for a
// busy machine.
func TestCheckerIsQuick(t *testing.T) {
	c := Checker{Known: compile.Known{Schema: schema.Default()}}
	size := 128 << 10
	fill := func(begin, piece, end string) string {
		return begin + strings.Repeat(piece, (size-len(begin)-len(end))/len(piece)) + end
	}
	many := "FROM logs-*"
	for i := 0; len(many) < size-20; i++ {
		many += fmt.Sprintf("|EVAL a%d=1", i)
	}
	used := "FROM logs-endpoint.events.process-*|WHERE "
	for i := 0; len(used) < size-30; i++ {
		used += fmt.Sprintf("a%d==1 OR ", i)
	}
	for name, query := range map[string]string{
		"brackets": fill("FROM a|WHERE ", "(", ""), "closed brackets": fill("FROM a|WHERE ", "(", "a") + ")", "and": fill("FROM a|WHERE a", " AND a", ""),
		"not": fill("FROM a|WHERE ", "NOT ", "a"), "pipes": fill("FROM a", "|LIMIT 1", ""), "evals": many, "names": used + "a==1",
		"renames": fill("FROM a", "|RENAME a AS a", ""), "keep": fill("FROM a|KEEP a", ",a*", ""), "keeps": fill("FROM a", "|KEEP *", ""),
		"fork": fill("FROM a|FORK ", "(WHERE a) ", ""), "pattern": fill(`FROM a|WHERE a RLIKE "`, "(a*)*", `"`), "like": fill(`FROM a|WHERE a LIKE "`, "*a?", `"`),
		"calls": fill("FROM a|EVAL b=", "ABS(", "a"), "stats": fill("FROM a|STATS ", "c=COUNT(*),", "d=MAX(a)"), "cast": fill("FROM a|EVAL b=a", "::long", ""),
		"grok": fill(`FROM a|GROK a "`, "%{WORD:a}", `"`), "text": fill(`FROM a|WHERE a=="`, "x", `"`), "comments": fill("FROM a", "/**/", ""),
	} {
		begin := time.Now()
		c.Check(query)
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("%s: %d bytes took %s", name, len(query), took)
		}
	}
}

// TestVersions: what 9.x adds is a problem where rules are written for 8.19.
func TestVersions(t *testing.T) {
	const query = `SET unmapped_fields = "nullify"; FROM logs-system.security-* | WHERE winlog.event_data.NameOfTomorrow == "x" | STATS n = COUNT(*) BY host.name`
	known := compile.Known{Schema: schema.Default()}
	if got := (Checker{Known: known, Version: esql.V9}).Check(query); len(got) != 0 {
		t.Errorf("9.x: %v", got)
	}
	if got := (Checker{Known: known}).Check(query); len(got) == 0 || !strings.Contains(got[0].Message, "SET needs 9.x") {
		t.Errorf("8.19: %v", got)
	}
}
