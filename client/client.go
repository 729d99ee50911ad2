package client

import (
	"context"
	"net/http"
)

// New makes a client of the gateway at an address such as http://127.0.0.1:8080. It sets the headers that the gateway asks
// for; without WithHTTPClient it has no time limit but that of the context of a call.
func New(address string, options ...ClientOption) (*ClientWithResponses, error) {
	return NewClientWithResponses(address, append([]ClientOption{WithRequestEditorFn(headers)}, options...)...)
}

func headers(_ context.Context, r *http.Request) error {
	r.Header.Set("elastic-api-version", "1")
	if r.Method != http.MethodGet {
		r.Header.Set("kbn-xsrf", "rulebridge")
	}
	return nil
}

// WithAPIKey sends a key of the gateway's auth.api_keys with each call.
func WithAPIKey(key string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "ApiKey "+key)
		return nil
	})
}

// WithBasicAuth sends name and password of a user in the gateway's auth.users with each call.
func WithBasicAuth(name, password string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.SetBasicAuth(name, password)
		return nil
	})
}
