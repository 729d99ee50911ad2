package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/assistant/alertfile"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// LocalOwner owns the conversations of a gateway without authentication, and of the command line on a data folder.
const LocalOwner = api.Anonymous

// AlertFile is a file of alerts.
type AlertFile struct {
	Name string
	io.Reader
}

// Imported says what became of files of alerts.
type Imported struct{ Added, Replaced, Refused int }

// importChunk is how many alerts are held in memory at once.
const importChunk = 2000

// ImportAlerts stores the alerts of files in an embedded store; one with the id of a stored one replaces it. A name of an
// index, when not empty, is that of all; otherwise documents say theirs. refused is called with each document that cannot
// be stored, by its place in the file; the others are stored.
func ImportAlerts(ctx context.Context, db *sqlite.Assistant, files []AlertFile, index string, refused func(error)) (in Imported, err error) {
	var chunk []assistant.Alert
	flush := func() error {
		added, replaced, err := db.ImportAlerts(ctx, chunk)
		in.Added, in.Replaced, chunk = in.Added+added, in.Replaced+replaced, chunk[:0]
		return err
	}
	check := func(a assistant.Alert) error {
		_, err := store.Columns(a.Source)
		return err
	}
	for _, file := range files {
		for alert, err := range alertfile.Read(file.Name, file, check) {
			var bad *alertfile.Error
			switch {
			case errors.As(err, &bad):
				in.Refused++
				refused(err)
				continue
			case err != nil:
				return in, err
			}
			if alert.Index = alias(alert.Index); index != "" {
				alert.Index = index
			}
			if chunk = append(chunk, alert); len(chunk) == importChunk {
				if err := flush(); err != nil {
					return in, err
				}
			}
		}
	}
	return in, flush()
}

// backing is an index behind an alias of alerts: hits of a search carry its name, questions name the alias.
var backing = regexp.MustCompile(`^\.internal(\.alerts-.*)-\d{6}$`)

func alias(index string) string {
	if m := backing.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	return index
}

// ErrNoAlerts says that the assistant reads its alerts elsewhere, or is off.
var ErrNoAlerts = errors.New("this process keeps no alerts of its own: features.assistantRagOnAlerts is off, or assistant.alerts reads them from Elasticsearch")

// ImportAlerts stores alerts in the app's own store.
func (a *App) ImportAlerts(ctx context.Context, files ...AlertFile) (Imported, error) {
	if a.assistant == nil {
		return Imported{}, ErrNoAlerts
	}
	db, ok := a.assistant.alerts.(*sqlite.Assistant)
	if !ok {
		return Imported{}, ErrNoAlerts
	}
	var faults []error
	in, err := ImportAlerts(ctx, db, files, "", func(err error) { faults = append(faults, err) })
	if err := errors.Join(append(faults, err)...); err != nil {
		return in, fmt.Errorf("import alerts: %w", err)
	}
	return in, nil
}

// ReadFrom makes the assistant read other alerts.
func (a *Assistant) ReadFrom(alerts assistant.AlertSource) { a.alerts = alerts }

// Conversations are those that the assistant keeps.
func (a *Assistant) Conversations() assistant.Conversations { return a.conversations }

// Alerts are what the assistant reads.
func (a *Assistant) Alerts() assistant.AlertSource { return a.alerts }
