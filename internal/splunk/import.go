package splunk

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Outcome is what became of a thing that an import found.
type Outcome string

// Taken became a rule or resource, Skipped did not and says why, Fault could not be read. Known is stored for later: the
// compiler does not use it yet.
const (
	Taken   Outcome = "taken"
	Skipped Outcome = "skipped"
	Fault   Outcome = "error"
	Known   Outcome = "known"
)

// Item is one thing that an import found, with its place.
type Item struct {
	File    string  `json:"file"`
	Line    int     `json:"line,omitempty"`
	Element int     `json:"element,omitempty"` // of a JSON array, from 1
	Kind    string  `json:"kind"`              // alert, report, filler (a search that fills a lookup or summary), rule, macro, lookup, eventtype, …
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"`
}

// Import is what was found on disk, whole.
type Import struct {
	Rules     []migration.OriginalRule
	Resources []migration.Resource
	Items     []Item
}

// Sink takes what an import finds while it goes on, so that no more than a part of it is held. What it is given is its own.
// An error of it ends the import.
type Sink interface {
	Rules([]migration.OriginalRule) error
	// Resources come after all rules: which definition of a name counts is known then.
	Resources([]migration.Resource) error
	// Item is told of each thing as it is found.
	Item(Item)
}

// disabled is why a rule that is taken may not be needed.
const disabled = "it is disabled in Splunk"

// Options say what to take.
type Options struct {
	// All takes reports and searches that fill lookups or summaries as well as alerts.
	All bool
}

// Bounds of an import; what is beyond them is named and left out.
const (
	maxFile    = 64 << 20  // bytes of one file of a tree or archive
	maxStream  = 1 << 30   // bytes of a file of records, of which one is held at a time
	maxQuery   = 256 << 10 // bytes of one search, as the gateway takes them
	maxTitle   = 1 << 10
	maxText    = 64 << 10 // of a description or note
	maxID      = 256
	maxRows    = 100_000   // of one lookup
	maxFiles   = 200_000   // of one tree or archive
	maxArchive = 512 << 20 // bytes of an archive, unpacked
)

// Read imports files, folders and archives and holds all that is in them. A fault in one of them is an Item and drops
// nothing else; the error is for what cannot be opened at all.
func Read(paths []string, o Options) (*Import, error) {
	whole := &Import{}
	if err := Stream(paths, o, collector{whole}); err != nil {
		return nil, err
	}
	return whole, nil
}

// collector holds all.
type collector struct{ to *Import }

func (c collector) Rules(list []migration.OriginalRule) error {
	c.to.Rules = append(c.to.Rules, list...)
	return nil
}

func (c collector) Resources(list []migration.Resource) error {
	c.to.Resources = append(c.to.Resources, list...)
	return nil
}

func (c collector) Item(i Item) { c.to.Items = append(c.to.Items, i) }

// Stream is Read, handed to a sink part by part. Held are a part, what must be known of all (ids of rules, and names of
// what they use), and the macros and lookups.
func Stream(paths []string, o Options, to Sink) error {
	for _, p := range paths { // before anything is handed over
		if _, err := os.Stat(p); err != nil {
			return fmt.Errorf("open %s: %w", p, err)
		}
	}
	in := newImporter(o, to)
	for _, p := range paths {
		before := in.found
		info, err := os.Stat(p)
		switch {
		case err != nil:
			return fmt.Errorf("open %s: %w", p, err)
		case info.IsDir():
			root, err := filepath.Abs(p) // so that the folder has a name also when it is given as .
			if err != nil {
				return fmt.Errorf("open %s: %w", p, err)
			}
			in.tree(os.DirFS(p), p, filepath.Base(root))
		default:
			if err := in.file(p); err != nil {
				return err
			}
		}
		if in.found == before {
			in.nothing(p)
		}
		if in.failed != nil {
			return in.failed
		}
	}
	return in.settle()
}

// importer gathers what several paths hold.
type importer struct {
	options Options
	to      Sink
	failed  error           // of the sink: nothing more is taken
	found   int             // things that were said, or will be
	ids     map[string]spot // rule ids taken
	used    usage
	macros  map[string][]definition // all of one name, wherever they are
	lookups map[string][]definition
	others  map[string]definition // what is kept and not used yet, by type and name
	lines   map[string]int        // faulty lines and records, by file
	deflate *flate.Writer

	// What waits to be handed over.
	rules   []migration.OriginalRule
	bytes   int
	settled []migration.Resource
	cells   int
}

// spot is the place of a thing, in few bytes.
type spot struct {
	file          string
	line, element int
}

func newImporter(o Options, to Sink) *importer {
	return &importer{options: o, to: to, ids: map[string]spot{}, used: newUsage(), macros: map[string][]definition{}, lookups: map[string][]definition{},
		others: map[string]definition{}, lines: map[string]int{}}
}

// Bounds of what is handed over at once.
const (
	partRules = 1000
	partBytes = 4 << 20
)

// flush hands the rules over that wait.
func (in *importer) flush() {
	if len(in.rules) > 0 && in.failed == nil {
		in.failed = in.to.Rules(in.rules)
	}
	in.rules, in.bytes = nil, 0
}

// nothing says of a file that nothing was found in it.
func (in *importer) nothing(name string) {
	in.say(Item{File: name, Kind: "file", Outcome: Skipped, Why: "it holds neither searches nor macros nor lookups"})
}

func (in *importer) say(i Item) {
	in.found++
	in.to.Item(i)
}

func (in *importer) fault(err error) {
	var e *Error
	if errors.As(err, &e) {
		in.lines[e.File]++
		switch n := in.lines[e.File]; {
		case n > maxFaults+1:
			return
		case n > maxFaults:
			e = &Error{File: e.File, Line: e.Line, Item: e.Item, Msg: "this and more could not be read; they are not named"}
		}
		in.say(Item{File: e.File, Line: e.Line, Element: e.Item, Name: e.Field, Outcome: Fault, Why: e.Msg})
		return
	}
	in.say(Item{Kind: "file", Outcome: Fault, Why: err.Error()})
}

// file imports one file, told apart by its name and its first bytes.
func (in *importer) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeDevice != 0 && name != os.Stdin.Name() {
		return fmt.Errorf("open %s: it is a device, which has no end", name)
	}
	in.stream(name, f, os.DirFS(filepath.Dir(name)), func() (io.ReadCloser, error) { return os.Open(name) })
	return nil
}

// noFiles is a folder without files: what comes as a stream has no neighbours.
type noFiles struct{}

// Open implements fs.FS.
func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// stream imports a file; beside are those of the same folder. again opens it once more; nil when that cannot be.
func (in *importer) stream(name string, from io.Reader, beside fs.FS, again func() (io.ReadCloser, error)) {
	r := bufio.NewReaderSize(from, 64<<10)
	head, err := r.Peek(4)
	switch lower := strings.ToLower(name); {
	case len(head) == 0 && errors.Is(err, io.EOF):
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it is empty"})
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		in.archive(name, r, true)
	case strings.HasSuffix(lower, ".tar"):
		in.archive(name, r, false)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it is a zip archive: unpack it and give the folder"})
	case strings.HasSuffix(lower, ".spl"), strings.HasSuffix(lower, ".tgz"), strings.HasSuffix(lower, ".gz"):
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it is no archive as its name says: a .spl is a .tgz, a tar file behind gzip"})
	case binary(r):
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it is neither text nor an archive of an app"})
	case strings.HasSuffix(lower, ".conf"):
		in.conf(in.source(name, r, again))
	case strings.HasSuffix(lower, ".csv"):
		in.restCSV(name, r)
	case strings.HasSuffix(lower, ".yml"), strings.HasSuffix(lower, ".yaml"):
		in.yaml(name, r, beside, ".")
	default:
		in.records(name, r, again)
	}
}

// binary says that a file is no text: text has no zero byte but in UTF-16, which begins with its mark.
func binary(r *bufio.Reader) bool {
	head, _ := r.Peek(4096)
	return bytes.IndexByte(head, 0) >= 0 && !bytes.HasPrefix(head, []byte("\xff\xfe")) && !bytes.HasPrefix(head, []byte("\xfe\xff"))
}

// source is a .conf file that can be opened again, or held.
func (in *importer) source(name string, r io.Reader, again func() (io.ReadCloser, error)) source {
	if again == nil {
		return in.again(name, r)
	}
	return source{name: name, open: again}
}

// records imports JSON and NDJSON, or the output of btool, which begins with a stanza.
func (in *importer) records(name string, r io.Reader, again func() (io.ReadCloser, error)) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, _ := br.Peek(4096)
	text := strings.TrimLeft(decodeText(head), " \t\r\n")
	if isConf(text) {
		in.conf(in.source(name, br, again))
		return
	}
	var reader io.Reader = br
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		reader = decoded(br, maxStream)
	}
	if head, _ := br.Peek(64 << 10); len(head) > 0 && !anyJSON(decodeText(head)) {
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it is neither JSON nor a .conf file nor an archive of an app; CSV and YAML are told by the names of their files"})
		return
	}
	n := 0
	for rec, err := range Records(name, reader) {
		n++
		if in.failed != nil {
			return
		}
		if err != nil {
			in.fault(err)
			continue
		}
		in.record(name, rec)
	}
	if n == 0 {
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it is empty"})
	}
}

// anyJSON says that a line begins as an object or array does, or that there is nothing but white space.
func anyJSON(text string) bool {
	empty := true
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t\r\n")
		if empty = empty && line == ""; strings.HasPrefix(line, "{") || strings.HasPrefix(line, "[") {
			return true
		}
	}
	return empty
}

// isConf says that a text begins as a .conf file or the output of btool does.
func isConf(text string) bool {
	var first string
	for line := range strings.Lines(text) {
		if first = strings.TrimSpace(line); first != "" && first[0] != '#' {
			break
		}
	}
	return strings.HasPrefix(first, "[") && strings.HasSuffix(first, "]") && !strings.HasPrefix(first, "[{") && len(first) > 2 &&
		!json.Valid([]byte(first)) || isDebug([]string{first})
}

// add takes a rule, or says why it does not.
func (in *importer) add(r migration.OriginalRule, i Item) {
	warnings := fit(&r)
	for _, w := range warnings {
		in.say(Item{File: i.File, Line: i.Line, Element: i.Element, Kind: "setting", Name: i.Name, Outcome: Fault, Why: w})
	}
	switch first, taken := in.ids[r.ID]; {
	case strings.TrimSpace(r.Query) == "":
		i.Outcome, i.Why = Fault, "it has no search"
	case len(r.Query) > maxQuery:
		i.Outcome, i.Why = Fault, fmt.Sprintf("its search is longer than %d KiB", maxQuery>>10)
	case strings.ContainsRune(r.Query, 0):
		i.Outcome, i.Why = Fault, "its search holds a NUL character; remove it"
	case taken:
		place := Item{File: first.file, Line: first.line, Element: first.element}.place()
		i.Outcome, i.Why = Fault, fmt.Sprintf("its id %s stands already in %s; ids must differ", shorten(r.ID), place)
	default:
		i.Outcome = Taken
		if r.Disabled {
			i.Why = disabled
		}
		in.ids[strings.Clone(r.ID)] = spot{i.File, i.Line, i.Element}
		in.used.add(&r)
		in.rules = append(in.rules, r)
		in.bytes += len(r.Query) + len(r.Description) + len(r.Note)
	}
	in.say(i)
	if len(in.rules) >= partRules || in.bytes >= partBytes {
		in.flush()
	}
}

// search takes a saved search if it is an alert or all are asked for.
func (in *importer) search(s SavedSearch, i Item) {
	i.Kind = string(s.Kind)
	for _, w := range s.Warnings {
		in.say(Item{File: i.File, Line: i.Line, Kind: "setting", Name: i.Name, Outcome: Fault, Why: w})
	}
	if s.Rule.Query == "" && s.Kind != KindAlert {
		i.Kind, i.Outcome, i.Why = "stanza", Skipped, "it has no search, here or in the layers beneath: settings of a saved search that another app or Splunk itself defines"
		in.say(i)
		return
	}
	if s.Kind != KindAlert && !in.options.All {
		i.Outcome, i.Why = Skipped, s.Why+"; --all takes it too"
		in.say(i)
		return
	}
	in.add(s.Rule.OriginalRule, i)
}

// Faults are the items that could not be read.
func (im *Import) Faults() []Item {
	var out []Item
	for _, i := range im.Items {
		if i.Outcome == Fault {
			out = append(out, i)
		}
	}
	return out
}

// place is the file with line or element.
func (i Item) place() string {
	switch {
	case i.Line > 0:
		return fmt.Sprintf("%s:%d", i.File, i.Line)
	case i.Element > 0:
		return fmt.Sprintf("%s: item %d", i.File, i.Element)
	}
	return i.File
}

// String places the item and says what became of it.
func (i Item) String() string {
	var b strings.Builder
	b.WriteString(i.place())
	if what := strings.TrimSpace(i.Kind + " " + i.Name); what != "" {
		b.WriteString(": " + what)
	}
	if i.Why != "" {
		b.WriteString(": " + i.Why)
	}
	return b.String()
}

// openFile opens a file of a tree. Only regular files are: opening a pipe would wait for whoever writes to it.
func openFile(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file, and is left out")
	}
	return fsys.Open(name)
}

// readWhole reads a file of a tree in UTF-8.
func readWhole(fsys fs.FS, name string) (string, error) {
	f, err := openFile(fsys, name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(decoded(f, maxFile))
	return string(b), err
}

// join names a file of a tree as the user would.
func join(root, name string) string {
	if strings.HasSuffix(root, "!") { // inside an archive
		return root + "/" + name
	}
	return filepath.Join(root, filepath.FromSlash(path.Clean(name)))
}
