package install

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rulebridge/rulebridge/internal/kibana"
)

// Change is one setting of an installed rule that differs from what the migration gives.
type Change struct {
	Setting string `json:"setting"`
	There   any    `json:"there"`
	Here    any    `json:"here"`
}

// compare lists what differs, and gives the settings that overwrite it. Whether the rule is enabled, and what is set there
// and not here, is the business of those who run that Kibana.
func compare(there map[string]any, rule kibana.Rule) ([]Change, map[string]any, error) {
	value, err := plainJSON(rule)
	if err != nil {
		return nil, nil, err
	}
	here, _ := value.(map[string]any)
	for _, key := range []string{"enabled", "version"} {
		delete(here, key)
	}
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(here)) {
		if !same(there[key], here[key]) {
			changes = append(changes, Change{Setting: key, There: there[key], Here: here[key]})
		}
	}
	return changes, here, nil
}

// plainJSON is a value as it comes back from a Kibana.
func plainJSON(v any) (out any, err error) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("compare with what is installed: %w", err)
	}
	return out, nil
}

// compare lists what differs in a rule that is there and in its exception list, and gives the settings that overwrite it.
func (m made) compare(ctx context.Context, t Target, there map[string]any) ([]Change, map[string]any, error) {
	var inList []Change
	if len(m.exceptions.Items) > 0 {
		l, err := readList(ctx, t, m.exceptions.List.ListID)
		if err != nil {
			return nil, nil, err
		}
		attach(&m.rule, m.exceptions, l, there)
		if inList, err = listChanges(m.exceptions, l); err != nil {
			return nil, nil, err
		}
	}
	changes, settings, err := compare(there, m.rule)
	return append(changes, inList...), settings, err
}

// same compares two JSON values; what is empty is as good as absent.
func same(a, b any) bool {
	x, errX := json.Marshal(trim(a))
	y, errY := json.Marshal(trim(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func trim(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			if inner = trim(inner); inner != nil {
				out[key] = inner
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			out = append(out, trim(inner))
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case string:
		if v == "" {
			return nil
		}
	}
	return v
}
