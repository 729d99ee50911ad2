package migration

import "encoding/json"

// Words are a list of texts that files write in several ways: a list, one text, or null. What is no text is left out, so that
// an odd value costs a hint and not the rule.
type Words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *Words) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*w = WordsOf(v)
	return nil
}

// WordsOf are the texts of a decoded value.
func WordsOf(v any) Words {
	switch v := v.(type) {
	case string:
		if v != "" {
			return Words{v}
		}
	case []any:
		var out Words
		for _, x := range v {
			if s, ok := x.(string); ok && s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
