package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/rulebridge/rulebridge/config"
)

// ClusterOptions are the client options for a cluster as Temporal's own environment configuration gives them
// (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…, or a profile of TEMPORAL_CONFIG_FILE). Address
// and namespace that it leaves open come from the settings. env is a list of NAME=value.
func ClusterOptions(t config.Temporal, env []string) (client.Options, error) {
	o, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{ConfigFileStrict: true, EnvLookup: environment(env)})
	if err != nil {
		return o, fmt.Errorf("the Temporal environment configuration (TEMPORAL_… variables, TEMPORAL_CONFIG_FILE) is not right: %w", err)
	}
	if o.HostPort == "" {
		o.HostPort = t.Addr
	}
	if o.Namespace == "" {
		o.Namespace = t.Namespace
	}
	return o, nil
}

// Lookup finds variables in a list of NAME=value; those that are not there are empty.
func Lookup(env []string) func(string) string {
	return func(name string) string {
		v, _ := environment(env).LookupEnv(name)
		return v
	}
}

// environment is a list of NAME=value, of which the last counts.
type environment []string

// Environ implements envconfig.EnvLookup.
func (e environment) Environ() []string { return e }

// LookupEnv implements envconfig.EnvLookup.
func (e environment) LookupEnv(name string) (string, bool) {
	for i := len(e) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(e[i], name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// RegisterSearchAttributes makes ours known to the namespace and returns those that were not. One that exists with
// another type is an error.
func RegisterSearchAttributes(ctx context.Context, c client.Client, namespace string) (added []string, err error) {
	resp, err := c.OperatorService().ListSearchAttributes(ctx, listSearchAttributes(namespace))
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, name := range SearchAttributes() {
		switch typ, ok := resp.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
			added = append(added, name)
		case typ != enumspb.INDEXED_VALUE_TYPE_KEYWORD:
			return nil, fmt.Errorf("the search attribute %s of namespace %s has type %s, not Keyword; remove it (temporal operator search-attribute remove --name %s), then run setup again", name, namespace, typ, name)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return nil, fmt.Errorf("register the search attributes %s in namespace %s: %w", strings.Join(added, ", "), namespace, err)
	}
	return added, nil
}

// SearchAttributeCommands are what an operator runs where this program may not.
func SearchAttributeCommands(namespace string) []string {
	var cs []string
	for _, name := range SearchAttributes() {
		cs = append(cs, "temporal operator search-attribute create --namespace "+namespace+" --name "+name+" --type Keyword")
	}
	return cs
}

// ErrNoVersion says that a worker deployment, or the build in it, is not known to the server: no worker has polled yet.
var ErrNoVersion = errors.New("no worker of this build has been seen")

// ErrMissingQueues says that no worker of the build has polled some task queue that the current build serves.
var ErrMissingQueues = errors.New("no worker of this build has been seen on every task queue of the current one")

// missingQueues is what the server says then; the error has no type of its own.
const missingQueues = "is missing active task queues"

// MakeCurrent lets the build take the tasks of its deployment. changed is false when it did already.
func MakeCurrent(ctx context.Context, c client.Client, deployment, buildID string) (changed bool, err error) {
	h := c.WorkerDeploymentClient().GetHandle(deployment)
	d, err := h.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return false, fmt.Errorf("deployment %s: %w", deployment, ErrNoVersion)
	}
	if err != nil {
		return false, fmt.Errorf("describe deployment %s: %w", deployment, err)
	}
	if v := d.Info.RoutingConfig.CurrentVersion; v != nil && v.BuildID == buildID {
		return false, nil
	}
	if !slices.ContainsFunc(d.Info.VersionSummaries, func(v client.WorkerDeploymentVersionSummary) bool { return v.Version.BuildID == buildID }) {
		return false, fmt.Errorf("deployment %s, build %s: %w", deployment, buildID, ErrNoVersion)
	}
	_, err = h.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID, ConflictToken: d.ConflictToken})
	switch {
	case err != nil && strings.Contains(err.Error(), missingQueues):
		return false, fmt.Errorf("make build %s current in deployment %s: %w: %w", buildID, deployment, ErrMissingQueues, err)
	case err != nil:
		return false, fmt.Errorf("make build %s current in deployment %s: %w", buildID, deployment, err)
	}
	return true, nil
}

// CurrentBuild is the build that takes the tasks of a deployment; empty when there is none.
func CurrentBuild(ctx context.Context, c client.Client, deployment string) (string, error) {
	d, err := c.WorkerDeploymentClient().GetHandle(deployment).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("describe deployment %s: %w", deployment, err)
	case d.Info.RoutingConfig.CurrentVersion == nil:
		return "", nil
	}
	return d.Info.RoutingConfig.CurrentVersion.BuildID, nil
}
