// Package esqldocs is a small library on ES|QL: a page on every command and function of 8.19 and what 9.x adds, with
// examples, and a search that needs no network. The pages are embedded; they are written for this program, from facts.
//
// A page in docs/*.md begins with a heading `## form | version state, version state`; the form begins with the page's
// name. Lines `also:` give other names, `see:` related pages. A line `> query` is an example that runs on 8.19, `>9 query`
// one that needs 9.x, `>- query` one for 8.19 with a part that the node of the tests lacks.
package esqldocs

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

//go:embed docs/*.md
var files embed.FS

// Page is one page of the library.
type Page struct {
	// Name is a command's or function's name, or the topic of a page on the language.
	Name string
	// Kind is command, function or topic.
	Kind string
	// Form is how the thing is written.
	Form string
	// Also are other names.
	Also []string
	// See are the names of related pages.
	See []string
	// Releases say since when, the earliest first.
	Releases []Release
	// Text is the description, in lines.
	Text     string
	Examples []Example
}

// Release is a version from which on something is in a state.
type Release struct {
	Version string // such as 8.19; what is older than 8.19 has it too
	Preview bool   // in preview; otherwise generally available
}

// Example is a query that shows a page's subject.
type Example struct {
	Query string
	// Later: the query needs 9.x.
	Later bool
	// Absent: the query is for 8.19 but needs a part that the node of the tests lacks.
	Absent bool
}

// kinds of the pages of a file; functions in all others.
var kinds = map[string]string{"commands.md": "command", "language.md": "topic"}

// Pages returns all pages, by file and place.
func Pages() ([]Page, error) {
	names, err := fs.Glob(files, "docs/*.md")
	if err != nil {
		return nil, fmt.Errorf("list the ES|QL pages: %w", err)
	}
	var pages []Page
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the ES|QL pages: %w", err)
		}
		base := strings.TrimPrefix(name, "docs/")
		kind := kinds[base]
		if kind == "" {
			kind = "function"
		}
		list, err := parse(string(text), kind)
		if err != nil {
			return nil, fmt.Errorf("read the ES|QL pages in %s: %w", base, err)
		}
		pages = append(pages, list...)
	}
	return pages, nil
}

func parse(text, kind string) ([]Page, error) {
	_, text, _ = strings.Cut("\n"+text, "\n## ") // what stands before the first page is for readers of the file
	var pages []Page
	for part := range strings.SplitSeq(text, "\n## ") {
		p, err := parsePage(part, kind)
		if err != nil {
			heading, _, _ := strings.Cut(part, "\n")
			return nil, fmt.Errorf("page %q: %w", heading, err)
		}
		pages = append(pages, p)
	}
	return pages, nil
}

func parsePage(part, kind string) (Page, error) {
	heading, body, _ := strings.Cut(part, "\n")
	i := strings.LastIndex(heading, " | ")
	if i < 0 {
		return Page{}, errors.New("the heading has no version")
	}
	p := Page{Kind: kind, Form: heading[:i], Name: nameOf(heading[:i], kind)}
	for word := range strings.SplitSeq(heading[i+3:], ", ") {
		version, state, _ := strings.Cut(word, " ")
		if state != "ga" && state != "preview" {
			return Page{}, fmt.Errorf("the state of %q is neither ga nor preview", word)
		}
		p.Releases = append(p.Releases, Release{Version: version, Preview: state == "preview"})
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(body), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch mark {
		case ">":
			p.Examples = append(p.Examples, Example{Query: rest})
		case ">9":
			p.Examples = append(p.Examples, Example{Query: rest, Later: true})
		case ">-":
			p.Examples = append(p.Examples, Example{Query: rest, Absent: true})
		case "also:":
			p.Also = strings.Split(rest, ", ")
		case "see:":
			p.See = strings.Split(rest, ", ")
		default:
			lines = append(lines, line)
		}
	}
	p.Text = strings.Join(lines, "\n")
	if p.Text == "" {
		return Page{}, errors.New("the page has no text")
	}
	return p, nil
}

// nameOf cuts a form down to the name: MV_COUNT(field) is MV_COUNT, LOOKUP JOIN index ON field is LOOKUP JOIN.
func nameOf(form, kind string) string {
	switch kind {
	case "function":
		name, _, _ := strings.Cut(form, "(")
		return name
	case "command":
		var words []string
		for _, word := range strings.Fields(form) {
			// Two words at most: what follows in capitals is part of the form.
			if len(words) == 2 || word != strings.ToUpper(word) || strings.ContainsAny(word, "[(…") {
				break
			}
			words = append(words, word)
		}
		if len(words) == 2 && words[0] == "SHOW" {
			words = words[:1]
		}
		return strings.Join(words, " ")
	}
	return form
}

// Document is the page as the assistant gives it to a model.
func (p Page) Document() assistant.Document {
	d := assistant.Document{ID: p.Kind + ":" + p.Name, Title: p.Form, Kind: p.Kind, Since: p.Releases[0].Version, State: "GA"}
	last := p.Releases[len(p.Releases)-1]
	if last.Preview {
		d.State = "preview"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nSince %s.\n%s\n", p.Form, p.since(), p.Text)
	if len(p.Also) > 0 {
		fmt.Fprintf(&b, "Other names: %s.\n", strings.Join(p.Also, ", "))
	}
	for _, e := range p.Examples {
		b.WriteString("Example: " + e.Query + "\n")
	}
	if len(p.See) > 0 {
		fmt.Fprintf(&b, "See also: %s.\n", strings.Join(p.See, ", "))
	}
	d.Text = b.String()
	return d
}

// since says in words since when.
func (p Page) since() string {
	var parts []string
	for _, r := range p.Releases {
		state := "generally available"
		if r.Preview {
			state = "in preview"
		}
		version := r.Version
		if version == "8.19" {
			version = "8.19 or before"
		}
		parts = append(parts, version+" ("+state+")")
	}
	return strings.Join(parts, ", then ")
}

// names are all names of a page.
func (p Page) names() []string { return append([]string{p.Name}, slices.Clone(p.Also)...) }
