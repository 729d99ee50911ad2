// Command esnode starts a real Elasticsearch node for tests by hand and runs until Ctrl-C:
//
//	go run ./test/elasticsearch/cmd/esnode
//	export RULEBRIDGE_TEST_ELASTICSEARCH=http://127.0.0.1:PORT
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

func main() {
	var opts elasticsearch.Options
	flag.StringVar(&opts.Heap, "heap", "1g", "heap of the JVM")
	flag.BoolVar(&opts.Optimized, "optimized", false, "run the JVM as in production, for measuring")
	port := flag.String("port", "0", "port on 127.0.0.1; 0 is a free one")
	verbose := flag.Bool("v", false, "print the node's log")
	flag.Parse()
	if *verbose {
		opts.Log = os.Stderr
	}
	opts.Settings = map[string]string{"http.port": *port}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts); err != nil {
		fmt.Fprintln(os.Stderr, "esnode:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opts elasticsearch.Options) error {
	node, err := elasticsearch.NewNode(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { _ = node.Close() }()
	fmt.Printf("Elasticsearch %s: %s\nexport %s=%s\nCtrl-C stops it.\n", elasticsearch.Version, node.URL, elasticsearch.EnvURL, node.URL)
	<-ctx.Done()
	return nil
}
