package elasticsearch

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// EnvData names an environment variable with the folder of the shared data; without it ../shared/data beside the
// repository is used.
const EnvData = "RULEBRIDGE_DATA"

// FieldType is one field of a stream.
type FieldType struct {
	Name string
	// Type is the Elasticsearch type as the catalogue has it.
	Type string
	// IgnoreAbove is the longest value that is indexed, in characters; 0 means none.
	IgnoreAbove int
	Array       bool
}

// Stream is a data stream of the catalogue with its own fields; ECS fields beyond them come from the catalogue.
type Stream struct {
	Pattern string // logs-system.security-*
	Fields  []FieldType
}

// Index is the concrete index that stands for the stream.
func (s *Stream) Index() string { return strings.TrimSuffix(s.Pattern, "*") + "default" }

// Catalogue knows the streams and fields of Elastic's integrations from the shared data files fields.csv and
// integration_fields.csv, and creates an index for a stream when it is first asked for. An index holds the stream's
// fields and, as the ecs@mappings template gives them on demand, all other ECS fields; endpoint streams hold only what
// is listed. Where a field and something below it are both listed, the lower one becomes a multi-field if the upper one
// is a scalar, and is left out if the upper one is flattened. Aliases become fields of the type that ECS gives the name.
type Catalogue struct {
	ecs     []FieldType
	streams map[string]*Stream // by pattern
	order   []string

	mu      sync.Mutex
	columns map[string]map[string]string // by pattern
	// templated holds the columns of streams to which a dynamic template added some
	templated map[string]map[string]string
	ready     map[string]bool // node URL + index
}

// DataDir returns the folder of the shared data. Tests are skipped where it is missing, and fail when CI=true.
func DataDir(t testing.TB) string {
	t.Helper()
	dir, err := findData()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("skipped: %v", err)
	}
	return dir
}

func findData() (string, error) {
	if dir := os.Getenv(EnvData); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return "", fmt.Errorf("the data folder of %s is missing: %w", EnvData, err)
		}
		return dir, nil
	}
	dir, err := moduleRoot()
	if err != nil {
		return "", fmt.Errorf("%w; set %s", err, EnvData)
	}
	data := filepath.Join(dir, "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		return "", fmt.Errorf("no shared data (set %s): %w", EnvData, err)
	}
	return data, nil
}

// moduleRoot is the folder of go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working folder")
		}
		dir = up
	}
}

// ownFields are the fields of streams that the shared data does not have.
const ownFields = "internal/schema/data/fields.csv"

// LoadCatalogue reads the catalogue from the folder ecs of the shared data, and the project's own list beside it.
func LoadCatalogue(dir string) (*Catalogue, error) {
	c := &Catalogue{streams: map[string]*Stream{}, columns: map[string]map[string]string{},
		templated: map[string]map[string]string{}, ready: map[string]bool{}}
	types := map[string]string{}
	err := readCSV(filepath.Join(dir, "fields.csv"), []string{"field", "type", "array"}, func(row []string) {
		if types[row[0]] == "" {
			c.ecs = append(c.ecs, FieldType{Name: row[0], Type: row[1], Array: row[2] != "", IgnoreAbove: ignoreAbove(row[1], "")})
			types[row[0]] = row[1]
		}
	})
	if err != nil {
		return nil, err
	}
	columns := []string{"index_pattern", "field", "type", "ignore_above", "array"}
	list := func(row []string) {
		s := c.streams[row[0]]
		if s == nil {
			s = &Stream{Pattern: row[0]}
			c.streams[row[0]] = s
			c.order = append(c.order, row[0])
		}
		typ := row[2]
		if typ == "alias" {
			typ = types[row[1]]
			if typ == "" {
				typ = "keyword"
			}
		}
		s.Fields = append(s.Fields, FieldType{Name: row[1], Type: typ, IgnoreAbove: ignoreAbove(typ, row[3]), Array: row[4] != ""})
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{filepath.Join(dir, "integration_fields.csv"), filepath.Join(root, filepath.FromSlash(ownFields))} {
		if err := readCSV(name, columns, list); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func ignoreAbove(typ, text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if typ == "keyword" {
		return 1024
	}
	return 0
}

func readCSV(name string, columns []string, each func(row []string)) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open catalogue: %w", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(rows) == 0 {
		return fmt.Errorf("%s is empty: %w", name, fs.ErrInvalid)
	}
	at := make([]int, len(columns))
	for i, column := range columns {
		if at[i] = slices.Index(rows[0], column); at[i] < 0 {
			return fmt.Errorf("%s has no column %s", name, column)
		}
	}
	for _, row := range rows[1:] {
		picked := make([]string, len(columns))
		for i := range columns {
			picked[i] = row[at[i]]
		}
		each(picked)
	}
	return nil
}

// Streams returns all streams in the order of the file.
func (c *Catalogue) Streams() []*Stream {
	list := make([]*Stream, len(c.order))
	for i, pattern := range c.order {
		list[i] = c.streams[pattern]
	}
	return list
}

// Match returns the streams whose index an index pattern covers. A list with commas and exclusions (-name) is accepted.
func (c *Catalogue) Match(patterns ...string) []*Stream {
	var list []*Stream
	for _, s := range c.Streams() {
		covered := false
		for _, pattern := range strings.Split(strings.Join(patterns, ","), ",") {
			pattern, exclude := strings.CutPrefix(strings.TrimSpace(pattern), "-")
			if ok, err := path.Match(pattern, s.Index()); err == nil && ok {
				covered = !exclude
			}
		}
		if covered {
			list = append(list, s)
		}
	}
	return list
}

// fields returns what the index of a stream maps, sorted by name, parents first.
func (c *Catalogue) fields(s *Stream) []FieldType {
	byName := map[string]FieldType{}
	for _, f := range s.Fields {
		byName[f.Name] = f
	}
	if !strings.HasPrefix(s.Pattern, "logs-endpoint.") {
		for _, f := range c.ecs {
			if _, ok := byName[f.Name]; !ok {
				byName[f.Name] = f
			}
		}
	}
	list := slices.Collect(maps.Values(byName))
	slices.SortFunc(list, func(a, b FieldType) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// esqlTypes maps mapping types of the node to ES|QL's types; absent ones are read as unsupported.
var esqlTypes = map[string]string{
	"keyword": "keyword", "text": "text", "long": "long", "integer": "integer", "short": "integer", "byte": "integer",
	"double": "double", "float": "double", "half_float": "double", "boolean": "boolean", "date": "date",
	"date_nanos": "date_nanos", "ip": "ip", "version": "version", "geo_point": "geo_point", "geo_shape": "geo_shape",
}

// Columns returns the columns that ES|QL sees in the indices of a list of patterns, with ES|QL's type names on the test
// node. A column whose type differs between them has the type "conflict". No stream: nil. The map must not be changed.
func (c *Catalogue) Columns(patterns ...string) map[string]string {
	streams := c.Match(patterns...)
	if len(streams) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(streams) == 1 {
		return c.streamColumns(streams[0])
	}
	key := make([]string, len(streams))
	for i, s := range streams {
		key[i] = s.Pattern
	}
	joined := strings.Join(key, ",")
	if known, ok := c.columns[joined]; ok {
		return known
	}
	all := map[string]string{}
	for _, s := range streams {
		for name, t := range c.streamColumns(s) {
			if old, ok := all[name]; ok && old != t {
				t = "conflict"
			}
			all[name] = t
		}
	}
	c.columns[joined] = all
	return all
}

func (c *Catalogue) streamColumns(s *Stream) map[string]string {
	if known, ok := c.templated[s.Pattern]; ok {
		return known
	}
	if known, ok := c.columns[s.Pattern]; ok {
		return known
	}
	out := map[string]string{}
	root, _ := c.tree(s)
	collect(root, "", out)
	c.columns[s.Pattern] = out
	return out
}

func collect(n *node, prefix string, out map[string]string) {
	for name, child := range n.children {
		full := prefix + name
		t := substitute(child.field.Type)
		if !child.leaf || t == "object" || t == "group" {
			collect(child, full+".", out)
			continue
		}
		if t == "nested" {
			continue // neither it nor what is in it can be seen
		}
		if known, ok := esqlTypes[t]; ok {
			out[full] = known
		} else {
			out[full] = "unsupported"
		}
		if t == "flattened" {
			continue
		}
		for sub, grandchild := range child.children {
			if grandchild.leaf && len(grandchild.children) == 0 && isScalar(grandchild.field.Type) {
				out[full+"."+sub] = esqlTypes[substitute(grandchild.field.Type)]
			}
		}
	}
}

// Ensure creates the indices that patterns cover, where they do not exist yet, with sample documents. It returns the
// streams.
func (c *Catalogue) Ensure(ctx context.Context, client *Client, patterns ...string) ([]*Stream, error) {
	streams := c.Match(patterns...)
	for _, s := range streams {
		if err := c.ensure(ctx, client, s); err != nil {
			return nil, fmt.Errorf("create the index of %s: %w", s.Pattern, err)
		}
	}
	return streams, nil
}

func (c *Catalogue) ensure(ctx context.Context, client *Client, s *Stream) error {
	key := client.URL + " " + s.Index()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready[key] {
		return nil
	}
	created, err := client.EnsureIndex(ctx, s.Index(), c.Mapping(s))
	if err != nil {
		return err
	}
	if created {
		err = client.Bulk(ctx, s.Index(), c.SampleDocs(s)...)
	} else {
		err = c.learn(ctx, client, s)
	}
	if err != nil {
		return err
	}
	c.ready[key] = true
	return nil
}

// learn adds the columns that an index has beyond the catalogue's: somebody indexed documents with templated fields.
func (c *Catalogue) learn(ctx context.Context, client *Client, s *Stream) error {
	result, err := client.ESQL(ctx, "FROM "+s.Index()+" | LIMIT 0", ESQLOptions{})
	if err != nil {
		return err
	}
	columns := c.streamColumns(s)
	for _, column := range result.Columns {
		if columns[column.Name] == "" {
			c.setTemplated(s, column.Name, column.Type)
			columns = c.streamColumns(s)
		}
	}
	return nil
}

func (c *Catalogue) setTemplated(s *Stream, name, typ string) {
	columns := maps.Clone(c.streamColumns(s))
	columns[name] = typ
	clear(c.columns) // also the lists that this stream is in
	c.templated[s.Pattern] = columns
}

// EnsureQuery is Ensure for a query's FROM. Columns that the query names and that only a dynamic template of a stream
// allows (x.*.name) are mapped too, as the first event that has them would do.
func (c *Catalogue) EnsureQuery(ctx context.Context, client *Client, q *esql.Query) error {
	var patterns []string
	names := map[string]bool{}
	esql.Inspect(q, func(n esql.Node) bool {
		switch n := n.(type) {
		case *esql.From:
			patterns = append(patterns, n.Indices...)
		case *esql.Column:
			names[n.Name] = true
		}
		return true
	})
	streams, err := c.Ensure(ctx, client, patterns...)
	if err != nil {
		return err
	}
	for _, s := range streams {
		for _, f := range s.Fields {
			if !strings.Contains(f.Name, "*") {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(names)) {
				if ok, err := path.Match(f.Name, name); err != nil || !ok || c.Columns(s.Pattern)[name] != "" {
					continue
				}
				if err := c.addTemplated(ctx, client, s, f, name); err != nil {
					return fmt.Errorf("map %s of %s: %w", name, s.Pattern, err)
				}
			}
		}
	}
	return nil
}

// addTemplated maps a field as the template f says.
func (c *Catalogue) addTemplated(ctx context.Context, client *Client, s *Stream, f FieldType, name string) error {
	t := substitute(f.Type)
	if t == "object" {
		t = "keyword"
	}
	var body any = scalar(t, f.IgnoreAbove)
	parts := strings.Split(name, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		body = map[string]any{"properties": map[string]any{parts[i]: body}}
	}
	if err := client.Do(ctx, "PUT", "/"+s.Index()+"/_mapping", body, nil); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setTemplated(s, name, esqlTypes[t])
	return nil
}
