package queries

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Form is a way of writing all conditions of a rule.
type Form string

// Translated is what the compiler makes. The others write every comparison of text in one way: Coalesce as
// TO_LOWER(COALESCE(f, "")) LIKE, Regex as f RLIKE with both cases of each letter. Numbers, addresses and tests for
// presence have one form only.
const (
	Translated Form = "translated"
	Coalesce   Form = "COALESCE and TO_LOWER LIKE"
	Regex      Form = "RLIKE"
)

// Forms are all of them, the translation first.
func Forms() []Form { return []Form{Translated, Coalesce, Regex} }

// column is the column that a name of a rule is read from.
type column struct {
	name string
	many bool // some events have several values
}

// columns maps the names that the rules use. It is a list of its own, so that a mistake of the schema makes the rows
// differ.
var columns = map[string]column{
	"process_name": {name: "process.name"}, "process": {name: "process.command_line"}, "user": {name: "user.name"}, "dest": {name: "host.name"},
	"Image": {name: "process.executable"}, "CommandLine": {name: "process.command_line"}, "EventCode": {name: "event.code"},
	"ParentImage": {name: "process.parent.executable"}, "ParentCommandLine": {name: "process.parent.command_line"},
	"OriginalFileName": {name: "process.pe.original_file_name"}, "IntegrityLevel": {name: "winlog.event_data.IntegrityLevel"},
	"DestinationIp": {name: "destination.ip"}, "DestinationPort": {name: "destination.port"}, "DestinationHostname": {name: "destination.domain"}, "SourceIp": {name: "source.ip"},
	"event.code": {name: "event.code"}, "event.category": {name: "event.category", many: true},
	"process.args": {name: "process.args", many: true}, "process.name": {name: "process.name"},
	"process.pe.original_file_name": {name: "process.pe.original_file_name"}, "process.parent.executable": {name: "process.parent.executable"},
	"process.command_line": {name: "process.command_line"}, "user.name": {name: "user.name"},
}

// renderer writes conditions in one form. Each function returns a condition that is true exactly where the SPL holds
// (negated when neg); what it does not know is an error, since a condition left out would be a wrong baseline.
type renderer struct{ form Form }

// baseline writes the conditions of a rule: those of its leading search, tstats, where and regex commands.
func (r renderer) baseline(text string) (string, error) {
	q := spl.Parse(text, spl.Options{})
	var parts []string
	add := func(x string, err error) error {
		if err == nil && x != "" {
			parts = append(parts, x)
		}
		return err
	}
	for _, cmd := range q.Pipeline.Commands {
		var err error
		switch cmd := cmd.(type) {
		case *spl.Search:
			err = add(r.search(cmd.Expr, false))
		case *spl.TStats:
			if err = add(r.text(column{"event.category", true}, "process", false)); err == nil {
				err = add(r.text(column{"event.type", true}, "start", false))
			}
			if err == nil {
				err = add(r.search(cmd.Where, false))
			}
		case *spl.Where:
			err = add(r.expr(cmd.Expr, false))
		case *spl.Regex:
			err = add(r.regex(cmd.Field.Text, cmd.Pattern.Text, cmd.Negated))
		}
		if err != nil {
			return "", err
		}
	}
	return strings.Join(parts, " AND "), nil
}

func (r renderer) search(e spl.SearchExpr, neg bool) (string, error) {
	switch e := e.(type) {
	case *spl.SearchNot:
		return r.search(e.Expr, !neg)
	case *spl.SearchAnd:
		return join(e.Exprs, "AND", neg, r.search)
	case *spl.SearchOr:
		return join(e.Exprs, "OR", neg, r.search)
	case *spl.SearchIn:
		return join(e.Values, "OR", neg, func(v spl.Value, neg bool) (string, error) {
			return r.compare(e.Field.Text, "=", v.Text, neg)
		})
	case *spl.Compare:
		return r.compare(e.Field.Text, e.Op, e.Value.Text, neg)
	}
	return "", fmt.Errorf("no baseline for a %T", e)
}

// join writes the operands of a chain, the other way round when it is negated.
func join[T any](xs []T, op string, neg bool, each func(T, bool) (string, error)) (string, error) {
	if neg {
		op = map[string]string{"AND": "OR", "OR": "AND"}[op]
	}
	var parts []string
	for _, x := range xs {
		part, err := each(x, neg)
		if err != nil {
			return "", err
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return "(" + strings.Join(parts, " "+op+" ") + ")", nil
}

// compare is FIELD op VALUE of the search grammar.
func (r renderer) compare(field, op, value string, neg bool) (string, error) {
	if field == "source" {
		return "", nil // the index says it
	}
	c, ok := columns[strings.TrimPrefix(field, "Processes.")]
	if !ok {
		return "", fmt.Errorf("no column for %s", field)
	}
	switch {
	case op == "!=":
		x, err := r.compare(field, "=", value, !neg)
		if err != nil || neg {
			return x, err
		}
		return "(" + c.name + " IS NOT NULL AND " + x + ")", nil
	case value == "*":
		return c.name + map[bool]string{false: " IS NOT NULL", true: " IS NULL"}[neg], nil
	case types[c.name] == "ip":
		return r.leaf(c, fmt.Sprintf("CIDR_MATCH(%s, %s)", c.name, esql.QuoteString(value)), neg), nil
	case types[c.name] == "long":
		return r.leaf(c, c.name+" "+op+" "+value, neg), nil
	case op == "=":
		return r.text(c, value, neg)
	}
	return "", fmt.Errorf("no baseline for %s %s", field, op)
}

// leaf negates a comparison that is null where the column is.
func (r renderer) leaf(c column, x string, neg bool) string {
	if !neg {
		return x
	}
	return "(NOT " + x + " OR " + c.name + " IS NULL)"
}

// mark stands around the values of a column that has several.
const mark = "\u241E"

// text compares text without case; * stands for anything.
func (r renderer) text(c column, pattern string, neg bool) (string, error) {
	pieces := strings.Split(pattern, "*")
	if r.form == Coalesce {
		return r.like(c, "TO_LOWER", strings.ToLower(pattern), "*", neg)
	}
	for i, p := range pieces {
		pieces[i] = bothCases(p)
	}
	return r.rlike(c, strings.Join(pieces, ".*"), neg)
}

// like writes LIKE over a column that is never null, folded if fold names a function.
func (r renderer) like(c column, fold, pattern, star string, neg bool) (string, error) {
	pieces := strings.Split(pattern, star)
	for i, p := range pieces {
		pieces[i] = esql.EscapeLike(p)
	}
	pattern = strings.Join(pieces, "*")
	x := c.name
	if c.many {
		if len(pieces) > 1 && (pieces[0] != "" || pieces[len(pieces)-1] != "" && len(pieces) > 2) {
			return "", fmt.Errorf("no baseline for the pattern %s on several values", pattern)
		}
		x = fmt.Sprintf(`CONCAT("%s", MV_CONCAT(%s, "%s"), "%s")`, mark, x, mark, mark)
		if pieces[0] != "" {
			pattern = mark + pattern
		}
		if pieces[len(pieces)-1] != "" {
			pattern += mark
		}
		pattern = "*" + strings.Trim(pattern, "*") + "*"
	}
	x = fmt.Sprintf(`COALESCE(%s, "")`, x)
	if fold != "" {
		x = fold + "(" + x + ")"
	}
	return negated(x+" LIKE "+esql.QuoteString(pattern), neg), nil
}

func negated(x string, neg bool) string {
	if neg {
		return "NOT (" + x + ")"
	}
	return x
}

// rlike writes an anchored regular expression.
func (r renderer) rlike(c column, pattern string, neg bool) (string, error) {
	x := c.name
	if c.many {
		x = fmt.Sprintf(`CONCAT("%s", MV_CONCAT(%s, "%s"), "%s")`, mark, x, mark, mark)
		pattern = ".*" + mark + strings.ReplaceAll(pattern, ".*", "[^"+mark+"]*") + mark + ".*"
	}
	return r.leaf(c, x+" RLIKE "+esql.QuoteString(pattern), neg), nil
}

// bothCases writes a literal for a regular expression that has no option for case.
func bothCases(s string) string {
	var b strings.Builder
	for _, r := range s {
		lower, upper := strings.ToLower(string(r)), strings.ToUpper(string(r))
		if lower != upper {
			b.WriteString("[" + lower + upper + "]")
		} else {
			b.WriteString(esql.EscapeRegex(string(r)))
		}
	}
	return b.String()
}

// expr is a condition of the eval grammar.
func (r renderer) expr(e spl.Expr, neg bool) (string, error) {
	switch e := e.(type) {
	case *spl.Binary:
		if e.Op == "AND" || e.Op == "OR" {
			return join([]spl.Expr{e.L, e.R}, e.Op, neg, r.expr)
		}
	case *spl.Call:
		if len(e.Args) != 2 {
			break
		}
		field, isField := e.Args[0].(*spl.FieldRef)
		literal, isLiteral := e.Args[1].(*spl.StringLit)
		if !isField || !isLiteral {
			break
		}
		switch e.Func {
		case "match":
			return r.regex(field.Name, literal.Value, neg)
		case "like":
			c := columns[field.Name]
			if r.form == Coalesce {
				return r.like(c, "", literal.Value, "%", neg)
			}
			pieces := strings.Split(literal.Value, "%")
			for i, p := range pieces {
				pieces[i] = esql.EscapeRegex(p)
			}
			return r.rlike(c, strings.Join(pieces, ".*"), neg)
		}
	}
	return "", fmt.Errorf("no baseline for a %T", e)
}

// caseless finds the letters of an expression that are neither in a class nor escaped.
var caseless = regexp.MustCompile(`\\.|\[[^\]]*\]|[a-zA-Z]`)

// regex is an expression that is searched for anywhere; both forms write it as RLIKE. The rules keep to what Lucene
// writes alike, and to (?i) at the beginning.
func (r renderer) regex(field, pattern string, neg bool) (string, error) {
	c := columns[field]
	if rest, ok := strings.CutPrefix(pattern, "(?i)"); ok {
		pattern = caseless.ReplaceAllStringFunc(rest, func(s string) string {
			switch {
			case len(s) == 1:
				return "[" + strings.ToLower(s) + strings.ToUpper(s) + "]"
			case s[0] == '[':
				return strings.ReplaceAll(s, "a-f", "a-fA-F")
			}
			return s
		})
	}
	pattern = ".*" + pattern + ".*"
	if r.form == Coalesce {
		return negated(fmt.Sprintf(`COALESCE(%s, "") RLIKE %s`, c.name, esql.QuoteString(pattern)), neg), nil
	}
	return r.rlike(c, pattern, neg)
}
