package elastic

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"
)

//go:embed templates/*.json
var templates embed.FS

// kind is one of the indices: its name behind the prefix, and its mapping.
type kind struct {
	name    string
	mapping json.RawMessage
	version int // of the mapping, as its _meta says
}

// mappingMeta marks a mapping as ours.
type mappingMeta struct {
	Meta struct {
		Rulebridge *struct {
			Version int `json:"version"`
		} `json:"rulebridge"`
	} `json:"_meta"`
}

func embeddedKinds() ([]kind, error) {
	return readKinds([]string{migrationsIndex, rulesIndex, claimsIndex, resourcesIndex, answersIndex})
}

func readKinds(names []string) ([]kind, error) {
	var kinds []kind
	for _, name := range names {
		text, err := templates.ReadFile("templates/" + name + ".json")
		if err != nil {
			return nil, fmt.Errorf("read the embedded mapping: %w", err)
		}
		k, err := newKind(name, text)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func newKind(name string, mapping []byte) (kind, error) {
	var m mappingMeta
	if err := json.Unmarshal(mapping, &m); err != nil || m.Meta.Rulebridge == nil {
		return kind{}, fmt.Errorf("read the mapping of %s: no version in it: %w", name, err)
	}
	return kind{name: name, mapping: mapping, version: m.Meta.Rulebridge.Version}, nil
}

// MappingError says that an index or template is not one this version can work with. Nothing of it was changed.
type MappingError struct {
	Index string
	// Found is the version of its mapping, 0 if it is none of ours; Known is this binary's.
	Found, Known int
	Problem      string
	Advice       string
}

func (e *MappingError) Error() string { return e.Index + " " + e.Problem + ": " + e.Advice }

func newer(name string, found, known int) error {
	return &MappingError{Index: name, Found: found, Known: known,
		Problem: fmt.Sprintf("has mapping version %d, this rulebridge knows versions up to %d", found, known),
		Advice:  "run the newest rulebridge in use here, or set another elasticsearch prefix"}
}

// concrete is the index behind the alias. A mapping that cannot be reached by adding to the old one would get the next
// number and a copy of the documents.
func (s *Store) concrete(name string) string { return s.index(name) + "-v1" }

// Setup installs component and index templates and creates the indices, or adds to the mappings of older versions.
// Calling it again changes nothing. What is newer or not ours gives *MappingError and is left alone. It is for
// deployments with the feature on: without it nothing is ever installed.
func (s *Store) Setup(ctx context.Context) error {
	// Look at everything first, so that a refusal comes before any change.
	found := make([]int, len(s.kinds))
	for i, k := range s.kinds {
		var err error
		if found[i], err = s.mappingVersion(ctx, k); err != nil {
			return err
		}
		if err := s.checkTemplate(ctx, k); err != nil {
			return err
		}
	}
	settings := map[string]any{
		"version": 1, "_meta": map[string]any{"managed_by": "rulebridge"},
		"template": map[string]any{"settings": map[string]any{
			"number_of_shards": s.opts.Shards, "auto_expand_replicas": "0-1", "refresh_interval": s.opts.RefreshInterval,
		}},
	}
	if err := s.putComponent(ctx, s.opts.Prefix+"-settings", settings); err != nil {
		return err
	}
	for i, k := range s.kinds {
		component := s.index(k.name) + "-mappings"
		if err := s.putComponent(ctx, component, map[string]any{
			"version": k.version, "_meta": map[string]any{"managed_by": "rulebridge"}, "template": map[string]any{"mappings": k.mapping},
		}); err != nil {
			return err
		}
		body, err := json.Marshal(map[string]any{
			"index_patterns": []string{s.index(k.name) + "-v*"}, "priority": 500, "version": k.version,
			"composed_of": []string{s.opts.Prefix + "-settings", component},
			"template":    map[string]any{"aliases": map[string]any{s.index(k.name): map[string]any{}}},
			"_meta":       map[string]any{"managed_by": "rulebridge"},
		})
		if err != nil {
			return err
		}
		if err := s.client.call(ctx, esapi.IndicesPutIndexTemplateRequest{Name: s.index(k.name), Body: bytes.NewReader(body)}, nil); err != nil {
			return explain("install index template "+s.index(k.name), err)
		}
		switch {
		case found[i] == missing:
			err = s.createIndex(ctx, k)
		case found[i] < k.version:
			err = s.upgrade(ctx, k, found[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putComponent(ctx context.Context, name string, body map[string]any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := s.client.call(ctx, esapi.ClusterPutComponentTemplateRequest{Name: name, Body: bytes.NewReader(text)}, nil); err != nil {
		return explain("install component template "+name, err)
	}
	return nil
}

// checkTemplate refuses to replace a component template of a newer version.
func (s *Store) checkTemplate(ctx context.Context, k kind) error {
	name := s.index(k.name) + "-mappings"
	var answer struct {
		Templates []struct {
			Template struct {
				Version int `json:"version"`
			} `json:"component_template"`
		} `json:"component_templates"`
	}
	err := s.client.call(ctx, esapi.ClusterGetComponentTemplateRequest{Name: []string{name}}, &answer)
	var re *ResponseError
	if errors.As(err, &re) && re.Status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return explain("read component template "+name, err)
	}
	for _, t := range answer.Templates {
		if t.Template.Version > k.version {
			return newer("component template "+name, t.Template.Version, k.version)
		}
	}
	return nil
}

// missing is the version of an index that does not exist.
const missing = -1

// mappingVersion reads the version of an index, and refuses one that is newer or not ours.
func (s *Store) mappingVersion(ctx context.Context, k kind) (int, error) {
	alias := s.index(k.name)
	var answer map[string]struct {
		Mappings mappingMeta `json:"mappings"`
	}
	err := s.client.call(ctx, esapi.IndicesGetMappingRequest{Index: []string{alias}}, &answer)
	var re *ResponseError
	if errors.As(err, &re) && re.Status == http.StatusNotFound {
		return missing, nil
	}
	if err != nil {
		return 0, explain("read the mapping of "+alias, err)
	}
	if len(answer) != 1 {
		return 0, &MappingError{Index: alias, Known: k.version, Problem: fmt.Sprintf("stands for %d indices instead of one", len(answer)),
			Advice: "remove the alias from those that are not rulebridge's, or set another elasticsearch prefix"}
	}
	for name, index := range answer {
		meta := index.Mappings.Meta.Rulebridge
		switch {
		case name == alias:
			return 0, &MappingError{Index: alias, Known: k.version, Problem: "is an index, where rulebridge needs an alias",
				Advice: "it was made without `rulebridge setup`; delete it if nothing in it is needed, or set another elasticsearch prefix"}
		case meta == nil:
			return 0, &MappingError{Index: name, Known: k.version, Problem: "was not made by rulebridge",
				Advice: "remove its alias " + alias + ", or set another elasticsearch prefix"}
		case meta.Version > k.version:
			return 0, newer(name, meta.Version, k.version)
		}
		return meta.Version, nil
	}
	return missing, nil
}

func (s *Store) createIndex(ctx context.Context, k kind) error {
	err := s.client.call(ctx, esapi.IndicesCreateRequest{Index: s.concrete(k.name), Body: strings.NewReader("{}")}, nil)
	var re *ResponseError
	if errors.As(err, &re) && re.Type == typeIndexExists {
		// Another process was faster. Then the alias stands; otherwise the index is somebody's.
		found, err := s.mappingVersion(ctx, k)
		if err != nil {
			return err
		}
		if found == missing {
			return &MappingError{Index: s.concrete(k.name), Known: k.version, Problem: "exists without its alias " + s.index(k.name),
				Advice: "add the alias if it is rulebridge's, or delete it"}
		}
		return nil
	}
	if err != nil {
		return explain("create index "+s.concrete(k.name), err)
	}
	return nil
}

// upgrade adds what is new to the mapping. What Elasticsearch does not let be added is refused, with advice.
func (s *Store) upgrade(ctx context.Context, k kind, found int) error {
	err := s.client.call(ctx, esapi.IndicesPutMappingRequest{Index: []string{s.index(k.name)}, Body: bytes.NewReader(k.mapping)}, nil)
	var re *ResponseError
	if errors.As(err, &re) && re.Status == http.StatusBadRequest {
		return &MappingError{Index: s.index(k.name), Found: found, Known: k.version,
			Problem: fmt.Sprintf("has mapping version %d, which cannot become version %d in place (%s)", found, k.version, re.Reason),
			Advice:  "finish its migrations with the older rulebridge, then export them and set another elasticsearch prefix"}
	}
	if err != nil {
		return explain("upgrade the mapping of "+s.index(k.name), err)
	}
	return nil
}

// CheckIndices says whether every index is there with this version's mapping, for processes that do not call Setup.
func (s *Store) CheckIndices(ctx context.Context) error {
	for _, k := range s.kinds {
		found, err := s.mappingVersion(ctx, k)
		if err != nil {
			return err
		}
		if found == missing {
			return &MappingError{Index: s.index(k.name), Known: k.version, Problem: "is missing", Advice: "run `rulebridge setup`"}
		}
		if found < k.version {
			return &MappingError{Index: s.index(k.name), Found: found, Known: k.version,
				Problem: fmt.Sprintf("has mapping version %d, this rulebridge needs %d", found, k.version), Advice: "run `rulebridge setup`"}
		}
	}
	return nil
}
