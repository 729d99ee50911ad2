package schema

import (
	"fmt"
	"regexp"
	"strings"
)

// The lines of a table that say how documents of a stream differ from what Splunk has: doubts, and words.

// addDoubt reads "doubt name… :: regex", or spelled in the place of doubt.
func (d *definition) addDoubt(body, reason string) error {
	names, values, ok := strings.Cut(body, " :: ")
	words := strings.Fields(names)
	if !ok || len(words) < 2 || reason == "" {
		return fmt.Errorf("want doubt name… :: regular expression # reason")
	}
	re, err := regexp.Compile("(?i)" + strings.TrimSpace(values))
	if err != nil {
		return err
	}
	if d.doubts == nil {
		d.doubts = map[string][]Doubt{}
	}
	for _, w := range words[1:] {
		d.doubts[w] = append(d.doubts[w], Doubt{Values: re, Spelled: words[0] == "spelled", Reason: reason})
	}
	return nil
}

// addWords reads "STREAM FIELD FROM value=word…".
func (d *definition) addWords(args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("too few words")
	}
	x := Derived{Field: args[1], From: args[2]}
	for _, pair := range args[3:] {
		value, word, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("no value and word: %s", pair)
		}
		x.Words = append(x.Words, [2]string{value, word})
	}
	if d.derived == nil {
		d.derived = map[string][]Derived{}
	}
	d.derived[args[0]] = append(d.derived[args[0]], x)
	return nil
}

// doubtsOf are the doubts of a definition and of the groups it uses; its own for a name win.
func doubtsOf(d *definition, defs map[string]*definition) map[string][]Doubt {
	out := map[string][]Doubt{}
	for _, u := range d.uses {
		for name, list := range doubtsOf(defs[u], defs) {
			if _, ok := out[name]; !ok {
				out[name] = list
			}
		}
	}
	for name, list := range d.doubts {
		out[name] = list
	}
	return out
}
