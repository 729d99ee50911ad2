package pipeline

import (
	"reflect"
	"strings"
	"testing"
)

// TestFactsParse reads every file of facts; each operation must be of a stream that says where it was read.
func TestFactsParse(t *testing.T) {
	streams, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range streams {
		if s.Read == "" || s.Version == "" || len(s.Operations) == 0 {
			t.Errorf("%s: version, read and operations are needed", name)
		}
	}
}

func TestApply(t *testing.T) {
	streams := map[string]*Stream{}
	facts := `codes logon 1 2
stream test/log
  version 1
  read nowhere
  by code
  under raw.
  drop -
  move [@logon] addr -> source.ip | ip4 ? not local
  copy [^1] path -> file.name | base
  set event.kind event
  set [2] event.outcome failure ? status=bad,worse
  copy pid -> process.pid | number
  set event.type single ? one part
  remove secret
  move hashes -> file.hash.md5 | key MD5 | lower
  pairs Changes -> changed.
  name file = path | base`
	if err := parse("test.txt", facts, streams); err != nil {
		t.Fatal(err)
	}
	s := streams["test/log"]
	for _, c := range []struct {
		about     string
		raw, want Event
		gone      []string
	}{
		{"a move takes the field away", Event{"code": {"1"}, "addr": {"::ffff:192.0.2.1"}},
			Event{"event.kind": {"event"}, "source.ip": {"192.0.2.1"}, "raw.code": {"1"}}, []string{"raw.addr"}},
		{"a condition keeps it", Event{"code": {"1"}, "addr": {"local"}},
			Event{"event.kind": {"event"}, "raw.addr": {"local"}, "raw.code": {"1"}}, nil},
		{"another code keeps it", Event{"code": {"3"}, "addr": {"192.0.2.1"}},
			Event{"event.kind": {"event"}, "raw.addr": {"192.0.2.1"}, "raw.code": {"3"}}, nil},
		{"a placeholder leaves nothing", Event{"code": {"1"}, "addr": {"-"}},
			Event{"event.kind": {"event"}, "raw.code": {"1"}}, []string{"raw.addr"}},
		{"a copy leaves it, for all codes but one", Event{"code": {"2"}, "path": {`C:\a\b.exe`}, "status": {"BAD"}},
			Event{"event.kind": {"event"}, "event.outcome": {"failure"}, "file.name": {"b.exe"}, "raw.code": {"2"}, "raw.path": {`C:\a\b.exe`}, "raw.status": {"BAD"}}, nil},
		{"numbers, removals, keys", Event{"pid": {"0x1f"}, "secret": {"x"}, "hashes": {"SHA1=A,MD5=B2"}},
			Event{"event.kind": {"event"}, "process.pid": {"31"}, "raw.pid": {"0x1f"}, "file.hash.md5": {"b2"}}, []string{"raw.hashes", "raw.secret"}},
		{"a condition that holds for a single value", Event{"part": {"a"}}, Event{"event.kind": {"event"}, "event.type": {"single"}, "raw.part": {"a"}}, nil},
		{"and not for several", Event{"part": {"a", "b"}}, Event{"event.kind": {"event"}, "raw.part": {"a", "b"}}, nil},
		{"two fields for each changed property", Event{"Changes{}.Name": {"Role.Name", "Tag"}, "Changes{}.NewValue": {"admin", ""}, "Changes{}.OldValue": {"user", "a"}},
			Event{"event.kind": {"event"}, "changed.Role_Name.NewValue": {"admin"}, "changed.Role_Name.OldValue": {"user"}, "changed.Tag.OldValue": {"a"}},
			[]string{"raw.Changes.Name", "raw.Changes.NewValue", "raw.Changes.OldValue"}},
	} {
		r := s.Apply(c.raw)
		if !reflect.DeepEqual(r.Doc, c.want) {
			t.Errorf("%s: %v, want %v", c.about, r.Doc, c.want)
		}
		if !reflect.DeepEqual(r.Gone, c.gone) {
			t.Errorf("%s: gone %v, want %v", c.about, r.Gone, c.gone)
		}
	}
	if got := s.WithNames(Event{"path": {`C:\a\b.exe`}})["file"]; !reflect.DeepEqual(got, []string{"b.exe"}) {
		t.Errorf("name: %v", got)
	}
}

func TestFactErrors(t *testing.T) {
	for facts, want := range map[string]string{
		"move a -> b":                       "before the first stream",
		"stream x\n  move a b":              "SOURCE -> TARGET",
		"stream x\n  move [@none] a -> b":   "no list of codes none",
		"stream x\n  move [1 a -> b":        "not closed",
		"stream x\n  copy a -> b | magic":   "unknown step magic",
		"stream x\n  copy a -> b ? perhaps": "unknown condition perhaps",
		"stream x\nstream x":                "a name of its own",
		"stream x\n  shuffle a":             "unknown word shuffle",
		"stream x\n  like y":                "no stream y",
	} {
		err := parse("test.txt", facts, map[string]*Stream{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", facts, err, want)
		}
	}
}
