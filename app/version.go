package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	sources "github.com/rulebridge/rulebridge/internal"
)

// CompilerVersion names the compiler of this program: its source text and tables, and the overrides of the schema, if a
// file of them is named. Macros and lookups are the migration's and no part of it.
func CompilerVersion(schemaFile string) (string, error) {
	version := sources.Compiler()
	if schemaFile == "" {
		return version, nil
	}
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return "", fmt.Errorf("read the schema overrides: %w", err)
	}
	sum := sha256.Sum256(text)
	return version + "+schema." + hex.EncodeToString(sum[:])[:8], nil
}
