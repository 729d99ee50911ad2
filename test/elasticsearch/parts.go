// Package elasticsearch starts a real Elasticsearch node with ES|QL for tests and benchmarks, out of the artifacts that
// Maven Central has. It needs a JDK (17 or newer) and mvn, and keeps what it fetched (66 MB) in the user's cache folder.
//
// The node is the server with the ES|QL plugin and no more: it has no security, no TLS, no painless, no ENRICH
// policies, no _update_by_query, and lacks some field types; see Catalogue for what stands in for them. CATEGORIZE and
// CHANGE_POINT never return there, which is why every call has a timeout.
package elasticsearch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Version is the Elasticsearch release that runs.
const Version = "8.19.21"

//go:embed parts/pom.xml parts/EsNode.java
var partFiles embed.FS

// ErrMissingParts says that the node cannot be built on this machine; the wrapping error names what is missing.
var ErrMissingParts = errors.New("cannot start Elasticsearch " + Version)

// plugin is one folder under modules: a plugin has to be loaded from its own folder, not from the class path.
type plugin struct {
	name, class, extends string
	jars                 []string // patterns; copied instead of moved when they start with =
}

var plugins = []plugin{
	{"transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin", "", []string{"transport-netty4-*", "netty-*"}},
	{"x-pack-core", "org.elasticsearch.xpack.core.XPackPlugin", "", []string{
		"x-pack-core-*", "x-pack-template-*", "elasticsearch-ssl-config*", "unboundid*", "http*", "commons-*",
		"log4j-1.2*", "slf4j-*", "log4j-slf4j*"}},
	// comparisons in esql-core use the version type
	{"x-pack-esql-core", "org.elasticsearch.xpack.esql.core.plugin.EsqlCorePlugin", "x-pack-core", []string{
		"x-pack-esql-core*", "=x-pack-mapper-version*"}},
	{"mapper-version", "org.elasticsearch.xpack.versionfield.VersionFieldPlugin", "x-pack-core", []string{"x-pack-mapper-version*"}},
	{"x-pack-esql", "org.elasticsearch.xpack.esql.plugin.EsqlPlugin", "x-pack-esql-core", []string{
		"=antlr4*", "=x-pack-kql*", "x-pack-esql-8*", "x-pack-esql-compute*", "arrow*", "flatbuffers*", "jackson-*",
		"checker*", "lucene-spatial3d*", "elasticsearch-h3*", "elasticsearch-dissect*"}},
	{"x-pack-kql", "org.elasticsearch.xpack.kql.KqlPlugin", "x-pack-core", []string{"x-pack-kql-*", "antlr4*"}},
}

// parts is a folder with lib, modules and classes, ready to run.
type parts struct{ dir, java string }

// prepare fetches and lays out the parts, once a machine. Concurrent callers, other processes included, wait.
func prepare(ctx context.Context) (parts, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return parts{}, fmt.Errorf("%w: no java on the PATH; install a JDK, 17 or newer", ErrMissingParts)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return parts{}, fmt.Errorf("%w: no cache folder: %w", ErrMissingParts, err)
	}
	key, err := partsKey()
	if err != nil {
		return parts{}, err
	}
	root := filepath.Join(cache, "rulebridge", "elasticsearch")
	p := parts{dir: filepath.Join(root, Version+"-"+key), java: java}
	complete := filepath.Join(p.dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return p, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return parts{}, fmt.Errorf("create cache folder: %w", err)
	}
	unlock, err := lock(filepath.Join(root, "lock"))
	if err != nil {
		return parts{}, err
	}
	defer unlock()
	if _, err := os.Stat(complete); err == nil {
		return p, nil
	}
	for _, tool := range []string{"mvn", "javac"} {
		if _, err := exec.LookPath(tool); err != nil {
			return parts{}, fmt.Errorf("%w: no %s on the PATH; install a JDK (17 or newer) and Maven", ErrMissingParts, tool)
		}
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return parts{}, fmt.Errorf("clear %s: %w", p.dir, err)
	}
	if err := p.build(ctx); err != nil {
		return parts{}, fmt.Errorf("%w: %w", ErrMissingParts, err)
	}
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		return parts{}, fmt.Errorf("mark %s complete: %w", p.dir, err)
	}
	return p, nil
}

// partsKey changes whenever the embedded files do, so that an old cache is not used.
func partsKey() (string, error) {
	sum := sha256.New()
	for _, name := range []string{"parts/pom.xml", "parts/EsNode.java"} {
		data, err := partFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

func (p parts) build(ctx context.Context) error {
	lib, classes := filepath.Join(p.dir, "lib"), filepath.Join(p.dir, "classes")
	for _, dir := range []string{lib, classes} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"pom.xml", "EsNode.java"} {
		data, err := partFiles.ReadFile("parts/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(p.dir, name), data, 0o644); err != nil {
			return err
		}
	}
	if err := run(ctx, p.dir, "mvn", "-q", "-B", "-f", "pom.xml", "dependency:copy-dependencies",
		"-DoutputDirectory="+lib, "-DincludeScope=runtime"); err != nil {
		return err
	}
	for _, plugin := range plugins {
		if err := p.layOut(lib, plugin); err != nil {
			return fmt.Errorf("lay out %s: %w", plugin.name, err)
		}
	}
	return run(ctx, p.dir, "javac", "-nowarn", "-cp", filepath.Join(lib, "*"), "-d", classes, "EsNode.java")
}

func (p parts) layOut(lib string, plugin plugin) error {
	dir := filepath.Join(p.dir, "modules", plugin.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	descriptor := fmt.Sprintf("description=%[1]s\nversion=%[2]s\nname=%[1]s\njava.version=17\nelasticsearch.version=%[2]s\nclassname=%[3]s\n",
		plugin.name, Version, plugin.class)
	if plugin.extends != "" {
		descriptor += "extended.plugins=" + plugin.extends + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "plugin-descriptor.properties"), []byte(descriptor), 0o644); err != nil {
		return err
	}
	for _, pattern := range plugin.jars {
		pattern, copied := strings.CutPrefix(pattern, "=")
		found, err := filepath.Glob(filepath.Join(lib, pattern))
		if err != nil {
			return err
		}
		for _, jar := range found {
			to := filepath.Join(dir, filepath.Base(jar))
			if !copied {
				err = os.Rename(jar, to)
			} else {
				err = os.Link(jar, to)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		text := out.String()
		if len(text) > 2000 {
			text = text[len(text)-2000:]
		}
		return fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return nil
}
