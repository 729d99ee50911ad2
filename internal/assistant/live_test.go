package assistant

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAnswerReader: of what a model says only the text of the answer is given out while it comes, wherever it is cut.
func TestAnswerReader(t *testing.T) {
	for raw, want := range map[string]string{
		`{"action":"answer","answer":"Three alerts."}`:                                                      "Three alerts.",
		"```json\n{ \"action\" : \"answer\" ,\n\"answer\" : \"a\\n\\\"b\\\" \\u00e9 \\ud83d\\ude00 \\/\" }": "a\n\"b\" é 😀 /",
		`Sure! {"thought":{"a":["}",{"b":"\"{"}]},"n":-1.5e3,"ok":null,"action":"answer","answer":"x"}`:     "x",
		`{"action":"tool","tool":"open-alerts","arguments":{"answer":"no"}}`:                                "",
		`{"tool":"open-alerts","answer":"later","action":"answer"}`:                                         "", // comes with the whole answer
		`{"action":"answer","answer":{"answer":"x"}}`:                                                       "",
		`{"answer":"x","action":"tool","tool":"open-alerts"}`:                                               "",
		`{"action":"tool","answer":"x"}`:                                                                    "",
		`{"action":"answer","answer":"half`:                                                                 "half",
		`{"action":"answer","answer":"half a pair \ud83d!"}`:                                                "half a pair ",
		`no JSON`: "", `[1,2]`: "", `{"action"`: "", `{1}`: "",
		`{"arguments":{"action":"answer","answer":"x"},"action":"tool","tool":"open-alerts"}`: "",
		`{"action":"answer","answer":""}`: "",
	} {
		for cut := range len(raw) + 1 {
			var r answerReader
			if got := r.next(raw[:cut]) + r.next(raw[cut:]); got != want {
				t.Errorf("%s cut at %d gives %q, want %q", raw, cut, got, want)
			}
		}
		var r answerReader
		got := ""
		for i := range len(raw) {
			got += r.next(raw[i : i+1])
		}
		if got != want {
			t.Errorf("%s byte by byte gives %q, want %q", raw, got, want)
		}
	}
}

// TestAnswerReaderAgreesWithTheDecision: what was given out while it came is what the decision holds, for random texts.
func TestAnswerReaderAgreesWithTheDecision(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", " ", "\n", `"`, `\`, "é", "😀", "\u2028", "<", "host-abcdefghijkl-1", "{", "}", "\t", "\x7f", "/"}
	for range 500 {
		var text strings.Builder
		for range r.IntN(20) {
			text.WriteString(parts[r.IntN(len(parts))])
		}
		raw, err := json.Marshal(decision{Action: "answer", Answer: text.String()})
		if err != nil {
			t.Fatal(err)
		}
		var reader answerReader
		got := ""
		for rest := string(raw); rest != ""; {
			n := min(len(rest), 1+r.IntN(4))
			got += reader.next(rest[:n])
			rest = rest[n:]
		}
		if got != text.String() {
			t.Fatalf("%s gives %q", raw, got)
		}
	}
}

// attempt records an answer as a process does that gives it in pieces.
func attempt(t *testing.T, b *bench, s *state, pieces ...string) {
	t.Helper()
	r := b.core.newRecorder(t.Context(), s.q.ID, s.table)
	raw := `{"action":"answer","answer":"`
	r.next(raw)
	for _, p := range pieces {
		r.next(p)
	}
	r.end()
}

// TestFollower: what comes while a model answers is restored, also a token that is cut in two, and is given once, also
// when the model is asked again.
func TestFollower(t *testing.T) {
	for name, tc := range map[string]struct {
		attempts [][]string
		given    []string // after each attempt
		fault    bool
	}{
		// A word is given when it is known to be no token: with what follows it.
		"one":                    {[][]string{{"On host-abcdefg", "hijkl-1", ": ", "three."}}, []string{"On PAY-DB-07: three."}, false},
		"the same again":         {[][]string{{"On host-abcdefghijkl-1"}, {"On ", "host-abcdefghijkl-1: three", "."}}, []string{"On", " PAY-DB-07: three."}, false},
		"cut off, then as far":   {[][]string{{"One, tw"}, {"One"}, {"One, two."}}, []string{"One,", "", " two."}, false},
		"another answer":         {[][]string{{"There are three."}, {"There are four."}}, []string{"There are three.", ""}, true},
		"another, then the same": {[][]string{{"There are three,"}, {"There is none."}, {"There are three, yes."}}, []string{"There are three,", "", " yes."}, false},
		"blanks around":          {[][]string{{"  \\n", "One. ", " \\n"}}, []string{"One."}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil, sayDone)
			q := Question{ID: "q", ConnectorID: "model", Messages: user("x"), Replacements: map[string]string{"host-abcdefghijkl-1": "PAY-DB-07"}}
			if err := errors.Join(b.core.Create(t.Context(), q), b.core.Prepare(t.Context(), "q")); err != nil {
				t.Fatal(err)
			}
			s, err := b.core.load(t.Context(), "q")
			if err != nil {
				t.Fatal(err)
			}
			f, all := b.core.Follow("q"), ""
			for i, pieces := range tc.attempts {
				attempt(t, b, s, pieces...)
				got, err := f.Next(t.Context())
				if err != nil || got != tc.given[i] {
					t.Errorf("attempt %d gave %q, want %q, %v", i+1, got, tc.given[i], err)
				}
				all += got
			}
			last := s.table.Restore(strings.TrimSpace(strings.ReplaceAll(strings.Join(tc.attempts[len(tc.attempts)-1], ""), `\n`, "\n")))
			rest, err := f.Rest(Answer{Text: last})
			var fault *Fault
			if tc.fault != errors.As(err, &fault) {
				t.Errorf("rest %q, %v", rest, err)
			}
			if !tc.fault && all+rest != last {
				t.Errorf("gave %q, want %q", all+rest, last)
			}
			if steps, _ := b.core.Questions.Steps(t.Context(), "q"); len(steps) == 0 {
				t.Error("nothing was recorded")
			}
			if err := b.core.Forget(t.Context(), "q"); err != nil {
				t.Fatal(err)
			}
			if got, err := f.Next(t.Context()); got != "" || err != nil {
				t.Errorf("after the question was deleted: %q, %v", got, err)
			}
		})
	}
}
