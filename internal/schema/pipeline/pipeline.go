// Package pipeline holds what the ingest pipelines of Elastic's integrations do with the fields of an event, as facts that
// were read in the pipelines themselves: which raw field is moved, copied, removed or changed, for which event codes, under
// which condition. The facts are data (facts/*.txt; their format stands in facts/README.md) and know nothing of the mapping
// tables of package schema, so that documents made by the facts can test those tables.
package pipeline

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed facts/*.txt
var files embed.FS

// Kind is what an operation does.
type Kind string

const (
	// Move puts the value into the target and takes the raw field away.
	Move Kind = "move"
	// Copy puts the value into the target and leaves the raw field where it is.
	Copy Kind = "copy"
	// Remove takes the raw field away.
	Remove Kind = "remove"
	// Set writes a constant into the target.
	Set Kind = "set"
	// Pairs makes a field of each name of a list of names and values: Source is the list, Target the prefix.
	Pairs Kind = "pairs"
	// Tree puts every raw field below the source under the target, and leaves it in its place.
	Tree Kind = "tree"
	// Clear takes a field of the document away that an earlier operation set.
	Clear Kind = "clear"
)

// Stream is what is known of the pipeline of one data stream.
type Stream struct {
	// Name is integration/data_stream: system/security.
	Name string
	// Version is the package version the facts hold for, as far as it is known; Read says where they were read.
	Version, Read string
	// By is the raw field whose values the code lists of operations name: EventCode, eventName.
	By string
	// Under is where a raw field stands that no operation takes away; empty where such a field is dropped. Snake says that
	// its name is written snake_case there.
	Under string
	Snake bool
	// Drop are the values that leave no field at all: "-".
	Drop []string
	// Operations are in the order in which the pipeline runs them.
	Operations []Operation
	// Names are Splunk names for a raw value or a part of one, as Splunk's add-on makes them.
	Names []Alias
	// Has lists, by code, raw fields that every event of the code has, a placeholder included.
	Has map[string][]string
}

// Operation is one step of a pipeline.
type Operation struct {
	Kind Kind
	// Codes are the values of Stream.By for which the step runs; Not turns the list round. Empty: always.
	Codes []string
	Not   bool
	// Source is the raw field; Target the field of the document, or the prefix of fields.
	Source, Target string
	// Value is what Set writes, a value for each line of a list.
	Value []string
	// Steps change the value on its way.
	Steps []Step
	// When must hold for the step to run.
	When []Condition
	// File and Line say where the fact stands.
	File string
	Line int
}

// Alias is a Splunk name for a raw field, after some steps.
type Alias struct {
	Name, Source string
	Steps        []Step
	Codes        []string
	Not          bool
}

// Step is one change of a value: a name of steps.go with its argument.
type Step struct{ Name, Arg string }

// Condition is about the value itself (Field empty), another raw field, or the target (Field "target", Op "unset").
type Condition struct {
	Field  string
	Op     string // =, !=, has, lacks, one, unset
	Values []string
}

// String names the operation and where it stands, for messages.
func (o *Operation) String() string {
	return fmt.Sprintf("%s:%d: %s %s %s", o.File, o.Line, o.Kind, o.Source, o.Target)
}

// holds says whether the operation is for a code.
func (o *Operation) holds(code string) bool { return forCode(o.Codes, o.Not, code) }

func forCode(codes []string, not bool, code string) bool {
	if len(codes) == 0 {
		return true
	}
	return slices.ContainsFunc(codes, func(c string) bool { return strings.EqualFold(c, code) }) != not
}

var builtin = sync.OnceValues(load)

// Streams are all streams with facts, by name.
func Streams() map[string]*Stream {
	m, err := builtin()
	if err != nil {
		panic("pipeline: embedded facts: " + err.Error())
	}
	return m
}

func load() (map[string]*Stream, error) {
	entries, err := files.ReadDir("facts")
	if err != nil {
		return nil, err
	}
	out := map[string]*Stream{}
	for _, e := range entries {
		text, err := files.ReadFile("facts/" + e.Name())
		if err != nil {
			return nil, err
		}
		if err := parse(e.Name(), string(text), out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
