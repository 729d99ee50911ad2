package schema

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestSharedField checks that what is remembered of a name is what it resolves to, whoever asks and however often.
func TestSharedField(t *testing.T) {
	names := []string{"user", "Processes.process_name", "host", "NoSuchValue", "properties.userAgent", "Hashes", "CommandLine",
		"requestParameters.bucketName", strings.Repeat("x", 2*maxCachedNameBytes)}
	hints := []Hint{{}, {EventCodes: []string{"1"}}, {EventCodes: []string{"4688"}}}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 2 {
				for _, src := range Default().Sources() {
					for _, name := range names {
						for _, h := range hints {
							if got, want := *src.SharedField(name, h), src.resolve(name, h); !reflect.DeepEqual(got, want) {
								t.Errorf("%s %s %v: remembered %+v, resolved %+v", src.Name, name, h.EventCodes, got, want)
							}
						}
					}
				}
			}
		})
	}
	wait.Wait()
}

// TestFieldCacheFlood checks that a flood of names finds each, and that long ones do not stay in memory.
func TestFieldCacheFlood(t *testing.T) {
	c := newFieldCache()
	finds := 0
	get := func(name string) *Field {
		return c.get(name, func(name string) Field { finds++; return Field{Source: name} })
	}
	for i := range 10 * cachedNames {
		if f := get(strconv.Itoa(i)); f.Source != strconv.Itoa(i) {
			t.Fatalf("%d gives %s", i, f.Source)
		}
	}
	long := strings.Repeat("x", maxCachedNameBytes+1)
	finds = 0
	if first, second := get(long), get(long); first == second || finds != 2 {
		t.Errorf("a long name is remembered")
	}
	finds = 0
	if first, second := get("again"), get("again"); first != second || finds != 1 {
		t.Errorf("asked twice, found %d times", finds)
	}
}
