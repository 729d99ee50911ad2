package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/rulebridge/rulebridge/internal/codec"
)

const uiOrigin = "https://temporal.example.org"

func withCodec(t *testing.T) func(*Deps) {
	t.Helper()
	ring, err := codec.New("k", map[string][]byte{"k": bytes.Repeat([]byte{7}, codec.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	return func(d *Deps) { d.Codec, d.Settings.CodecOrigin = ring, uiOrigin }
}

func payloadsJSON(t *testing.T, ps ...*commonpb.Payload) string {
	t.Helper()
	text, err := protojson.Marshal(&commonpb.Payloads{Payloads: ps})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCodec(t *testing.T) {
	b := newBench(t, withAuth(t), withCodec(t))
	otto := basic("otto", "pw-otto")
	plain := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"secret"`)}

	w := b.do("POST", "/codec/encode", payloadsJSON(t, plain), otto)
	b.want(w, 200)
	var sealed commonpb.Payloads
	if err := protojson.Unmarshal(w.Body.Bytes(), &sealed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed.Payloads[0].Data), "secret") {
		t.Error("encode does not encrypt")
	}
	w = b.do("POST", "/codec/decode", w.Body.String(), otto, "Origin: "+uiOrigin, "Sec-Fetch-Site: cross-site", "-kbn-xsrf")
	b.want(w, 200)
	var back commonpb.Payloads
	if err := protojson.Unmarshal(w.Body.Bytes(), &back); err != nil || len(back.Payloads) != 1 || !proto.Equal(back.Payloads[0], plain) {
		t.Errorf("decoded %v, %v", &back, err)
	}
	if w.Header().Get("Access-Control-Allow-Origin") != uiOrigin || w.Header().Get("Vary") != "Origin" {
		t.Errorf("headers %v", w.Header())
	}

	sealed.Payloads[0].Metadata["encryption-key-id"] = []byte("lost")
	b.want(b.do("POST", "/codec/decode", payloadsJSON(t, sealed.Payloads...), otto), 400, "lost", "codec.keys")
	b.want(b.do("POST", "/codec/decode", "[]", otto), 400, "payloads")
	b.want(b.do("POST", "/codec/decode", payloadsJSON(t, plain), basic("rita", "pw-rita")), 403, "operator")
	b.want(b.do("POST", "/codec/decode", payloadsJSON(t, plain)), 401)
	w = b.do("POST", "/codec/decode", payloadsJSON(t, plain), otto, "Origin: https://evil.example.org", "Sec-Fetch-Site: cross-site")
	b.want(w, 403)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin may read: %q", got)
	}
	// The UI's origin opens nothing else.
	b.want(b.do("POST", BasePath, rulesJSON(0, 1), otto, "Origin: "+uiOrigin, "Sec-Fetch-Site: cross-site"), 403)
}

func TestCodecPreflight(t *testing.T) {
	b := newBench(t, withAuth(t), withCodec(t))
	ask := func(path, origin, host string) http.Header {
		r := b.request(http.MethodOptions, path, "", "Origin: "+origin, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization,content-type", "Host: "+host)
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		h := w.Header().Clone()
		h.Set("Code", http.StatusText(w.Code))
		return h
	}
	h := ask("/codec/decode", uiOrigin, "127.0.0.1:8080")
	if h.Get("Code") != "No Content" || h.Get("Access-Control-Allow-Origin") != uiOrigin || h.Get("Access-Control-Allow-Methods") != "POST" ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("the UI: %v", h)
	}
	for name, h := range map[string]http.Header{
		"another origin": ask("/codec/decode", "https://evil.example.org", "127.0.0.1:8080"),
		"another path":   ask(BasePath, uiOrigin, "127.0.0.1:8080"),
		"a foreign host": ask("/codec/decode", uiOrigin, "rebound.example.org"),
	} {
		if h.Get("Code") == "No Content" || h.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestNoCodec(t *testing.T) {
	b := newBench(t)
	b.want(b.do("POST", "/codec/decode", "{}"), 404)
}
