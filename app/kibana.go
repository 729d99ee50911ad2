package app

import (
	"fmt"
	"os"
	"strings"

	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
)

// NewInstaller makes the installer of the configured Kibanas over the rules of a store; it sends nothing. Filters tell
// exclusions apart; without them there are no exception lists.
func NewInstaller(c config.Config, rules install.Rules, filters *Filters) (*install.Installer, error) {
	i := &install.Installer{Rules: rules, Targets: map[string]install.Target{}}
	if filters != nil {
		i.Filters = filters
	}
	i.Reasons, _ = rules.(install.Reasons)
	i.Reviews, _ = rules.(install.Reviews)
	for _, k := range c.Kibanas {
		t, err := client.New(client.Options{URL: k.URL, Space: k.Space, Elasticsearch: k.Elasticsearch, Key: keyOf(k), CAFile: k.CAFile, Timeout: k.Timeout})
		if err != nil {
			return nil, fmt.Errorf("kibanas: %s: %w", k.Name, err)
		}
		i.Targets[k.Name] = t
	}
	return i, nil
}

// keyOf reads a Kibana's key when it is needed: only who installs has to have it, and a file may be renewed.
func keyOf(k config.Kibana) func() (string, error) {
	return func() (string, error) {
		if k.APIKeyFile != "" {
			text, err := os.ReadFile(k.APIKeyFile)
			if err != nil {
				return "", fmt.Errorf("read the key: %w", err)
			}
			if key := strings.TrimSpace(string(text)); key != "" {
				return key, nil
			}
			return "", fmt.Errorf("the file %s, which should hold the key, is empty", k.APIKeyFile)
		}
		if key := strings.TrimSpace(k.APIKey.Reveal()); key != "" {
			return key, nil
		}
		return "", fmt.Errorf("the environment variable %s, which should hold the key, is empty or not set", k.APIKeyEnv)
	}
}

// WithInstall adds the activities of installations to others.
func WithInstall(i *install.Installer, log *zap.Logger, others func(sdkworker.Registry)) func(sdkworker.Registry) {
	acts := activities.NewInstall(i, log.Named("install"))
	return func(r sdkworker.Registry) {
		others(r)
		acts.Register(r)
	}
}
