package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// readOut makes a column of a value that is stored inside a longer text, once for each name.
func (l *lowering) readOut(name, asked string, f *schema.Field, span spl.Span) *column {
	if c, ok := l.readOuts[asked]; ok {
		return c
	}
	x := f.Extract
	c := &column{
		name: l.freeName(asked), typ: "keyword", computed: true, field: &schema.Field{Source: asked, Values: x.Values},
	}
	if !x.Exact {
		c.pending = &mappingNote{subject: asked, message: "`" + asked + "` is read out of " + x.Name + ", which can differ: " + x.Reason}
	}
	if l.src.DataModel {
		c.filled, c.fill = true, "unknown"
	}
	// Where the text does not match, REPLACE leaves nothing; Splunk has no such field then.
	text := call("REPLACE", col(x.Name), str("(?s)^(?:.*?"+x.Regex+".*|.*)$"), str("$1"))
	l.add(&esql.Eval{Assigns: []*esql.Assign{
		{Name: c.name, Expr: mark(text, span)},
		{Name: c.name, Expr: mark(call("CASE", &esql.Binary{Op: "!=", L: col(c.name), R: str("")}, col(c.name)), span)},
	}})
	l.noteReadOut(asked, c)
	return c
}

func (l *lowering) noteReadOut(asked string, c *column) {
	if l.readOuts == nil {
		l.readOuts = map[string]*column{}
	}
	l.readOuts[asked] = c
}

// dateNames are the parts of a date that are names, in lower case, and how Java writes them.
var dateNames = map[string]string{"date_wday": "EEEE", "date_month": "MMMM"}

// dateParts are the fields that Splunk makes of the time of every raw event.
var dateParts = map[string]string{
	"date_hour": "HOUR_OF_DAY", "date_minute": "MINUTE_OF_HOUR", "date_second": "SECOND_OF_MINUTE",
	"date_mday": "DAY_OF_MONTH", "date_year": "YEAR",
}

// datePart is one of them, or nil for any other name.
func (l *lowering) datePart(name string, span spl.Span) *column {
	if !strings.HasPrefix(name, "date_") {
		return nil
	}
	part, ok := dateParts[name]
	pattern, named := dateNames[name]
	if !ok && !named || l.src.DataModel {
		return nil
	}
	if c, ok := l.readOuts[name]; ok {
		return c
	}
	in := "UTC"
	if z := l.opts.Zone; z != nil {
		in = "the time zone " + z.Name + " (" + z.Distance() + ")"
	}
	c := &column{name: l.freeName(name), typ: "long", nonNull: true, computed: true, pending: &mappingNote{
		subject: name, message: "`" + name + "` is taken from @timestamp in " + in + "; Splunk takes it from the text of the event, in the time zone written there",
	}}
	x := call("DATE_EXTRACT", str(part), l.local(col("@timestamp")))
	if named {
		x, c.typ = call("TO_LOWER", call("DATE_FORMAT", str(pattern), l.local(col("@timestamp")))), "keyword"
	}
	l.add(&esql.Eval{Assigns: []*esql.Assign{{Name: c.name, Expr: mark(x, span)}}})
	l.noteReadOut(name, c)
	return c
}
