package translate

import (
	"strings"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// builtinMacros are the project's own definitions of macros that most rules use; the user's definitions win.
var builtinMacros = []spl.MacroDef{
	{Name: "security_content_ctime", Arguments: []string{"field"}, Definition: `convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)`},
	{Name: "ctime", Arguments: []string{"field"}, Definition: `convert timeformat="%m/%d/%Y %H:%M:%S" ctime($field$)`},
	{Name: "security_content_summariesonly", Definition: `summariesonly=false allow_old_summaries=true`},
	{Name: "summariesonly", Definition: `summariesonly=false`},
	{Name: "drop_dm_object_name", Arguments: []string{"object"}, Definition: `rename $object$.* AS *`},
}

// normalizers rebuild the command line out of raw audit records, by means that ES|QL does not have. They stand in for
// the definitions as they are shipped (shipped is a part of these); a user's own definition wins.
var normalizers = []struct {
	def     spl.MacroDef
	shipped string
	code    Code
	note    string
}{
	{
		// The integration writes the byte that ends each argument as ^@.
		spl.MacroDef{Name: "linux_auditd_normalized_proctitle_process", Definition: `type=PROCTITLE | eval normalized_proctitle_delimiter=replace('auditd.log.proctitle', "\^@", " "), process_exec=normalized_proctitle_delimiter`, Builtin: true},
		"urldecode(", "macro_rewritten", "the integration decodes hexadecimal titles itself (auditd.log.proctitle); letters beyond ASCII are spelled otherwise there",
	},
	{
		spl.MacroDef{Name: "linux_auditd_normalized_execve_process", Definition: `type=EXECVE | eval process_exec=mvjoin(process.args," ")`, Builtin: true},
		"foreach a*", "macro_replaced", "the draft joins process.args, whose values ES|QL reads in alphabetical order and once each, so patterns across arguments can differ",
	},
}

// macroTable resolves macros by name and arity for the parser.
type macroTable map[string][]spl.MacroDef

// Macro implements spl.Macros: the definition of that arity, else any of that name.
func (t macroTable) Macro(name string, nargs int) (spl.MacroDef, bool) {
	defs := t[name]
	for i := range defs {
		if len(defs[i].Arguments) == nargs {
			return defs[i], true
		}
	}
	if len(defs) > 0 {
		return defs[0], true
	}
	return spl.MacroDef{}, false
}

// keepMacro says which calls stay in the tree: data sources the schema knows better than any definition.
func (c *compilation) keepMacro(name string, nargs int) bool {
	if nargs != 0 {
		return false
	}
	_, ok := c.schema.Macro(name)
	return ok
}

// isFilterMacro says that a macro without a definition is the one in which a house keeps the exclusions of this rule: by
// convention it has the rule's name, in whole or in part, and _filter. Of any other macro nobody knows what it does, whatever
// its name ends in. A rule without a title leaves only the ending.
func (c *compilation) isFilterMacro(name string) bool {
	words, ok := strings.CutSuffix(strings.ToLower(name), "_filter")
	if !ok {
		return false
	}
	title := lettersAndDigits(c.req.Title)
	if title == "" {
		return true
	}
	for _, word := range strings.Split(words, "_") {
		at := strings.Index(title, word)
		if at < 0 {
			return false
		}
		title = title[at+len(word):]
	}
	return true
}

func lettersAndDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// matchesAll says that the definition of a macro filters nothing.
func matchesAll(definition string) bool {
	fields := strings.Fields(definition)
	return len(fields) == 1 && fields[0] == "*" || len(fields) == 2 && strings.EqualFold(fields[0], "search") && fields[1] == "*"
}

// macroNotes says what became of each macro.
func (c *compilation) macroNotes() {
	for i := range c.query.Macros {
		u := &c.query.Macros[i]
		switch {
		case u.Kept:
		case u.Failed:
			if c.failedMacros == nil {
				c.failedMacros = map[string]bool{}
			}
			c.failedMacros[u.Name] = true // said by problems
		case !u.Known && c.hidden("macro", u.Name) != "":
			c.unknownMacro(u.Name, u.Span())
		case !u.Known && c.isFilterMacro(u.Name):
			c.missing("macro", u.Name)
			c.diag("filter_macro_missing", u.Span(), u.Name, "`"+u.Name+"` has no definition here, so the draft excludes nothing for it. Such macros hold the exclusions of your house: export the macro from Splunk and add it to the macros; shipped ones are `search *`")
		case strings.HasSuffix(u.Name, "_filter") && matchesAll(u.Definition):
			c.diag("filter_macro_empty", u.Span(), u.Name, "`"+u.Name+"` is `search *`: nothing to filter")
		case !u.Known:
			c.unknownMacro(u.Name, u.Span())
		case u.Builtin && c.normalized(u):
		case strings.HasSuffix(u.Name, "summariesonly"):
			c.diag("macro_no_counterpart", u.Span(), u.Name, "`"+u.Name+"` concerns Splunk's acceleration summaries; Elasticsearch needs nothing in its place")
		}
	}
}

// normalized says what stands in for a macro that rebuilds a command line; false for any other.
func (c *compilation) normalized(u *spl.MacroUse) bool {
	for _, n := range normalizers {
		if n.def.Name == u.Name {
			c.diag(n.code, u.Span(), u.Name, "`"+u.Name+"` rebuilds the command line out of raw audit records; "+n.note)
			return true
		}
	}
	return false
}

// hidden says that another app or a user keeps a macro or lookup private, and what to do; empty when nobody does.
func (c *compilation) hidden(kind, name string) string {
	for _, h := range c.opts.Hidden {
		if h.Kind == kind && h.Name == name {
			return kind + " `" + name + "` " + h.Whose + ", so that Splunk does not see it from where this rule is; export it in the metadata of its app, or give the rule one of its own"
		}
	}
	return ""
}

func (c *compilation) unknownMacro(name string, span spl.Span) {
	if c.failedMacros[name] {
		return
	}
	if why := c.hidden("macro", name); why != "" {
		c.missing("macro", name)
		c.diag("unknown_macro", span, name, why)
		return
	}
	if c.isFilterMacro(name) {
		return
	}
	c.missing("macro", name)
	c.diag("unknown_macro", span, name, "macro `"+name+"` has no definition; export it from Splunk (settings, advanced search, search macros) and add it to the macros")
}

// unread finds the fault that the parser named within the span, and lets it stand for all of the span; false when there is
// none.
func (c *compilation) unread(span spl.Span) bool {
	for i := range c.diags {
		d := &c.diags[i]
		if (d.Code == "syntax" || d.Code == "unknown_command") && span.Start.Offset <= d.Span.Start.Offset && d.Span.Start.Offset <= span.End.Offset {
			if d.Span != span {
				d.Also = append(d.Also, span)
			}
			return true
		}
	}
	return false
}

func (l *lowering) unknown(cmd *spl.Unknown) {
	if cmd.Macro {
		if l.hidden("macro", cmd.Command) == "" && l.isFilterMacro(cmd.Command) {
			return
		}
		l.unknownMacro(cmd.Command, cmd.Span())
		l.leaveCondition()
	} else {
		if !l.unread(cmd.Span()) {
			l.diag("unknown_command", cmd.Span(), cmd.Command, "the command `"+cmd.Command+"` could not be read, so the draft goes on without it; write its part by hand")
		}
	}
	l.env.setPartial()
}
