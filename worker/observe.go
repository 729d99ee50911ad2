package worker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/codec"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// Meter counts what activities do.
type Meter interface {
	// Rule counts a rule that reached an end: full, partial, untranslatable, or error.
	Rule(result string)
	// Call counts a step that asked a connector; outcome is ok or the type of the error.
	Call(connector, outcome string, took time.Duration)
	// Activity counts an attempt.
	Activity(name, outcome string)
}

// activityMeter is the interceptor that tells a Meter.
type activityMeter struct {
	interceptor.WorkerInterceptorBase
	meter Meter
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (o *activityMeter) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &meteredActivity{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, meter: o.meter}
}

type meteredActivity struct {
	interceptor.ActivityInboundInterceptorBase
	meter Meter
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *meteredActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	begin := time.Now()
	out, err := a.Next.ExecuteActivity(ctx, in)
	name, result := activity.GetInfo(ctx).ActivityType.Name, outcome(err)
	a.meter.Activity(name, result)
	if name == workflows.ActivityCallModel {
		a.meter.Call(connectorOf(in.Args), result, time.Since(begin))
	}
	if err != nil {
		return out, err
	}
	switch o := out.(type) {
	case workflows.TranslateOutput:
		if o.Finished {
			a.meter.Rule(string(o.Result))
		}
	case workflows.CheckOutput:
		if o.Finished {
			a.meter.Rule(string(o.Result))
		}
	}
	if name == workflows.ActivityFail {
		a.meter.Rule(string(migration.StatusError))
	}
	return out, err
}

func connectorOf(args []any) string {
	for _, a := range args {
		switch in := a.(type) {
		case workflows.CallInput:
			return in.ConnectorID
		case *workflows.CallInput:
			return in.ConnectorID
		}
	}
	return "unknown"
}

// outcome names how an attempt ended, in a closed set of words.
func outcome(err error) string {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &app):
		return app.Type()
	case temporal.IsCanceledError(err), errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "error"
}

// Encrypt makes a client encrypt payloads as the settings say. The codec is nil when there are no keys.
func Encrypt(o *client.Options, c config.Codec) (*codec.Codec, error) {
	ring, err := Ring(c)
	if err != nil || ring == nil {
		return nil, err
	}
	o.DataConverter, o.FailureConverter = ring.DataConverter(), ring.FailureConverter()
	return ring, nil
}

// Ring builds the ring of keys; nil without keys.
func Ring(c config.Codec) (*codec.Codec, error) {
	if len(c.Keys) == 0 {
		return nil, nil
	}
	keys := map[string][]byte{}
	for _, k := range c.Keys {
		key, err := base64.StdEncoding.DecodeString(k.Key.Reveal())
		if err != nil {
			return nil, fmt.Errorf("codec.keys: key %q is no base64: %w", k.ID, err)
		}
		keys[k.ID] = key
	}
	ring, err := codec.New(c.Active, keys)
	if err != nil {
		return nil, fmt.Errorf("codec.keys: %w", err)
	}
	return ring, nil
}
