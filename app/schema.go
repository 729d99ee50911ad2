package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/rulebridge/rulebridge/internal/schema"
)

// overrides is the file that the setting schema names.
type overrides struct {
	Sources map[string]struct {
		Indices []string `yaml:"indices"`
		Fields  map[string]struct {
			Name        string              `yaml:"name"`
			Type        string              `yaml:"type"`
			Array       bool                `yaml:"array"`
			IgnoreAbove int                 `yaml:"ignore_above"`
			Values      map[string][]string `yaml:"values"`
		} `yaml:"fields"`
	} `yaml:"sources"`
}

// Schema is the built-in schema with the overrides of the YAML file, if one is named.
func Schema(file string) (*schema.Schema, error) {
	base := schema.Default()
	if file == "" {
		return base, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the schema overrides: %w", err)
	}
	var o overrides
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&o); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("schema overrides %s: %w", file, err)
	}
	values := schema.Overrides{Sources: map[string]schema.SourceOverride{}}
	for name, s := range o.Sources {
		source := schema.SourceOverride{Indices: s.Indices, Fields: map[string]schema.FieldOverride{}}
		for field, f := range s.Fields {
			source.Fields[field] = schema.FieldOverride{
				Name: f.Name, Type: f.Type, Array: f.Array, IgnoreAbove: f.IgnoreAbove, Values: f.Values,
			}
		}
		values.Sources[name] = source
	}
	with, err := base.With(values)
	if err != nil {
		return nil, fmt.Errorf("schema overrides %s: %w", file, err)
	}
	return with, nil
}
