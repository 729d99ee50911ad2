package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// The deterministic connector has no model: questions of a few forms are answered from the tools with fixed sentences.
// It works on masked texts as a model does, so that both take the same way.

// plan decides a step.
func (c *Core) plan(ctx context.Context, s *state, step int) (string, error) {
	var d decision
	_, err := c.settled(ctx, s, step, func() ([]Message, error) {
		question, err := s.said(s.q.Messages[len(s.q.Messages)-1].Content)
		if err != nil {
			return nil, err
		}
		if step == 1 {
			d = s.choose(question)
			return nil, nil
		}
		d, err = s.report(question, s.turns[len(s.turns)-1])
		return nil, err
	})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	return string(text), nil
}

var (
	asksCount     = regexp.MustCompile(`(?i)\b(how many|number of|count)\b`)
	asksFirst     = regexp.MustCompile(`(?i)\b(first|most important|most urgent|priorit\w*|triage|worst|top|summari[sz]e|list|show|overview|which (?:open )?alerts|what alerts)\b`)
	asksAny       = regexp.MustCompile(`(?i)\b(any|did we|have we|do we|are there|were there|is there|was there|what happened|alerts? (?:on|for|by|from|with|about|of|involving))\b`)
	asksLanguage  = regexp.MustCompile(`(?i)\b(es\|?ql|esql)\b|es\|ql`)
	namesAlerts   = regexp.MustCompile(`(?i)\balerts?\b|\bincidents?\b|\bdetections?\b`)
	namesSeverity = regexp.MustCompile(`(?i)\b(critical|high|medium|low)\b`)
	namesStatus   = regexp.MustCompile(`(?i)(?:\b|\bun)(open|acknowledged|closed)\b`)
	namesOS       = regexp.MustCompile(`(?i)\b(windows|linux|macos|mac os|macs?)\b`)
	namesID       = regexp.MustCompile(`\b[Tt]\d{4}(?:\.\d{3})?\b`)
	namesHost     = regexp.MustCompile(`(?i)\b(?:host|hostname|machine|server|computer|workstation|endpoint) ["'\x60]?([\pL\pN][\pL\pN._-]*)`)
	namesUser     = regexp.MustCompile(`(?i)\b(?:user|username|account) ["'\x60]?([\pL\pN][\pL\pN._$-]*)`)
	namesRule     = regexp.MustCompile(`(?i)\brule (?:named |called )?["'\x60]([^"'\x60]{1,200})["'\x60]`)
	windowForm    = regexp.MustCompile(`(?i)\b(?:last|past) (\d{1,3})? ?(hours?|days?|weeks?)\b`)
	sinceDay      = regexp.MustCompile(`(?i)\b(today|yesterday|this week)\b`)
)

// conditions are what a question narrows the alerts by.
type conditions struct {
	severity, status, host, user, technique []string
	os, rule                                string
	hours                                   int // 0: not said
}

// narrowed reports whether counts by severity and status are not enough.
func (c conditions) narrowed() bool {
	return len(c.host)+len(c.user)+len(c.technique) > 0 || c.os != "" || c.rule != "" || c.hours != 0 && c.hours != 24
}

func (s *state) conditions(question string) conditions {
	var c conditions
	c.severity = chosen(question, namesSeverity, Severities)
	c.status = chosen(question, namesStatus, statuses)
	for _, m := range namesID.FindAllString(question, -1) {
		c.technique = appendNew(c.technique, strings.ToUpper(m))
	}
	if m := namesOS.FindString(question); m != "" {
		if c.os = strings.ToLower(m); strings.HasPrefix(c.os, "mac") {
			c.os = "macos"
		}
	}
	if m := namesRule.FindStringSubmatch(question); m != nil {
		c.rule = m[1]
	}
	for _, token := range s.table.Tokens(question) {
		kind := mask.KindOf(token)
		if kind == mask.Value {
			kind, _ = s.dict.Has(s.table.Restore(token))
		}
		switch kind {
		case mask.User, mask.Mail:
			c.user = appendNew(c.user, token)
		case mask.Host:
			c.host = appendNew(c.host, token)
		}
	}
	// A name that no alert holds is not masked.
	if m := namesHost.FindStringSubmatch(question); m != nil && len(c.host) == 0 && !mask.Everyday(m[1]) {
		c.host = []string{m[1]}
	}
	if m := namesUser.FindStringSubmatch(question); m != nil && len(c.user) == 0 && !mask.Everyday(m[1]) {
		c.user = []string{m[1]}
	}
	c.hours = hoursOf(question, s.q.AsOf)
	return c
}

var (
	negated  = regexp.MustCompile(`(?i)(?:\b(?:not|never|without|except|excluding|neither)|n't|n’t)(?: (?:yet|been|currently|already|of|severity|the|those|marked|as))*[ -]+$|\b(?:non-|un)$`)
	joinedBy = regexp.MustCompile(`(?i)^(?:,| or| and| nor|, or|, and)+ $`)
)

// negatedWithin is how far before a name its denial may stand, in bytes. It keeps reading a long question linear.
const negatedWithin = 80

// chosen are the values of a list that a question names. Of "not closed" it is the others; what "or" joins to a value that is
// denied is denied too.
func chosen(question string, names *regexp.Regexp, all []string) []string {
	var wanted, denied []string
	end, no := 0, false
	for _, at := range names.FindAllStringSubmatchIndex(question, -1) {
		from, to := at[2], at[3]
		no = negated.MatchString(question[max(0, from-negatedWithin):from]) || no && joinedBy.MatchString(question[end:from])
		end = to
		name := strings.ToLower(question[from:to])
		if no {
			denied = appendNew(denied, name)
		} else {
			wanted = appendNew(wanted, name)
		}
	}
	if len(denied) == 0 {
		return wanted
	}
	if len(wanted) == 0 {
		wanted = slices.Clone(all)
	}
	return slices.DeleteFunc(wanted, func(name string) bool { return contains(denied, name) })
}

// hoursOf reads the window a question names; 0 when it names none. Longer ones than a search can do are cut to that.
func hoursOf(question string, asOf time.Time) int {
	hours := 0
	if m := windowForm.FindStringSubmatch(question); m != nil {
		n := 1
		if m[1] != "" {
			n, _ = strconv.Atoi(m[1]) // digits only
		}
		switch strings.ToLower(m[2])[0] {
		case 'd':
			n *= 24
		case 'w':
			n *= 7 * 24
		}
		hours = n
	} else if m := sinceDay.FindString(question); m != "" {
		midnight := asOf.UTC().Truncate(24 * time.Hour)
		sinceMidnight := int(asOf.Sub(midnight).Hours()) + 1
		switch strings.ToLower(m) {
		case "today":
			hours = sinceMidnight
		case "yesterday":
			hours = sinceMidnight + 24
		default:
			hours = 7 * 24
		}
	}
	return min(hours, int(maxWindow/time.Hour))
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

var (
	namesScore   = regexp.MustCompile(`(?i)\b(?:risk[ _])?scores? (?:is |of |are )?(?:above|below|over|under|between|at least|at most|more|less|greater|higher|lower|[<>=]|\d)`)
	countsOthers = regexp.MustCompile(`(?i)\b(?:how many|number of|count)(?: (?:different|distinct|unique|of|the|other))* (?:users?|accounts?|hosts?|machines?|servers?|computers?|endpoints?|rules?|addresses|ips?)\b`)
	countsPer    = regexp.MustCompile(`(?i)\b(?:per|each|every|grouped by|group by) (?:user|account|host|machine|server|computer|endpoint|rule|address|ip|hour|day|technique|tactic)s?\b`)
)

// beyond reports whether a question narrows or groups alerts by something that no argument of a tool stands for.
func (s *state) beyond(question string) bool {
	for _, token := range s.table.Tokens(question) {
		kind := mask.KindOf(token)
		if kind == mask.Value {
			kind, _ = s.dict.Has(s.table.Restore(token))
		}
		switch kind {
		case mask.Address, mask.Domain, mask.Path, mask.SID:
			return true
		}
	}
	return namesScore.MatchString(question) || countsOthers.MatchString(question) || countsPer.MatchString(question)
}

// choose picks the tool for a question, or says at once what can be asked.
func (s *state) choose(question string) decision {
	offered := func(name string) bool { return slices.Contains(s.prep.Offered, name) }
	c := s.conditions(question)
	switch {
	case asksLanguage.MatchString(question) && offered(ToolKnowledge):
		return call(ToolKnowledge, map[string]any{"query": question[:min(len(question), maxArg)]})
	case s.beyond(question):
		// A number that leaves a condition of the question out would be a wrong answer.
		return decision{Action: "answer", Answer: "Without a model alerts cannot be chosen by an address, domain, path, security identifier or risk score, nor counted per host, user or rule.\n" + s.abilities()}
	case asksCount.MatchString(question) && !c.narrowed() && offered(ToolCounts):
		return call(ToolCounts, nil)
	case (asksCount.MatchString(question) || asksAny.MatchString(question) || len(c.host)+len(c.user)+len(c.technique) > 0 && namesAlerts.MatchString(question)) &&
		!(asksFirst.MatchString(question) && !c.narrowed() && len(c.severity) == 0) && offered(ToolSearch):
		return call(ToolSearch, c.arguments(asksAny.MatchString(question) && !asksCount.MatchString(question)))
	case asksFirst.MatchString(question) && c.narrowed() && offered(ToolSearch):
		return call(ToolSearch, c.arguments(false))
	case asksFirst.MatchString(question) && offered(ToolOpen):
		return call(ToolOpen, nil)
	}
	return decision{Action: "answer", Answer: s.abilities()}
}

func call(tool string, arguments map[string]any) decision {
	if arguments == nil {
		arguments = map[string]any{}
	}
	raw, _ := json.Marshal(arguments) // plain values
	return decision{Action: "tool", Tool: tool, Arguments: raw}
}

// arguments are those of alert-search. Without a window a question about the past looks at the longest there is.
func (c conditions) arguments(past bool) map[string]any {
	a := map[string]any{}
	for name, list := range map[string][]string{"severity": c.severity, "status": c.status, "host": c.host, "user": c.user, "technique": c.technique} {
		if len(list) > 0 {
			a[name] = list
		}
	}
	if c.os != "" {
		a["os"] = c.os
	}
	if c.rule != "" {
		a["rule"] = c.rule
	}
	switch {
	case c.hours > 0:
		a["hours"] = c.hours
	case past:
		a["hours"] = int(maxWindow / time.Hour)
	}
	return a
}

// abilities says what can be asked.
func (s *state) abilities() string {
	var can []string
	for _, name := range s.prep.Offered {
		switch name {
		case ToolCounts:
			can = append(can, `- how many alerts there are: "How many alerts are open?"`)
		case ToolOpen:
			can = append(can, `- which alerts come first: "Which alerts should I look at first?"`)
		case ToolSearch:
			can = append(can, `- whether there were alerts on a host, user, technique or operating system: "Did we have any alerts on Windows machines in the last 3 days?"`)
		case ToolKnowledge:
			can = append(can, `- what a command or function of ES|QL does: "What does the ES|QL command STATS do?"`)
		}
	}
	if len(can) == 0 {
		return "The deterministic connector has no model and was given no tool, so it cannot answer. Set isEnabledRAGAlerts, alertsIndexPattern and size, or use a connector with a model."
	}
	return "The deterministic connector has no model. It can answer:\n" + strings.Join(can, "\n") + "\nFor other questions use a connector with a model."
}

// report answers from the result of a tool.
func (s *state) report(question string, t turn) (decision, error) {
	if t.result == nil || t.result.Fault != "" {
		return decision{Action: "answer", Answer: s.abilities()}, nil
	}
	shown, err := s.show(t)
	if err != nil {
		return decision{}, err
	}
	c := s.conditions(question)
	var answer string
	switch t.result.Tool {
	case ToolCounts:
		answer = countAnswer(c, *t.result)
		if asksFirst.MatchString(question) && slices.Contains(s.prep.Offered, ToolOpen) {
			// "How many, and which first?" needs both; the counts are there already.
			return call(ToolOpen, nil), nil
		}
	case ToolOpen:
		answer = s.openAnswer(question, shown)
	case ToolSearch:
		answer = searchAnswer(c, shown)
	case ToolKnowledge:
		answer = libraryAnswer(t.result.Documents)
	}
	return decision{Action: "answer", Answer: answer}, nil
}

// countAnswer states counts, narrowed to the severities and statuses of the question.
func countAnswer(c conditions, r result) string {
	if len(c.severity) == 0 && (len(c.status) == 0 || len(c.status) == 1 && c.status[0] == StatusOpen) {
		answer := upperFirst(countLine(r)) + "."
		var others []string
		for _, status := range []string{StatusAcknowledged, StatusClosed} {
			if n := sum(r.Counts, nil, []string{status}); n > 0 {
				others = append(others, fmt.Sprintf("%d %s", n, status))
			}
		}
		if len(others) > 0 {
			answer += " Besides: " + strings.Join(others, ", ") + "."
		}
		return answer
	}
	status := c.status
	if len(status) == 0 {
		status = []string{StatusOpen}
	}
	of := ""
	if len(c.severity) > 0 {
		of = " of severity " + strings.Join(c.severity, " or ")
	}
	return fmt.Sprintf("%s %s%s in the last 24 hours, as of %s.", upperFirst(alerts(sum(r.Counts, c.severity, status))),
		strings.Join(status, " or "), of, r.AsOf.UTC().Format("2006-01-02 15:04 MST"))
}

func sum(counts []Count, severity, status []string) int {
	n := 0
	for _, c := range counts {
		if (len(severity) == 0 || slices.Contains(severity, c.Severity)) && slices.Contains(status, c.Status) {
			n += c.Alerts
		}
	}
	return n
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

const listed = 10

func (s *state) openAnswer(question string, r shown) string {
	if *r.Total == 0 {
		return fmt.Sprintf("No alert is open in the last 24 hours, as of %s.", r.AsOf)
	}
	head := ""
	if s.prep.Counts != nil && asksCount.MatchString(question) {
		head = upperFirst(countLine(*s.prep.Counts)) + ".\n\n"
	}
	return head + fmt.Sprintf("Look at these first: open alerts of the last 24 hours by risk score, then the newest, as of %s.\n%s", r.AsOf, list(r))
}

func searchAnswer(c conditions, r shown) string {
	what := "alert"
	if len(c.severity) > 0 {
		what = strings.Join(c.severity, " or ") + " " + what
	}
	if len(c.status) > 0 {
		what = strings.Join(c.status, " or ") + " " + what
	}
	where := ""
	for _, p := range []struct {
		word string
		list []string
	}{{" on ", c.host}, {" by ", c.user}, {" with ", c.technique}} {
		if len(p.list) > 0 {
			where += p.word + strings.Join(p.list, " or ")
		}
	}
	if c.os != "" {
		where += " on " + map[string]string{"windows": "Windows", "linux": "Linux", "macos": "macOS"}[c.os]
	}
	if c.rule != "" {
		where += fmt.Sprintf(" of rules named like %q", c.rule)
	}
	window := fmt.Sprintf(" in the last %d hours, as of %s", r.Hours, r.AsOf)
	if *r.Total == 0 {
		return "No " + what + where + window + "."
	}
	if *r.Total != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s%s%s:\n%s", *r.Total, what, where, window, list(r))
}

// list names alerts in their order, and how many there are beyond those.
func list(r shown) string {
	var b strings.Builder
	for i, a := range r.Alerts {
		if i == listed {
			break
		}
		fmt.Fprintf(&b, "%d. ", i+1)
		if v := one(a, "kibana.alert.severity"); v != "" {
			b.WriteString(v + " ")
		}
		if v := one(a, "kibana.alert.risk_score"); v != "" {
			b.WriteString("(" + v + ") ")
		}
		name := one(a, "kibana.alert.rule.name")
		if name == "" {
			name = one(a, "rule.name")
		}
		if name == "" || name == leftOut {
			name = "alert"
		}
		b.WriteString(name)
		for _, p := range []struct{ word, field string }{{"host", "host.name"}, {"user", "user.name"}, {"at", "@timestamp"}, {"id", "_id"}} {
			if v := one(a, p.field); v != "" {
				b.WriteString(", " + p.word + " " + v)
			}
		}
		b.WriteByte('\n')
	}
	if more := *r.Total - min(listed, len(r.Alerts)); more > 0 {
		fmt.Fprintf(&b, "and %d more.", more)
	}
	return strings.TrimRight(b.String(), "\n")
}

// one is a field of a masked alert as a short text on one line.
func one(a map[string]any, name string) string {
	s := ""
	switch v := a[name].(type) {
	case []any:
		if len(v) > 0 {
			s = spelling(v[0])
		}
	default:
		s = spelling(v)
	}
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

func libraryAnswer(documents []Document) string {
	if len(documents) == 0 {
		return "No page of the ES|QL knowledge base fits the question. Name the command or function."
	}
	var b strings.Builder
	for i, d := range documents {
		if i == 2 {
			break
		}
		fmt.Fprintf(&b, "**%s** (%s, since %s, %s)\n%s\n\n", d.Title, d.Kind, d.Since, d.State, strings.TrimSpace(d.Text))
	}
	return strings.TrimSpace(b.String())
}
