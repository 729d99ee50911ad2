package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Key is one setting, as documented.
type Key struct {
	Name    string // http.addr; [] stands for each element of a list
	Type    string
	Default string
	Doc     string
	Allowed []string
	typ     reflect.Type
}

// Env is the environment variable that sets the key; empty for keys inside lists.
func (k Key) Env() string {
	if strings.Contains(k.Name, "[]") {
		return ""
	}
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

type field struct {
	name    string
	typ     reflect.Type
	index   int
	doc     string
	allowed []string
}

func keysOf(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("mapstructure")
		if name == "" || name == "-" {
			continue
		}
		x := field{name: name, typ: f.Type, index: i, doc: f.Tag.Get("doc")}
		if a := f.Tag.Get("allowed"); a != "" {
			x.allowed = strings.Split(a, "|")
		}
		fs = append(fs, x)
	}
	return fs
}

func names(fs []field) string {
	ns := make([]string, len(fs))
	for i, f := range fs {
		ns[i] = f.name
	}
	return strings.Join(ns, ", ")
}

// isSection reports whether values of the type hold keys of their own.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Jitter]()
}

// Keys are all settings, in the order of Config.
func Keys() []Key {
	var keys []Key
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for _, f := range keysOf(v.Type()) {
			name, value := join(prefix, f.name), v.Field(f.index)
			switch {
			case isSection(f.typ):
				walk(value, name)
			case f.typ.Kind() == reflect.Slice && isSection(f.typ.Elem()):
				keys = append(keys, Key{Name: name, Type: "list", Doc: "See " + name + "[] below.", typ: f.typ})
				walk(reflect.New(f.typ.Elem()).Elem(), name+"[]")
			default:
				k := Key{Name: name, Type: typeName(f.typ), Doc: f.doc, Allowed: f.allowed, typ: f.typ}
				if name != "data_dir" {
					k.Default = text(value)
				}
				keys = append(keys, k)
			}
		}
	}
	walk(reflect.ValueOf(Default(nil)), "")
	return keys
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[Bytes]():
		return "size"
	case reflect.TypeFor[Secret]():
		return "secret"
	case reflect.TypeFor[Fraction]():
		return "fraction"
	case reflect.TypeFor[Jitter]():
		return "fraction or duration"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of texts"
	}
	return "text"
}

func text(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		if v.Len() == 0 {
			return ""
		}
		return fmt.Sprint(v.Interface())
	}
	return fmt.Sprint(v.Interface())
}

func toMap(x any) any {
	v := reflect.ValueOf(x)
	switch {
	case isSection(v.Type()):
		m := map[string]any{}
		for _, f := range keysOf(v.Type()) {
			m[f.name] = toMap(v.Field(f.index).Interface())
		}
		return m
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = toMap(v.Index(i).Interface())
		}
		return list
	case v.Type() == reflect.TypeFor[time.Duration](), v.Type() == reflect.TypeFor[Bytes](), v.Type() == reflect.TypeFor[Secret]():
		return fmt.Sprint(x)
	}
	if m, ok := x.(encoding.TextMarshaler); ok {
		b, _ := m.MarshalText()
		return string(b)
	}
	return x
}

var decodeError = regexp.MustCompile(`^'?([A-Za-z0-9_.\[\]]*)'? ?(.*)$`)

// explain rewrites a decoding error so that it names the key and where its value stands.
func (c Config) explain(err error) []error {
	var out []error
	for line := range strings.SplitSeq(err.Error(), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* "))
		if line == "" || strings.HasPrefix(line, "decoding failed") || strings.HasSuffix(line, "error(s) decoding:") {
			continue
		}
		line = strings.TrimPrefix(line, "error decoding ")
		m := decodeError.FindStringSubmatch(line)
		key, rest := m[1], strings.TrimLeft(m[2], ": ")
		if src, ok := c.sources[key]; ok {
			key = src + ": " + key
		}
		out = append(out, fmt.Errorf("%s: %s", key, rest))
	}
	return out
}
