package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
	"github.com/rulebridge/rulebridge/test/queries"
)

// producedQueries measures what translated rules cost on a node that runs as in production, against two plain ways of writing
// the same conditions. A node named by RULEBRIDGE_TEST_ELASTICSEARCH is used instead, with the events it already holds.
func producedQueries(ctx context.Context, r *run) error {
	client, stop, err := queryNode(ctx)
	if errors.Is(err, elasticsearch.ErrMissingParts) && os.Getenv("CI") != "true" {
		fmt.Fprintf(os.Stderr, "  SKIPPED, needs a real Elasticsearch: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	n := r.rules(1_000_000)
	began, step := time.Now(), n/10
	if err := queries.Load(ctx, client, n, func(sent int) {
		if sent >= step {
			fmt.Fprintf(os.Stderr, "  %d of %d events after %.0f s\n", sent, n, time.Since(began).Seconds())
			step += n / 10
		}
	}); err != nil {
		return err
	}
	compiler, err := queries.NewCompiler()
	if err != nil {
		return err
	}
	for _, w := range queries.Windows() {
		if r.window != "" && r.window != w.String() {
			continue
		}
		var ratios []float64
		var against [3][]float64
		for i, rule := range queries.Rules() {
			medians, rows, err := measureRule(ctx, client, compiler, rule, i, w, r.runs)
			if err != nil {
				return fmt.Errorf("%s: %w", rule.Name, err)
			}
			best := min(medians[0], medians[1], medians[2])
			ratios = append(ratios, medians[0]/best)
			for k := 1; k < 3; k++ {
				against[k] = append(against[k], medians[0]/medians[k])
			}
			busy, _, _ := strings.Cut(load(), " ")
			r.add("queries", w.String()+": "+rule.Name, medians[0]/best, "÷ best", fmt.Sprintf("%.1f ms; COALESCE %.1f; RLIKE %.1f; %d rows; load %s",
				medians[0], medians[1], medians[2], rows, busy))
		}
		r.add("queries", w.String()+": translated ÷ best of three, median", median(ratios), "ratio", fmt.Sprintf("%d rules, %d events, median of %d runs each", len(ratios), n, r.runs))
		r.add("queries", w.String()+": translated ÷ best of three, largest", slices.Max(ratios), "ratio", "")
		r.add("queries", w.String()+": translated ÷ COALESCE and TO_LOWER LIKE, median", median(against[1]), "ratio", "")
		r.add("queries", w.String()+": translated ÷ RLIKE, median", median(against[2]), "ratio", "")
	}
	return nil
}

// queryNode is the node to measure on.
func queryNode(ctx context.Context) (*elasticsearch.Client, func(), error) {
	if url := os.Getenv(elasticsearch.EnvURL); url != "" {
		return elasticsearch.NewClient(url), func() {}, nil
	}
	node, err := elasticsearch.NewNode(ctx, elasticsearch.Options{Heap: "3g", Optimized: true})
	if err != nil {
		return nil, nil, err
	}
	return node.Client, func() { _ = node.Close() }, nil
}

// measureRule gives the median milliseconds of each form, and the rows of all runs. The forms take turns, first in an
// order that rotates, so that what disturbs one disturbs all.
func measureRule(ctx context.Context, c *elasticsearch.Client, compiler *queries.Compiler, rule queries.Rule, number int, w queries.Window, runs int) (medians [3]float64, rows int, err error) {
	var times [3][]float64
	for run := range runs {
		forms, err := compiler.Queries(rule, queries.NewLiterals(number, int(w/queries.Window(time.Second))*1000+run))
		if err != nil {
			return medians, 0, err
		}
		took, found, err := queries.Run(ctx, c, forms, w, run)
		if err != nil {
			return medians, 0, err
		}
		rows += found
		for k := range times {
			times[k] = append(times[k], float64(took[k].Microseconds())/1000)
		}
	}
	for k := range times {
		medians[k] = median(times[k])
	}
	return medians, rows, nil
}
