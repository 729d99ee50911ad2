package esqldocs

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// Index searches the pages by their words (BM25). It is immutable and safe for concurrent use.
type Index struct {
	pages []indexed
	// holders counts the pages that hold a term.
	holders map[string]int
	mean    float64 // length of a page in weighted terms
	// exact finds pages by a name as it is written in queries, in capitals.
	exact map[string]int
}

type indexed struct {
	document assistant.Document
	terms    map[string]float64 // weighted number of times that the page holds a term
	length   float64
}

var _ assistant.Knowledge = (*Index)(nil)

// The usual constants of BM25, and how much a term counts by where it stands.
const (
	saturation    = 1.2
	lengthShare   = 0.6
	nameWeight    = 4
	textWeight    = 1
	exampleWeight = 0.3
	// exactBonus puts a page first whose name stands in the question as queries write it.
	exactBonus = 100
)

// New reads the embedded pages.
func New() (*Index, error) {
	pages, err := Pages()
	if err != nil {
		return nil, err
	}
	x := &Index{holders: map[string]int{}, exact: map[string]int{}}
	total := 0.0
	for i, p := range pages {
		in := indexed{document: p.Document(), terms: map[string]float64{}}
		add := func(text string, weight float64) {
			for _, t := range terms(text) {
				in.terms[t] += weight
				in.length += weight
			}
		}
		for _, name := range p.names() {
			add(name, nameWeight)
			// A later page of the same name does not hide an earlier one: the function SAMPLE and the command.
			if _, taken := x.exact[name]; !taken {
				x.exact[name] = i
			}
		}
		add(p.Form, textWeight)
		add(p.Text, textWeight)
		for _, e := range p.Examples {
			add(e.Query, exampleWeight)
		}
		for t := range in.terms {
			x.holders[t]++
		}
		total += in.length
		x.pages = append(x.pages, in)
	}
	x.mean = total / float64(len(x.pages))
	return x, nil
}

// Search returns the best pages for a question in plain words or for names, at most limit. Equal scores are in the order
// of the pages, so that the same question always has the same answer.
func (x *Index) Search(query string, limit int) []assistant.Document {
	type found struct {
		page  int
		score float64
	}
	scores := map[int]float64{}
	for _, t := range wanted(query) {
		n := float64(x.holders[t])
		if n == 0 {
			continue
		}
		weight := math.Log(1 + (float64(len(x.pages))-n+0.5)/(n+0.5))
		for i, p := range x.pages {
			f := p.terms[t]
			if f == 0 {
				continue
			}
			scores[i] += weight * f * (saturation + 1) / (f + saturation*(1-lengthShare+lengthShare*p.length/x.mean))
		}
	}
	for i, name := range x.named(query) {
		scores[name] += exactBonus - float64(i)
	}
	var list []found
	for i, s := range scores {
		list = append(list, found{i, s})
	}
	slices.SortFunc(list, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.page, b.page))
	})
	var documents []assistant.Document
	for _, f := range list[:min(max(limit, 0), len(list))] {
		documents = append(documents, x.pages[f.page].document)
	}
	return documents
}

// named returns the pages whose names stand in the text as queries write them: in capitals, or with an underscore or a
// parenthesis behind. "First" in a sentence is not FIRST.
func (x *Index) named(text string) []int {
	var pages []int
	list := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '('
	})
	add := func(name string) bool {
		i, ok := x.exact[name]
		if ok && !slices.Contains(pages, i) {
			pages = append(pages, i)
		}
		return ok
	}
	for i, word := range list {
		name, rest, called := strings.Cut(word, "(")
		upper := strings.ToUpper(name)
		if !called && name != upper && !strings.Contains(name, "_") {
			continue
		}
		if len(name) == 1 && !called { // E, the article or a letter
			continue
		}
		if i+1 < len(list) && add(upper+" "+strings.ToUpper(list[i+1])) {
			continue
		}
		add(upper)
		if called && rest != "" {
			pages = append(pages, x.named(rest)...)
		}
	}
	return pages
}

// meaningless words are in every question.
var meaningless = map[string]bool{
	"a": true, "an": true, "and": true, "are": true, "as": true, "at": true, "be": true, "by": true, "can": true, "do": true,
	"does": true, "es": true, "esql": true, "for": true, "from": true, "get": true, "have": true, "how": true, "i": true,
	"if": true, "in": true, "is": true, "it": true, "me": true, "of": true, "on": true, "or": true, "ql": true, "query": true,
	"show": true, "that": true, "the": true, "there": true, "this": true, "to": true, "use": true, "want": true, "what": true,
	"when": true, "where": true, "which": true, "with": true, "would": true, "write": true, "you": true,
}

// synonyms are words of people for words of the pages.
var synonyms = map[string][]string{
	"lowercase": {"lower", "case"}, "uppercase": {"upper", "case"}, "regex": {"regular", "expression"}, "regexp": {"regular", "expression"},
	"array": {"multivalued"}, "list": {"multivalued"}, "multivalue": {"multivalued"},
	"average": {"mean"}, "string": {"text"}, "substring": {"part"}, "timestamp": {"date", "time"}, "missing": {"null"},
	"empty": {"null"}, "dedup": {"duplicate"}, "deduplicate": {"duplicate"}, "unique": {"different", "distinct"}, "distinct": {"different"},
	"subnet": {"block", "cidr"}, "cidr": {"block"}, "geolocation": {"place", "location"}, "eventstats": {"inline"}, "rex": {"grok"},
	"wildcard": {"like"}, "join": {"lookup"}, "percent": {"percentile"}, "hour": {"span"}, "window": {"bucket"}, "bin": {"bucket"},
	"histogram": {"bucket"}, "brute": {"logon", "failure"}, "login": {"logon"}, "ascending": {"asc"}, "descending": {"desc"},
	"concatenate": {"join", "concat"}, "parse": {"extract", "cut"}, "version": {"release"}, "top": {"limit", "largest"},
}

// wanted are the terms of a question, with the pages' words for people's.
func wanted(query string) []string {
	list := terms(query)
	for _, word := range words(query) {
		for _, s := range synonyms[word] {
			list = append(list, stem(s))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
	})
}

// terms are the words of a text, in lower case and without a plural's s; a name such as MV_COUNT gives its parts too.
func terms(text string) []string {
	var list []string
	add := func(word string) {
		if !meaningless[word] {
			list = append(list, stem(word))
		}
	}
	for _, word := range words(text) {
		add(word)
		if strings.Contains(word, "_") {
			for part := range strings.SplitSeq(word, "_") {
				if part != "" {
					add(part)
				}
			}
		}
	}
	return list
}

// stem cuts what a plural adds.
func stem(word string) string {
	switch {
	case len(word) > 4 && strings.HasSuffix(word, "ies"):
		return word[:len(word)-3] + "y"
	case len(word) > 4 && (strings.HasSuffix(word, "sses") || strings.HasSuffix(word, "xes") || strings.HasSuffix(word, "ches")):
		return word[:len(word)-2]
	case len(word) > 3 && strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && !strings.HasSuffix(word, "us") && !strings.HasSuffix(word, "is"):
		return word[:len(word)-1]
	}
	return word
}

// Library is New for callers that cannot go on without it: the pages are part of the program, and a test reads them all.
func Library() *Index {
	x, err := New()
	if err != nil {
		panic(err)
	}
	return x
}
