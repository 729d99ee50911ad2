package client_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/client"
)

// The generated file is what the generator makes of openapi.yaml: "go generate ./client" writes it again.
func TestGeneratedFileIsCurrent(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^//go:generate go (run \S+) -config (\S+) -o (\S+) (\S+)$`).FindSubmatch(doc)
	if line == nil {
		t.Fatal("doc.go has no line that generates the client")
	}
	fresh := filepath.Join(t.TempDir(), "client.gen.go")
	args := append(strings.Fields(string(line[1])), "-config", string(line[2]), "-o", fresh, string(line[4]))
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" || bytes.Contains(out, []byte("openapi.yaml")) {
			t.Fatalf("generate the client: %v\n%s", err, out)
		}
		t.Skipf("the generator cannot be run here: %v\n%s", err, out)
	}
	want, err := os.ReadFile(fresh)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(string(line[3]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("client.gen.go is not what api/openapi.yaml gives: run go generate ./client")
	}
}

func TestUnknownMigration(t *testing.T) {
	url, stop, err := startGateway()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c, err := client.New(url)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := c.StatsWithResponse(t.Context(), "4f0d26f7-6f42-4d4e-8f3f-1fdf0f8b7d11")
	if err != nil {
		t.Fatal(err)
	}
	if stats.JSON200 != nil || stats.JSONDefault != nil || stats.StatusCode() != http.StatusNoContent {
		t.Errorf("%d: %+v, %+v", stats.StatusCode(), stats.JSON200, stats.JSONDefault)
	}
}

func TestRefused(t *testing.T) {
	const key = "a key of the tests, long enough 0123456789"
	sum := sha256.Sum256([]byte(key))
	url, stop, err := startGateway(fmt.Sprintf("RULEBRIDGE_AUTH_API_KEYS=[{name: robot, hash: %s, role: reader}]", hex.EncodeToString(sum[:])))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, tt := range []struct {
		name        string
		options     []client.ClientOption
		list, start int
	}{
		{"nobody", nil, 401, 401},
		{"reader", []client.ClientOption{client.WithAPIKey(key)}, 200, 403},
		{"wrong password", []client.ClientOption{client.WithBasicAuth("robot", "guess")}, 401, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := client.New(url, tt.options...)
			if err != nil {
				t.Fatal(err)
			}
			list, err := c.AllStatsWithResponse(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if list.StatusCode() != tt.list {
				t.Errorf("list: %d", list.StatusCode())
			}
			started, err := c.StartMigrationWithResponse(t.Context(), "x", nil, client.StartMigrationJSONRequestBody{ConnectorId: "deterministic"})
			if err != nil {
				t.Fatal(err)
			}
			if e := started.JSONDefault; e == nil || e.StatusCode != tt.start || e.Message == "" {
				t.Errorf("start: %d %+v", started.StatusCode(), e)
			}
		})
	}
}
