package translate

import (
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// mappingNote is what has to be said of a value that can differ, once it is known what the value is used for.
type mappingNote struct {
	code             Code // mapping_approximate when empty
	subject, message string
	formatOnly       bool
	always           bool // also where the value is only shown
	// said says that the note has become a diagnostic; command is the one where it was held back.
	said    bool
	command string
	at      spl.Span
	// parts are the notes of the values that a value was computed from; exact says that their form counts too.
	parts []*mappingNote
	exact bool
}

// fieldNote is the note of a field whose mapping can differ.
func fieldNote(name string, f *schema.Field) *mappingNote {
	reason := f.Reason
	switch {
	case !f.Dynamic:
	case f.Proof.Kind == schema.Unproven:
		reason += ". Nothing that was read of real events has it: look at an event of yours"
	default:
		reason += ". What shows that events have it: " + f.Proof.String()
	}
	return &mappingNote{
		subject: name, message: "`" + name + "` is read from " + readFrom(f) + ", which can differ: " + reason,
		formatOnly: f.FormatOnly, always: f.Dynamic,
	}
}

// unprovenNote is the note of a field that nothing shows to be in documents: it stands in a list of fields alone.
func unprovenNote(name string, f *schema.Field) *mappingNote {
	return &mappingNote{
		code: "unproven_mapping", subject: name,
		message: "`" + name + "` is read from " + readFrom(f) + ", which is in the field list only: no document, rule or pipeline that was read has it; look at an event of yours and confirm the field in the schema overrides",
	}
}

// joined is the notes of a value that was computed from several.
func joined(exact bool, notes ...*mappingNote) *mappingNote {
	var parts []*mappingNote
	for _, n := range notes {
		if n != nil {
			parts = append(parts, n)
		}
	}
	switch {
	case len(parts) == 0:
		return nil
	case len(parts) == 1 && !exact:
		return parts[0]
	}
	return &mappingNote{parts: parts, exact: exact}
}

// hold begins to hold notes back: what is said of approximations from here on is about one value that is being computed,
// and counts once that value decides something. release ends it.
func (l *lowering) hold() (from int) {
	l.holding++
	return len(l.held)
}

// release gives the notes held since from as one, nil when there are none. A value that is computed from another of which
// only the form can differ can differ in more: exact says that it is.
func (l *lowering) release(from int, exact bool) *mappingNote {
	l.holding--
	if len(l.held) == from {
		return nil
	}
	notes := append([]*mappingNote(nil), l.held[from:]...)
	l.held = l.held[:from]
	l.late = append(l.late, notes...)
	return joined(exact, notes...)
}

// attach gives the columns behind names that were computed a note each.
func (l *lowering) attach(names []string, notes *mappingNote) {
	if notes == nil {
		return
	}
	for _, n := range names {
		if c := l.env.cols[n]; c != nil && c.computed && !c.hole {
			with := *c // others may share the column
			with.pending = joined(false, c.pending, notes)
			l.env.bind(n, &with)
		}
	}
}

// sayLate says the notes of values that turned out to decide nothing.
func (c *compilation) sayLate() {
	for _, n := range c.late {
		if n.said {
			continue
		}
		n.said = true
		c.command = n.command
		code := n.code
		if code == "" {
			code = "mapping_display"
		} else {
			code = "display_only"
		}
		c.diag(code, n.at, n.subject, n.message+"; it is only shown")
	}
}

// used says what has to be said of a value, for the purpose at hand.
func (l *lowering) used(c *column, span spl.Span) *column {
	l.nameOnly(c, span)
	if c.pending != nil && !c.hole {
		l.say(c.pending, c, false, span)
	}
	return c
}

func (l *lowering) say(n *mappingNote, c *column, exact bool, span spl.Span) {
	defer l.budget.Enter().Leave()
	for _, p := range n.parts {
		l.say(p, c, exact || n.exact, span)
	}
	if n.message == "" || l.quiet {
		return
	}
	formatOnly := n.formatOnly && !exact
	switch {
	case n.always:
		holding := l.holding
		l.holding = 0
		l.diag("mapping_approximate", span, n.subject, n.message)
		l.holding = holding
	case l.purpose == toShow && n.code != "":
		l.diag("display_only", span, n.subject, n.message+"; the value is only shown here, so the alerts are the same")
	case l.purpose == toShow:
		l.diag("mapping_display", span, n.subject, n.message+"; the value is only shown here, so the alerts are the same")
	case l.purpose == toGroup && formatOnly:
		l.diag("mapping_display", span, n.subject, n.message+"; it still tells the same rows apart")
	case formatOnly && settledWords(c.mapping().Values, l.words):
		l.diag("mapping_display", span, n.subject, n.message+"; the values it is compared with are known in both")
	case l.holding > 0:
		if exact && n.formatOnly {
			n = &mappingNote{parts: []*mappingNote{n}, exact: true, said: true}
		} else if n.at == (spl.Span{}) {
			n.at, n.command = span, l.compilation.command
		}
		l.held = append(l.held, n)
		return
	case n.code != "":
		l.diag(n.code, span, n.subject, n.message)
	default:
		l.diag("mapping_approximate", span, n.subject, n.message)
	}
	n.said = true
}
