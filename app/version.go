package app

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	sources "github.com/rulebridge/rulebridge/internal"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// CompilerVersion names the compiler of this program: its source text and tables, the overrides of the schema, if a
// file of them is named, and settings other than the standard. Macros and lookups are the migration's and no part of it.
func CompilerVersion(schemaFile string, settings compile.Settings) (string, error) {
	version := sources.Compiler()
	standard := compile.StandardDefaults()
	defaults, err := settings.Defaults()
	if err != nil {
		return "", err
	}
	if defaults != standard {
		zone := cmp.Or(settings.TimeZone, "none")
		version += fmt.Sprintf("+schedule.%d.%d.%d.%s", defaults.Interval, defaults.Margin, defaults.CombiningInterval, zone)
	}
	if language(translate.Target(settings.Target)) != esql.V8 {
		version += "+target." + settings.Target
	}
	if settings.UnmappedFields {
		version += "+unmapped"
	}
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
