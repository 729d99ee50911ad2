package translate

import (
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// from is from datamodel:MODEL.SET and datamodel MODEL SET search: the events of a data model.
func (l *lowering) from(cmd *spl.From) {
	for _, o := range cmd.Options {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` concerns Splunk's acceleration summaries; Elasticsearch needs nothing in its place")
	}
	l.mustBeFirst(cmd.Kind, cmd.Span())
	switch cmd.Dataset {
	case "datamodel":
	case "lookup", "inputlookup":
		l.lower(&spl.InputLookup{At: cmd.At, Table: cmd.Model}, nil)
		return
	default:
		l.diag("unsupported_command", cmd.Span(), cmd.Kind, "`"+cmd.Kind+" "+cmd.Dataset+":"+cmd.Model.Text+"` reads what only Splunk holds; put the search it stands for in its place")
		l.env = newEnv(false)
		l.env.setPartial()
		return
	}
	if cmd.Kind == "datamodel" && cmd.Mode == "" {
		l.diag("unsupported_command", cmd.Span(), "datamodel", "datamodel without search lists the definition of a model, which is Splunk's own; a rule needs `datamodel MODEL SET search`")
		l.env = newEnv(false)
		l.env.setPartial()
		return
	}
	src, ok := l.schema.DataModel(cmd.Model.Text)
	if !ok {
		l.missing("datamodel", cmd.Model.Text)
		l.diag("unknown_datamodel", cmd.Model.Span(), cmd.Model.Text, "data model `"+cmd.Model.Text+"` has no counterpart in the schema; add it to the schema overrides")
		l.env = newEnv(false)
		l.env.setPartial()
		return
	}
	src = l.withNamed(src)
	l.noteIndices(cmd.Span(), cmd.Model.Text, src.Indices)
	l.useSources([]*schema.Source{src}, cmd.Span())
	l.useful = true
}

// mustBeFirst says so where a command that brings its own rows stands behind others.
func (l *lowering) mustBeFirst(name string, at spl.Span) {
	if !l.first {
		l.diag("broken_spl", at, name, name+" brings its own rows and must be the first command; Splunk refuses this search, and the draft keeps the conditions before it as well. Begin with "+name+", or put it into append")
	}
}

// makeresults makes rows of nothing.
func (l *lowering) makeresults(cmd *spl.MakeResults) {
	l.diag("unsupported_command", cmd.Span(), "makeresults", "makeresults makes rows out of nothing, so there is no data a rule could watch; in ES|QL that is ROW, which a rule cannot start with")
	l.env = newEnv(false)
	l.env.setPartial()
}
