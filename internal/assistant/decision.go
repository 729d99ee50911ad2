package assistant

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// decision is what a model answers: one tool to run, or the answer.
type decision struct {
	Action    string          `json:"action"` // tool or answer
	Tool      string          `json:"tool,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Answer    string          `json:"answer,omitempty"`
}

func (d decision) final() bool { return d.Action == "answer" && strings.TrimSpace(d.Answer) != "" }

// tool is the name of the tool, or "unknown": a name that a model made up goes nowhere.
func (d decision) tool() string {
	if _, ok := toolByName(d.Tool); ok {
		return d.Tool
	}
	return "unknown"
}

func (d decision) summary() Decision {
	switch {
	case d.final():
		return Decision{Final: true}
	case d.Action == "tool":
		return Decision{Tool: d.tool()}
	}
	return Decision{}
}

// maxBraces bounds the search for the object in an answer that talks.
const maxBraces = 100

// readDecision reads what a model said. Text around the object, such as a code fence, is forgiven. What cannot be read is
// a decision without an action.
func readDecision(reply string) decision {
	from := 0
	for range maxBraces {
		i := strings.IndexByte(reply[from:], '{')
		if i < 0 {
			break
		}
		from += i
		var d decision
		if json.NewDecoder(strings.NewReader(reply[from:])).Decode(&d) == nil && (d.final() || d.Action == "tool" && d.Tool != "") {
			return d
		}
		from++
	}
	return decision{}
}

// schema is the JSON schema of a decision. The last step allows only the answer.
func (s *state) schema(last bool) []byte {
	actions := []string{"answer"}
	properties := map[string]any{"answer": map[string]any{"type": "string"}}
	if !last && len(s.prep.Offered) > 0 {
		actions = append(actions, "tool")
		properties["tool"] = map[string]any{"type": "string", "enum": s.prep.Offered}
		properties["arguments"] = map[string]any{"type": "object"}
	}
	properties["action"] = map[string]any{"type": "string", "enum": actions}
	out, _ := json.Marshal(map[string]any{"type": "object", "properties": properties, "required": []string{"action"}}) // plain values
	return out
}

var (
	aboutNumbers = regexp.MustCompile(`(?i)\b(how many|number of|count|are there (?:any|no)|any (?:open )?alerts)\b`)
	claims       = regexp.MustCompile(`(?i)\b(\d[\d,.]*|no|none|zero) (?:[a-z-]+ ){0,3}alerts?\b|\balerts?: *(\d+)`)
	number       = regexp.MustCompile(`\d[\d,]*`)
)

// counted is the line that states the counts, when the question is about numbers, or the answer names one, and the answer
// holds neither the number of open alerts nor the total of a search, or denies that there are any. Numbers come from the count, whatever a model or a text in an alert says.
func (s *state) counted(answer string) string {
	if s.prep.Counts == nil {
		return ""
	}
	open := openOf(s.prep.Counts.Counts)
	question := s.q.Messages[len(s.q.Messages)-1].Content
	if !aboutNumbers.MatchString(question) && !claims.MatchString(answer) {
		return ""
	}
	known := []int{open}
	for _, t := range s.turns {
		if t.result != nil && t.result.Page != nil && t.result.Tool == ToolSearch {
			known = append(known, t.result.Page.Total)
		}
	}
	given := number.FindAllString(answer, -1)
	for _, n := range known {
		if slices.Contains(given, strconv.Itoa(n)) && !(open > 0 && denies(answer)) {
			return ""
		}
	}
	return fmt.Sprintf("Counted, not said by the model: %s.", countLine(*s.prep.Counts))
}

var denial = regexp.MustCompile(`(?i)\b(no|zero|0) (?:open )?alerts?\b|\bnone\b`)

func denies(answer string) bool { return denial.MatchString(answer) }

// countLine puts counts into words.
func countLine(r result) string {
	open, parts := openOf(r.Counts), []string{}
	counts := plainCounts(r.Counts)
	for _, severity := range append(slices.Clone(Severities), another, "") {
		n := 0
		for _, c := range counts {
			if c.Status == StatusOpen && c.Severity == severity {
				n += c.Alerts
			}
		}
		if n > 0 {
			name := severity
			if name == "" {
				name = "without a severity"
			} else if name == another {
				name = "of another severity"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	line := fmt.Sprintf("%s open in the last 24 hours", alerts(open))
	if len(parts) > 0 {
		line += " (" + strings.Join(parts, ", ") + ")"
	}
	return line + ", as of " + r.AsOf.UTC().Format("2006-01-02 15:04 MST")
}

func alerts(n int) string {
	if n == 1 {
		return "1 alert"
	}
	return fmt.Sprintf("%d alerts", n)
}
