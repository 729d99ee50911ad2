package assistant

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// field is one field of an alert with its values, in their order.
type field struct {
	name   string
	values []any // strings, json.Numbers and booleans
}

// fields are the fields of an alert by name, whether the document nests them or writes names with dots. Lists of objects
// become several values of each field.
func (a Alert) fields() []field {
	byName := map[string][]any{}
	var walk func(name string, v any, depth int)
	walk = func(name string, v any, depth int) {
		switch v := v.(type) {
		case map[string]any:
			if depth > 100 {
				return // no alert is so deep; a document made to be does not leave
			}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				sub := k
				if name != "" {
					sub = name + "." + k
				}
				walk(sub, v[k], depth+1)
			}
		case []any:
			if depth > 100 {
				return
			}
			for _, e := range v {
				walk(name, e, depth+1)
			}
		case nil:
		case string, json.Number, bool:
			byName[name] = append(byName[name], v)
		case float64:
			byName[name] = append(byName[name], json.Number(strconv.FormatFloat(v, 'f', -1, 64)))
		case int:
			byName[name] = append(byName[name], json.Number(strconv.Itoa(v)))
		case []string:
			for _, s := range v {
				byName[name] = append(byName[name], s)
			}
		}
	}
	walk("", a.Source, 0)
	if a.ID != "" {
		byName["_id"] = []any{a.ID}
	}
	fields := make([]field, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		fields = append(fields, field{name, byName[name]})
	}
	return fields
}

// spelling is a value as a text.
func spelling(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// first is the first value of a field as a text.
func first(fields []field, name string) string {
	for _, f := range fields {
		if f.name == name && len(f.values) > 0 {
			return spelling(f.values[0])
		}
	}
	return ""
}

// collect adds to the dictionary what the masked fields of an alert hold, and the accounts that its texts give away.
func (p policy) collect(d *mask.Dictionary, fields []field) {
	for _, f := range fields {
		if p.hides(f.name) {
			kind := kindOfField(f.name)
			for _, v := range f.values {
				if _, truth := v.(bool); !truth {
					d.Add(spelling(v), kind)
				}
			}
			continue
		}
		for _, v := range f.values {
			if s, ok := v.(string); ok {
				mask.Learn(s, func(name string, kind mask.Kind) { d.Add(name, kind) })
			}
		}
	}
}

// hides reports whether the values of a field are masked: also each field below one that is.
func (p policy) hides(name string) bool {
	for {
		if p.masked[name] {
			return true
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return false
		}
		name = name[:i]
	}
}

// prune drops the fields of an alert that neither leave nor are masked: nothing needs them.
func (p policy) prune(a Alert) Alert {
	kept := Alert{ID: a.ID, Index: a.Index, Source: map[string]any{}}
	for _, f := range a.fields() {
		if f.name != "_id" && (p.leaves[f.name] || p.hides(f.name)) {
			kept.Source[f.name] = f.values
		}
	}
	return kept
}

const (
	// leftOut stands in place of free text that cannot leave.
	leftOut = "[left out: it cannot be told from a masked value]"
	// maxValue and maxValues bound how much of one field a model gets, in bytes and in values.
	maxValue  = 4 << 10
	maxValues = 50
)

// view is an alert as it leaves: allowed fields by name, masked.
type view struct {
	Fields  map[string]any
	LeftOut int // texts that were left out
}

// show masks an alert. d is the dictionary that m was made of.
func (p policy) show(fields []field, d *mask.Dictionary, m *mask.Masker, t *mask.Table) (view, error) {
	v := view{Fields: map[string]any{}}
	// Free text of an alert that has an ambiguous value is left out whole.
	dropAll := false
	for _, f := range fields {
		if p.hides(f.name) {
			for _, value := range f.values {
				s := strings.TrimSpace(spelling(value))
				if _, known := d.Has(s); known && mask.Ambiguous(s) {
					dropAll = true
				}
			}
		}
	}
	for _, f := range fields {
		if !p.leaves[f.name] {
			continue
		}
		out := make([]any, 0, len(f.values))
		for i, value := range f.values {
			if i == maxValues {
				out = append(out, fmt.Sprintf("[%d more values]", len(f.values)-i))
				break
			}
			shown, dropped, err := p.value(f.name, value, dropAll, d, m, t)
			if err != nil {
				return v, err
			}
			if dropped {
				v.LeftOut++
			}
			out = append(out, shown)
		}
		if len(out) == 1 {
			v.Fields[f.name] = out[0]
		} else {
			v.Fields[f.name] = out
		}
	}
	return v, nil
}

// value masks one value of a field that leaves.
func (p policy) value(name string, value any, dropAll bool, d *mask.Dictionary, m *mask.Masker, t *mask.Table) (shown any, dropped bool, err error) {
	s := spelling(value)
	if p.hides(name) {
		if s == "" {
			return "", false, nil // it names nobody
		}
		shown, err = t.Token(s, kindOfField(name))
		return shown, false, err
	}
	if kind, ok := d.Has(s); ok && name != "@timestamp" {
		shown, err = t.Token(s, kind)
		return shown, false, err
	}
	text, ok := value.(string)
	if !ok {
		return value, false, nil
	}
	style := mask.Parts
	if freeText[name] || strings.ContainsAny(text, " \t\r\n\u00a0\u3000") {
		if style = mask.Prose; dropAll {
			return leftOut, true, nil
		}
	}
	masked, clear, err := m.Text(text, style)
	if err != nil {
		return nil, false, err
	}
	if !clear {
		return leftOut, true, nil
	}
	return cut(masked), false, nil
}

// cut shortens what is too long for a model, between two words if it can: half a token would restore to nothing.
func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	s = s[:maxValue]
	if i := strings.LastIndexAny(s, " \t\r\n,;&|\"'/\\"); i > maxValue/2 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "") + " [shortened]"
}
