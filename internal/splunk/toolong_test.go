package splunk_test

import (
	"io"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// repeated gives n times the letter x.
func repeated(n int64) io.Reader { return io.LimitReader(xs{}, n) }

type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// A record that is too long gives one fault that says so, in each form that records come in, and no second one about the
// text around it.
func TestTooLongRecordIsOneFault(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some hundred megabytes")
	}
	const one = `{"id":"a","title":"a","query":"index=a"}`
	for _, form := range []struct{ name, head, between, tail string }{
		{"array", "[", ",", "]"},
		{"rows", `{"results":[`, ",", "]}"},
		{"lines", "", "\n", "\n"},
		{"printed", "{\n \"id\":\"p\",\n \"query\":\"index=a\"\n}\n", "\n", "\n"},
	} {
		for _, size := range []int64{splunk.MaxRecord + 1, 100 << 20, 140 << 20} {
			text := io.MultiReader(strings.NewReader(form.head+one+form.between+`{"id":"b","title":"b","query":"`), repeated(size),
				strings.NewReader(`"}`+form.between+one+form.between+one+form.tail))
			var faults []string
			for _, err := range splunk.Records("f", text) {
				if err != nil {
					faults = append(faults, err.Error())
				}
			}
			if len(faults) != 1 || !strings.Contains(faults[0], "is longer than 64 MiB") {
				t.Errorf("%s with a record of %d bytes: %q", form.name, size, faults)
			}
		}
	}
}
