package kibana

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// noFilters fails when it is asked.
type noFilters struct{}

func (noFilters) Without(context.Context, migration.Rule) (string, []string, error) {
	return "", nil, errors.New("asked")
}

func (noFilters) Emptied(context.Context, migration.Rule) (string, []string, error) {
	return "", nil, errors.New("asked")
}

func (noFilters) Plain([]string, string) bool { return false }

// TestAPersonsQueryStaysAsWritten: nothing of it becomes an exception list.
func TestAPersonsQueryStaysAsWritten(t *testing.T) {
	e := &Exporter{o: Options{Filters: noFilters{}, Context: t.Context()}}
	r := migration.Rule{ID: "r", Elastic: &migration.ElasticRule{Query: "FROM a | WHERE NOT user.name == \"x\""}, Edited: &migration.Edited{By: "ann", At: time.Now()}}
	got, items, err := e.exclusions(r)
	if err != nil || len(items) != 0 || got.Elastic.Query != r.Elastic.Query || len(e.sum.Kept) != 0 {
		t.Errorf("%+v, %v, %v, kept %+v", got.Elastic, items, err, e.sum.Kept)
	}
	r.Edited = nil
	if _, _, err := e.exclusions(r); err != nil || len(e.sum.Kept) == 0 {
		t.Errorf("a translated query is not looked at: %v, %+v", err, e.sum.Kept)
	}
}
