package schema

import "strings"

// Some pipelines leave the names that an event brings where they are, in an object that the index maps as it comes. Field
// lists have a part of these names only: EventData of Windows, the columns of an osquery table, the keys of an audit record.

// unlisted is the field of a name that no list has, below a prefix that the table says is mapped as it comes. A name of the
// rendered event (Share_Path), or one in another form than the source's names have, needs a document or a rule that shows it.
func (s *Source) unlisted(name string) (Field, bool) {
	for _, a := range s.autos {
		if a.names == nil {
			continue
		}
		target, ok := a.translate(name)
		if !ok {
			continue
		}
		raw := target[len(a.prefix):]
		if !a.names.MatchString(raw) {
			if raw = s.shownBelow(a.prefix, raw); raw == "" {
				continue
			}
			target = a.prefix + raw
		}
		if strings.Contains(raw, ".") {
			continue
		}
		f := fact{name: target, typ: "keyword", ignoreAbove: defaultIgnoreAbove}.field()
		if a.list {
			f.Array = MaybeArray
		}
		f.Dynamic, f.DynamicOnly, f.Support, f.Reason = true, true, Approximate, a.reason
		return f, true
	}
	return Field{}, false
}

// shownBelow is the spelling of a name below a prefix that something shows to be in documents. A name of the rendered event
// has underscores for its blanks, and another case; those of data models, in lower case, are of something else.
func (s *Source) shownBelow(prefix, name string) string {
	plain := func(x string) string { return strings.ToLower(strings.ReplaceAll(x, "_", "")) }
	found := ""
	for _, st := range s.Streams {
		for field := range proofs()[st] {
			rest, ok := strings.CutPrefix(field, prefix)
			switch {
			case !ok || plain(rest) != plain(name):
			case rest == name:
				return rest
			case renderedName.MatchString(name) && (found == "" || rest < found):
				found = rest
			}
		}
	}
	return found
}

// shown is the best evidence for the field itself in a stream of the source.
func (s *Source) shown(field string) Proof {
	best := Proof{}
	for _, st := range s.Streams {
		if p := proofs()[st][field]; p.Kind > best.Kind {
			best = p
		}
	}
	return best
}
