// Package prompts words what models are asked, and reads what they answer. It knows neither services nor stores.
package prompts

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/rulebridge/rulebridge/internal/llm"
)

//go:embed *.txt *.tmpl
var files embed.FS

// Hole is one part of a rule that the compiler left open. Number counts from 1.
type Hole struct {
	Number       int
	Line, Column int
	Command      string
	Message      string
}

// Fill is a rule with holes.
type Fill struct {
	Title, Description string
	SPL                string
	Draft              string // ES|QL, empty when there is none
	Holes              []Hole
}

// Filling is a model's answer: the whole query, and for each hole whether it was filled.
type Filling struct {
	Query  string   `json:"query"`
	Filled []Filled `json:"filled"`
	Open   []Open   `json:"open"`
}

// Filled is a hole that the model says it filled.
type Filled struct {
	Hole int    `json:"hole"`
	How  string `json:"how"`
}

// Open is a hole that the model left open.
type Open struct {
	Hole int    `json:"hole"`
	Why  string `json:"why"`
}

// fillSchema is the JSON schema of Filling.
const fillSchema = `{"type":"object","additionalProperties":false,"required":["query","filled","open"],"properties":{` +
	`"query":{"type":"string"},` +
	`"filled":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["hole","how"],"properties":{"hole":{"type":"integer"},"how":{"type":"string"}}}},` +
	`"open":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["hole","why"],"properties":{"hole":{"type":"integer"},"why":{"type":"string"}}}}}}`

// FillSchema is the schema of the answer to Messages.
func FillSchema() *llm.Schema { return &llm.Schema{Name: "filling", JSON: []byte(fillSchema)} }

// maxText bounds what of one text goes into a prompt, in bytes; rules are far below it.
const maxText = 64 << 10

// Messages asks to fill the holes of a rule.
func (f Fill) Messages() ([]llm.Message, error) {
	system, err := files.ReadFile("fill_system.txt")
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	user, err := render("fill_user.tmpl", f)
	if err != nil {
		return nil, err
	}
	return []llm.Message{{Role: llm.RoleSystem, Text: string(system)}, {Role: llm.RoleUser, Text: user}}, nil
}

// Again asks once more after an answer that cannot be used.
func Again(messages []llm.Message, answer string, problems []string) ([]llm.Message, error) {
	user, err := render("fill_again.tmpl", problems)
	if err != nil {
		return nil, err
	}
	return append(messages[:len(messages):len(messages)],
		llm.Message{Role: llm.RoleAssistant, Text: cut(answer)}, llm.Message{Role: llm.RoleUser, Text: user}), nil
}

func render(name string, data any) (string, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"line": line, "fence": fence}).ParseFS(files, name)
	if err != nil {
		return "", fmt.Errorf("prompt: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("prompt: %w", err)
	}
	return b.String(), nil
}

// line keeps a text on one line.
func line(s string) string { return strings.Join(strings.Fields(cut(s)), " ") }

// fence sets a text apart between markers that it does not contain itself.
func fence(name, text string) string {
	marker := "=== " + name
	for strings.Contains(text, marker) {
		marker = "=" + marker
	}
	return marker + " begins\n" + cut(text) + "\n" + marker + " ends"
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + " […]"
}

// ErrNoJSON says that an answer holds no JSON object of the form that was asked for.
var ErrNoJSON = errors.New("the answer is not the JSON object that was asked for")

// maxBraces bounds the search for the object in an answer that talks.
const maxBraces = 100

// ReadFilling reads an answer. Text around the object, such as a code fence, is forgiven. The query may only be empty where
// every hole is left open.
func ReadFilling(answer string) (Filling, error) {
	var f Filling
	from := 0
	for range maxBraces {
		i := strings.IndexByte(answer[from:], '{')
		if i < 0 {
			break
		}
		from += i
		f = Filling{}
		if err := json.NewDecoder(strings.NewReader(answer[from:])).Decode(&f); err == nil && (f.Query != "" || len(f.Filled) == 0 && len(f.Open) > 0) {
			return f, nil
		}
		from++
	}
	return Filling{}, ErrNoJSON
}
