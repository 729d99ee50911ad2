package elastic

import (
	"context"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// settingsDoc holds all settings: they change together or not at all.
type settingsDoc struct {
	Fields []assistant.FieldSetting `json:"fields"`
}

func (a *Assistant) settings(ctx context.Context) (s settingsDoc, on *version, err error) {
	d, err := a.one(ctx, a.ref(settingsIndex, "all"))
	if err != nil || !d.Found {
		return s, nil, err
	}
	return s, &d.version, d.decode(&s)
}

// FieldSettings implements assistant.FieldSettings.
func (a *Assistant) FieldSettings(ctx context.Context) ([]assistant.FieldSetting, error) {
	s, _, err := a.settings(ctx)
	return s.Fields, err
}

// SetFieldSettings implements assistant.FieldSettings.
func (a *Assistant) SetFieldSettings(ctx context.Context, settings []assistant.FieldSetting) error {
	byField := func(a, b assistant.FieldSetting) int { return strings.Compare(a.Field, b.Field) }
	return again(ctx, func() error {
		s, on, err := a.settings(ctx)
		if err != nil {
			return err
		}
		for _, f := range settings {
			i, there := slices.BinarySearchFunc(s.Fields, f, byField)
			switch {
			case f.SetBy == "" && there:
				s.Fields = slices.Delete(s.Fields, i, i+1)
			case f.SetBy == "":
			case there:
				s.Fields[i] = f
			default:
				s.Fields = slices.Insert(s.Fields, i, f)
			}
		}
		written, err := a.put(ctx, a.ref(settingsIndex, "all"), on, s)
		if err == nil && !written {
			err = errConflict
		}
		return err
	})
}
