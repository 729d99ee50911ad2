package changes

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// longest is how many lines a query may have to be compared line by line; of longer ones each line is old or new.
const longest = 3000

type difference struct {
	diff           string
	added, removed int
}

// unified is the unified diff of two queries.
func unified(before, after string) difference {
	before, after = lines(before), lines(after)
	text := ""
	if strings.Count(before, "\n") > longest || strings.Count(after, "\n") > longest {
		text = "--- before\n+++ after\n" + each("-", before) + each("+", after)
	} else {
		text = udiff.Unified("before", "after", before, after)
	}
	d := difference{diff: text}
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "--- before\n"), strings.HasPrefix(line, "+++ after\n"):
		case strings.HasPrefix(line, "+"):
			d.added++
		case strings.HasPrefix(line, "-"):
			d.removed++
		}
	}
	return d
}

// lines ends the last line of a text.
func lines(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

func each(sign, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(sign + line)
	}
	return b.String()
}
