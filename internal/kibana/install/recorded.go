package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/store"
)

// mostRecorded bounds how many installations of a migration are kept.
const mostRecorded = 200

func recordKey(n int) string { return fmt.Sprintf("installation-%d", n) }

// Record keeps what came of an installation that ended. Keeping one again changes nothing.
func Record(ctx context.Context, kept Reasons, migrationID string, i report.Installation) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("record an installation: %w", err)
	}
	for n := 1; n <= mostRecorded; n++ {
		// The first text under a key stays, so whoever comes second finds that of the other, and takes the next key.
		there, ok, err := recorded(ctx, kept, migrationID, n)
		if err == nil && !ok {
			if err = kept.SaveAnswer(ctx, migrationID, recordKey(n), store.Answer{Text: string(text), At: i.Ended}); err == nil {
				there, _, err = recorded(ctx, kept, migrationID, n)
			}
		}
		if err != nil || there.Kibana == i.Kibana && there.Run == i.Run {
			return err
		}
	}
	return nil
}

// Recorded are the installations of a migration that ended, the oldest first.
func Recorded(ctx context.Context, kept Reasons, migrationID string) ([]report.Installation, error) {
	list := []report.Installation{}
	for n := 1; n <= mostRecorded; n++ {
		i, ok, err := recorded(ctx, kept, migrationID, n)
		if err != nil || !ok {
			return list, err
		}
		list = append(list, i)
	}
	return list, nil
}

func recorded(ctx context.Context, kept Reasons, migrationID string, n int) (i report.Installation, ok bool, err error) {
	a, err := kept.Answer(ctx, migrationID, recordKey(n))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return i, false, nil
	case err != nil:
		return i, false, fmt.Errorf("read what was installed: %w", err)
	}
	if err := json.Unmarshal([]byte(a.Text), &i); err != nil {
		return i, false, fmt.Errorf("read what was installed: %w", err)
	}
	return i, true, nil
}
