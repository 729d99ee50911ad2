package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"github.com/rulebridge/rulebridge/internal/codec"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, codec.KeySize) }

func ring(t *testing.T, active string, keys map[string][]byte) *codec.Codec {
	t.Helper()
	c, err := codec.New(active, keys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func payload(t *testing.T, v any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRoundTripAndRotation(t *testing.T) {
	old := ring(t, "2025", map[string][]byte{"2025": key(1)})
	both := ring(t, "2026", map[string][]byte{"2025": key(1), "2026": key(2)})
	fresh := ring(t, "2026", map[string][]byte{"2026": key(2)})
	plain := payload(t, map[string]string{"rule": "secret-rule"})

	sealed, err := old.Encode([]*commonpb.Payload{plain, plain})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range sealed {
		if text := p.String(); strings.Contains(text, "secret-rule") || strings.Contains(text, "json/plain") {
			t.Errorf("readable: %s", text)
		}
	}
	if bytes.Equal(sealed[0].Data, sealed[1].Data) {
		t.Error("the same payload twice gives the same bytes: the nonce repeats")
	}
	for _, c := range []*codec.Codec{old, both} {
		got, err := c.Decode(sealed)
		if err != nil || !proto.Equal(got[0], plain) || !proto.Equal(got[1], plain) {
			t.Errorf("%v: %v %v", c.KeyIDs(), got, err)
		}
	}
	_, err = fresh.Decode(sealed)
	var unknown *codec.UnknownKeyError
	if !errors.As(err, &unknown) || unknown.KeyID != "2025" || !strings.Contains(err.Error(), "codec.keys") {
		t.Errorf("after the old key is gone: %v", err)
	}
	// Encoding again leaves what is sealed as it is.
	again, err := both.Encode(sealed)
	if err != nil || !proto.Equal(again[0], sealed[0]) {
		t.Errorf("sealed twice: %v %v", again, err)
	}
}

func TestPlainPasses(t *testing.T) {
	plain := payload(t, "from before encryption was on")
	for _, c := range []*codec.Codec{ring(t, "", map[string][]byte{"a": key(1)}), ring(t, "a", map[string][]byte{"a": key(1)})} {
		if got, err := c.Decode([]*commonpb.Payload{plain}); err != nil || !proto.Equal(got[0], plain) {
			t.Errorf("decode: %v %v", got, err)
		}
	}
	off := ring(t, "", map[string][]byte{"a": key(1)})
	if got, err := off.Encode([]*commonpb.Payload{plain}); err != nil || !proto.Equal(got[0], plain) || off.Encrypts() {
		t.Errorf("without an active key: %v %v", got, err)
	}
}

func TestDamaged(t *testing.T) {
	c := ring(t, "a", map[string][]byte{"a": key(1), "b": key(2)})
	seal := func() *commonpb.Payload {
		out, err := c.Encode([]*commonpb.Payload{payload(t, "x")})
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	for name, damage := range map[string]func(*commonpb.Payload){
		"a bit":          func(p *commonpb.Payload) { p.Data[len(p.Data)-1] ^= 1 },
		"the nonce":      func(p *commonpb.Payload) { p.Data[0] ^= 1 },
		"too short":      func(p *commonpb.Payload) { p.Data = p.Data[:5] },
		"another key id": func(p *commonpb.Payload) { p.Metadata["encryption-key-id"] = []byte("b") },
	} {
		p := seal()
		damage(p)
		if _, err := c.Decode([]*commonpb.Payload{p}); !errors.Is(err, codec.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := codec.New("a", map[string][]byte{"a": key(1)[:16]}); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := codec.New("b", map[string][]byte{"a": key(1)}); err == nil {
		t.Error("an active key that is not there is taken")
	}
}

// TestInWorkflow: what a workflow cannot decrypt stops its task; elsewhere it is an error.
func TestInWorkflow(t *testing.T) {
	sealed, err := ring(t, "a", map[string][]byte{"a": key(1)}).DataConverter().ToPayloads("x")
	if err != nil {
		t.Fatal(err)
	}
	dc := ring(t, "b", map[string][]byte{"b": key(2)}).DataConverter()
	var unknown *codec.UnknownKeyError
	var to string
	if err := workflow.DataConverterWithoutDeadlockDetection(dc).FromPayloads(sealed, &to); !errors.As(err, &unknown) {
		t.Errorf("outside: %v", err)
	}
	aware := dc.(workflow.ContextAware)
	if err := aware.WithContext(context.Background()).FromPayloads(sealed, &to); !errors.As(err, &unknown) {
		t.Errorf("in an activity: %v", err)
	}
	defer func() {
		err, ok := recover().(error)
		if !ok || !errors.As(err, &unknown) {
			t.Errorf("in a workflow: %v, want a panic", err)
		}
	}()
	_ = aware.WithWorkflowContext(nil).FromPayloads(sealed, &to)
}

// TestFailures: messages are encrypted, and the type by which workflows know a missing key is not.
func TestFailures(t *testing.T) {
	fc := ring(t, "a", map[string][]byte{"a": key(1)}).FailureConverter()
	f := fc.ErrorToFailure(fmt.Errorf("unable to decode secret-input: %w", &codec.UnknownKeyError{KeyID: "z"}))
	if text := f.String(); strings.Contains(text, "secret-input") {
		t.Errorf("readable: %s", text)
	}
	var app *temporal.ApplicationError
	err := fc.FailureToError(f)
	if !errors.As(err, &app) || !strings.Contains(err.Error(), "secret-input") {
		t.Fatalf("back: %v", err)
	}
	if !errors.As(app.Unwrap(), &app) || app.Type() != "UnknownKeyError" {
		t.Errorf("cause %v", app)
	}
}

func FuzzDecode(f *testing.F) {
	c, err := codec.New("a", map[string][]byte{"a": key(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("a"), []byte("data"))
	f.Add([]byte("unknown"), []byte{})
	f.Fuzz(func(t *testing.T, id, data []byte) {
		p := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": id}, Data: data}
		if out, err := c.Decode([]*commonpb.Payload{p}); err == nil {
			t.Fatalf("%q was taken for sealed: %v", data, out)
		}
	})
}
