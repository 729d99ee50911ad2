package cli

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// gatewaySink stores what an import finds through a gateway while it is read: rules in parts, then macros and lookups, then
// the seal that makes the migration ready.
type gatewaySink struct {
	*splunk.Tally
	ctx       context.Context
	g         *gateway
	id        string // empty until the first rules make a migration
	last      []json.RawMessage
	resources []migration.Resource // names only
	concerns  concerned
	err       error // of the gateway
}

// Rules implements splunk.Sink.
func (k *gatewaySink) Rules(rules []migration.OriginalRule) error {
	for left := rules; len(left) > 0; {
		if k.id, k.last, left, k.err = k.g.storeNext(k.ctx, k.id, left, false); k.err != nil {
			return k.err
		}
	}
	return nil
}

// Resources implements splunk.Sink. Without rules there is no migration that they could belong to.
func (k *gatewaySink) Resources(list []migration.Resource) error {
	if k.id == "" {
		return nil
	}
	c, err := k.g.define(k.ctx, k.id, list)
	if k.err = err; err != nil {
		return err
	}
	k.concerns.Total = max(k.concerns.Total, c.Total)
	for _, id := range c.RuleIDs {
		if !slices.Contains(k.concerns.RuleIDs, id) {
			k.concerns.RuleIDs = append(k.concerns.RuleIDs, id)
		}
	}
	k.concerns.Total = max(k.concerns.Total, len(k.concerns.RuleIDs))
	for _, r := range list {
		k.resources = append(k.resources, migration.Resource{Type: r.Type, Name: r.Name})
	}
	return nil
}

// seal ends an import: a repeated chunk adds nothing, and without seal=false it seals.
func (k *gatewaySink) seal() error {
	if k.last != nil {
		k.err = k.g.add(k.ctx, k.id, k.last, true)
	}
	return k.err
}
