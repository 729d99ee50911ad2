package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/store"
)

// viewer is one stream, and how far it has got. It holds no events: they are read of the feed when they can be sent, and
// one that falls too far behind is told to begin anew.
type viewer struct {
	boot  string
	last  uint64 // number of the last event sent
	begun bool
}

// viewerAt reads the id of the last event that a viewer has seen.
func viewerAt(id string) viewer {
	boot, number, ok := strings.Cut(id, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		boot, n = "?", 0 // no feed's: it begins anew, and is told
	}
	return viewer{boot: boot, last: n, begun: id != ""}
}

// news is what a viewer has to be sent, a channel that is closed when there is more, and whether nothing will follow.
func (f *feed) news(v *viewer) (texts []string, more <-chan struct{}, end bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known {
		return nil, f.wake, false
	}
	last := f.next - 1
	first := f.next - uint64(len(f.ring))
	switch {
	case v.begun && v.boot == f.boot && v.last <= last && v.last+1 >= first:
		texts = slices.Clone(f.ring[v.last+1-first:])
	case f.gone:
		texts = []string{f.text("deleted", deletedEvent{f.id}, last)}
	default:
		// The last event carries the number: a viewer who leaves before it has not seen all.
		ids := slices.SortedFunc(maps.Keys(f.now), func(a, b string) int { return f.now[a].LastUpdated.Compare(f.now[b].LastUpdated) })
		number := func(isLast bool) uint64 {
			if isLast {
				return last
			}
			return 0
		}
		if v.begun {
			texts = append(texts, f.text("reset", struct{}{}, number(len(ids) == 0)))
		}
		for i, id := range ids {
			texts = append(texts, f.text("stats", f.now[id], number(i == len(ids)-1)))
		}
	}
	v.boot, v.last, v.begun = f.boot, last, true
	return texts, f.wake, f.gone
}

// GET /events: what happens to a migration, or to all, as server-sent events.
func (s *Server) watch(c *gin.Context) {
	ctx := c.Request.Context()
	id := c.Query("migration_id")
	if id != "" {
		r := migrationID(id)
		if !migrationIDForm.MatchString(id) {
			s.fail(c, store.ErrNotFound)
			return
		}
		if !s.live.watched(id) {
			if _, err := s.oneStats(ctx, &r); err != nil {
				s.fail(c, err)
				return
			}
		}
	}
	f, leave, err := s.live.join(id, PrincipalOf(ctx).Name)
	if err != nil {
		s.fail(c, err)
		return
	}
	defer leave()
	// The time to read a request would end the stream.
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{})
	out := &events{c: c, timeout: s.Settings.HTTP.WriteTimeout}
	v := viewerAt(c.GetHeader("Last-Event-ID"))
	beat := time.NewTicker(s.live.heartbeat)
	defer beat.Stop()
	if out.write(": connected\n\n") != nil {
		return
	}
	for {
		texts, more, end := f.news(&v)
		if len(texts) > 0 {
			if out.write(strings.Join(texts, "")) != nil {
				return // the viewer went away
			}
			beat.Reset(s.live.heartbeat)
		}
		if end {
			return
		}
		select {
		case <-more:
		case <-beat.C:
			if out.ping() != nil {
				return
			}
		case <-ctx.Done():
			return
		case <-s.live.closed:
			return
		}
	}
}
