package splunk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// flag reads true, "true", "1" and their opposites, as transforms.conf and JSON write them.
type flag struct{ set, value bool }

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"`)) {
	case "null", "":
		return nil
	case "true", "1", "t", "yes":
		*f = flag{true, true}
	case "false", "0", "f", "no":
		*f = flag{true, false}
	default:
		return fmt.Errorf("%s is neither true nor false", b)
	}
	return nil
}

// texts reads a list of texts, or one text with commas.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var list []string
	if err := json.Unmarshal(b, &list); err == nil {
		*t = list
		return nil
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return errors.New("neither a list of texts nor a text with commas")
	}
	for part := range strings.SplitSeq(one, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*t = append(*t, part)
		}
	}
	return nil
}

// cell reads any JSON scalar as the text Splunk would show; null is an empty cell.
type cell string

func (c *cell) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
		return nil
	case json.Unmarshal(b, &s) == nil:
		*c = cell(s)
	default:
		*c = cell(b)
	}
	return nil
}

type macroRecord struct {
	Name       string  `json:"name"`
	Definition *string `json:"definition"`
	Arguments  texts   `json:"arguments"`
	Args       texts   `json:"args"` // as macros.conf calls them
	IsEval     flag    `json:"iseval"`

	// Columns and Rows are of a lookup: they tell a file that was given in the wrong place.
	Columns json.RawMessage `json:"columns"`
	Rows    json.RawMessage `json:"rows"`
}

// Macros yields the macros of an NDJSON file or JSON array.
func Macros(file string, r io.Reader) iter.Seq2[migration.Resource, error] {
	return resources(file, r, func(rec Record) (migration.Resource, error) {
		var m macroRecord
		if fault := decode(file, rec, &m); fault != nil {
			return migration.Resource{}, fault
		}
		if m.Name == "" {
			return migration.Resource{}, rec.fault(file, "name", "is missing; a macro is {\"name\", \"definition\", \"arguments\"}")
		}
		if m.Definition == nil {
			if m.Columns != nil || m.Rows != nil {
				return migration.Resource{}, rec.fault(file, "definition", "is missing: %s is a lookup in a file of macros; give the file with --lookups", m.Name)
			}
			return migration.Resource{}, rec.fault(file, "definition", "is missing (macro %s)", m.Name)
		}
		args := m.Arguments
		if len(args) == 0 {
			args = m.Args
		}
		return migration.Resource{Type: migration.ResourceMacro, Name: m.Name, Definition: *m.Definition, Arguments: args, IsEval: m.IsEval.value}, nil
	})
}

type lookupRecord struct {
	Name               string            `json:"name"`
	Kind               string            `json:"kind"`
	Columns            texts             `json:"columns"`
	Rows               []map[string]cell `json:"rows"`
	TotalRows          *Number           `json:"total_rows"`
	MatchType          string            `json:"match_type"`
	CaseSensitiveMatch flag              `json:"case_sensitive_match"`
	MaxMatches         Number            `json:"max_matches"`
	MinMatches         Number            `json:"min_matches"`
	DefaultMatch       cell              `json:"default_match"`

	// Definition is of a macro: it tells a file that was given in the wrong place.
	Definition json.RawMessage `json:"definition"`
}

// Lookups yields the lookups of an NDJSON file or JSON array. A lookup without rows whose size is not known either
// (a KV store collection, say) is incomplete: its TotalRows is set to one more than there are.
func Lookups(file string, r io.Reader) iter.Seq2[migration.Resource, error] {
	return resources(file, r, func(rec Record) (migration.Resource, error) {
		var l lookupRecord
		if fault := decode(file, rec, &l); fault != nil {
			return migration.Resource{}, fault
		}
		if l.Name == "" {
			return migration.Resource{}, rec.fault(file, "name", "is missing; a lookup is {\"name\", \"columns\", \"rows\", …}")
		}
		if l.Definition != nil && len(l.Columns) == 0 && len(l.Rows) == 0 {
			return migration.Resource{}, rec.fault(file, "columns", "is missing: %s is a macro in a file of lookups; give the file with --macros", l.Name)
		}
		res := migration.Resource{
			Type: migration.ResourceLookup, Name: l.Name, Kind: l.Kind, Columns: l.Columns, TotalRows: len(l.Rows),
			MatchType: l.MatchType, DefaultMatch: string(l.DefaultMatch),
		}
		for _, row := range l.Rows {
			out := make(map[string]string, len(row))
			for k, v := range row {
				out[k] = string(v)
			}
			res.Rows = append(res.Rows, out)
		}
		switch {
		case l.TotalRows != nil && l.TotalRows.Set:
			res.TotalRows = *l.TotalRows.Int()
		case len(l.Rows) == 0:
			res.TotalRows = 1
		}
		if l.CaseSensitiveMatch.set {
			res.CaseSensitiveMatch = &l.CaseSensitiveMatch.value
		}
		if n := l.MaxMatches.Int(); n != nil {
			res.MaxMatches = *n
		}
		if n := l.MinMatches.Int(); n != nil {
			res.MinMatches = *n
		}
		return res, nil
	})
}

func resources(file string, r io.Reader, parse func(Record) (migration.Resource, error)) iter.Seq2[migration.Resource, error] {
	return func(yield func(migration.Resource, error) bool) {
		for rec, err := range Records(file, r) {
			var res migration.Resource
			if err == nil {
				res, err = parse(rec)
			}
			if !yield(res, err) {
				return
			}
		}
	}
}
