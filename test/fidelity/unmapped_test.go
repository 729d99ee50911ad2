package fidelity

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// envLater names the program that answers for the front end of a 9.x release, as test/elasticsearch/agree says.
const envLater = "RULEBRIDGE_ESQL9"

// laterQuestion is a query and the indices that are there, each with its fields.
type laterQuestion struct {
	ID       string                       `json:"id"`
	Query    string                       `json:"query"`
	Mappings map[string]map[string]string `json:"index_mappings"`
	Lookup   []string                     `json:"lookup,omitempty"`
}

// askLater gives, for each question, why the front end refuses the query; empty where it accepts it.
func askLater(t *testing.T, program string, list []laterQuestion) []string {
	t.Helper()
	var input bytes.Buffer
	encoder := json.NewEncoder(&input)
	for _, q := range list {
		if err := encoder.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program)
	command.Stdin = &input
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	refused := make([]string, len(list))
	for i, q := range list {
		var answer struct {
			ID       string
			Analyzed bool
			Error    struct{ Reason string }
		}
		if err := decoder.Decode(&answer); err != nil || answer.ID != q.ID {
			t.Fatalf("an answer about %q where %q was asked: %v", answer.ID, q.ID, err)
		}
		if !answer.Analyzed {
			refused[i] = answer.Error.Reason + "."
		}
	}
	return refused
}

// TestUnmappedLater: a draft that may read unmapped fields as null is accepted in each house that has one of its streams
// alone, and without the setting it is not.
func TestUnmappedLater(t *testing.T) {
	program := os.Getenv(envLater)
	if program == "" {
		t.Skipf("%s names no 9.x front end: `make drafts-later` sets it", envLater)
	}
	catalogue := loadCatalogue(t)
	var list []laterQuestion
	bare := map[int]string{} // the queries without the setting
	for _, r := range corpusFor(t, func(o *translate.Options) { o.Target, o.UnmappedNull = translate.Target9, true }) {
		if r.out.ESQL == nil {
			continue
		}
		from, ok := r.out.ESQL.Commands[0].(*esql.From)
		if !ok || len(from.Set) == 0 {
			continue
		}
		without := *from
		without.Set = nil
		plain := esql.Print(&esql.Query{Commands: append([]esql.Command{&without}, r.out.ESQL.Commands[1:]...)})
		for _, s := range r.out.Streams {
			if s.Left {
				continue
			}
			for _, stream := range catalogue.Match(s.Index) {
				q := laterQuestion{ID: r.request.ID + " " + stream.Pattern, Query: r.out.Query, Mappings: map[string]map[string]string{stream.Index(): catalogue.Columns(stream.Pattern)}}
				for _, l := range r.out.Lookups {
					columns := map[string]string{}
					mappings, _ := l.Body["mappings"].(map[string]any)
					properties, _ := mappings["properties"].(map[string]any)
					for c, p := range properties {
						field, _ := p.(map[string]any)
						columns[c], _ = field["type"].(string)
					}
					q.Mappings[l.Name], q.Lookup = columns, append(q.Lookup, l.Name)
				}
				bare[len(list)] = plain
				list = append(list, q)
			}
		}
	}
	if len(list) < 100 {
		t.Fatalf("%d drafts in one house use the setting", len(list))
	}
	plain := make([]laterQuestion, len(list))
	for i, q := range list {
		q.Query = bare[i]
		plain[i] = q
	}
	accepted, needs := 0, 0
	without := askLater(t, program, plain)
	for i, reason := range askLater(t, program, list) {
		if without[i] != "" {
			needs++
		}
		if reason == "" {
			accepted++
			continue
		}
		t.Errorf("%s: %s\n%s", list[i].ID, reason, list[i].Query)
	}
	if needs == 0 {
		t.Error("no draft needs the setting")
	}
	t.Logf("FIGURE drafts in houses with one of their streams, with SET unmapped_fields: %d of %d accepted by the front end of 9.x; without it %d are refused", accepted, len(list), needs)
}
