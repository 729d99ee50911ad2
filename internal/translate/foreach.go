package translate

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// foreach runs its template once for each field that matches.
func (l *lowering) foreach(cmd *spl.Foreach, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	fieldTag, matchTag, segTag := "<<FIELD>>", "<<MATCHSTR>>", "<<MATCHSEG"
	for _, o := range cmd.Options {
		switch o.Name {
		case "mode":
			if o.Value != "multifield" {
				l.diag("unsupported_option", cmd.Span(), "mode", "foreach with mode="+o.Value+" runs over the values of one field, which ES|QL cannot; rewrite it with mv functions")
				l.holesIn(cmd.Template)
				return
			}
		case "fieldstr":
			fieldTag = o.Value
		case "matchstr":
			matchTag = o.Value
		case "matchseg1":
			segTag = o.Value
		}
	}
	type hit struct {
		name, pattern string
		got           []string
	}
	var hits []hit
	seen := map[string]bool{}
	for _, p := range cmd.Patterns {
		names := l.env.names(p.Text)
		if !strings.Contains(p.Text, "*") {
			names = []string{p.Text}
		} else if l.env.open || l.env.partial() {
			l.diag("depends_on_hole", p.Span(), p.Text, "which fields `"+p.Text+"` names is not known here; the draft has those that the search itself makes. List the fields")
		}
		for _, n := range names {
			if n == partialName || seen[n] {
				continue
			}
			seen[n] = true
			got, _ := matchStar(p.Text, n)
			hits = append(hits, hit{n, p.Text, got})
		}
	}
	if len(hits) == 0 && !l.env.open && !l.env.partial() {
		l.diag("field_absent", cmd.Span(), "foreach", "no field matches here, so foreach does nothing in Splunk either")
		return
	}
	if len(hits) == 0 {
		l.diag("depends_on_hole", cmd.Span(), "foreach", "which fields the template runs for is not known here, so the draft goes on without foreach; settle the error above, or list the fields")
		l.holesIn(cmd.Template)
		return
	}
	const maxInstances = 200
	if len(hits) > maxInstances {
		l.diag("too_large", cmd.Span(), "foreach", "foreach would repeat its template for "+itoa(len(hits))+" fields, more than the cap of "+itoa(maxInstances)+"; list the fields")
		return
	}
	var names []string
	for _, h := range hits {
		names = append(names, h.name)
	}
	l.diag("template_repeated", cmd.Span(), "foreach", "the template was written out for "+clip(strings.Join(names, ", ")))
	for _, h := range hits {
		text := strings.ReplaceAll(cmd.Template, fieldTag, h.name)
		text = strings.ReplaceAll(text, matchTag, strings.Join(h.got, ""))
		for i, g := range h.got {
			text = strings.ReplaceAll(text, segTag+itoa(i+1)+">>", g)
		}
		q := spl.Parse("| "+strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "|")), spl.Options{Macros: l.macros, Keep: l.keepMacro, MaxDepth: l.opts.MaxDepth, Budget: l.budget})
		if len(q.Problems) > 0 || q.Pipeline == nil {
			msg := ""
			if len(q.Problems) > 0 {
				msg = ": " + q.Problems[0].Message
			}
			l.diag("syntax", cmd.Body, h.name, "the template of foreach could not be read for `"+h.name+"`"+msg)
			l.defineHole(h.name)
			continue
		}
		for i, c := range q.Pipeline.Commands {
			placeAt(c, cmd.Body)
			switch c.(type) {
			case *spl.Eval, *spl.Where, *spl.Rex, *spl.FillNull, *spl.Rename, *spl.Convert:
				l.lower(c, append(append([]spl.Command(nil), q.Pipeline.Commands[i+1:]...), rest...))
			default:
				l.diag("unsupported_command", cmd.Body, c.Name(), "`"+c.Name()+"` in the template of foreach has no counterpart; only commands that compute fields do")
			}
		}
	}
}

// templateAssigns finds the fields that a template assigns, which need not be readable as it stands.
var templateAssigns = regexp.MustCompile(`(?:\beval\s+|,\s*)['"]?([A-Za-z_][A-Za-z0-9_.]*)['"]?\s*=`)

// holesIn binds the fields that a template assigns, where it cannot be run.
func (l *lowering) holesIn(template string) {
	for _, m := range templateAssigns.FindAllStringSubmatch(template, -1) {
		l.defineHole(m[1])
	}
}

// placeAt gives every node of a tree that was read from another text one place in the query.
func placeAt(n spl.Node, at spl.Span) {
	spl.Walk(n, func(n spl.Node) bool {
		if f := reflect.ValueOf(n).Elem().FieldByName("At"); f.IsValid() && f.CanSet() {
			f.Set(reflect.ValueOf(spl.At{At: at}))
		}
		return true
	})
}

// mapSearches is map: a search for every row.
func (l *lowering) mapSearches(cmd *spl.Map) {
	l.ensureSource(cmd.Span())
	l.diag("unsupported_command", cmd.Span(), "map", "map runs a search for every row, which one ES|QL query cannot; make it one search over both kinds of events grouped by the fields it passes on, or a second rule on the alerts of the first")
	l.env.setPartial()
	l.env.open = false
}
