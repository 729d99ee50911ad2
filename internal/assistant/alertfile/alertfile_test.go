package alertfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// refuse is a caller's own reason.
func refuse(a assistant.Alert) error {
	if a.ID == "refused" {
		return errors.New("not this one")
	}
	return nil
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // ids, and places of errors
	}{
		{"nothing", "", nil},
		{"empty lines", "\n \r\n", nil},
		{"lines", "{\"_id\":\"a\",\"n\":1}\r\n\n{\"_id\":\"b\"}", []string{"a", "b"}},
		{"byte order mark", "\uFEFF{\"_id\":\"a\"}\n", []string{"a"}},
		{"bad lines", "{\"_id\":\"a\"}\nnonsense\n[1]\n7\nnull\n{\"x\":1}\n{\"_id\":\"b\"} {}\n{\"_id\":\"c\"}\n",
			[]string{"a", "f:2", "f:3", "f:4", "f:5", "f:6", "f:7", "c"}},
		{"cut line", "{\"_id\":\"a\"}\n{\"_id\":\"b\"", []string{"a", "f:2"}},
		{"array", " \n[{\"_id\":\"a\"},\n{\"_id\":\"b\"}]\n", []string{"a", "b"}},
		{"bad items", `[{"_id":"a"}, 7, null, {"x":1}, {"_id":"b"}]`, []string{"a", "f: item 2", "f: item 3", "f: item 4", "b"}},
		{"cut array", `[{"_id":"a"}, {"_id":"b"`, []string{"a", "f: item 2 last"}},
		{"array without end", `[{"_id":"a"}`, []string{"a", "f: item 2 last"}},
		{"empty array", `[]`, nil},
		{"hits", `{"_index":"i","_id":"a","_score":1,"_source":{"x":1},"sort":[1]}`, []string{"a"}},
		{"uuid", `{"kibana.alert.uuid":"u"}` + "\n" + `{"kibana":{"alert":{"uuid":"v"}}}`, []string{"u", "v"}},
		{"refused by the caller", "{\"_id\":\"a\"}\n{\"_id\":\"refused\"}\n{\"_id\":\"b\"}", []string{"a", "f:2", "b"}},
		{"long id", `{"_id":"` + strings.Repeat("x", 513) + `"}`, []string{"f:1"}},
	} {
		var got []string
		for alert, err := range Read("f", strings.NewReader(test.text), refuse) {
			var bad *Error
			switch {
			case errors.As(err, &bad):
				place := fmt.Sprintf("f:%d", bad.Line)
				if bad.Item > 0 {
					place = fmt.Sprintf("f: item %d", bad.Item)
				}
				if bad.Last {
					place += " last"
				}
				if !strings.HasPrefix(err.Error(), strings.TrimSuffix(place, " last")+": ") {
					t.Errorf("%s: the message %q does not begin with %s", test.name, err, place)
				}
				got = append(got, place)
			case err != nil:
				t.Errorf("%s: %v", test.name, err)
			default:
				got = append(got, alert.ID)
				for _, name := range []string{"_id", "_index", "_source", "_score"} {
					if _, there := alert.Source[name]; there {
						t.Errorf("%s: %s is left in the document", test.name, name)
					}
				}
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
