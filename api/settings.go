package api

import (
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/config"
)

// Settings are what the gateway needs of the configuration. The secrets of others, such as the store's password, the keys
// of models and of encrypted histories, are not among them.
type Settings struct {
	HTTP          config.HTTP
	Auth          config.Auth
	Limits        config.Limits
	Migration     config.Migration
	Features      config.Features
	Assistant     config.Assistant
	ShutdownGrace time.Duration
	// Connectors are those that a start may name.
	Connectors []Connector
	// CodecOrigin is the origin of the Temporal UI that may call the codec; empty: none.
	CodecOrigin string
}

// Connector is a configured connector as far as a start needs to know.
type Connector struct{ ID, Kind string }

// SettingsOf takes from the configuration what the gateway needs.
func SettingsOf(c config.Config) Settings {
	s := Settings{
		HTTP: c.HTTP, Auth: c.Auth, Limits: c.Limits, Migration: c.Migration, Features: c.Features, Assistant: c.Assistant, ShutdownGrace: c.ShutdownGrace,
		CodecOrigin: c.Codec.UIOrigin,
	}
	for _, connector := range c.Connectors {
		s.Connectors = append(s.Connectors, Connector{ID: connector.ID, Kind: connector.Kind})
	}
	return s
}

// ConnectorByID finds the connector a start names.
func (s Settings) ConnectorByID(id string) (Connector, bool) {
	i := slices.IndexFunc(s.Connectors, func(c Connector) bool { return c.ID == id })
	if i < 0 {
		return Connector{}, false
	}
	return s.Connectors[i], true
}
