package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rulebridge/rulebridge/client"
)

// A migration is created from one rule and started; its stats say how far it is.
func Example() {
	url, stop, err := startGateway() // as of rulebridge dev
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	ctx := context.Background()
	c, err := client.New(url)
	if err != nil {
		log.Fatal(err)
	}
	title := "Log cleared"
	created, err := c.CreateMigrationWithResponse(ctx, nil, []client.OriginalRule{{
		Id: "1", Vendor: client.Splunk, QueryLanguage: client.Spl, Title: &title,
		Query: "`wineventlog_security` EventCode=1102 | stats count by Computer",
	}})
	if err != nil {
		log.Fatal(err)
	}
	if created.JSONDefault != nil {
		log.Fatal(created.JSONDefault.Message)
	}
	id := created.JSON200.MigrationId
	started, err := c.StartMigrationWithResponse(ctx, id, nil, client.StartMigrationJSONRequestBody{ConnectorId: "deterministic"})
	if err != nil || started.JSON200 == nil {
		log.Fatal(err, started)
	}
	fmt.Println("started:", started.JSON200.Started)

	stats, err := c.StatsWithResponse(ctx, id)
	if err != nil || stats.JSON200 == nil {
		log.Fatal(err, stats)
	}
	fmt.Println(stats.JSON200.Status, stats.JSON200.Rules.Total)

	all, err := c.AllStatsWithResponse(ctx)
	if err != nil || all.JSON200 == nil {
		log.Fatal(err, all)
	}
	fmt.Println("migrations:", len(*all.JSON200))
	// Output:
	// started: true
	// running 1
	// migrations: 1
}
