package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
)

// maxQueryBytes is how many bytes of rows one query may give.
const maxQueryBytes = 2 << 20

// queries runs queries of users on the configured Elasticsearch, with the rights of the gateway. So that these do not
// become the users', a query reads no index that is hidden or of Rulebridge's own.
type queries struct {
	elastic interface {
		Run(ctx context.Context, query, from, to string) (elastic.QueryResult, error)
		Has(ctx context.Context, pattern string) (bool, error)
	}
	own string // begins the names of Rulebridge's indices
}

// Check implements api.Cluster.
func (q queries) Check(ctx context.Context, query string) (api.ClusterState, string) {
	text, err := q.limited(query, 0)
	if err != nil {
		return api.ClusterFailed, err.Error()
	}
	if _, err = q.elastic.Run(ctx, text, "", ""); err == nil {
		return api.ClusterPassed, "Elasticsearch takes the query"
	}
	refusal, message := elastic.RefusalOf(err)
	switch refusal {
	case elastic.RefusedIndex:
		return api.ClusterUnknownIndex, message
	case elastic.RefusedField:
		return api.ClusterUnknownField, message
	case elastic.Unreachable:
		return api.ClusterUnreachable, message
	}
	return api.ClusterFailed, message
}

// Run implements api.Cluster.
func (q queries) Run(ctx context.Context, query, from, to string, most int) (api.ClusterRows, error) {
	text, err := q.limited(query, most+1)
	if err != nil {
		return api.ClusterRows{}, err
	}
	res, err := q.elastic.Run(ctx, text, from, to)
	if err != nil {
		_, message := elastic.RefusalOf(err)
		if ctx.Err() != nil {
			message = "Elasticsearch did not answer in time: narrow the query or the range"
		}
		return api.ClusterRows{}, errors.New(message)
	}
	rows := api.ClusterRows{Rows: res.Rows}
	for _, c := range res.Columns {
		rows.Columns = append(rows.Columns, api.ClusterColumn(c))
	}
	size := 0
	for i, row := range rows.Rows {
		text, err := json.Marshal(row)
		if err != nil {
			return api.ClusterRows{}, fmt.Errorf("the rows cannot be written: %w", err)
		}
		if size += len(text); i == most || size > maxQueryBytes {
			rows.Rows, rows.Truncated = rows.Rows[:i], true
			break
		}
	}
	return rows, nil
}

// Present implements api.Cluster.
func (q queries) Present(ctx context.Context, pattern string) (bool, error) {
	return q.elastic.Has(ctx, pattern)
}

// limited is the query with at most so many rows, if it reads nothing that it may not.
func (q queries) limited(query string, most int) (string, error) {
	tree, err := esql.Parse(query)
	if err != nil {
		return "", fmt.Errorf("the query cannot be read: %w", err)
	}
	if len(tree.Commands) == 0 {
		return "", errors.New("the query is empty")
	}
	var fault error
	esql.Inspect(tree, func(n esql.Node) bool {
		var read []string
		switch n := n.(type) {
		case *esql.From:
			read = n.Indices
		case *esql.LookupJoin:
			read = []string{n.Index}
		case *esql.Enrich:
			fault = errors.New("ENRICH reads a policy, of which it is not known what it holds; leave it out to try the query")
		case *esql.Other:
			if !slices.Contains(harmless, strings.ToUpper(n.Word)) {
				fault = fmt.Errorf("%s is not tried here, since it may read or call something else; leave it out to try the query", n.Word)
			}
		}
		for _, pattern := range read {
			if err := q.readable(pattern); err != nil {
				fault = err
			}
		}
		return fault == nil
	})
	if fault != nil {
		return "", fault
	}
	switch firstCommand(tree).(type) {
	case *esql.From, *esql.Row:
	default:
		return "", errors.New("only queries that begin with FROM are tried here")
	}
	// A line of its own, since the query may end with a comment.
	return fmt.Sprintf("%s\n| LIMIT %d", query, most), nil
}

// harmless are commands that the parser reads as text and that work on the rows alone.
var harmless = []string{"CHANGE_POINT", "SAMPLE", "INLINE", "INLINESTATS"}

func firstCommand(q *esql.Query) esql.Command {
	i := slices.IndexFunc(q.Commands, func(c esql.Command) bool { _, comment := c.(*esql.Comment); return !comment })
	if i < 0 {
		return nil
	}
	return q.Commands[i]
}

// readable says why a pattern may not be read: it could match an index that is hidden, or one of ours.
func (q queries) readable(pattern string) error {
	for part := range strings.SplitSeq(pattern, ",") {
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "::") // a selector of failures
		if i := strings.LastIndexByte(name, ':'); i >= 0 {
			name = name[i+1:] // of another cluster, by the rights that ours has there
		}
		fixed, _, wild := strings.Cut(name, "*")
		ours := q.own + "-"
		switch {
		case strings.HasPrefix(name, "<") || strings.HasPrefix(name, "-"):
			return fmt.Errorf("%s: names with date math and exclusions are not tried here", part)
		case strings.HasPrefix(name, "."):
			return fmt.Errorf("%s: hidden indices are not read here", part)
		case strings.HasPrefix(name, "_"): // _all; no index is called so
			return fmt.Errorf("%s: that is every index, those of Rulebridge too; name what the rule reads, such as logs-*", part)
		case strings.HasPrefix(fixed, ours), wild && strings.HasPrefix(ours, fixed):
			return fmt.Errorf("%s could read indices of Rulebridge itself (%s*); name what the rule reads, such as logs-*", part, ours)
		}
	}
	return nil
}
