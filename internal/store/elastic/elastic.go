// Package elastic keeps migrations in Elasticsearch, for several workers and gateways at once.
//
// Five indices behind aliases hold migrations, rules, claims, resources and model answers. There are no scripts: every
// change of a document is a bulk operation with the sequence number of what it was based on, so of two concurrent
// writers one is told and looks again. Reads that decide something are by id, which sees every write; searches that
// decide something run after a refresh, and writes based on what they found carry sequence numbers, so the refresh
// interval matters for nothing but how soon other searches see results.
package elastic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/store"
)

// Options of a store. URLs are required; the rest has defaults.
type Options struct {
	// URLs are the addresses of the nodes; after a failure the next is tried.
	URLs []string
	// APIKey, as Kibana shows it (encoded), or Username and Password.
	APIKey             string
	Username, Password string
	// CAFile is a PEM file with the authority that signed the nodes' certificates.
	CAFile string
	// Timeout is the longest time for one attempt of a request; 0 means 30 s.
	Timeout time.Duration
	// MaxRetries are further attempts after 429, 502, 503, 504 or a broken connection; negative means none, 0 means 5.
	MaxRetries int
	// Prefix begins the names of all indices and templates; empty means rulebridge.
	Prefix string
	// Shards of each index created; 0 means 1. RefreshInterval is Elasticsearch's setting; empty means 5s.
	Shards          int
	RefreshInterval string
	// Compress sends request bodies with gzip.
	Compress bool
	// Transport replaces the HTTP transport, for instrumentation and tests; CAFile then has no effect.
	Transport http.RoundTripper
	// Now gives the time of writes that carry none; nil means time.Now.
	Now func() time.Time

	retryPause time.Duration // first pause between attempts
	pageSize   int           // of searches that are paged to their end
	kinds      []kind        // in tests
}

// Store is the Elasticsearch store. It is safe for concurrent use, also by several processes.
type Store struct {
	opts   Options
	client *client
	kinds  []kind
	now    func() time.Time

	gets          *batcher[[]ref, []document]
	writes        *batcher[write, outcome]
	rulesRefresh  *refresher
	othersRefresh map[string]*refresher
	pits          pits
	seen          seenRules
	spending      chan struct{} // holds one while a call is being paid for
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Tombstones = (*Store)(nil)
)

var validPrefix = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,100}$`)

// withDefaults fills in what was not given.
func (opts Options) withDefaults() Options {
	if opts.Timeout <= 0 {
		opts.Timeout = 30 * time.Second
	}
	if opts.MaxRetries == 0 {
		opts.MaxRetries = 5
	}
	opts.MaxRetries = max(opts.MaxRetries, 0)
	if opts.Prefix == "" {
		opts.Prefix = "rulebridge"
	}
	if opts.Shards <= 0 {
		opts.Shards = 1
	}
	if opts.RefreshInterval == "" {
		opts.RefreshInterval = "5s"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.retryPause <= 0 {
		opts.retryPause = 200 * time.Millisecond
	}
	if opts.pageSize <= 0 {
		opts.pageSize = pageSize
	}
	return opts
}

// New prepares a store and sends nothing. Check tells what is wrong with the connection, Setup installs the indices.
func New(opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if !validPrefix.MatchString(opts.Prefix) {
		return nil, fmt.Errorf("elasticsearch: the prefix %q may have lower-case letters, digits, '.', '_' and '-' only", opts.Prefix)
	}
	if opts.kinds == nil {
		var err error
		if opts.kinds, err = embeddedKinds(); err != nil {
			return nil, err
		}
	}
	c, err := newClient(opts)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, client: c, kinds: opts.kinds, now: func() time.Time { return opts.Now().UTC() },
		othersRefresh: map[string]*refresher{}, spending: make(chan struct{}, 1)}
	// Few requests in flight make the batches large: a request costs Elasticsearch more than what is in it.
	s.gets = newBatcher(200, 2, s.getGroups)
	s.writes = newBatcher(200, 2, func(ctx context.Context, ws []write) ([]outcome, error) { return s.bulk(ctx, ws, false) })
	for _, k := range s.kinds {
		index := s.index(k.name)
		s.othersRefresh[index] = &refresher{run: func(ctx context.Context) error { return s.refreshIndex(ctx, index) }}
	}
	s.rulesRefresh = s.othersRefresh[s.index(rulesIndex)]
	return s, nil
}

// Close refuses further calls and frees what searches hold on the nodes.
func (s *Store) Close() error {
	s.gets.close()
	s.writes.close()
	for _, id := range s.pits.drain() {
		s.closePIT(context.Background(), id)
	}
	return nil
}

// Ready writes one document.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.writes.do(ctx, write{action: "index", ref: ref{s.index(claimsIndex), "ready"}, doc: map[string]any{"at": s.now()}})
	return err
}

// getGroups answers the reads of several callers with one request, in which each document is asked for once: most
// callers read the same migration.
func (s *Store) getGroups(ctx context.Context, groups [][]ref) ([][]document, error) {
	var refs []ref
	at := map[ref]int{}
	for _, g := range groups {
		for _, r := range g {
			if _, ok := at[r]; !ok {
				at[r] = len(refs)
				refs = append(refs, r)
			}
		}
	}
	docs, err := s.get(ctx, refs)
	if err != nil {
		return nil, err
	}
	parts := make([][]document, len(groups))
	for i, g := range groups {
		parts[i] = make([]document, len(g))
		for k, r := range g {
			parts[i][k] = docs[at[r]]
		}
	}
	return parts, nil
}

const (
	migrationsIndex = "migrations"
	rulesIndex      = "rules"
	claimsIndex     = "claims"
	resourcesIndex  = "resources"
	answersIndex    = "answers"

	pitKeepAlive = "30s"
)

// index is the alias that all reads and writes use.
func (s *Store) index(name string) string { return s.opts.Prefix + "-" + name }

// maxID is Elasticsearch's limit for a document id, in bytes.
const maxID = 512

// documentID joins the parts so that different parts never give the same id. The migration's part is escaped and ends at
// the first ':'; a long rest is replaced by its hash.
func documentID(migrationID string, rest string) string {
	id := url.QueryEscape(migrationID)
	if len(id) > 128 {
		sum := sha256.Sum256([]byte(migrationID))
		id = "#" + hex.EncodeToString(sum[:])
	}
	if len(id)+1+len(rest) > maxID || strings.HasPrefix(rest, "#") {
		sum := sha256.Sum256([]byte(rest))
		rest = "#" + hex.EncodeToString(sum[:])
	}
	return id + ":" + rest
}

func (s *Store) migrationRef(id string) ref {
	return ref{s.index(migrationsIndex), documentID(id, "")}
}

func (s *Store) ruleRef(id, ruleID string) ref {
	return ref{s.index(rulesIndex), documentID(id, ruleID)}
}

func (s *Store) claimRef(id string, epoch, claim int64) ref {
	return ref{s.index(claimsIndex), documentID(id, fmt.Sprintf("%d:%d", epoch, claim))}
}

func (s *Store) resourceRef(id, kind, name string) ref {
	return ref{s.index(resourcesIndex), documentID(id, kind+":"+name)}
}

func (s *Store) answerRef(id, key string) ref { return ref{s.index(answersIndex), documentID(id, key)} }

// errConflict: a document changed between reading and writing; look again.
var errConflict = errors.New("document changed meanwhile")

// again calls f until it gives something else than errConflict, with a growing pause.
func again(ctx context.Context, f func() error) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f()
		if !errors.Is(err, errConflict) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
