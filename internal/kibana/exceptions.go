package kibana

import (
	"context"
	"errors"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Filters know the exclusions of rules: the filter macros of Splunk, whose names end in _filter, and lookups of what is
// allowed.
type Filters interface {
	// Without is the query of a rule whose filter macros leave nothing out, and the names of these macros; no names when it
	// has none.
	Without(ctx context.Context, rule migration.Rule) (query string, macros []string, err error)
	// Emptied is the query of a rule whose lookups have one row with Nowhere in each column, and the names of the lookups that
	// its search leaves events out by; no names when there are none.
	Emptied(ctx context.Context, rule migration.Rule) (query string, lookups []string, err error)
	// Plain says whether a field of the indices holds one value at most, and is compared as a whole and with case.
	Plain(indices []string, field string) bool
}

// Nowhere is a value that no event has.
const Nowhere = "rulebridgenowhere"

// ExceptionList is an exception list as Kibana's import takes it. Source: ExceptionList of Kibana's schema
// (kbn-securitysolution-io-ts-list-types, import_exception_list_schema).
type ExceptionList struct {
	ListID        string   `json:"list_id"`
	Name          string   `json:"name"`
	Description   string   `json:"description"`
	Type          string   `json:"type"`           // detection
	NamespaceType string   `json:"namespace_type"` // single: of one space
	OSTypes       []string `json:"os_types"`
	Tags          []string `json:"tags"`
}

// ExceptionItem leaves out the events that all of its entries hold for.
type ExceptionItem struct {
	ItemID        string           `json:"item_id"`
	ListID        string           `json:"list_id"`
	Name          string           `json:"name"`
	Description   string           `json:"description"`
	Type          string           `json:"type"` // simple
	NamespaceType string           `json:"namespace_type"`
	Entries       []ExceptionEntry `json:"entries"`
	Comments      []any            `json:"comments"`
	OSTypes       []string         `json:"os_types"`
	Tags          []string         `json:"tags"`
}

// ExceptionEntry compares a field with a value, or with several of which one has to be equal.
type ExceptionEntry struct {
	Field    string `json:"field"`
	Operator string `json:"operator"` // included
	Type     string `json:"type"`     // match or match_any
	Value    any    `json:"value"`    // a text, or a list of them
}

// Exceptions are the exception list of one rule, and what stands in it.
type Exceptions struct {
	List  ExceptionList   `json:"list"`
	Items []ExceptionItem `json:"items"`
}

// Kept is an exclusion that stays in the query, since no exception list says exactly the same.
type Kept struct {
	Rule    string   `json:"rule"` // its id in the migration
	Macros  []string `json:"macros,omitempty"`
	Lookups []string `json:"lookups,omitempty"`
	// Condition is the part of the query; empty when the exclusion cannot be told from the rest.
	Condition string `json:"condition,omitempty"`
	Why       string `json:"why"`
}

// ListID is the list_id of the exception list of a rule.
func ListID(id string) string { return "rulebridge-" + RuleID(id) }

func listOf(rule migration.Rule, items []ExceptionItem) ExceptionList {
	return ExceptionList{
		ListID: items[0].ListID, Name: "Exclusions: " + plain(rule.Original.Title), Description: "What the search in Splunk leaves out by filter macros and lookups.",
		Type: "detection", NamespaceType: "single", OSTypes: []string{}, Tags: []string{TagSource},
	}
}

// Of is how a rule names the list; id is what the Kibana that has it knows it by.
func (l ExceptionList) Of(id string) ExceptionsList {
	return ExceptionsList{ID: id, ListID: l.ListID, NamespaceType: l.NamespaceType, Type: l.Type}
}

func exceptionLines(x Exceptions) ([]byte, error) {
	lines, err := jsonLine(x.List)
	for _, item := range x.Items {
		line, err2 := jsonLine(item)
		lines, err = append(lines, line...), errors.Join(err, err2)
	}
	return lines, err
}
