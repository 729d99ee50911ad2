package api

import (
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// TestStartTimeZone: the search head's time zone is kept with the migration; one that is not known is refused, and so is
// another while the migration runs.
func TestStartTimeZone(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	start := func(zone string) string {
		return `{"connectorId":"deterministic","settings":{"time_zone":"` + zone + `"}}`
	}
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start("Nowhere")), 400, "settings.time_zone", "Europe/Berlin")
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start("Local")), 400, "settings.time_zone")
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start("Asia/Tokyo")), 200, "true")
	stored, err := b.store.Resources(t.Context(), id)
	if err != nil || len(stored) != 1 || stored[0].Type != migration.ResourceSetting || stored[0].Name != migration.SettingTimeZone || stored[0].Definition != "Asia/Tokyo" {
		t.Errorf("%+v %v", stored, err)
	}
	b.want(b.do("POST", BasePath+"/"+id+"/resources", `[{"type":"setting","name":"colour","definition":"red"}]`), 400, "colour", "time_zone")
	b.want(b.do("POST", BasePath+"/"+id+"/resources", `[{"type":"setting","name":"time_zone","definition":"Mars"}]`), 400, "Mars")
	if err := b.store.SetState(t.Context(), id, store.Change{State: migration.Running, Epoch: 2, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	b.want(b.do("PUT", BasePath+"/"+id+"/start", start("UTC")), 409, "running")
}
