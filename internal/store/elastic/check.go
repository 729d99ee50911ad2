package elastic

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/elastic/go-elasticsearch/v8/esapi"
)

// MinVersion is the oldest Elasticsearch that works.
const MinVersion = "8.19.0"

// privileges are named as Elasticsearch names them.
type privileges struct{ cluster, index []string }

var (
	toWork  = privileges{[]string{"monitor"}, []string{"read", "write", "maintenance", "view_index_metadata"}}
	toSetup = privileges{append([]string{"manage_index_templates"}, toWork.cluster...), append([]string{"create_index", "manage"}, toWork.index...)}
)

// Roles are the bodies for Elasticsearch's role or API key API that grant what gateways and workers need, and what Setup
// needs.
func (s *Store) Roles() (work, setup map[string]any) {
	role := func(p privileges) map[string]any {
		return map[string]any{
			"cluster": p.cluster,
			"indices": []any{map[string]any{"names": []string{s.opts.Prefix + "-*"}, "privileges": p.index}},
		}
	}
	return role(toWork), role(toSetup)
}

// CheckError is what Check found wrong.
type CheckError struct {
	// Problem is one of unreachable, tls, not_elasticsearch, version, credentials, privileges, unavailable.
	Problem string
	Message string // what was wrong, where, and what to do
	Err     error
}

func (e *CheckError) Error() string { return e.Message }
func (e *CheckError) Unwrap() error { return e.Err }

// Check asks the cluster who it is and whether the user may do what gateways and workers do, once, for a start-up message
// that names what is wrong.
func (s *Store) Check(ctx context.Context) error {
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	return s.checkPrivileges(ctx, toWork)
}

// CheckSetup asks whether the user may do what Setup does.
func (s *Store) CheckSetup(ctx context.Context) error { return s.checkPrivileges(ctx, toSetup) }

func (s *Store) where() string { return strings.Join(s.opts.URLs, ", ") }

func (s *Store) checkVersion(ctx context.Context) error {
	var info struct {
		Version struct {
			Number string `json:"number"`
			Flavor string `json:"build_flavor"`
		} `json:"version"`
		Tagline string `json:"tagline"`
	}
	err := s.client.call(ctx, esapi.InfoRequest{}, &info)
	var re *ResponseError
	if errors.As(err, &re) && re.Status == http.StatusMethodNotAllowed {
		// A proxy may keep the root to itself; a node tells its version elsewhere too.
		info.Tagline = "You Know, for Search"
		info.Version.Number, err = s.nodeVersion(ctx)
	}
	if err != nil {
		return s.connectionError(ctx, err)
	}
	if info.Version.Number == "" || info.Tagline != "You Know, for Search" {
		return &CheckError{Problem: "not_elasticsearch", Message: fmt.Sprintf(
			"what answers at %s is not Elasticsearch: check elasticsearch.urls (Kibana is usually on port 5601, Elasticsearch on 9200)", s.where())}
	}
	if info.Version.Flavor == "serverless" {
		return nil // has no version of its own
	}
	if !atLeast(info.Version.Number, MinVersion) {
		return &CheckError{Problem: "version", Message: fmt.Sprintf(
			"Elasticsearch at %s is version %s, rulebridge needs %s or newer: upgrade the cluster, or name another in elasticsearch.urls",
			s.where(), info.Version.Number, MinVersion)}
	}
	return nil
}

func (s *Store) nodeVersion(ctx context.Context) (version string, err error) {
	var answer struct {
		Nodes map[string]struct {
			Version string `json:"version"`
		} `json:"nodes"`
	}
	err = s.client.call(ctx, esapi.NodesInfoRequest{NodeID: []string{"_local"}, FilterPath: []string{"nodes.*.version"}}, &answer)
	for _, n := range answer.Nodes {
		version = n.Version
	}
	return version, err
}

func (s *Store) connectionError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	problem, text := "unreachable", ""
	var re *ResponseError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.As(err, &re) && re.Status == http.StatusUnauthorized:
		problem = "credentials"
		text = fmt.Sprintf("Elasticsearch at %s refuses the credentials: check elasticsearch.api_key, or elasticsearch.username and elasticsearch.password", s.where())
	case errors.As(err, &re) && re.Status == http.StatusForbidden:
		problem = "privileges"
		text = fmt.Sprintf("Elasticsearch at %s does not let this user see its version: it needs the cluster privilege monitor", s.where())
	case errors.As(err, &re) && (re.Status == http.StatusTooManyRequests || re.Status >= 500):
		problem = "unavailable"
		text = fmt.Sprintf("Elasticsearch at %s answers %d: wait until the cluster is healthy, or check what stands before it", s.where(), re.Status)
	case errors.As(err, &re), isSyntax(err):
		problem = "not_elasticsearch"
		text = fmt.Sprintf("what answers at %s is not Elasticsearch: check elasticsearch.urls", s.where())
	case errors.As(err, &authority):
		problem = "tls"
		text = fmt.Sprintf("the certificate of %s is signed by an authority this machine does not know: set elasticsearch.ca_file to its PEM file", s.where())
	case errors.As(err, &hostname):
		problem = "tls"
		text = fmt.Sprintf("the certificate of %s is for another name (%s): use a name it is for in elasticsearch.urls", s.where(), hostname.Error())
	case isTLS(err):
		problem = "tls"
		text = fmt.Sprintf("no TLS connection with %s: check whether elasticsearch.urls should begin with http:// and elasticsearch.ca_file", s.where())
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		problem = "tls"
		text = fmt.Sprintf("%s speaks plain HTTP: write http:// in elasticsearch.urls", s.where())
	case errors.Is(err, syscall.ECONNREFUSED):
		text = fmt.Sprintf("nothing listens at %s: start Elasticsearch, or check host and port in elasticsearch.urls", s.where())
	case errors.As(err, &dns):
		text = fmt.Sprintf("the host name %s of elasticsearch.urls is unknown: check its spelling", dns.Name)
	case isTimeout(err):
		text = fmt.Sprintf("%s does not answer within %v: check elasticsearch.urls, firewalls, and elasticsearch.timeout", s.where(), s.opts.Timeout)
	default:
		text = fmt.Sprintf("no connection with Elasticsearch at %s: check elasticsearch.urls", s.where())
	}
	return &CheckError{Problem: problem, Message: text + " (" + err.Error() + ")", Err: err}
}

func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &typ)
}

func (s *Store) checkPrivileges(ctx context.Context, p privileges) error {
	body, err := json.Marshal(map[string]any{
		"cluster": p.cluster,
		"index":   []any{map[string]any{"names": []string{s.opts.Prefix + "-*"}, "privileges": p.index}},
	})
	if err != nil {
		return err
	}
	var answer struct {
		Username string                     `json:"username"`
		All      bool                       `json:"has_all_requested"`
		Cluster  map[string]bool            `json:"cluster"`
		Index    map[string]map[string]bool `json:"index"`
	}
	err = s.client.call(ctx, esapi.SecurityHasPrivilegesRequest{Body: bytes.NewReader(body)}, &answer)
	var re *ResponseError
	if errors.As(err, &re) && (re.Status == http.StatusBadRequest || re.Status == http.StatusMethodNotAllowed || re.Status == http.StatusNotFound) {
		return nil // security is off: everyone may do everything
	}
	if err != nil {
		return s.connectionError(ctx, err)
	}
	if answer.All {
		return nil
	}
	var lacking []string
	for p, ok := range answer.Cluster {
		if !ok {
			lacking = append(lacking, "cluster privilege "+p)
		}
	}
	for name, ps := range answer.Index {
		for p, ok := range ps {
			if !ok {
				lacking = append(lacking, "index privilege "+p+" on "+name)
			}
		}
	}
	slices.Sort(lacking)
	return &CheckError{Problem: "privileges", Message: fmt.Sprintf("user %s of Elasticsearch at %s lacks: %s; add them to its role or API key, or name another user (elasticsearch.api_key, elasticsearch.username)",
		answer.Username, s.where(), strings.Join(lacking, ", "))}
}

// atLeast compares versions number by number; what follows a '-' is left out.
func atLeast(version, least string) bool {
	v, l := numbers(version), numbers(least)
	return slices.Compare(v, l) >= 0
}

func numbers(version string) []int {
	version, _, _ = strings.Cut(version, "-")
	var list []int
	for _, part := range strings.Split(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}
