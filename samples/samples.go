// Package samples holds the rules, macros, lookups and prebuilt rules that the demo migrates. All of them were written
// for this project; they stand for the common kinds of detections, and some cannot be translated on purpose.
package samples

import (
	"bytes"
	_ "embed" // the files below
	"encoding/json"
	"fmt"
	"io"

	"github.com/rulebridge/rulebridge/internal/migration"
)

//go:embed rules.json
var rules []byte

//go:embed macros.ndjson
var macros []byte

//go:embed lookups.ndjson
var lookups []byte

//go:embed prebuilt.ndjson
var prebuilt []byte

// Rules returns the sample rules.
func Rules() ([]migration.OriginalRule, error) {
	var out []migration.OriginalRule
	if err := json.Unmarshal(rules, &out); err != nil {
		return nil, fmt.Errorf("sample rules: %w", err)
	}
	return out, nil
}

// Resources returns the macros and lookups that the sample rules use.
func Resources() ([]migration.Resource, error) {
	var out []migration.Resource
	d := json.NewDecoder(io.MultiReader(bytes.NewReader(macros), bytes.NewReader(lookups)))
	for {
		var r migration.Resource
		switch err := d.Decode(&r); err {
		case nil:
			out = append(out, r)
		case io.EOF:
			return out, nil
		default:
			return nil, fmt.Errorf("sample resources: %w", err)
		}
	}
}

// Prebuilt returns the sample prebuilt rules as NDJSON, in the shape that package prebuilt loads.
func Prebuilt() io.Reader { return bytes.NewReader(prebuilt) }
