package translate

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Many searches name an index of their house and nothing else, although everybody sees what they are about: only Sysmon has
// a field Image, only the Windows Security log an event 4625, and an index okta holds Okta's events. A source is recognised by
// such names, as an approximation that says by which.

// commonest is how many sources may have a field for it to tell them apart.
const commonest = 6

// sameVocabulary are sources that share the names of another one and are rarer.
var sameVocabulary = map[string]string{"sysmon_linux": "sysmon", "powershell_classic": "powershell"}

// windowsEvents is the source that the codes of the Windows event logs select from.
const windowsEvents = "wineventlog"

// recognised is a source with what it was recognised by.
type recognised struct {
	source   *schema.Source
	evidence []string
	score    float64 // a name counts by how few sources have it
	alone    bool    // an event code or the name of the index is among the evidence, each of which is enough by itself
	fields   bool    // a field or an event code is among the evidence
}

// recognise finds the one source that a search without a known one is about, by the fields that it reads and the event codes
// that it compares with.
func (l *lowering) recognise(parts []spl.SearchExpr, rest []spl.Command) (recognised, bool) {
	bySource := map[string]*recognised{}
	at := func(s *schema.Source) *recognised {
		name := s.Name
		if same, ok := sameVocabulary[name]; ok {
			name = same
		}
		r := bySource[name]
		if r == nil {
			r = &recognised{}
			bySource[name] = r
		}
		if s.Name == name {
			r.source = s
		}
		return r
	}
	var sources []*schema.Source
	for _, s := range l.schema.Sources() {
		if !s.DataModel && s.Support != schema.None && s != l.schema.Fallback() {
			sources = append(sources, s)
		}
	}
	for _, name := range namesSearched(parts, rest) {
		var has []*schema.Source
		groups := map[string]bool{}
		for _, s := range sources {
			if slices.Contains(s.Mapped(), name) {
				has = append(has, s)
				groups[cmp.Or(sameVocabulary[s.Name], s.Name)] = true
			}
		}
		if len(groups) == 0 || len(groups) > commonest {
			continue
		}
		seen := map[*recognised]bool{}
		for _, s := range has {
			if r := at(s); !seen[r] {
				seen[r] = true
				r.evidence, r.fields = append(r.evidence, "`"+name+"`"), true
				r.score += 1 / float64(len(groups))
			}
		}
	}
	for _, s := range sources {
		if s.Name != windowsEvents {
			continue
		}
		if n := l.narrowed(s, parts); n != s {
			r := at(n)
			r.evidence, r.alone, r.fields = append(r.evidence, "its event code"), true, true
			r.score++
		}
	}
	for s, index := range l.calledLike(parts, sources) {
		r := at(l.narrowed(s, parts))
		r.evidence, r.alone = append(r.evidence, "the name of its index, "+index+","), true
		r.score++
	}
	return best(bySource)
}

// calledLike are the sources whose events commonly stand in an index of the name that the search gives, with that name:
// okta, prod_okta and okta-* are names of Okta's. Of several sources those count whose names are the longest: aws_guardduty is
// GuardDuty's.
func (l *lowering) calledLike(parts []spl.SearchExpr, sources []*schema.Source) map[*schema.Source]string {
	out := map[*schema.Source]string{}
	longest := 0
	for _, p := range parts {
		c, ok := p.(*spl.Compare)
		if !ok || c.Op != "=" || !strings.EqualFold(c.Field.Text, "index") {
			continue
		}
		given := strings.Join(strings.FieldsFunc(strings.ToLower(c.Value.Text), notInWord), "_")
		for _, s := range sources {
			for _, name := range s.IndexNames {
				if !strings.Contains("_"+given+"_", "_"+name+"_") || len(name) < longest {
					continue
				}
				if len(name) > longest {
					longest = len(name)
					clear(out)
				}
				out[s] = c.Value.Text
			}
		}
	}
	return out
}

// notInWord says that a letter parts the words of an index's name.
func notInWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// best is the source that clearly has more for it than any other.
func best(bySource map[string]*recognised) (recognised, bool) {
	var first, second recognised
	for _, name := range sortedKeys(bySource) {
		switch r := bySource[name]; {
		case r.source == nil:
		case r.score > first.score:
			first, second = *r, first
		case r.score > second.score:
			second = *r
		}
	}
	const clearly = 1.5
	ok := first.source != nil && first.score >= 1 && first.score >= clearly*second.score && (first.alone || len(first.evidence) > 1)
	return first, ok
}

// namesSearched are the fields that a search compares, and those that the commands up to the first aggregation read and none
// of them made, each once.
func namesSearched(parts []spl.SearchExpr, rest []spl.Command) []string {
	var names distinct
	for _, p := range parts {
		if p == nil {
			continue
		}
		spl.Walk(p, func(n spl.Node) bool {
			switch n := n.(type) {
			case *spl.Compare:
				if !metadataField(n.Field.Text) {
					names.add(n.Field.Text)
				}
			case *spl.SearchIn:
				names.add(n.Field.Text)
			}
			return true
		})
	}
	made := map[string]bool{}
	for _, cmd := range rest {
		for _, n := range namesRead(cmd) {
			if !made[n.Text] && !strings.Contains(n.Text, "*") {
				names.add(n.Text)
			}
		}
		switch c := cmd.(type) {
		case *spl.Eval:
			for _, a := range c.Assigns {
				made[a.Field.Text] = true
			}
		case *spl.Rex:
			for _, m := range namedGroup.FindAllStringSubmatch(c.Pattern.Text, -1) {
				made[m[1]] = true
			}
		case *spl.Search, *spl.Where, *spl.Table, *spl.Fields, *spl.Regex, *spl.FillNull, *spl.Bin:
		default:
			return names.list
		}
	}
	return names.list
}

// takeRecognised uses the source that a search is recognised to be about; used are the conditions that need no filter.
func (l *lowering) takeRecognised(parts []spl.SearchExpr, used []bool, rest []spl.Command, at spl.Span) *schema.Source {
	r, ok := l.recognise(parts, rest)
	if !ok || len(l.opts.Index) > 0 && !r.fields {
		return nil // a name that an index of Splunk has says nothing about the given index
	}
	const most = 4
	by := r.evidence[:min(len(r.evidence), most)]
	indices := l.narrowed(r.source, parts).Indices
	if len(l.opts.Index) > 0 {
		l.diag("mapping_medium", at, r.source.Name, "the search names no known data source and is read as "+r.source.Name+", by "+strings.Join(by, ", ")+"; the index pattern is the given one")
	} else {
		l.diag("source_approximate", at, r.source.Name, "the search names no known data source; by "+strings.Join(by, ", ")+" it is taken to be about "+r.source.Name+", and runs over "+strings.Join(indices, ", ")+". If that is not so, give the index pattern, or add the index or sourcetype to the schema overrides")
	}
	for i, p := range parts {
		if c, isCompare := p.(*spl.Compare); isCompare && !used[i] && c.Op == "=" && (strings.EqualFold(c.Field.Text, "sourcetype") || strings.EqualFold(c.Field.Text, "source")) {
			used[i] = true
			l.diag("source_resolved", c.Span(), c.Field.Text, "the data source "+r.source.Name+" takes the place of `"+c.Field.Text+"="+c.Value.Text+"`")
		}
	}
	return r.source
}
