package translate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// messageCase is a line of testdata/messages.jsonl: a query and what one diagnostic of it says.
type messageCase struct {
	Code    Code           `json:"code"`
	Subject string         `json:"subject,omitempty"`
	SPL     string         `json:"spl"`
	Options *goldenOptions `json:"options,omitempty"`
	Message string         `json:"message"`
}

// unreachable are the codes that no query gives, with the reason.
var unreachable = map[Code]string{"internal_error": "only a defect of the compiler gives it"}

// TestMessages checks the wording of diagnostics: testdata/messages.jsonl has at least one line for each code. It is the
// only test of wording; goldens pin code, severity, place and subject. Run with -update after a change of words, and read
// the sentences as the person does who has to act on them: what is wrong, where, what to do.
func TestMessages(t *testing.T) {
	path := filepath.Join("testdata", "messages.jsonl")
	cases := readMessageCases(t, path)
	covered := map[Code]bool{}
	for i := range cases {
		m := &cases[i]
		covered[m.Code] = true
		var o goldenOptions
		if m.Options != nil {
			o = *m.Options
		}
		out := compileWith(t, m.SPL, o)
		var said []string
		for _, d := range out.Diagnostics {
			if d.Code == string(m.Code) && d.Subject == m.Subject {
				said = append(said, d.Message)
			}
		}
		switch {
		case len(said) == 0:
			t.Errorf("%s [%s] is not said of\n%s\nbut %s", m.Code, m.Subject, m.SPL, goldenNotes(out))
		case slices.Contains(said, m.Message):
		case *update:
			m.Message = said[0]
		default:
			t.Errorf("%s [%s] of\n%s\n got %s\nwant %s", m.Code, m.Subject, m.SPL, strings.Join(said, "\n     "), m.Message)
		}
		if strings.HasSuffix(m.Message, ".") || strings.ContainsAny(m.Message, "\n\r\t") || len(m.Message) > 400 {
			t.Errorf("%s: a message is one line of at most 400 bytes without a full stop: %s", m.Code, m.Message)
		}
	}
	for _, c := range codes {
		if _, never := unreachable[c.Code]; never == covered[c.Code] {
			t.Errorf("%s: %s needs a line, or a reason in unreachable why no query gives it", path, c.Code)
		}
	}
	if *update {
		writeMessageCases(t, path, cases)
	}
}

func readMessageCases(t *testing.T, path string) []messageCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []messageCase
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var m messageCase
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("%s:%d: %v", path, len(cases)+1, err)
		}
		cases = append(cases, m)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

func writeMessageCases(t *testing.T, path string, cases []messageCase) {
	t.Helper()
	slices.SortStableFunc(cases, func(a, b messageCase) int { return strings.Compare(string(a.Code), string(b.Code)) })
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	for _, m := range cases {
		if err := w.Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
