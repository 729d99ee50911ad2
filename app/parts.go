package app

import (
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/translate"

	"go.uber.org/zap"
)

// Activities builds the activities over a store and returns their registration.
func Activities(c config.Config, s store.Store, catalogue *prebuilt.Catalogue, log *zap.Logger) (func(sdkworker.Registry), error) {
	mapping, err := Schema(c.Schema)
	if err != nil {
		return nil, err
	}
	connectors, err := llm.NewSet(connectorConfigs(c.Connectors))
	if err != nil {
		return nil, err
	}
	d := activities.Deps{
		Migrations: s, Rules: s, Answers: s, Connectors: connectors, Logger: log.Named("activities"),
		Known:    compile.Known{Schema: mapping},
		Compiler: compile.NewCache(s, translate.Options{Schema: mapping}),
	}
	if catalogue != nil {
		d.Matcher = prebuilt.Matcher{Catalogue: catalogue}
	}
	a := activities.New(d)
	return func(r sdkworker.Registry) { a.Register(r) }, nil
}

func connectorConfigs(cs []config.Connector) []llm.Config {
	out := make([]llm.Config, len(cs))
	for i, c := range cs {
		out[i] = llm.Config{
			ID: c.ID, Kind: c.Kind, Latency: c.Latency, Jitter: c.Jitter.Of(c.Latency), ErrorRate: float64(c.ErrorRate), Seed: c.Seed,
			Model: c.Model, URL: c.URL, APIVersion: c.APIVersion, APIKey: c.APIKey.Reveal(), Timeout: c.Timeout,
			MaxTokens: c.MaxTokens, Temperature: c.Temperature, Budget: c.Budget,
		}
	}
	return out
}
