//go:build production

package main

import "github.com/rulebridge/rulebridge/app"

// embeddedServer is left out of the production binary.
var embeddedServer app.StartEmbedded
