package run

import (
	"context"
	"fmt"
	"strings"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// maxValues is how many subsearches may stand in the place of values in one search.
const maxValues = 50

// HasValues says that a subsearch of the text stands in the place of a value: count > [search … | return $limit].
func HasValues(text string, q *spl.Query) bool {
	_, ok := valueSubsearch(text, q)
	return ok
}

// valueSubsearch is where the first subsearch in the place of a value stands in the text: as an operand of an expression, or
// where a command takes a number or a name.
func valueSubsearch(text string, q *spl.Query) (place spl.Span, ok bool) {
	bracketed := func(s spl.Span) bool {
		from, to := int(s.Start.Offset), int(s.End.Offset)
		return from >= 0 && to <= len(text) && to-from >= 2 && text[from] == '[' && text[to-1] == ']'
	}
	if q.Pipeline != nil {
		spl.Walk(q.Pipeline, func(n spl.Node) bool {
			if sub, is := n.(*spl.ExprSubsearch); is && !ok && bracketed(sub.Span()) {
				place, ok = sub.Span(), true
			}
			return !ok
		})
	}
	for _, p := range q.Problems {
		if !ok && bracketed(p.Span()) {
			place, ok = p.Span(), true
		}
	}
	return place, ok
}

// Values runs the subsearches that stand in the place of values and puts what they return there, as text. Such a text is
// read again, so that a value with blanks needs quotes around the subsearch's result.
func Values(ctx context.Context, text string, in Input) (string, error) {
	for range maxValues {
		q := spl.Parse(text, spl.Options{Macros: in.Macros})
		place, ok := valueSubsearch(text, q)
		if !ok {
			return text, nil
		}
		from, to := int(place.Start.Offset), int(place.End.Offset)
		inner := strings.TrimSpace(text[from+1 : to-1])
		if !strings.HasPrefix(inner, "|") {
			inner = "| " + inner
		}
		inner, err := Values(ctx, inner, in)
		if err != nil {
			return "", err
		}
		sub := spl.Parse(inner, spl.Options{Macros: in.Macros})
		if len(sub.Problems) > 0 {
			return "", &Error{place, "the subsearch cannot be read: " + sub.Problems[0].Message}
		}
		res, err := Run(ctx, lower.Lower(sub), in)
		if err != nil {
			return "", fmt.Errorf("the subsearch in the place of a value: %w", err)
		}
		found := ""
		if len(res.Rows) > 0 {
			found = res.Rows[0].Get("search").Joined()
		}
		if found == "" {
			return "", &Error{place, "the subsearch gives no value: end it with return $FIELD, and see that it has a row"}
		}
		if one := strings.TrimSuffix(strings.TrimPrefix(found, "("), ")"); !strings.ContainsAny(one, "()") {
			found = one
		}
		text = text[:from] + found + text[to:]
	}
	return "", &Error{Why: fmt.Sprintf("more than %d subsearches stand in the place of values", maxValues)}
}
