// Package cases reads the cases of whole pipelines: searches with events and the rows that Splunk gives, reasoned by
// hand. A real node runs their drafts, the interpreter runs the searches themselves.
package cases

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is one file of testdata/pipelines. What it sets holds for each case that does not set it.
type File struct {
	// About says what the file is about, with what is common to the reasoning of its cases.
	About string
	// Types are Elasticsearch types of fields; fields of the events that are not listed are keywords.
	Types  map[string]string
	Events []map[string]any
	// Stream, when set, is an index pattern of the catalogue: the events are ECS documents in an index with its mapping,
	// and the built-in schema is used.
	Stream  string
	Lookups []Lookup
	Macros  []Macro
	Cases   []Case
}

// Lookup is a lookup of a case.
type Lookup struct {
	Name          string
	Columns       []string
	Rows          []map[string]string
	MatchType     map[string]string `yaml:"match_type"`
	CaseSensitive bool              `yaml:"case_sensitive"`
	MaxMatches    int               `yaml:"max_matches"`
	DefaultMatch  string            `yaml:"default_match"`
	MinMatches    int               `yaml:"min_matches"`
}

// Macro is a macro of a case.
type Macro struct {
	Name, Definition string
	Arguments        []string
}

// Case is SPL with the rows that Splunk gives for the events. Events without @timestamp get one a minute, from
// 2026-01-02T00:00:00Z on.
type Case struct {
	Name, SPL string
	// Why explains what is subtle.
	Why    string
	Types  map[string]string
	Events []map[string]any
	Stream string
	// Rows are the expected rows; only columns that they name are compared, a name that a row lacks is null there.
	Rows []map[string]any
	// Found is short for rows with only the column n.
	Found []any
	// Ordered says that the order of the rows counts.
	Ordered bool
	// Columns maps a Splunk name to the column that holds it, where the draft keeps the stored name.
	Columns map[string]string
	// Without lists columns that must not be there.
	Without []string
	// Hole accepts a draft with errors as long as one of them names this command, subject or code; Approx accepts
	// approximations with these codes, a blank between them.
	// Differs names the command, subject or code of an approximation that says that the rows differ here.
	Hole, Approx, Differs string
	Lookups               []Lookup
	Macros                []Macro
}

// Read reads the files of a folder by their names without .yaml. Cases have what their file sets for all of them.
func Read(folder string) (map[string]File, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list the cases: %w", err)
	}
	if len(paths) == 0 {
		return nil, errors.New("no cases in " + folder)
	}
	files := map[string]File{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the cases: %w", err)
		}
		var f File
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		decoder.KnownFields(true)
		if err := decoder.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for i := range f.Cases {
			f.fill(&f.Cases[i])
		}
		files[strings.TrimSuffix(filepath.Base(path), ".yaml")] = f
	}
	return files, nil
}

func (f *File) fill(c *Case) {
	if c.Types == nil {
		c.Types = f.Types
	}
	if c.Events == nil {
		c.Events = f.Events
	}
	if c.Stream == "" {
		c.Stream = f.Stream
	}
	if c.Lookups == nil {
		c.Lookups = f.Lookups
	}
	if c.Macros == nil {
		c.Macros = f.Macros
	}
}
