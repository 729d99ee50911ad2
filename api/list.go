package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const maxPage = 1000

// GET /{id}: the rule documents.

type listRequest struct {
	id    migrationID
	query store.RuleQuery
	paged bool
}

func (r *listRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	q := c.Request.URL.Query()
	if v, ok := q["page_size"]; ok {
		n, err := strconv.Atoi(v[0])
		if err != nil || n < 1 || n > maxPage {
			return badRequest("page_size: %q is not allowed; use 1 to %d", clip(v[0], 32), maxPage)
		}
		r.query.Size, r.paged = n, true
	}
	var err error
	if r.query.After, err = readCursor(q.Get("after")); err != nil {
		return err
	}
	r.query.Status = migration.Status(q.Get("status"))
	statuses := []migration.Status{"", migration.StatusPending, migration.StatusProcessing, migration.StatusFinished, migration.StatusError}
	if !slices.Contains(statuses, r.query.Status) {
		return badRequest("status: %q is not known; use pending, processing, finished or error", clip(q.Get("status"), 32))
	}
	r.query.Result = migration.Result(q.Get("translation_result"))
	if !slices.Contains([]migration.Result{"", migration.Full, migration.Partial, migration.Untranslatable}, r.query.Result) {
		return badRequest("translation_result: %q is not known; use full, partial or untranslatable", clip(q.Get("translation_result"), 32))
	}
	return nil
}

// A cursor is the id it comes after; one that could not stand in a header and in a URL as it is gets encoded.
const cursorPrefix = "b64."

var plainCursor = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func writeCursor(id string) string {
	if plainCursor.MatchString(id) && !strings.HasPrefix(id, cursorPrefix) {
		return id
	}
	return cursorPrefix + base64.RawURLEncoding.EncodeToString([]byte(id))
}

func readCursor(s string) (string, error) {
	encoded, ok := strings.CutPrefix(s, cursorPrefix)
	if !ok {
		return s, nil
	}
	id, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", badRequest("after: %q is no cursor; send what X-Next-After said", clip(s, 64))
	}
	return string(id), nil
}

// ruleList streams rule documents page by page.
type ruleList struct {
	s     *Server
	id    string
	query store.RuleQuery
	paged bool
	first []migration.Rule
	next  string
}

// Sizes of the pages a list without page_size is read in: as many rules as fill about pageBytes.
const (
	firstPage = 100
	pageBytes = 4 << 20
)

func (s *Server) list(ctx context.Context, r *listRequest) (*ruleList, error) {
	id := string(r.id)
	if _, err := s.Store.Migration(ctx, id); err != nil {
		return nil, fmt.Errorf("reading the migration: %w", err)
	}
	l := &ruleList{s: s, id: id, query: r.query, paged: r.paged}
	if !l.paged {
		l.query.Size = firstPage
	}
	var err error
	if l.first, l.next, err = s.Store.List(ctx, id, l.query); err != nil {
		return nil, fmt.Errorf("listing rules: %w", err)
	}
	return l, nil
}

func (l *ruleList) header(h http.Header) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	if l.paged && l.next != "" {
		h.Set("X-Next-After", writeCursor(l.next))
	}
}

func (l *ruleList) stream(ctx context.Context, w http.ResponseWriter) error {
	w.WriteHeader(http.StatusOK)
	rules, next := l.first, l.next
	l.first = nil
	lead := []byte{'['}
	for {
		extendWrite(w, l.s.Settings.HTTP.WriteTimeout)
		size := 0
		for i := range rules {
			doc, err := json.Marshal(complete(&rules[i]))
			if err != nil {
				return fmt.Errorf("encoding rule %s: %w", rules[i].ID, err)
			}
			if _, err := w.Write(append(lead, doc...)); err != nil {
				return fmt.Errorf("%w: %w", errClientGone, err)
			}
			lead = []byte{',', '\n'}
			size += len(doc)
		}
		if l.paged || next == "" {
			break
		}
		if len(rules) > 0 && size > 0 {
			l.query.Size = min(max(pageBytes/(size/len(rules)+1), 10), maxPage)
		}
		l.query.After = next
		var err error
		if rules, next, err = l.s.Store.List(ctx, l.id, l.query); err != nil {
			return fmt.Errorf("listing rules after %s: %w", clip(l.query.After, 64), err)
		}
	}
	end := []byte("]\n")
	if lead[0] == '[' {
		end = []byte("[]\n")
	}
	_, err := w.Write(end)
	if err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	return nil
}

// complete makes the arrays of a document arrays, also when they are empty.
func complete(r *migration.Rule) *migration.Rule {
	if r.Near == nil {
		r.Near = []migration.Match{}
	}
	if r.Comments == nil {
		r.Comments = []migration.Comment{}
	}
	if r.Diagnostics == nil {
		r.Diagnostics = []migration.Diagnostic{}
	}
	if r.History == nil {
		r.History = []migration.HistoryEntry{}
	}
	if r.Original.MitreAttackIDs == nil {
		r.Original.MitreAttackIDs = []string{}
	}
	return r
}
