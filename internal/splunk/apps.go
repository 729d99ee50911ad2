package splunk

import (
	"io/fs"
	"path"
	"strings"
)

// appFolder is an app's folder within a tree.
type appFolder struct {
	dir    string // "." for the root
	name   string
	owner  string // of users/OWNER/APP
	system bool
}

// maxDepth is how far below the root of a tree an app is looked for: opt/splunk/etc/users/OWNER/APP and some more.
const maxDepth = 10

// findApps walks a tree for the folders that are apps: they have .conf files in default or local. What lies within an app
// is its own. name is the folder's own name, for a root that is an app itself.
func (in *importer) findApps(fsys fs.FS, root, name string) []appFolder {
	var out []appFolder
	folders, said := 0, false
	var walk func(dir string, depth int)
	walk = func(dir string, depth int) {
		if folders++; folders > maxFiles || depth > maxDepth {
			if !said {
				said = true
				in.say(Item{File: join(root, dir), Kind: "folder", Outcome: Skipped, Why: "the tree is too deep or has too many folders; here and in others like it no app is looked for"})
			}
			return
		}
		if in.isApp(fsys, root, dir) {
			out = append(out, appAt(dir, name))
			return
		}
		for _, e := range in.entries(fsys, root, dir) {
			sub := path.Join(dir, e.Name())
			switch {
			case e.IsDir():
				walk(sub, depth+1)
			case e.Type()&fs.ModeSymlink != 0 && in.isApp(fsys, root, sub): // not followed any further: a link may lead back
				out = append(out, appAt(sub, name))
			}
		}
	}
	walk(".", 0)
	return out
}

// appAt tells from its place whose an app is.
func appAt(dir, root string) appFolder {
	if dir == "." {
		return appFolder{dir: dir, name: root, system: root == "system"}
	}
	a := appFolder{dir: dir, name: path.Base(dir)}
	parts := strings.Split(dir, "/")
	switch n := len(parts); {
	case n >= 3 && parts[n-3] == "users":
		a.owner = parts[n-2]
	case n == 2 && root == "users":
		a.owner = parts[0]
	case a.name == "system" && (n == 1 || parts[n-2] == "etc"):
		a.system = true
	}
	return a
}

func (in *importer) isApp(fsys fs.FS, root, dir string) bool {
	for _, sub := range []string{"default", "local"} {
		if len(in.filesIn(fsys, root, path.Join(dir, sub), ".conf")) > 0 {
			return true
		}
	}
	return false
}

// filesIn are the names of a folder's files with an extension; none when there is no such folder.
func (in *importer) filesIn(fsys fs.FS, root, dir, ext string) []string {
	if info, err := fs.Stat(fsys, dir); err != nil || !info.IsDir() {
		return nil
	}
	var names []string
	for _, e := range in.entries(fsys, root, dir) {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ext) {
			names = append(names, e.Name())
		}
	}
	return names
}

// entries reads a folder; one that cannot be read is named.
func (in *importer) entries(fsys fs.FS, root, dir string) []fs.DirEntry {
	list, err := fs.ReadDir(fsys, dir)
	if err != nil {
		in.say(Item{File: join(root, dir), Kind: "folder", Outcome: Fault, Why: "it cannot be read: " + err.Error()})
	}
	return list
}
