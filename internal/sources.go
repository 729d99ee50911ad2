// Package sources holds the source text of the compiler, so that a program can say which compiler it has.
package sources

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// Everything that decides what becomes of a rule: the packages that internal/compile is made of, with their tables. The
// test of test/layout says when one is missing.
//
//go:embed budget/*.go compile/*.go esql/*.go migration/*.go mitre nearest/*.go schema/*.go schema/pipeline/*.go
//go:embed schema/data spl/*.go translate/*.go
var compiler embed.FS

// Compiler names the compiler by what it is made of: the same text gives the same name, in every build and on every
// machine, and a change of the text another.
var Compiler = sync.OnceValue(func() string {
	sum := sha256.New()
	err := fs.WalkDir(compiler, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".md") {
			return err
		}
		text, err := compiler.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s %d\n", path, len(text))
		if err == nil {
			_, err = sum.Write(text)
		}
		return err
	})
	if err != nil {
		panic("the sources in the program: " + err.Error())
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
})

// HasPackage says whether the source of a package below internal is held here.
func HasPackage(name string) bool {
	found, err := fs.Glob(compiler, name+"/*.go")
	return err == nil && len(found) > 0
}
