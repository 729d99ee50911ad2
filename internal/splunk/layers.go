package splunk

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"path"
	"strings"
)

// source is a .conf file that can be read more than once.
type source struct {
	name  string // as it is shown
	local bool
	open  func() (io.ReadCloser, error)
}

// kept holds what comes as a stream and must be read twice: compressed, which is a tenth of what a .conf file is.
type kept struct {
	b    bytes.Buffer
	size int64
}

// keepAll reads a stream to its end, of at most limit bytes.
func (in *importer) keepAll(r io.Reader, limit int64) (_ *kept, err error) {
	k := &kept{}
	if in.deflate == nil {
		if in.deflate, err = flate.NewWriter(&k.b, flate.BestSpeed); err != nil {
			return nil, err
		}
	}
	in.deflate.Reset(&k.b)
	if k.size, err = io.Copy(in.deflate, io.LimitReader(r, limit)); err != nil {
		return nil, err
	}
	return k, in.deflate.Close()
}

func (k *kept) open() (io.ReadCloser, error) {
	return flate.NewReader(bytes.NewReader(k.b.Bytes())), nil
}

// again makes a source of a stream. What cannot be read to its end is a source of what was read.
func (in *importer) again(name string, r io.Reader) source {
	k, err := in.keepAll(r, maxFile+1) // one more, so that the reader says what is too long
	if err != nil {
		in.say(Item{File: name, Kind: "file", Outcome: Fault, Why: "it could not be read to its end: " + err.Error()})
		return source{name: name, open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }}
	}
	return source{name: name, open: k.open}
}

// layers are the sources of a .conf file of an app, default before local.
func layers(fsys fs.FS, root string, a appFolder, file string) []source {
	var out []source
	for _, dir := range []string{"default", "local"} {
		name := path.Join(a.dir, dir, file)
		if _, err := fs.Stat(fsys, name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		out = append(out, source{name: join(root, name), local: dir == "local", open: func() (io.ReadCloser, error) { return openFile(fsys, name) }})
	}
	return out
}

// scan gives the stanzas of a source one after another. fault hears of lines that cannot be read; the file's own fault is
// returned.
func (s source) scan(section func(*Stanza) bool, fault func(*Error)) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	n := 0
	p := confParser{file: s.name, printed: printout{may: !isConfName(s.name)}, fault: fault, section: func(x *Stanza) bool { n++; return section(x) }}
	if err := p.run(decoded(f, maxFile)); err != nil {
		return fmt.Errorf("what comes after its first %d stanzas is left out: %w", n, err)
	}
	return nil
}

// merged is a stanza with its settings of default and local, local last. File and line are of the uppermost.
type merged struct {
	Stanza
	local    bool
	defaults *Stanza // of the file; for what the stanza itself does not set
}

// Get is the value of a key, of the stanza or of the stanza default.
func (m *merged) Get(key string) (string, bool) {
	v, ok := m.Stanza.Get(key)
	if !ok && m.defaults != nil {
		v, ok = m.defaults.Get(key)
	}
	return v, ok
}

// value is the value of a key without white space around it; empty when the key is missing.
func (m *merged) value(key string) string {
	v, _ := m.Get(key)
	return strings.TrimSpace(v)
}

// keys are the names of all settings.
func (m *merged) keys() []string {
	var keys []string
	for _, s := range m.Settings {
		keys = append(keys, s.Key)
	}
	if m.defaults != nil {
		keys = append(keys, m.defaults.actions()...)
	}
	return keys
}

// add puts a further section of the stanza over what is there.
func (m *merged) add(s *Stanza, local bool) {
	if m.File != s.File {
		m.File, m.Line = s.File, s.Line
	}
	m.local = m.local || local
	m.Settings = append(m.Settings, s.Settings...)
}

// mostHeld is how many bytes of stanzas are held at a time until their last section comes.
const mostHeld = 8 << 20

// census counts, in a first reading, what merging has to know of a file in all its layers: not the stanzas, but how many
// sections each has, and how large those are that have several.
type census struct {
	sections map[uint64]*sections
	defaults *Stanza
}

type sections struct{ n, size int32 }

func (in *importer) census(sources []source) census {
	n := census{sections: map[uint64]*sections{}, defaults: &Stanza{Name: "default"}}
	for _, src := range sources {
		err := src.scan(func(s *Stanza) bool {
			if s.Name == "default" {
				n.defaults.Settings = append(n.defaults.Settings, s.Settings...)
				return true
			}
			key := nameHash(s.Name)
			if n.sections[key] == nil {
				n.sections[key] = &sections{}
			}
			n.sections[key].n++
			n.sections[key].size += sizeOf(s)
			return in.failed == nil
		}, func(e *Error) { in.fault(e) })
		if err != nil {
			in.say(Item{File: src.name, Kind: "file", Outcome: Fault, Why: err.Error()})
		}
	}
	return n
}

// nameHash is the same in every process, and so is the order in which stanzas come.
func nameHash(name string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name)
	return h.Sum64()
}

func sizeOf(s *Stanza) int32 {
	n := len(s.Name)
	for _, x := range s.Settings {
		n += len(x.Value) + 64
	}
	return int32(min(n, maxFile))
}

// merge gives each stanza of a .conf file in all its layers, once. Most stanzas have one section and go through; those that
// have several wait for their last. Should these be more than may be held, the file is read again for each part of them.
func (in *importer) merge(sources []source, each func(*merged)) {
	n := in.census(sources)
	waiting := int64(0)
	for _, s := range n.sections {
		if s.n > 1 {
			waiting += int64(s.size)
		}
	}
	parts := uint64(waiting/mostHeld + 1)
	for part := range parts {
		in.mergePart(sources, n, part, parts, each)
	}
}

func (in *importer) mergePart(sources []source, n census, part, parts uint64, each func(*merged)) {
	left := map[uint64]int32{} // sections still to come, of stanzas with several
	held := map[string]*merged{}
	for _, src := range sources {
		_ = src.scan(func(s *Stanza) bool { // what is wrong with the file was said at the first reading
			key := nameHash(s.Name)
			count := n.sections[key]
			switch {
			case s.Name == "default" || count == nil:
				return in.failed == nil
			case count.n == 1:
				if part == 0 {
					m := &merged{defaults: n.defaults}
					m.Name = s.Name
					m.add(s, src.local)
					each(m)
				}
				return in.failed == nil
			case key%parts != part:
				return in.failed == nil
			}
			if _, begun := left[key]; !begun {
				left[key] = count.n
			}
			left[key]--
			m := held[s.Name]
			if m == nil {
				m = &merged{defaults: n.defaults}
				m.Name = s.Name
				held[s.Name] = m
			}
			m.add(s, src.local)
			if left[key] == 0 {
				delete(held, s.Name)
				each(m)
			}
			return in.failed == nil
		}, func(*Error) {})
	}
	for _, m := range held { // two names of one hash, or a file that changed meanwhile
		each(m)
	}
}
