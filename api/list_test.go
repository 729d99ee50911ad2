package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

func TestPages(t *testing.T) {
	b := newBench(t)
	w := b.do("POST", BasePath, `[`+strings.Join([]string{ruleJSON("a"), ruleJSON("b b"), ruleJSON("c/ü"), ruleJSON("b64.x"), ruleJSON("z")}, ",")+`]`)
	b.want(w, 200)
	base := BasePath + "/" + field[string](t, w, "migration_id")
	ids := func(w *httptest.ResponseRecorder) (ids []string) {
		t.Helper()
		b.want(w, 200)
		var rules []migration.Rule
		if err := json.Unmarshal(w.Body.Bytes(), &rules); err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			ids = append(ids, r.ID)
		}
		return ids
	}
	want := []string{"a", "b b", "b64.x", "c/ü", "z"}
	if got := ids(b.do("GET", base, "")); !slices.Equal(got, want) {
		t.Errorf("all: %q", got)
	}
	for size := 1; size <= 6; size++ {
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			w := b.do("GET", fmt.Sprintf("%s?page_size=%d&after=%s", base, size, after), "")
			got = append(got, ids(w)...)
			next, more := w.Header()["X-Next-After"]
			if !more {
				if wantPages := (len(want)+size-1)/size - 1; pages != wantPages {
					t.Errorf("size %d: %d pages", size, pages+1)
				}
				break
			}
			after = next[0]
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %q", size, got)
		}
	}
	if got := ids(b.do("GET", base+"?after=b%20b", "")); !slices.Equal(got, want[2:]) {
		t.Errorf("after a raw id: %q", got)
	}
	if got := ids(b.do("GET", base+"?status=finished", "")); len(got) != 0 {
		t.Errorf("finished: %q", got)
	}
	if got := ids(b.do("GET", base+"?status=pending&page_size=1000", "")); len(got) != 5 {
		t.Errorf("pending: %q", got)
	}
	b.want(b.do("GET", base+"?translation_result=full", ""), 200, "[]")
}

// TestStreamIsBounded: a list is read page by page.
func TestStreamIsBounded(t *testing.T) {
	var counting *countingStore
	b := newBench(t, func(d *Deps) {
		counting = &countingStore{Store: d.Store}
		d.Store = counting
	})
	id := b.create(2500)
	w := b.do("GET", BasePath+"/"+id, "")
	b.want(w, 200)
	var rules []migration.Rule
	if err := json.Unmarshal(w.Body.Bytes(), &rules); err != nil || len(rules) != 2500 {
		t.Fatalf("%d rules, %v", len(rules), err)
	}
	if counting.largest > maxPage || len(counting.sizes) < 4 || counting.sizes[0] != firstPage {
		t.Errorf("pages of %v", counting.sizes)
	}
}

type countingStore struct {
	Store
	sizes   []int
	largest int
	failAt  int // the page that fails; 0: none
}

func (c *countingStore) List(ctx context.Context, id string, q store.RuleQuery) ([]migration.Rule, string, error) {
	c.sizes = append(c.sizes, q.Size)
	if c.failAt > 0 && len(c.sizes) == c.failAt {
		return nil, "", fmt.Errorf("%w: %w", store.ErrUnavailable, errTest)
	}
	rules, next, err := c.Store.List(ctx, id, q)
	c.largest = max(c.largest, len(rules))
	return rules, next, err
}

// TestStreamBreaksOff: a list that fails midway does not end like a whole one.
func TestStreamBreaksOff(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Store = &countingStore{Store: d.Store, failAt: 2} })
	id := b.create(500)
	srv := httptest.NewServer(b.server)
	defer srv.Close()
	res, err := http.Get(srv.URL + BasePath + "/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var rules []migration.Rule
	if err := json.NewDecoder(res.Body).Decode(&rules); err == nil {
		t.Errorf("half a list of %d rules passes for a whole one", len(rules))
	}
	b.loggedOnce("made up")
}
