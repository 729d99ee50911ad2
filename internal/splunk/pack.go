package splunk

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Pack writes what an import reads of a folder as .tgz, under the folder's own name, so that a gateway elsewhere reads the
// same as Read would here. What cannot be packed is told, and drops nothing else.
func Pack(w io.Writer, dir string, told func(Item)) error {
	root, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	in := newImporter(Options{}, teller(told))
	fsys, name := os.DirFS(dir), filepath.Base(root)
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, file := range slices.Sorted(maps.Keys(in.packed(fsys, dir, name))) {
		if err := in.pack(t, fsys, dir, name, file); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// teller is a sink for items only.
type teller func(Item)

// Rules implements Sink.
func (teller) Rules([]migration.OriginalRule) error { return nil }

// Resources implements Sink.
func (teller) Resources([]migration.Resource) error { return nil }

// Item implements Sink.
func (t teller) Item(i Item) { t(i) }

// packed are the files of a folder that an import reads.
func (in *importer) packed(fsys fs.FS, root, name string) map[string]bool {
	files := map[string]bool{}
	apps := in.findApps(fsys, root, name)
	for _, a := range apps {
		for dir, ext := range map[string]string{
			"default": ".conf", "local": ".conf", "default/data/models": ".json", "local/data/models": ".json", "metadata": ".meta", "lookups": ".csv",
		} {
			for _, file := range in.filesIn(fsys, root, path.Join(a.dir, dir), ext) {
				files[path.Join(a.dir, dir, file)] = true
			}
		}
	}
	if len(apps) > 0 {
		return files
	}
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			in.say(Item{File: join(root, file), Kind: "file", Outcome: Fault, Why: err.Error()})
		case !d.IsDir() && wanted(strings.ToLower(file)) && len(files) < maxFiles:
			files[file] = true
		}
		return nil
	})
	if err != nil {
		in.fault(err)
	}
	return files
}

// pack adds one file. Its length is taken when it is opened; what is written to it meanwhile is left out.
func (in *importer) pack(t *tar.Writer, fsys fs.FS, root, name, file string) error {
	say := func(why string) {
		in.say(Item{File: join(root, file), Kind: "file", Outcome: Fault, Why: why})
	}
	f, err := openFile(fsys, file)
	if err != nil {
		say(err.Error())
		return nil
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		say(err.Error())
		return nil
	case info.Size() > maxFile:
		say(fmt.Sprintf("it is longer than %d MiB, and is left out", maxFile>>20))
		return nil
	}
	header := &tar.Header{Name: path.Join(name, file), Typeflag: tar.TypeReg, Mode: 0o644, Size: info.Size(), ModTime: info.ModTime()}
	if err := t.WriteHeader(header); err != nil {
		return fmt.Errorf("pack %s: %w", join(root, file), err)
	}
	if _, err := io.Copy(t, io.LimitReader(f, info.Size())); err != nil {
		return fmt.Errorf("pack %s: %w", join(root, file), err)
	}
	return t.Flush() // fails when the file has become shorter
}
