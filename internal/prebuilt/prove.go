package prebuilt

import (
	"slices"
	"strings"
)

// maxSteps bounds the work of one comparison, in comparisons of two globs.
const maxSteps = 300_000

// prover decides whether a condition follows from another. It only says yes when it does; a no can mean that it could not
// tell.
type prover struct{ steps int }

// follows says whether goal holds for every event that meets one of the leaves' conjunction. Where it does not, missing is
// the part of the goal that does not follow.
func (p *prover) follows(premises []clause, goal clause) (ok bool, missing clause) {
	if p.steps++; p.steps > maxSteps {
		return false, goal
	}
	ok, missing = p.direct(premises, goal)
	if ok {
		return true, nil
	}
	// A field that holds one of several values may meet another part of the goal with each.
	for i, c := range premises {
		t, is := c.(test)
		if !is || t.not || len(t.any) < 2 || len(t.any) > maxAlternatives || !mentions(goal, t.field) {
			continue
		}
		for _, g := range t.any {
			with := slices.Clone(premises)
			with[i] = test{field: t.field, any: []glob{g}}
			if ok, part := p.follows(with, goal); !ok {
				return false, part
			}
		}
		return true, nil
	}
	return false, missing
}

func (p *prover) direct(premises []clause, goal clause) (bool, clause) {
	switch goal := goal.(type) {
	case all:
		for _, g := range goal {
			if ok, part := p.follows(premises, g); !ok {
				return false, part
			}
		}
		return true, nil
	case some:
		for _, g := range goal {
			if p.steps++; p.steps > maxSteps {
				return false, goal
			}
			if ok, _ := p.direct(premises, g); ok {
				return true, nil
			}
		}
		return false, goal
	case test:
		return slices.ContainsFunc(premises, func(c clause) bool {
			if p.steps > maxSteps {
				return false
			}
			if t, ok := c.(test); ok {
				p.steps += len(t.any) * len(goal.any)
			}
			return givesTest(c, goal)
		}), goal
	case number:
		return slices.ContainsFunc(premises, func(c clause) bool { n, ok := c.(number); return ok && n.field == goal.field && within(n, goal) }), goal
	}
	return slices.Contains(premises, goal), goal
}

// givesTest says whether a leaf alone makes a test hold.
func givesTest(c clause, goal test) bool {
	switch c := c.(type) {
	case number:
		return c.field == goal.field && !goal.not && slices.ContainsFunc(goal.any, func(g glob) bool { return string(g.text) == string(anyText) })
	case test:
		switch {
		case c.not && goal.not:
			return c.field == goal.field && eachCovered(goal.any, c.any, goal.field)
		case !c.not && !goal.not:
			for _, have := range bridges(c, goal.field) {
				if eachCovered(have, goal.any, goal.field) {
					return true
				}
			}
		case !c.not && goal.not && !severalValues(goal.field):
			for _, have := range bridges(c, goal.field) {
				if len(have) > 0 && apart(have, goal.any) {
					return true
				}
			}
		}
	}
	return false
}

// eachCovered says whether each of the narrow globs is covered by one of the wide.
func eachCovered(narrow, wide []glob, field string) bool {
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w glob) bool { return w.covers(n, vocabulary(field)) }) {
			return false
		}
	}
	return len(narrow) > 0
}

// bridges gives what a test says of another field, as sets of globs: an argument is a part of the command line, a file name
// the end of a path.
func bridges(c test, field string) [][]glob {
	if c.field == field {
		return [][]glob{c.any}
	}
	path, named := strings.CutSuffix(field, ".name")
	var out []glob
	for _, g := range c.any {
		s := string(g.text)
		switch {
		case c.field == strings.TrimSuffix(field, ".args")+".command_line" && strings.HasSuffix(field, ".args"):
			arg, ok := argument(s)
			if !ok {
				return nil
			}
			out = append(out, makeGlob(arg, g.fold))
		case named && (c.field == path+".executable" || c.field == path+".path"):
			i := strings.LastIndexAny(s, `\/`)
			if i < 0 || strings.ContainsRune(s[i+1:], anyText) {
				return nil
			}
			out = append(out, makeGlob(s[i+1:], g.fold))
		default:
			return nil
		}
	}
	return [][]glob{out}
}

// argument is what a pattern of a command line says of one argument: a word between spaces is an argument, a part of a word
// is a part of one. A text with spaces or quotes in it can be spread over several.
func argument(s string) (string, bool) {
	star := string(anyText)
	inner := strings.TrimSuffix(strings.TrimPrefix(s, star), star)
	if strings.TrimSpace(inner) == "" || !strings.HasPrefix(s, star) || strings.ContainsAny(inner, star+`"'`) {
		return "", false
	}
	word := strings.TrimSpace(inner)
	if strings.ContainsAny(word, " \t") {
		return "", false
	}
	if !strings.HasPrefix(inner, " ") {
		word = star + word
	}
	if !strings.HasSuffix(inner, " ") {
		if strings.HasSuffix(s, star) {
			word += star
		}
	}
	return word, true
}

// within says whether the first comparison is at least as narrow as the second.
func within(a, b number) bool {
	switch b.op {
	case ">":
		return a.op == ">" && a.value >= b.value || a.op == ">=" && a.value > b.value
	case ">=":
		return (a.op == ">" || a.op == ">=") && a.value >= b.value
	case "<":
		return a.op == "<" && a.value <= b.value || a.op == "<=" && a.value < b.value
	}
	return (a.op == "<" || a.op == "<=") && a.value <= b.value
}

// impossible says whether no event meets all the leaves.
func impossible(leaves []clause) bool {
	for i, c := range leaves {
		t, ok := c.(test)
		if !ok || severalValues(t.field) {
			continue
		}
		for _, d := range leaves[i+1:] {
			if u, ok := d.(test); ok && u.field == t.field && (t.not != u.not && eachCovered(positive(t, u).any, negative(t, u).any, t.field) ||
				!t.not && !u.not && apart(t.any, u.any)) {
				return true
			}
		}
	}
	return false
}

func positive(a, b test) test {
	if a.not {
		return b
	}
	return a
}

func negative(a, b test) test {
	if a.not {
		return a
	}
	return b
}

// apart says whether no value matches one of each.
func apart(a, b []glob) bool {
	for _, x := range a {
		for _, y := range b {
			if !disjoint(x, y) {
				return false
			}
		}
	}
	return true
}

func mentions(c clause, field string) bool {
	switch c := c.(type) {
	case all:
		return slices.ContainsFunc(c, func(x clause) bool { return mentions(x, field) })
	case some:
		return slices.ContainsFunc(c, func(x clause) bool { return mentions(x, field) })
	case test:
		return c.field == field || len(bridges(test{field: field, any: []glob{newGlob(`*\x*`, true)}}, c.field)) > 0 ||
			strings.HasSuffix(c.field, ".args") || strings.HasSuffix(c.field, ".name")
	}
	return false
}

// severalValues says whether one event can hold several values of the field, so that one value excludes no other.
func severalValues(field string) bool {
	for _, suffix := range []string{".args", "event.category", "event.type", "tags", ".ip", ".answers.data", ".strings", ".roles", ".groups", ".names"} {
		if strings.HasSuffix(field, suffix) {
			return true
		}
	}
	return strings.HasPrefix(field, "related.") || strings.HasPrefix(field, "powershell.") || strings.HasPrefix(field, "threat.")
}

// vocabulary says whether the field holds words of the product that writes the events, which are spelled one way, and
// nothing that a person names.
func vocabulary(field string) bool {
	for _, part := range []string{"user", "actor", "owner", "alternate_id", "parameters", "command", "path", "target", "principal", "arn", "script"} {
		if strings.Contains(field, part) {
			return false
		}
	}
	for _, prefix := range []string{"event.", "data_stream.", "cloud.", "host.os.", "aws.", "azure.", "o365.", "okta.", "gcp.", "github.",
		"kubernetes.", "google_workspace.", "winlog.channel", "winlog.provider_name", "network."} {
		if strings.HasPrefix(field, prefix) {
			return true
		}
	}
	return false
}
