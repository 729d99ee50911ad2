package app

import (
	"context"
	"net/http"

	"go.uber.org/zap"
)

// EmbeddedOptions are the options of an embedded Temporal server; see worker/embedded, which this package must not link.
type EmbeddedOptions struct {
	DataDir              string
	FrontendAddr, UIAddr string
	Namespace            string
	SearchAttributes     []string
	Logger               *zap.Logger
	Guard                func(http.Handler) http.Handler
}

// EmbeddedServer is a running one.
type EmbeddedServer interface {
	FrontendAddr() string
	UIURL() string
	SetAside() string
	Stop() error
}

// StartEmbedded starts one. It comes from main: only a binary with the server linked in has it.
type StartEmbedded func(context.Context, EmbeddedOptions) (EmbeddedServer, error)
