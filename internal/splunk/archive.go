package splunk

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/afero"
)

// archive imports a .tgz, .spl or .tar of apps. It is unpacked in memory, compressed file by file, and never to disk: only
// the files that an import reads are kept, links are left out and named, and both the number of files and the bytes unpacked
// are bounded.
func (in *importer) archive(name string, r io.Reader, zipped bool) {
	if zipped {
		z, err := gzip.NewReader(r)
		if err != nil {
			in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: fmt.Sprintf("it is no gzip archive: %v", err)})
			return
		}
		defer func() { _ = z.Close() }()
		r = z
	}
	bounded := &io.LimitedReader{R: r, N: maxArchive}
	files, total := newHeld(), int64(0)
	say := func(entry, format string, args ...any) {
		in.say(Item{File: name, Kind: "file", Name: entry, Outcome: Fault, Why: fmt.Sprintf(format, args...)})
	}
	t := tar.NewReader(bounded)
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if bounded.N <= 0 {
				say("", "it holds more than %d MiB unpacked; what comes after is left out", maxArchive>>20)
			} else {
				say("", "it is damaged, and what comes after is left out: %v", err)
			}
			break
		}
		if n >= maxFiles {
			say("", "it holds more than %d files; what comes after is left out", maxFiles)
			break
		}
		clean := path.Clean(strings.TrimPrefix(strings.ReplaceAll(h.Name, `\`, "/"), "./"))
		switch {
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg:
			say(shorten(h.Name), "it is a link or a device, and is left out")
			continue
		case !fs.ValidPath(clean) || clean == ".":
			say(shorten(h.Name), "its path leads out of the archive, and it is left out")
			continue
		case !wanted(clean):
			continue
		case h.Size > maxFile:
			say(clean, "it is longer than %d MiB, and is left out", maxFile>>20)
			continue
		}
		k, err := in.keepAll(t, maxFile)
		if err != nil {
			say(clean, "it cannot be read: %v", err)
			break
		}
		if total+k.size > maxArchive/2 { // smaller ones may follow: an app's searches come after its lookups
			say(clean, "the archive's files are longer than %d MiB together, and this one is left out", maxArchive>>21)
			continue
		}
		if err := files.add(clean, k); err != nil {
			say(clean, "it cannot be kept: %v", err)
			continue
		}
		total += k.size
	}
	if len(files.files) == 0 {
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it holds no file of a Splunk app"})
		return
	}
	app := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	for _, ext := range []string{".gz", ".tar", ".tgz", ".spl"} {
		app = strings.TrimSuffix(app, ext)
	}
	in.tree(files, name+"!", app)
}

// held is a tree of files that are kept compressed.
type held struct {
	names afero.Fs // the tree, of empty files
	files map[string]*kept
}

func newHeld() *held { return &held{afero.NewMemMapFs(), map[string]*kept{}} }

func (h *held) add(name string, k *kept) error {
	if err := afero.WriteFile(h.names, name, nil, 0o444); err != nil {
		return err
	}
	h.files[name] = k
	return nil
}

// Open implements fs.FS.
func (h *held) Open(name string) (fs.File, error) {
	f, err := afero.NewIOFS(h.names).Open(name)
	k := h.files[name]
	if err != nil || k == nil {
		return f, err
	}
	r, err := k.open()
	return heldFile{f, r}, err
}

// heldFile is a file of the tree with its content.
type heldFile struct {
	fs.File
	r io.ReadCloser
}

// Read implements fs.File.
func (f heldFile) Read(p []byte) (int, error) { return f.r.Read(p) }

// Close implements fs.File.
func (f heldFile) Close() error { return errors.Join(f.r.Close(), f.File.Close()) }

// wanted says that an import reads the file.
func wanted(name string) bool {
	switch path.Ext(name) {
	case ".conf", ".meta", ".csv", ".json", ".ndjson", ".jsonl", ".yml", ".yaml":
		return true
	}
	return false
}
