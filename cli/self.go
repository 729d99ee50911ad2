package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// self is what a user types to run this program again: "go run ." when go run built it.
func self(arg0 string) string {
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return "go run ."
	}
	if filepath.Base(arg0) == arg0 {
		return arg0
	}
	if wd, err := os.Getwd(); err == nil && filepath.IsAbs(arg0) {
		if rel, err := filepath.Rel(wd, arg0); err == nil && !strings.HasPrefix(rel, "..") {
			return "./" + filepath.ToSlash(rel)
		}
	}
	return arg0
}

func cutEnv(kv string) (name, value string, ok bool) { return strings.Cut(kv, "=") }

// quote makes an argument safe to paste into a shell.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+=:@%,", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
