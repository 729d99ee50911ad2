package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

type property struct {
	Type       string              `json:"type"`
	Enabled    *bool               `json:"enabled"`
	Dynamic    string              `json:"dynamic"`
	Properties map[string]property `json:"properties"`
}

// paths are the fields of a mapping; below one that is not parsed there are none.
func (p property) paths(prefix string, into map[string]string) {
	for name, f := range p.Properties {
		into[prefix+name] = f.Type
		f.paths(prefix+name+".", into)
	}
}

// goPaths are the fields that documents of a type have in JSON.
func goPaths(t reflect.Type, prefix string, opaque map[string]bool, into map[string]string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case f.Anonymous && name == "":
			goPaths(f.Type, prefix, opaque, into)
		default:
			into[prefix+name] = ""
			if !opaque[prefix+name] {
				goPaths(f.Type, prefix+name+".", opaque, into)
			}
		}
	}
}

// Every field of the stored documents has its place in the mappings and the other way round: they are strict, so a field
// forgotten there would fail every write.
func TestMappingsFitTheDocuments(t *testing.T) {
	documents := map[string]any{
		migrationsIndex: migrationDoc{}, rulesIndex: ruleDoc{}, claimsIndex: claimDoc{}, resourcesIndex: resourceDoc{}, answersIndex: answerDoc{},
	}
	kinds, err := embeddedKinds()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		var mapping property
		if err := json.Unmarshal(k.mapping, &mapping); err != nil {
			t.Fatal(err)
		}
		if mapping.Dynamic != "strict" {
			t.Errorf("the mapping of %s is not strict", k.name)
		}
		want, opaque := map[string]string{}, map[string]bool{}
		mapping.paths("", want)
		var walk func(p property, prefix string)
		walk = func(p property, prefix string) {
			for name, f := range p.Properties {
				if f.Enabled != nil && !*f.Enabled {
					opaque[prefix+name] = true
				}
				walk(f, prefix+name+".")
			}
		}
		walk(mapping, "")
		got := map[string]string{}
		goPaths(reflect.TypeOf(documents[k.name]), "", opaque, got)
		for path := range want {
			if _, ok := got[path]; !ok && (k.name != claimsIndex || path != "at") { // at is the probe's
				t.Errorf("%s: the mapping has %s, documents don't; with a change of the mapping raise its version", k.name, path)
			}
		}
		for path := range got {
			if _, ok := want[path]; !ok {
				t.Errorf("%s: documents have %s, the mapping doesn't; add it and raise the mapping's version", k.name, path)
			}
		}
	}
}

// full is a rule with every field set, by reflection.
func full(t *testing.T) migration.Rule {
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)))
				return
			}
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0))
			fill(v.Index(1))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("any.key"), reflect.ValueOf("value"))
		case reflect.String:
			v.SetString("é text")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(7)
		case reflect.Float64:
			v.SetFloat(0.5)
		default:
			t.Fatalf("no value for %s", v.Type())
		}
	}
	var r migration.Rule
	fill(reflect.ValueOf(&r).Elem())
	return r
}

// A document with every field is taken by the strict mappings and comes back the same.
func TestFullDocument(t *testing.T) {
	node := elasticsearch.Start(t)
	s := newStore(t, Options{URLs: []string{node.URL}, Prefix: prefix(t, node)})
	if err := s.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := full(t)
	want.ID, want.MigrationID, want.Original.ID, want.Status = "r", "m", "r", migration.StatusFinished
	want.Original.Query = strings.Repeat("long ", 20_000) // beyond what a keyword can hold
	want.Elastic.Query = want.Original.Query
	want.Diagnostics[0].Message = want.Original.Query
	want.UpdatedAt = want.UpdatedAt.Add(time.Hour)
	want.Revision = 3 // added, claimed, recorded
	m := migration.Migration{ID: "m", Name: strings.Repeat("x", 40_000), CreatedAt: want.Timestamp, CreatedBy: want.CreatedBy}
	if err := s.CreateMigration(t.Context(), m, []migration.OriginalRule{want.Original}); err != nil {
		t.Fatal(err)
	}
	token := migration.Token{Epoch: 1, Claim: 1}
	if _, _, err := s.Claim(t.Context(), "m", token, 1); err != nil {
		t.Fatal(err)
	}
	want.Token = token
	if err := s.Record(t.Context(), "m", "r", token, func(r *migration.Rule) { *r = want }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Rule(t.Context(), "m", "r")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestSetupTwiceAndAtOnce(t *testing.T) {
	node := elasticsearch.Start(t)
	opts := Options{URLs: []string{node.URL}, Prefix: prefix(t, node), RefreshInterval: "7s"}
	s := newStore(t, opts)
	if err := s.CheckIndices(t.Context()); err == nil || !strings.Contains(err.Error(), "rulebridge setup") {
		t.Fatalf("before the setup: %v", err)
	}
	// Without a setup nothing is created by writing.
	if err := s.CreateMigration(t.Context(), migration.Migration{ID: "m"}, nil); err == nil || !strings.Contains(err.Error(), "rulebridge setup") {
		t.Fatalf("a write before the setup: %v", err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = newStore(t, opts).Setup(t.Context()) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := s.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckIndices(t.Context()); err != nil {
		t.Fatal(err)
	}
	var settings map[string]struct {
		Settings struct {
			Index map[string]any `json:"index"`
		} `json:"settings"`
	}
	if err := node.Do(t.Context(), "GET", "/"+s.index(rulesIndex)+"/_settings", nil, &settings); err != nil {
		t.Fatal(err)
	}
	if got := settings[s.concrete(rulesIndex)].Settings.Index["refresh_interval"]; got != "7s" {
		t.Errorf("refresh interval %v, want 7s", got)
	}
}

// withRules replaces the mapping of the rules by a changed copy with another version.
func withRules(t *testing.T, version int, change func(properties map[string]any)) []kind {
	t.Helper()
	kinds, err := embeddedKinds()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == rulesIndex })
	var mapping map[string]any
	if err := json.Unmarshal(kinds[i].mapping, &mapping); err != nil {
		t.Fatal(err)
	}
	properties, ok := mapping["properties"].(map[string]any)
	if !ok {
		t.Fatal("the mapping has no properties")
	}
	change(properties)
	mapping["_meta"] = map[string]any{"rulebridge": map[string]any{"version": version}}
	text, err := json.Marshal(mapping)
	if err != nil {
		t.Fatal(err)
	}
	if kinds[i], err = newKind(rulesIndex, text); err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestMappingVersions(t *testing.T) {
	node := elasticsearch.Start(t)
	same := func(map[string]any) {}
	store2 := func(p string, kinds []kind) *Store {
		return newStore(t, Options{URLs: []string{node.URL}, Prefix: p, kinds: kinds})
	}
	setup := func(s *Store, wantProblem string) {
		t.Helper()
		err := s.Setup(t.Context())
		var me *MappingError
		switch {
		case wantProblem == "" && err != nil:
			t.Fatal(err)
		case wantProblem != "" && (!errors.As(err, &me) || !strings.Contains(me.Problem, wantProblem) || me.Advice == ""):
			t.Fatalf("error is %v, want one that %s", err, wantProblem)
		}
	}

	// Older: fields are added, documents stay, and new ones fit.
	p := prefix(t, node)
	old := store2(p, withRules(t, 0, func(properties map[string]any) { delete(properties, "missing"); delete(properties, "history") }))
	setup(old, "")
	if err := old.CreateMigration(t.Context(), migration.Migration{ID: "m"}, nil); err != nil {
		t.Fatal(err)
	}
	s := store2(p, nil)
	if err := s.CheckIndices(t.Context()); err == nil || !strings.Contains(err.Error(), "mapping version 0") {
		t.Errorf("check of an older mapping: %v", err)
	}
	rules := []migration.OriginalRule{{ID: "r"}}
	if _, err := s.AppendRules(t.Context(), "m", rules, true, ""); err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "mapping") {
		t.Errorf("a write that the older mapping does not fit: %v", err)
	}
	setup(s, "")
	if _, err := s.AppendRules(t.Context(), "m", rules, true, ""); err != nil {
		t.Errorf("a write after the upgrade: %v", err)
	}
	if err := s.CheckIndices(t.Context()); err != nil {
		t.Error(err)
	}
	// The older binary now refuses.
	setup(old, "has mapping version 5")

	// Older, with a field of another type: refused with advice, nothing changed.
	p = prefix(t, node)
	setup(store2(p, withRules(t, 0, func(properties map[string]any) { properties["status"] = map[string]any{"type": "long"} })), "")
	setup(store2(p, nil), "cannot become version 5 in place")

	// Newer.
	p = prefix(t, node)
	setup(store2(p, withRules(t, 9, same)), "")
	setup(store2(p, nil), "has mapping version 9")
	if err := store2(p, nil).CheckIndices(t.Context()); err == nil || !strings.Contains(err.Error(), "mapping version 9") {
		t.Errorf("check of a newer mapping: %v", err)
	}

	// Somebody else's: an index in the alias's place, and an alias of a foreign index.
	p = prefix(t, node)
	if err := node.CreateIndex(t.Context(), p+"-rules", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.DeleteIndex(context.Background(), p+"-rules") })
	setup(store2(p, nil), "is an index, where rulebridge needs an alias")
	q := prefix(t, node)
	if err := node.CreateIndex(t.Context(), q+"-foreign", map[string]any{"aliases": map[string]any{q + "-rules": map[string]any{}}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.DeleteIndex(context.Background(), q+"-foreign") })
	setup(store2(q, nil), "was not made by rulebridge")
	if _, err := newStore(t, Options{URLs: []string{node.URL}, Prefix: q}).mappingVersion(t.Context(), kind{name: migrationsIndex}); err != nil {
		t.Errorf("a refused setup left something: %v", err)
	}
}
