package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSeal(t *testing.T) {
	off, err := New("", map[string][]byte{"a": bytes.Repeat([]byte{1}, KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	on, err := New("a", map[string][]byte{"a": bytes.Repeat([]byte{1}, KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := New("ü:b", map[string][]byte{"a": bytes.Repeat([]byte{1}, KeySize), "ü:b": bytes.Repeat([]byte{2}, KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	var none *Codec
	for _, content := range []string{"", "WIN-07", "sealed:v1:x:y", "plain:v1:sealed:v1:", strings.Repeat("ü\x00", 50_000)} {
		for _, ring := range []*Codec{none, off, on, rotated} {
			sealed, err := ring.Seal("conversation:1", []byte(content))
			if err != nil {
				t.Fatal(err)
			}
			if ring != nil && ring.Encrypts() && len(content) > 3 && bytes.Contains(sealed, []byte(content)) {
				t.Errorf("%.20q stands in what was sealed", content)
			}
			got, err := rotated.Open("conversation:1", sealed)
			if err != nil || string(got) != content {
				t.Errorf("%.20q came back as %.20q, %v", content, got, err)
			}
		}
	}
	sealed, err := on.Seal("conversation:1", []byte("WIN-07"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := on.Open("conversation:2", sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("moved content: %v", err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	if _, err := on.Open("conversation:1", changed); !errors.Is(err, ErrDamaged) {
		t.Errorf("changed content: %v", err)
	}
	if _, err := on.Open("conversation:1", sealed[:len(sealed)-20]); !errors.Is(err, ErrDamaged) {
		t.Errorf("cut content: %v", err)
	}
	var unknown *UnknownKeyError
	later, err := rotated.Seal("x", []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ring := range []*Codec{none, on} {
		if _, err := ring.Open("x", later); !errors.As(err, &unknown) || unknown.KeyID != "ü:b" {
			t.Errorf("a key that is missing: %v", err)
		}
	}
}
