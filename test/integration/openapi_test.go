package integration

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/rulebridge/rulebridge/api"
)

// spec finds the description of a route.
var spec = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	return legacy.NewRouter(doc)
})

// conforms checks a call that was carried out, and its answer, against openapi.yaml.
func conforms(t *testing.T, req *http.Request, body []byte, resp *http.Response, answer []byte) {
	t.Helper()
	router, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
		return // not a call of the API
	}
	again := req.Clone(context.Background())
	again.URL = &url.URL{Path: req.URL.Path, RawQuery: req.URL.RawQuery}
	again.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > 0 && again.Header.Get("Content-Type") == "" {
		again.Header.Set("Content-Type", "application/json") // which the gateway takes a body for that says nothing
	}
	route, params, err := router.FindRoute(again)
	if err != nil {
		t.Errorf("%s %s is not in openapi.yaml: %v", req.Method, req.URL.Path, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: &openapi3filter.Options{
		MultiError: true, SkipSettingDefaults: true, IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if resp.StatusCode < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s %s was carried out, and openapi.yaml does not allow it: %.800v", req.Method, req.URL.Path, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("%s %s: openapi.yaml does not allow the answer %d: %.800v", req.Method, req.URL.Path, resp.StatusCode, err)
	}
}
