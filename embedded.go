//go:build !production

package main

import (
	"context"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/worker/embedded"
)

// embeddedServer links the Temporal server; the production binary leaves it out.
var embeddedServer app.StartEmbedded = func(ctx context.Context, o app.EmbeddedOptions) (app.EmbeddedServer, error) {
	s, err := embedded.Start(ctx, embedded.Options(o))
	if err != nil {
		return nil, err
	}
	return s, nil
}
