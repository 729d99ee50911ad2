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
	r := migration.Rule{ID: "r", Elastic: &migration.ElasticRule{Query: "FROM a | WHERE NOT user.name == \"x\""}, Edited: &migration.Edited{By: "ann", At: time.Now()}}
	got, moved, kept, err := MoveExclusions(t.Context(), noFilters{}, r)
	if err != nil || len(moved.Items) != 0 || got.Elastic.Query != r.Elastic.Query || len(kept) != 0 {
		t.Errorf("%+v, %v, %v, kept %+v", got.Elastic, moved, err, kept)
	}
	r.Edited = nil
	if _, _, kept, err := MoveExclusions(t.Context(), noFilters{}, r); err != nil || len(kept) == 0 {
		t.Errorf("a translated query is not looked at: %v, %+v", err, kept)
	}
}
