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
	_, _, ok := valueSubsearch(text, q)
	return ok
}

// valueSubsearch is where the first subsearch in the place of a value stands in the text.
func valueSubsearch(text string, q *spl.Query) (from, to int, ok bool) {
	for _, p := range q.Problems {
		from, to = int(p.Span().Start.Offset), int(p.Span().End.Offset)
		if from >= 0 && to <= len(text) && to-from >= 2 && text[from] == '[' && text[to-1] == ']' {
			return from, to, true
		}
	}
	return 0, 0, false
}

// Values runs the subsearches that stand in the place of values and puts what they return there, as text. Such a text is
// read again, so that a value with blanks needs quotes around the subsearch's result.
func Values(ctx context.Context, text string, in Input) (string, error) {
	for range maxValues {
		q := spl.Parse(text, spl.Options{Macros: in.Macros})
		from, to, ok := valueSubsearch(text, q)
		if !ok {
			return text, nil
		}
		place := q.Problems[0].Span()
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
