package changes

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Last is the last line of a comparison written as NDJSON: whoever does not find it has not read the whole.
type Last struct {
	Summary Summary `json:"summary"`
}

// WriteNDJSON compares and writes a line for each rule that would change, and Last.
func WriteNDJSON(w io.Writer, run func(found func(Change) error) (Summary, error)) (Summary, error) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	sum, err := run(func(c Change) error { return e.Encode(c) })
	if err == nil {
		err = e.Encode(Last{sum})
	}
	if err != nil {
		return sum, fmt.Errorf("write the changes: %w", err)
	}
	return sum, nil
}

// Cause says whether a diagnostic decides the result of a rule.
func Cause(d migration.Diagnostic) bool { return d.Severity != "info" && !d.Consequence() }
