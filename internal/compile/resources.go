package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// WithResources adds macros and lookups to the options of a compiler. Of several with one name, and for macros one arity,
// the last of resources wins, and all of them win over those of o.
func WithResources(o translate.Options, resources []migration.Resource) translate.Options {
	macros, lookups := map[string]bool{}, map[string]bool{}
	var ownMacros []translate.Macro
	var ownLookups []translate.Lookup
	addMacro := func(m translate.Macro) {
		if key := macroKey(m); !macros[key] {
			macros[key] = true
			ownMacros = append(ownMacros, m)
		}
	}
	addLookup := func(l translate.Lookup) {
		if !lookups[l.Name] {
			lookups[l.Name] = true
			ownLookups = append(ownLookups, l)
		}
	}
	for _, r := range slices.Backward(resources) {
		switch r.Type {
		case migration.ResourceMacro:
			name, _, _ := strings.Cut(r.Name, "(")
			addMacro(translate.Macro{Name: name, Arguments: r.Arguments, Definition: r.Definition, Eval: r.IsEval})
		case migration.ResourceLookup:
			addLookup(lookupOf(r))
		}
	}
	for _, m := range o.Macros {
		addMacro(m)
	}
	for _, l := range o.Lookups {
		addLookup(l)
	}
	o.Macros, o.Lookups = ownMacros, ownLookups
	return o
}

// withHidden tells a compiler of what rules name and Splunk does not see from where they are.
func withHidden(o translate.Options, hidden []migration.Resource) translate.Options {
	for _, r := range hidden {
		whose := "of the app " + r.App + " is not exported"
		if r.Owner != "" {
			whose = "is private to the user " + r.Owner + " in the app " + r.App
		}
		name, _, _ := strings.Cut(r.Name, "(")
		switch r.Type {
		case migration.ResourceMacro:
			o.Hidden = append(o.Hidden, translate.Hidden{Kind: "macro", Name: name, Whose: whose})
		case migration.ResourceLookup:
			o.Hidden = append(o.Hidden, translate.Hidden{Kind: "lookup", Name: r.Name, Whose: whose})
		}
	}
	return o
}

func macroKey(m translate.Macro) string { return fmt.Sprintf("%s(%d)", m.Name, len(m.Arguments)) }

func lookupOf(r migration.Resource) translate.Lookup {
	l := translate.Lookup{
		Name: r.Name, Kind: r.Kind, Columns: r.Columns, Rows: r.Rows, TotalRows: max(r.TotalRows, len(r.Rows)),
		MatchType: matchTypes(r.MatchType), CaseSensitive: true,
		MaxMatches: r.MaxMatches, MinMatches: r.MinMatches, DefaultMatch: r.DefaultMatch,
	}
	if r.CaseSensitiveMatch != nil {
		l.CaseSensitive = *r.CaseSensitiveMatch
	}
	return l
}

// matchTypes reads transforms.conf's match_type: WILDCARD(url), CIDR(range).
func matchTypes(s string) map[string]string {
	var types map[string]string
	for part := range strings.SplitSeq(s, ",") {
		kind, rest, ok := strings.Cut(strings.TrimSpace(part), "(")
		column, closed := strings.CutSuffix(rest, ")")
		if !ok || !closed {
			continue
		}
		if types == nil {
			types = map[string]string{}
		}
		types[strings.TrimSpace(column)] = strings.ToUpper(strings.TrimSpace(kind))
	}
	return types
}
