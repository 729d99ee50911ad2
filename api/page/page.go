// Package page holds the built page and serves its files. Its sources are in web/; `make page` builds them.
package page

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed dist
var files embed.FS

// Page serves the page's files. It is safe for concurrent use.
type Page struct {
	index  string
	assets map[string]*asset
}

// asset is one file, and the same compressed; that is made when a browser asks for it first.
type asset struct {
	kind  string
	plain []byte
	// hashed says that the name changes with what is in it, so that it can be kept for good.
	hashed bool

	once   sync.Once
	packed []byte
}

// New reads the embedded files. All of the gateway's routes stand beneath base, which is empty or begins with a slash and
// does not end with one.
func New(base string) (*Page, error) {
	if base != "" && (!strings.HasPrefix(base, "/") || strings.HasSuffix(base, "/")) {
		return nil, fmt.Errorf("the base path %q must begin with a slash and not end with one", base)
	}
	text, err := files.ReadFile("dist/index.html")
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	p := &Page{index: strings.ReplaceAll(string(text), "{{base}}", html.EscapeString(base)), assets: map[string]*asset{}}
	list, err := fs.ReadDir(files, "dist/assets")
	if err != nil {
		return nil, fmt.Errorf("read the page's files: %w", err)
	}
	for _, f := range list {
		plain, err := files.ReadFile("dist/assets/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read the page's file %s: %w", f.Name(), err)
		}
		p.assets[f.Name()] = &asset{kind: kindOf(f.Name()), plain: plain, hashed: path.Ext(f.Name()) != ".txt"}
	}
	return p, nil
}

// kindOf does not ask the machine's own tables, which may call a script something else.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// policy lets the page load what is served from here, and nothing be written into it. The nonce is for the styles that the
// page's editor makes.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Index answers with the page.
func (p *Page) Index(w http.ResponseWriter, _ *http.Request) {
	var b [18]byte
	_, _ = rand.Read(b[:]) // it never fails
	nonce := base64.StdEncoding.EncodeToString(b[:])
	h := w.Header()
	h.Set("Content-Security-Policy", fmt.Sprintf(policy, nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store") // another nonce each time, and names of files that change with the program
	_, _ = w.Write([]byte(strings.ReplaceAll(p.index, "{{nonce}}", nonce)))
}

// Asset answers with the file of that name; false, with nothing written, when there is none.
func (p *Page) Asset(w http.ResponseWriter, r *http.Request, name string) bool {
	a, ok := p.assets[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if a.hashed {
		// Private: the files stand behind the login like everything else.
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	body := a.plain
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = a.compressed()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
	return true
}

func (a *asset) compressed() []byte {
	a.once.Do(func() {
		var out bytes.Buffer
		z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a known one
		_, _ = z.Write(a.plain)                                 // into memory
		_ = z.Close()
		a.packed = out.Bytes()
	})
	return a.packed
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(accept string) bool {
	any, named := false, false
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64) // what is no number counts as 0
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			return q > 0
		case "*":
			any, named = q > 0, true
		}
	}
	return named && any
}
