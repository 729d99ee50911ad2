package review

import (
	"cmp"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Event is something that happened to a rule: a step of its history, or a comment.
type Event struct {
	// N numbers what happened, from 1 for the first; what happens later does not change it.
	N       int                `json:"n"`
	At      time.Time          `json:"at"`
	By      string             `json:"by"`
	Action  string             `json:"action"`
	Detail  string             `json:"detail,omitempty"`
	Message string             `json:"message,omitempty"` // of a comment
	Earlier *migration.Earlier `json:"earlier,omitempty"`
}

// Events are what happened to a rule, newest first: at most limit of those numbered below before; 0: the newest. The total is
// the number of all. A comment stands for itself and for the step that tells of it.
func Events(r migration.Rule, before, limit int) (events []Event, total int) {
	all := make([]Event, 0, len(r.History)+len(r.Comments))
	for _, h := range r.History {
		if h.Action != migration.ActionCommented {
			all = append(all, Event{At: h.At, By: h.By, Action: h.Action, Detail: h.Detail, Earlier: h.Earlier})
		}
	}
	for _, c := range r.Comments {
		all = append(all, Event{At: c.CreatedAt, By: c.CreatedBy, Action: migration.ActionCommented, Message: c.Message})
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	for i := range all {
		all[i].N = i + 1
	}
	end := min(cmp.Or(before, len(all)+1)-1, len(all))
	events = slices.Clone(all[max(0, end-limit):end])
	slices.Reverse(events)
	return events, len(all)
}
