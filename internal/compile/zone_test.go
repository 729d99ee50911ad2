package compile_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// zones gives each migration the time zone that it is called, none to the empty one.
type zones struct{}

func (zones) Resources(_ context.Context, id string) ([]migration.Resource, error) {
	return []migration.Resource{{Type: migration.ResourceSetting, Name: migration.SettingTimeZone, Definition: id}}, nil
}

func (zones) ResourcesVersion(context.Context, string) (int64, error) { return 1, nil }

// TestMigrationZone: drafts and ranges of a migration go by its own time zone, others by the house's.
func TestMigrationZone(t *testing.T) {
	defaults, err := compile.Settings{TimeZone: "Asia/Kolkata"}.Defaults()
	require.NoError(t, err)
	cache := compile.NewCache(zones{}, translate.Options{Zone: defaults.Zone}, defaults)
	rule := migration.OriginalRule{ID: "r", Query: "`wineventlog_security` EventCode=4625 | eval day=strftime(_time, \"%A\") | search day=Sunday", EarliestTime: "-1d@d", LatestTime: "@d"}
	for id, want := range map[string][2]string{"": {"330 minutes", "now-1d+330m/d-330m"}, "Asia/Tokyo": {"9 hours", "now-1d+9h/d-9h"}} {
		out, err := cache.Compile(t.Context(), id, rule)
		require.NoError(t, err)
		require.Contains(t, out.Rule.Query, want[0], id)
		require.Equal(t, want[1], out.Rule.From, id)
		made, err := cache.Explain(t.Context(), id, rule)
		require.NoError(t, err)
		require.Equal(t, out.Rule, made.Rule, id)
	}
	_, err = cache.Compile(t.Context(), "Nowhere", rule)
	require.ErrorIs(t, err, compile.ErrResources)
}
