// Package client calls the HTTP API of a Rulebridge gateway. Models and calls are generated from api/openapi.yaml, which says
// what each does.
//
// A call named XWithResponse reads the whole answer: JSON200 is what the gateway gives, JSONDefault its error, and both are nil
// where there is no such migration (status 204). The same calls without WithResponse, of the embedded Client, give the
// http.Response itself: for exports, reports and events, which are streams.
package client

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config config.yaml -o client.gen.go ../api/openapi.yaml
