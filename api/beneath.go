package api

import (
	"net/http"
	"net/url"
	"strings"
)

// outside takes the place of paths that are not beneath the base path: nothing is there.
const outside = "/outside-of-http.base_path"

// Beneath puts every route of the gateway beneath a path, which is empty or begins with a slash and ends without one. What
// is asked for elsewhere is not there; it is checked and logged like everything.
func Beneath(base string, gateway http.Handler) http.Handler {
	if base == "" {
		return gateway
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := new(http.Request)
		*inner = *r
		inner.URL = new(url.URL)
		*inner.URL = *r.URL
		inner.URL.Path, inner.URL.RawPath = inside(base, r.URL.Path), ""
		if raw := r.URL.RawPath; raw != "" && inner.URL.Path != outside {
			inner.URL.RawPath = inside(base, raw)
		}
		gateway.ServeHTTP(w, inner)
	})
}

func inside(base, path string) string {
	rest, ok := strings.CutPrefix(path, base)
	switch {
	case !ok, rest != "" && rest[0] != '/':
		return outside
	case rest == "":
		return "/"
	}
	return rest
}
