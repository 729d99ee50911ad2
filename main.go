// Rulebridge moves detection rules from Splunk (SPL) to Elastic Security (ES|QL).
package main

import (
	"os"

	"github.com/rulebridge/rulebridge/cli"
)

// version is set when a release is built (-ldflags "-X main.version=v1.2.3").
var version string

func main() { os.Exit(cli.Main(embeddedServer, version)) }
