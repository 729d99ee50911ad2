package schema

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dataDir is the folder of real rules and field lists; tests that need it are skipped where it is missing, but not in CI.
func dataDir(t testing.TB) string {
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "ecs", "fields.csv")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data folder is missing (set RULEBRIDGE_DATA): %v", err)
		}
		t.Skipf("the data folder is missing (set RULEBRIDGE_DATA): %v", err)
	}
	return dir
}

type usage struct {
	source *Source
	fields []string
	query  string
}

// hint gives the event codes or operations that a query asks for by name, each alternative of them, when it says so in one way.
func (u usage) hint(src *Source) Hint {
	for _, m := range codeRE.FindAllStringSubmatch(u.query, -1) {
		if !src.SelectsOperation(m[1]) && m[1] != "EventCode" && m[1] != "EventID" {
			continue
		}
		var h Hint
		for _, same := range codeRE.FindAllStringSubmatch(u.query, -1) {
			if same[1] != m[1] {
				continue
			}
			h.EventCodes = append(h.EventCodes, strings.FieldsFunc(same[2], func(r rune) bool { return strings.ContainsRune("(), \"", r) })...)
		}
		if !slices.ContainsFunc(h.EventCodes, func(c string) bool { return strings.Contains(c, "*") }) {
			return h
		}
	}
	return Hint{}
}

// codeRE finds NAME=VALUE and NAME IN (VALUE, …).
var codeRE = regexp.MustCompile(`([A-Za-z_.]+)\s*(?:=\s*|(?i:\bin)\s*)(\([^()]*\)|"[^"]*"|[\w-]+)`)

// corpusUsage finds, by patterns rather than by the parser, the source and the fields of each real rule.
func corpusUsage(t testing.TB, s *Schema) (map[string]usage, map[string]int) {
	dir := filepath.Join(dataDir(t), "spl")
	raw := map[string]struct{ Fields [][]any }{}
	b, err := os.ReadFile(filepath.Join(dir, "raw_field_usage.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	b, err = os.ReadFile(filepath.Join(dir, "rules.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	modelRE := regexp.MustCompile(`(?i)\bdatamodel\s*[=:]?\s*"?([A-Za-z_]+(?:\.[A-Za-z_]+)?)`)
	fieldRE := regexp.MustCompile(`\b(?:Processes|Registry|Filesystem|Web|All_Traffic|Authentication|All_Changes|DNS|All_Email|All_Risk|IDS_Attacks|Updates|All_Certificates|All_Sessions|Alerts|Ports|Services)(?:\.[A-Za-z_]+)+`)
	macroRE := regexp.MustCompile("`([A-Za-z0-9_]+)`")
	out, missing := map[string]usage{}, map[string]int{}
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r struct{ ID, Query string }
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if m := modelRE.FindStringSubmatch(r.Query); m != nil {
			src, ok := s.DataModel(m[1])
			if !ok {
				missing["model "+m[1]]++
				continue
			}
			u := usage{source: src, query: r.Query}
			for _, f := range fieldRE.FindAllString(r.Query, -1) {
				if !slices.Contains(u.fields, f) {
					u.fields = append(u.fields, f)
				}
			}
			out[r.ID] = u
			continue
		}
		found := false
		for _, m := range macroRE.FindAllStringSubmatch(r.Query, -1) {
			fields, ok := raw[m[1]]
			if !ok {
				continue
			}
			src, ok := s.Macro(m[1])
			if !ok {
				continue
			}
			for _, eq := range equalRE.FindAllStringSubmatch(r.Query, -1) {
				src = src.Narrow([]Predicate{{Field: eq[1], Value: strings.Trim(eq[2], "\"")}})
			}
			u := usage{source: src, query: r.Query}
			for _, f := range fields.Fields {
				name := f[0].(string)
				if usedIn(r.Query, name) && !computed(r.Query, name) {
					u.fields = append(u.fields, name)
				}
			}
			out[r.ID] = u
			found = true
			break
		}
		if !found {
			first := r.Query
			if m := macroRE.FindStringSubmatch(r.Query); m != nil {
				first = "macro " + m[1]
			}
			missing[first[:min(50, len(first))]]++
		}
	}
	return out, missing
}

var equalRE = regexp.MustCompile(`\b(category|operationName)\s*=\s*("[^"]*"|[\w-]+)`)

// usedIn reports whether a name stands in a query as a word of its own.
func usedIn(query, name string) bool {
	for rest := query; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(name):]
		if (before == "" || !nameByte(before[len(before)-1])) && (after == "" || !nameByte(after[0]) && after[0] != '(') {
			return true
		}
		rest = after
	}
}

func nameByte(c byte) bool {
	return c == '_' || c == '.' || c == '{' || c == '}' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// computed reports whether the rule itself makes the field (eval, rename, rex, AS).
func computed(query, name string) bool {
	q := regexp.QuoteMeta(name)
	return regexp.MustCompile(`(?i)\b(as|eval)\s+"?` + q + `\b|[,|]\s*` + q + `\s*=\s*[a-z]+\(|\(\?P?<` + q + `>|\beval\b[^|]*,\s*` + q +
		`\s*=|` + "`[^`]*`" + `\s*$^`).MatchString(query)
}

// TestCorpusCoverage measures how much of what real rules use the schema knows; the floors keep it from shrinking.
func TestCorpusCoverage(t *testing.T) {
	s := Default()
	rules, missing := corpusUsage(t, s)
	clean, approx, hole := 0, 0, 0
	uses := map[Support]int{}
	holes, approximations := map[string]int{}, map[string]int{}
	for _, u := range rules {
		worst := Exact
		for _, name := range u.fields {
			src := u.source
			if set, _, ok := strings.Cut(name, "."); ok && src.DataModel {
				if other, ok := s.DataModel(set); ok {
					src = other // a join of several data models
				}
			}
			f := src.Field(name, u.hint(src))
			if f.Extract != nil {
				f.Support = Approximate // a hole until somebody reads it out of the text
			}
			uses[f.Support]++
			key := u.source.Name + " " + name
			switch {
			case f.Support == None:
				holes[key]++
				worst = None
			case f.Support == Approximate && !f.FormatOnly:
				approximations[key]++
				if worst != None {
					worst = Approximate
				}
			}
		}
		if u.source.Support == None {
			worst = None
		}
		switch worst {
		case None:
			hole++
		case Approximate:
			approx++
		default:
			clean++
		}
	}
	all := uses[Exact] + uses[Medium] + uses[Approximate] + uses[None]
	t.Logf("rules with a known source %d: all fields exact or medium %d, some approximate %d, some hole %d; source unknown %d rules",
		len(rules), clean, approx, hole, sum(missing))
	t.Logf("uses of fields %d: exact %d, medium %d, approximate %d, hole %d", all, uses[Exact], uses[Medium], uses[Approximate],
		uses[None])
	// nine rules of Security Lake are approximate: its versions of OCSF name the account in two ways; so is one of Google
	// Workspace, of whose user_name nothing shows which part of the address it is,
	// and one of Cisco IOS, since not every device names itself
	if share := float64(uses[None]) / float64(all); len(rules) < 1140 || clean < 826 || share > 0.07 {
		t.Errorf("the schema lost ground: %d rules with a source, %d clean, %.1f %% of the uses are holes", len(rules), clean, 100*share)
	}
	t.Logf("holes: %s", top(holes, 120))
	t.Logf("approximations: %s", top(approximations, 40))
	t.Logf("no source: %s", top(missing, 60))
}

// TestFrequentRawFieldsAreSettled walks the raw fields that the list of guesses has no place for: those that several rules
// read must be found, read out of a text, computed by the rules themselves, or named as holes with a reason of their own.
func TestFrequentRawFieldsAreSettled(t *testing.T) {
	const frequent = 4 // rules
	s := Default()
	b, err := os.ReadFile(filepath.Join(dataDir(t), "spl", "rules.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	computedIn := func(macro, name string) bool {
		all := true
		for line := range bytes.Lines(b) {
			var r struct{ Query string }
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(r.Query, "`"+macro+"`") && usedIn(r.Query, name) {
				all = all && (computed(r.Query, name) ||
					regexp.MustCompile(`(?i)output(new)?\s[^|]*\b`+regexp.QuoteMeta(name)+`\b`).MatchString(r.Query))
			}
		}
		return all
	}
	n := 0
	for _, r := range rows(t, "splunk_raw_to_catalogue.csv") {
		rules, err := strconv.Atoi(r["rules"])
		if err != nil {
			t.Fatal(err)
		}
		if r["how"] != "none" || rules < frequent {
			continue
		}
		n++
		src, ok := s.Macro(r["macro"])
		if !ok {
			t.Errorf("no source %s", r["macro"])
			continue
		}
		name := r["raw_field"]
		f := src.Field(name, Hint{})
		_, ownLine := src.maps[name]
		if f.Support != None || f.Extract != nil || src.Support == None || ownLine || computedIn(r["macro"], name) {
			continue
		}
		t.Errorf("%s %s, in %d rules: %s", r["macro"], name, rules, f.Reason)
	}
	if n < 50 {
		t.Errorf("only %d rows were compared", n)
	}
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func top(m map[string]int, n int) string {
	keys := sortedKeys(m)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(m[b], m[a]) })
	var b strings.Builder
	for _, k := range keys[:min(n, len(keys))] {
		fmt.Fprintf(&b, "\n  %4d %s", m[k], k)
	}
	return b.String()
}
