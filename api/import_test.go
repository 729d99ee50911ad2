package api

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

func init() {
	openapi3filter.RegisterBodyDecoder("application/gzip", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/x-tar", openapi3filter.FileBodyDecoder)
}

const alert = "enableSched = 1\nalert.track = 1\nalert_type = always\ncron_schedule = */5 * * * *\n"

const appConf = "[Rule A]\nsearch = index=a `mine`\n" + alert + "[Rule B]\nsearch = index=b\n" + alert + "[A report]\nsearch = index=c\n"

func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// form makes a body of parts.
func form(t *testing.T, files ...[2]string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		part, err := w.CreateFormFile("file", f[0])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(f[1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

type imported struct {
	MigrationID string `json:"migration_id"`
	Added       int    `json:"added"`
	Upserted    int    `json:"upserted"`
	Items       []struct {
		File, Kind, Name, Outcome, Why string
		Line                           int
	} `json:"items"`
	Concerns concerned `json:"concerns"`
}

func (b *bench) importAnswer(path, body, contentType string) imported {
	b.t.Helper()
	w := b.do("POST", BasePath+path, body, "Content-Type: "+contentType)
	b.want(w, 200)
	var a imported
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		b.t.Fatal(err)
	}
	return a
}

func TestImport(t *testing.T) {
	app := archive(t, map[string]string{
		"my_app/default/savedsearches.conf": appConf, "my_app/local/macros.conf": "[mine]\ndefinition = user=root\n",
		"my_app/default/eventtypes.conf": "[odd]\nsearch = index=a odd\n", "my_app/default/props.conf": "[syslog]\nEXTRACT-x = a\n",
		"my_app/default/tags.conf": "[eventtype=odd]\nodd = enabled\n", "my_app/default/data/models/Mine.json": `{"modelName":"Mine"}`,
	})
	parts, kind := form(t, [2]string{"savedsearches.conf", appConf}, [2]string{"../../macros.conf", "[mine]\ndefinition = user=root\n"})
	for name, tt := range map[string]struct {
		path, body, kind string
		added, upserted  int
	}{
		"archive":       {"/import", app, "application/gzip", 2, 5},
		"archive named": {"/import?name=my_app.spl", app, "application/octet-stream", 2, 5},
		"all":           {"/import?all=true", app, "application/octet-stream", 3, 5},
		"conf":          {"/import?name=savedsearches.conf", appConf, "text/plain", 2, 0},
		"btool":         {"/import", appConf, "text/plain", 2, 0},
		"form":          {"/import", parts, kind, 2, 1},
		"rules":         {"/import", `[{"id":"x","query":"index=a"}]`, "application/json", 1, 0},
		"NDJSON":        {"/import", `{"id":"x","query":"index=a"}` + "\n" + `{"id":"y","query":"index=a"}`, "application/x-ndjson", 2, 0},
		"export":        {"/import", `{"preview":false,"result":{"title":"x","search":"index=a"}}`, "application/json", 1, 0},
		"CSV":           {"/import", "title,search\nx,index=a\n", "text/csv", 1, 0},
		"YAML":          {"/import", "name: x\nid: x\nsearch: index=a\n", "application/yaml", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.importAnswer(tt.path, tt.body, tt.kind)
			if a.Added != tt.added || a.Upserted != tt.upserted {
				t.Errorf("added %d, upserted %d; want %d and %d: %+v", a.Added, a.Upserted, tt.added, tt.upserted, a.Items)
			}
			m, err := b.store.Migration(t.Context(), a.MigrationID)
			if err != nil || m.State != migration.Ready || m.Total != tt.added {
				t.Errorf("%+v, %v", m, err)
			}
			if name == "archive" {
				b.want(b.do("GET", BasePath+"/"+a.MigrationID+"/resources", ""), 200, `{"type":"eventtype","name":"odd","rows":0,"used":false}`)
			}
		})
	}
}

// TestImportFaults: one bad file or line is named with its place, and drops nothing else.
func TestImportFaults(t *testing.T) {
	b := newBench(t)
	parts, kind := form(t, [2]string{"savedsearches.conf", appConf + "no setting\n"}, [2]string{"broken.tgz", "\x1f\x8bnothing"}, [2]string{"rules.json", `[{"id":"x"}]`})
	a := b.importAnswer("/import", parts, kind)
	want := map[string]string{"savedsearches.conf": "is neither a [stanza]", "broken.tgz": "no gzip archive", "rules.json": "is missing or empty"}
	for _, i := range a.Items {
		if why := want[i.File]; why != "" && i.Outcome == "error" && strings.Contains(i.Why, why) {
			delete(want, i.File)
		}
	}
	if len(want) > 0 || a.Added != 2 || a.Items[0].Outcome != "error" {
		t.Errorf("not named: %v\n%+v", want, a)
	}
}

func TestImportRefused(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Settings.Limits.Import = 1 << 10 })
	parts, kind := form(t, [2]string{"savedsearches.conf", appConf})
	for name, tt := range map[string]struct {
		path, body, kind string
		status           int
		want             string
	}{
		"empty":        {"/import", "", "application/json", 400, "no rule could be read"},
		"no alert":     {"/import?name=a.conf", "[A report]\nsearch = index=c\n", "text/plain", 400, "all=true"},
		"no boundary":  {"/import", "x", "multipart/form-data", 400, "boundary"},
		"cut off":      {"/import", parts[:len(parts)-80], kind, 400, "could not be read to its end"},
		"too long":     {"/import?name=a.conf", appConf + strings.Repeat("# long\n", 200), "text/plain", 413, "limits.import"},
		"a bad flag":   {"/import?all=perhaps", appConf, "text/plain", 400, "all"},
		"zip":          {"/import", "PK\x03\x04", "application/octet-stream", 400, "zip"},
		"unknown into": {"/unknown/import", appConf, "text/plain", 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b.want(b.do("POST", BasePath+tt.path, tt.body, "Content-Type: "+tt.kind), tt.status, tt.want)
		})
	}
	if n := len(b.migrations()); n != 0 {
		t.Errorf("%d migrations were left behind", n)
	}
}

// TestImportInto adds to a migration: rules that are there stay, resources alone are enough, and the rules they concern are
// named.
func TestImportInto(t *testing.T) {
	b := newBench(t)
	id := b.ended()
	a := b.importAnswer("/"+id+"/import?name=macros.conf", "[mine]\ndefinition = user=root\n", "text/plain")
	if a.Added != 0 || a.Upserted != 1 || a.Concerns.Total != 2 {
		t.Errorf("%+v", a)
	}
	a = b.importAnswer("/"+id+"/import", `[{"id":"full","query":"index=other"},{"id":"new","query":"index=a"}]`, "application/json")
	if a.Added != 1 {
		t.Errorf("%+v", a)
	}
	r, err := b.store.Rule(t.Context(), id, "full")
	if err != nil || r.Original.Query != "index=a `mine`" || r.Status != migration.StatusFinished {
		t.Errorf("%+v, %v", r, err)
	}
	if err := b.store.SetState(t.Context(), id, store.Change{State: migration.Running, Epoch: 2, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	b.want(b.do("POST", BasePath+"/"+id+"/import", appConf, "Content-Type: text/plain"), 409, "running")
}

// TestImportMany stores more rules than one write carries.
func TestImportMany(t *testing.T) {
	b := newBench(t)
	var lines strings.Builder
	const n = 4001
	for i := range n {
		fmt.Fprintf(&lines, "{\"id\":\"r%d\",\"query\":\"index=a\"}\n", i)
	}
	if a := b.importAnswer("/import", lines.String(), "application/x-ndjson"); a.Added != n || len(a.Items) > maxImportItems {
		t.Errorf("added %d, %d items", a.Added, len(a.Items))
	}
}

// TestImportsAtOnce: two imports into one migration at once leave every rule there once.
func TestImportsAtOnce(t *testing.T) {
	b := newBench(t)
	id := b.importAnswer("/import", `[{"id":"first","query":"index=a"}]`, "application/json").MigrationID
	done := make(chan *httptest.ResponseRecorder)
	for _, from := range []int{0, 1500} {
		var lines strings.Builder
		for i := range 3000 {
			fmt.Fprintf(&lines, "{\"id\":\"r%d\",\"query\":\"index=a\"}\n", from+i)
		}
		req := b.request("POST", BasePath+"/"+id+"/import", lines.String(), "Content-Type: application/x-ndjson")
		go func() {
			w := httptest.NewRecorder()
			b.server.ServeHTTP(w, req)
			done <- w
		}()
	}
	added := 0
	for range 2 {
		w := <-done
		var a imported
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		added += a.Added
	}
	counts, err := b.store.Counts(t.Context(), id)
	m, err2 := b.store.Migration(t.Context(), id)
	if err != nil || err2 != nil || added != 4500 || counts.Total != 4501 || m.State != migration.Ready {
		t.Errorf("added %d, %+v, %s, %v, %v", added, counts, m.State, err, err2)
	}
}
