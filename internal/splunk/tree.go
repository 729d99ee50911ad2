package splunk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// layer is where a .conf file lives.
type layer struct {
	app, owner string
	local      bool
	system     bool
}

// rank orders layers from the lowest precedence to the highest, as Splunk resolves a name for any app: the system's own
// first, then the apps in lexicographical order (the last wins), default below local.
func (l layer) rank() string {
	rank := "1" + l.app
	if l.system {
		rank = "0"
	}
	if l.local {
		return rank + "\x00" + "1"
	}
	return rank + "\x00" + "0"
}

// tree imports a folder: an app, a folder of apps, a whole etc, or security content in YAML. name is the folder's own.
func (in *importer) tree(fsys fs.FS, root, name string) {
	apps := in.findApps(fsys, root, name)
	if len(apps) == 0 {
		in.loose(fsys, root)
		return
	}
	for _, a := range apps {
		if in.failed != nil {
			return
		}
		in.app(fsys, root, a, in.metadata(fsys, root, a), len(apps) > 1)
	}
}

// loose imports what a folder without apps holds: YAML of security content, and files of rules.
func (in *importer) loose(fsys fs.FS, root string) {
	n := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			in.say(Item{File: join(root, name), Kind: "file", Outcome: Fault, Why: err.Error()})
			return nil
		}
		if d.IsDir() {
			return nil
		}
		lower := strings.ToLower(name)
		again := func() (io.ReadCloser, error) { return openFile(fsys, name) }
		var read func(string, io.Reader)
		switch {
		case strings.HasSuffix(lower, ".conf"):
			read = func(file string, _ io.Reader) { in.conf(source{name: file, open: again}) }
		case strings.HasSuffix(lower, ".yml"), strings.HasSuffix(lower, ".yaml"):
			read = func(file string, r io.Reader) { in.yaml(file, r, fsys, path.Dir(name)) }
		case strings.HasSuffix(lower, ".json"), strings.HasSuffix(lower, ".ndjson"), strings.HasSuffix(lower, ".jsonl"):
			read = func(file string, r io.Reader) { in.records(file, r, again) }
		default:
			return nil
		}
		n++
		if n > maxFiles {
			return fs.SkipAll
		}
		f, err := openFile(fsys, name)
		if err != nil {
			in.say(Item{File: join(root, name), Kind: "file", Outcome: Fault, Why: err.Error()})
			return nil
		}
		defer func() { _ = f.Close() }()
		read(join(root, name), f)
		return nil
	})
	if err != nil {
		in.fault(err)
	}
	if n == 0 {
		in.say(Item{File: root, Kind: "folder", Outcome: Fault, Why: "it holds no Splunk app (default or local with .conf files), no folder of apps, no YAML and no JSON"})
	}
}

// app imports one app: its searches, macros and lookups, local over default.
func (in *importer) app(fsys fs.FS, root string, a appFolder, meta *metadata, several bool) {
	at := layer{app: a.name, owner: a.owner, system: a.system}
	private := func(kind, name string) bool { return a.owner != "" || several && !meta.exports(kind, name) }
	off := false
	in.merge(layers(fsys, root, a, "app.conf"), func(m *merged) {
		if m.Name == "install" && m.value("state") == "disabled" {
			off = true
		}
	})
	in.merge(layers(fsys, root, a, "savedsearches.conf"), func(m *merged) { in.saved(at, m, off) })
	in.merge(layers(fsys, root, a, "macros.conf"), func(m *merged) { in.macroOf(at, m, private) })
	in.merge(layers(fsys, root, a, "transforms.conf"), func(m *merged) { in.lookupOf(fsys, a, at, m, private) })
	in.lookupFiles(fsys, root, a, at, private)
	for _, conf := range []struct {
		file string
		kind migration.ResourceType
	}{{"eventtypes.conf", migration.ResourceEventtype}, {"tags.conf", migration.ResourceTag}, {"props.conf", migration.ResourceProps}} {
		in.merge(layers(fsys, root, a, conf.file), func(m *merged) { in.known(at, conf.kind, m) })
	}
	for _, dir := range []string{"default", "local"} {
		models := path.Join(a.dir, dir, "data", "models")
		for _, name := range in.filesIn(fsys, root, models, ".json") {
			item := Item{File: join(root, path.Join(models, name)), Kind: "datamodel", Name: strings.TrimSuffix(name, ".json")}
			text, err := readWhole(fsys, path.Join(models, name))
			if err != nil {
				item.Outcome, item.Why = Fault, err.Error()
				in.say(item)
				continue
			}
			at.local = dir == "local"
			in.keep(at, item, migration.Resource{Type: migration.ResourceDatamodel, Name: item.Name, Definition: text})
		}
	}
}

// saved takes a saved search. off says that its app is disabled, so that it does not run.
func (in *importer) saved(at layer, m *merged, off bool) {
	item := Item{File: m.File, Line: m.Line, Name: m.Name}
	if _, ok := m.Get("search"); !ok && at.owner != "" {
		item.Kind, item.Outcome, item.Why = "setting", Skipped, "it changes a shared search for the user "+at.owner+" only"
		in.say(item)
		return
	}
	s := savedSearch(at.app, at.owner, m.Name, m.value, m.keys())
	s.Rule.Disabled = s.Rule.Disabled || off
	in.search(s, item)
}

// macroOf takes a macro. private says of an object of this app that other apps do not see it.
func (in *importer) macroOf(at layer, m *merged, private func(kind, name string) bool) {
	var args []string
	for _, arg := range strings.Split(m.value("args"), ",") {
		if arg = strings.TrimSpace(arg); arg != "" {
			args = append(args, arg)
		}
	}
	text, ok := m.Get("definition")
	item := Item{File: m.File, Line: m.Line, Kind: "macro", Name: m.Name}
	if !ok {
		item.Outcome, item.Why = Fault, "it has no definition"
		in.say(item)
		return
	}
	own := private("macros", m.Name)
	if own {
		item.Why = "it is private to the app " + at.app
		if at.owner != "" {
			item.Why = "it is private to the user " + at.owner
		}
	}
	at.local = m.local
	in.define(in.macros, fmt.Sprintf("%s(%d)", bare(m.Name), len(args)), definition{
		resource: migration.Resource{
			Type: migration.ResourceMacro, Name: m.Name, Definition: strings.TrimSpace(text), Arguments: args, IsEval: isTrue(m.value("iseval")),
		},
		item: item, layer: at, private: own,
	})
}

// known keeps what the compiler does not use yet.
func (in *importer) known(at layer, kind migration.ResourceType, m *merged) {
	var b strings.Builder
	for _, s := range m.Settings {
		fmt.Fprintf(&b, "%s = %s\n", s.Key, strings.ReplaceAll(s.Value, "\n", "\\\n"))
	}
	at.local = m.local
	in.keep(at, Item{File: m.File, Line: m.Line, Kind: kindNames[kind], Name: m.Name},
		migration.Resource{Type: kind, Name: m.Name, Definition: b.String()})
}

// kindNames are what things that are kept are called in lists.
var kindNames = map[migration.ResourceType]string{migration.ResourceEventtype: "eventtype", migration.ResourceTag: "tag", migration.ResourceProps: "props stanza"}

// keep takes a thing to be stored with the migration. Of several of one name the one of the highest precedence is stored.
func (in *importer) keep(at layer, item Item, r migration.Resource) {
	if why := fitResource(r); why != "" {
		item.Outcome, item.Why = Fault, why
		item.Name = shorten(item.Name)
		in.say(item)
		return
	}
	item.Outcome, item.Why = Known, "known, not used yet"
	in.say(item)
	key := string(r.Type) + " " + r.Name
	if was, ok := in.others[key]; !ok || was.layer.rank() <= at.rank() {
		in.others[key] = definition{resource: r, layer: at}
	}
}

// metadata says which objects of an app others see.
type metadata struct{ export map[string]bool }

// exports asks for an object, then for its kind, then for the app as a whole.
func (m *metadata) exports(kind, name string) bool {
	for _, key := range []string{kind + "/" + name, kind, ""} {
		if yes, ok := m.export[key]; ok {
			return yes
		}
	}
	return false
}

func (in *importer) metadata(fsys fs.FS, root string, a appFolder) *metadata {
	m := &metadata{export: map[string]bool{}}
	if a.system {
		m.export[""] = true
	}
	for _, file := range []string{"default.meta", "local.meta"} {
		name := path.Join(a.dir, "metadata", file)
		if _, err := fs.Stat(fsys, name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		src := source{name: join(root, name), open: func() (io.ReadCloser, error) { return openFile(fsys, name) }}
		err := src.scan(func(s *Stanza) bool {
			if v, ok := s.Get("export"); ok {
				object := s.Name
				if kind, name, ok := strings.Cut(s.Name, "/"); ok { // names are written as in a URL
					if plain, err := url.PathUnescape(name); err == nil {
						object = kind + "/" + plain
					}
				}
				m.export[object] = strings.TrimSpace(v) == "system"
			}
			return true
		}, func(e *Error) { in.fault(e) })
		if err != nil {
			in.say(Item{File: src.name, Kind: "file", Outcome: Fault, Why: err.Error()})
		}
	}
	return m
}

// conf imports a single .conf file, or the output of btool, by what its stanzas hold.
func (in *importer) conf(src source) {
	base := path.Base(filepath.ToSlash(src.name))
	kind := map[string]migration.ResourceType{"eventtypes.conf": migration.ResourceEventtype, "tags.conf": migration.ResourceTag, "props.conf": migration.ResourceProps}[base]
	taken := 0
	in.merge([]source{src}, func(m *merged) {
		_, isSearch := m.Get("search")
		_, isMacro := m.Get("definition")
		switch {
		case kind != "":
			in.known(layer{}, kind, m)
		case base == "transforms.conf":
			in.say(Item{File: m.File, Line: m.Line, Kind: "transform", Name: m.Name, Outcome: Known, Why: "known, not used yet; give the folder of its app for lookups with their rows"})
		case isSearch:
			in.saved(layer{}, m, false)
		case isMacro:
			in.macroOf(layer{}, m, func(string, string) bool { return false })
		default:
			return
		}
		taken++
	})
	if taken == 0 {
		in.say(Item{File: src.name, Kind: "file", Outcome: Skipped, Why: "it holds neither saved searches nor macros"})
	}
}
