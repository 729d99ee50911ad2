package schema

import (
	_ "embed"
	"strings"
	"sync"
)

// windowsEventsText lists the Security log's event codes with their descriptions, as Windows documents them.
//
//go:embed data/windows_events.txt
var windowsEventsText string

// windowsDescriptions gives the event codes of each description, lower case, with and without the full stop that renderings
// end it with.
var windowsDescriptions = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(windowsEventsText) {
		code, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		text = strings.ToLower(text)
		m[text] = append(m[text], code)
		m[text+"."] = append(m[text+"."], code)
	}
	return m
})
