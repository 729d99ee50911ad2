package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// upload is what goes to a gateway elsewhere, which reads it as this process would.
type upload struct {
	paths  []string
	names  []string // of the parts of the form, as long as paths
	folder []bool
	faults []splunk.Item // files that could not be packed
}

// newUpload names the parts. Parts of one name are told apart by a number.
func newUpload(paths []string) (*upload, error) {
	u := &upload{paths: paths}
	taken := map[string]int{}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, usage(fmt.Errorf("open %s: %w", p, err))
		}
		root, err := filepath.Abs(p)
		if err != nil {
			return nil, usage(fmt.Errorf("open %s: %w", p, err))
		}
		name := filepath.Base(root)
		if info.IsDir() {
			name += ".tgz"
		} else if !info.Mode().IsRegular() {
			return nil, usagef("%s is no regular file and no folder", p)
		}
		if taken[name]++; taken[name] > 1 {
			ext := filepath.Ext(name)
			name = fmt.Sprintf("%s~%d%s", strings.TrimSuffix(name, ext), taken[name], ext)
		}
		u.names, u.folder = append(u.names, name), append(u.folder, info.IsDir())
	}
	return u, nil
}

// write sends the files one after another; none is held.
func (u *upload) write(w *multipart.Writer) error {
	for i, p := range u.paths {
		part, err := w.CreateFormFile("file", u.names[i])
		if err != nil {
			return err
		}
		if u.folder[i] {
			err = splunk.Pack(part, p, func(item splunk.Item) { u.faults = append(u.faults, item) })
		} else {
			err = copyFile(part, p)
		}
		if err != nil {
			return err
		}
	}
	return w.Close()
}

func copyFile(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}

// place gives an item the path that the user knows in place of the part's name.
func (u *upload) place(i splunk.Item) splunk.Item {
	for n, name := range u.names {
		root, err := filepath.Abs(u.paths[n])
		if err != nil {
			continue
		}
		inner := name + "!/" + filepath.Base(root) + "/"
		switch {
		case i.File == name:
			i.File = u.paths[n]
			return i
		case u.folder[n] && strings.HasPrefix(i.File, inner):
			i.File = filepath.Join(u.paths[n], filepath.FromSlash(strings.TrimPrefix(i.File, inner)))
			return i
		}
	}
	return i
}

// importThere sends the files to a gateway elsewhere and says what it found in them.
func (p Program) importThere(ctx context.Context, g *gateway, f migrateFlags, into string, paths []string) error {
	u, err := newUpload(paths)
	if err != nil {
		return err
	}
	before, path := 0, "/import"
	if into != "" {
		stats, err := g.stats(ctx, into)
		if err != nil {
			return fmt.Errorf("add to migration %s: %w", into, err)
		}
		before, path = stats.Rules.Total, "/"+into+"/import"
	}
	if f.all {
		path += "?all=true"
	}
	var answer struct {
		MigrationID string `json:"migration_id"`
		Upserted    int    `json:"upserted"`
		splunk.Report
		Concerns concerned `json:"concerns"`
	}
	if err := g.upload(ctx, path, u, &answer); err != nil {
		var refused *answerError
		if errors.As(err, &refused) && refused.Status == http.StatusBadRequest { // the files, not the gateway
			if strings.HasPrefix(refused.Message, "the upload holds no alerts") {
				return noAlerts(paths)
			}
			return usage(errors.New(refused.Message))
		}
		return err
	}
	if into == "" {
		p.name(ctx, g, answer.MigrationID, cmp.Or(f.name, nameOf(paths)))
	}
	for i := range answer.Items {
		answer.Items[i] = u.place(answer.Items[i])
	}
	for _, fault := range u.faults {
		answer.Counts = append(answer.Counts, splunk.Count{Kind: fault.Kind, Outcome: splunk.Fault, N: 1})
		answer.Items = append([]splunk.Item{fault}, answer.Items...)
	}
	if named := answer.Faults(); len(named) > maxFaults {
		answer.Items = named[:maxFaults]
	}
	if err := p.writeFound(paths, answer.Report, true); err != nil {
		return err
	}
	var resources []migration.Resource
	for _, i := range answer.Items {
		if i.Outcome == splunk.Taken && (i.Kind == string(migration.ResourceMacro) || i.Kind == string(migration.ResourceLookup)) {
			resources = append(resources, migration.Resource{Type: migration.ResourceType(i.Kind), Name: i.Name})
		}
	}
	return p.writeKept(ctx, g, into, answer.MigrationID, before, answer.Concerns, resources, "--url "+quote(withoutPassword(f.url)))
}

// upload sends files as a form while it reads them.
func (g *gateway) upload(ctx context.Context, path string, u *upload, answer any) error {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	sent := make(chan error, 1)
	go func() {
		err := u.write(form)
		_ = w.CloseWithError(err)
		sent <- err
	}()
	resp, err := g.stream(ctx, http.MethodPost, rulesPath+path, r, form.FormDataContentType())
	_ = r.CloseWithError(errAnswered) // it may answer before it has read all
	// The client closes the pipe itself when it cannot send; then err says why.
	if werr := <-sent; werr != nil && !errors.Is(werr, errAnswered) && (err == nil || !errors.Is(werr, io.ErrClosedPipe)) {
		if err == nil {
			_ = resp.Body.Close()
		}
		return fmt.Errorf("send the files: %w", werr)
	}
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("read the answer of the gateway: %w", err)
	}
	return nil
}

// errAnswered ends an upload that the gateway reads no further.
var errAnswered = errors.New("the gateway has answered")
