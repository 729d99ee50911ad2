package splunk

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
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

// app is an app's folder within a tree.
type appFolder struct {
	dir    string // "." for the root
	name   string
	owner  string // of users/OWNER/APP
	system bool
}

// tree imports a folder: an app, a folder of apps, a whole etc, or security content in YAML.
func (in *importer) tree(fsys fs.FS, root string) {
	apps := findApps(fsys, root)
	if len(apps) == 0 {
		in.loose(fsys, root)
		return
	}
	exported := map[string]*metadata{}
	for _, a := range apps {
		exported[a.dir] = in.metadata(fsys, root, a)
	}
	for _, a := range apps {
		in.app(fsys, root, a, exported[a.dir], len(apps) > 1)
	}
}

// findApps tells what kind of tree this is by the folders that it holds.
func findApps(fsys fs.FS, root string) []appFolder {
	isApp := func(dir string) bool {
		for _, sub := range []string{"default", "local"} {
			if matches, _ := fs.Glob(fsys, path.Join(dir, sub, "*.conf")); len(matches) > 0 {
				return true
			}
		}
		return false
	}
	sub := func(dir string) []string {
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			return nil
		}
		var names []string
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
		return names
	}
	if isApp(".") {
		return []appFolder{{dir: ".", name: strings.TrimSuffix(path.Base(strings.ReplaceAll(root, `\`, "/")), "!")}}
	}
	var out []appFolder
	appsIn := func(dir string) {
		for _, name := range sub(dir) {
			if d := path.Join(dir, name); isApp(d) {
				out = append(out, appFolder{dir: d, name: name, system: name == "system" && dir == "."})
			}
		}
	}
	appsIn(".")
	for _, etc := range append([]string{"."}, "etc") { // the root is etc itself, or holds it
		for _, folder := range []string{"apps", "slave-apps", "peer-apps", "shcluster/apps", "deployment-apps", "manager-apps"} {
			appsIn(path.Join(etc, folder))
		}
		if etc != "." {
			if d := path.Join(etc, "system"); isApp(d) {
				out = append(out, appFolder{dir: d, name: "system", system: true})
			}
		}
		users := path.Join(etc, "users")
		for _, owner := range sub(users) {
			for _, name := range sub(path.Join(users, owner)) {
				if d := path.Join(users, owner, name); isApp(d) {
					out = append(out, appFolder{dir: d, name: name, owner: owner})
				}
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].dir < out[j].dir })
	return slices.CompactFunc(out, func(a, b appFolder) bool { return a.dir == b.dir })
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
		var read func(string, io.Reader)
		switch {
		case strings.HasSuffix(lower, ".yml"), strings.HasSuffix(lower, ".yaml"):
			read = in.yaml
		case strings.HasSuffix(lower, ".json"), strings.HasSuffix(lower, ".ndjson"), strings.HasSuffix(lower, ".jsonl"):
			read = in.records
		default:
			return nil
		}
		n++
		if n > maxFiles {
			return fs.SkipAll
		}
		f, err := fsys.Open(name)
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
	for _, conf := range []struct {
		file string
		read func(layer, []*merged)
	}{
		{"savedsearches.conf", in.searches},
		{"macros.conf", func(l layer, m []*merged) { in.macrosOf(l, m, meta, several) }},
		{"transforms.conf", func(l layer, m []*merged) { in.lookupsOf(fsys, root, a, l, m) }},
		{"eventtypes.conf", in.known("eventtype")},
		{"tags.conf", in.known("tag")},
		{"props.conf", in.known("props")},
	} {
		if m := in.merge(fsys, root, a, conf.file); len(m) > 0 {
			conf.read(at, m)
		}
	}
	for _, dir := range []string{"default", "local"} {
		models, _ := fs.Glob(fsys, path.Join(a.dir, dir, "data", "models", "*.json"))
		for _, name := range models {
			in.say(Item{File: join(root, name), Kind: "datamodel", Name: strings.TrimSuffix(path.Base(name), ".json"), Outcome: Known, Why: "known, not used yet"})
		}
	}
}

// merged is a stanza with its settings of default and local, local last. File and line are of the uppermost.
type merged struct {
	Stanza
	local bool
}

// merge reads a .conf file of an app in all its layers.
func (in *importer) merge(fsys fs.FS, root string, a appFolder, file string) []*merged {
	var out []*merged
	byName := map[string]*merged{}
	var defaults []Setting
	for _, dir := range []string{"default", "local"} {
		name := path.Join(a.dir, dir, file)
		if _, err := fs.Stat(fsys, name); err != nil {
			continue
		}
		text, err := readText(fsys, name)
		if err != nil {
			in.say(Item{File: join(root, name), Kind: "file", Outcome: Fault, Why: err.Error()})
			continue
		}
		stanzas, faults := ParseConf(join(root, name), text)
		for _, f := range faults {
			in.fault(f)
		}
		for _, s := range stanzas {
			if s.Name == "default" {
				defaults = append(defaults, s.Settings...)
				continue
			}
			m := byName[s.Name]
			if m == nil {
				m = &merged{Stanza: Stanza{Name: s.Name}}
				byName[s.Name] = m
				out = append(out, m)
			}
			m.File, m.Line, m.local = s.File, s.Line, m.local || dir == "local"
			m.Settings = append(m.Settings, s.Settings...)
		}
	}
	for _, m := range out {
		m.Settings = append(slices.Clone(defaults), m.Settings...)
	}
	return out
}

func (in *importer) searches(at layer, list []*merged) {
	for _, m := range list {
		s := savedSearch(at.app, at.owner, m.Name, m.value, keysOf(m.Settings))
		in.search(s, Item{File: m.File, Line: m.Line, Name: m.Name})
	}
}

func keysOf(settings []Setting) []string {
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.Key
	}
	return keys
}

// macrosOf takes macros. A macro that is not exported is for its own app alone; of several apps only that app's rules see it
// in Splunk, which an item says where the macro is taken for all.
func (in *importer) macrosOf(at layer, list []*merged, meta *metadata, several bool) {
	for _, m := range list {
		name, _, _ := strings.Cut(m.Name, "(")
		var args []string
		for _, arg := range strings.Split(m.value("args"), ",") {
			if arg = strings.TrimSpace(arg); arg != "" {
				args = append(args, arg)
			}
		}
		definition, ok := m.Get("definition")
		item := Item{File: m.File, Line: m.Line, Kind: "macro", Name: m.Name}
		if !ok {
			item.Outcome, item.Why = Fault, "it has no definition"
			in.say(item)
			continue
		}
		if several && !meta.exports("macros", m.Name) {
			item.Why = "it is private to the app " + at.app
		}
		at.local = m.local
		in.define(in.macros, fmt.Sprintf("%s(%d)", name, len(args)), defined(migration.Resource{
			Type: migration.ResourceMacro, Name: m.Name, Definition: strings.TrimSpace(definition), Arguments: args, IsEval: isTrue(m.value("iseval")),
		}, item, privately(at, item.Why != "")))
	}
}

// privately ranks what is private to an app below what all apps see.
func privately(at layer, private bool) string {
	if private {
		return "\x00" + at.rank()
	}
	return at.rank()
}

func defined(r migration.Resource, i Item, rank string) definition {
	return definition{resource: r, item: i, rank: rank}
}

// known lists what the compiler does not use yet.
func (in *importer) known(kind string) func(layer, []*merged) {
	return func(_ layer, list []*merged) {
		for _, m := range list {
			in.say(Item{File: m.File, Line: m.Line, Kind: kind, Name: m.Name, Outcome: Known, Why: "known, not used yet"})
		}
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
		if _, err := fs.Stat(fsys, name); err != nil {
			continue
		}
		text, err := readText(fsys, name)
		if err != nil {
			in.say(Item{File: join(root, name), Kind: "file", Outcome: Fault, Why: err.Error()})
			continue
		}
		stanzas, faults := ParseConf(join(root, name), text)
		for _, f := range faults {
			in.fault(f)
		}
		for _, s := range stanzas {
			if v, ok := s.Get("export"); ok {
				m.export[s.Name] = strings.TrimSpace(v) == "system"
			}
		}
	}
	return m
}

// conf imports a single .conf file, or the output of btool, by what its stanzas hold.
func (in *importer) conf(name string, r io.Reader, at layer) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("it is longer than %d MiB", maxFile>>20)
	}
	if err != nil {
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: err.Error()})
		return
	}
	stanzas, faults := ParseConf(name, decodeText(b))
	for _, f := range faults {
		in.fault(f)
	}
	var defaults []Setting
	for _, s := range stanzas {
		if s.Name == "default" {
			defaults = s.Settings
		}
	}
	taken := 0
	for _, s := range stanzas {
		if s.Name == "default" {
			continue
		}
		m := &merged{Stanza: Stanza{Name: s.Name, File: s.File, Line: s.Line, Settings: append(slices.Clone(defaults), s.Settings...)}}
		_, isSearch := m.Get("search")
		_, isMacro := m.Get("definition")
		switch {
		case isSearch:
			in.searches(at, []*merged{m})
		case isMacro:
			in.macrosOf(at, []*merged{m}, &metadata{}, false)
		default:
			continue
		}
		taken++
	}
	if taken == 0 {
		in.say(Item{File: name, Kind: "file", Outcome: Skipped, Why: "it holds neither saved searches nor macros"})
	}
}
