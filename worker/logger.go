package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/operatorservice/v1"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/rulebridge/rulebridge/workflows"
)

// logger hands the SDK's log lines to zap under our own field names: migration_id from the workflow's id, and whatever
// else a line carries in snake case.
type logger struct {
	zap *zap.Logger
}

// NewLogger adapts a zap logger for Temporal clients, workers, workflows and activities.
func NewLogger(l *zap.Logger) sdklog.Logger {
	if l == nil {
		l = zap.NewNop()
	}
	// One frame is this adapter.
	return &logger{zap: l.WithOptions(zap.AddCallerSkip(1))}
}

var (
	_ sdklog.WithLogger      = (*logger)(nil)
	_ sdklog.WithSkipCallers = (*logger)(nil)
)

func (l *logger) Debug(msg string, keyvals ...any) { l.zap.Debug(msg, logFields(keyvals)...) }
func (l *logger) Info(msg string, keyvals ...any)  { l.zap.Info(msg, logFields(keyvals)...) }
func (l *logger) Warn(msg string, keyvals ...any)  { l.write(zap.WarnLevel, msg, keyvals) }
func (l *logger) Error(msg string, keyvals ...any) { l.write(zap.ErrorLevel, msg, keyvals) }

// write demotes cancellations: a stop cancels whatever is in flight, and the SDK calls each an error, twice.
func (l *logger) write(level zapcore.Level, msg string, keyvals []any) {
	for _, v := range keyvals {
		if err, ok := v.(error); ok && (errors.Is(err, context.Canceled) || temporal.IsCanceledError(err)) {
			level = zap.DebugLevel
		}
	}
	l.zap.WithOptions(zap.AddCallerSkip(1)).Log(level, msg, logFields(keyvals)...)
}

// With implements sdklog.WithLogger.
func (l *logger) With(keyvals ...any) sdklog.Logger {
	return &logger{zap: l.zap.With(logFields(keyvals)...)}
}

// WithCallerSkip implements sdklog.WithSkipCallers.
func (l *logger) WithCallerSkip(n int) sdklog.Logger {
	return &logger{zap: l.zap.WithOptions(zap.AddCallerSkip(n))}
}

func logFields(keyvals []any) []zap.Field {
	fields := make([]zap.Field, 0, len(keyvals)/2+1)
	for i := 0; i < len(keyvals); i += 2 {
		key, ok := keyvals[i].(string)
		if !ok {
			key = fmt.Sprint(keyvals[i])
		}
		if i+1 == len(keyvals) {
			fields = append(fields, zap.String("extra", key))
			break
		}
		value := keyvals[i+1]
		if err, ok := value.(error); ok {
			fields = append(fields, zap.NamedError(strings.ToLower(key), err))
			continue
		}
		if key == "WorkflowID" {
			if id, ok := strings.CutPrefix(fmt.Sprint(value), workflows.WorkflowID("")); ok {
				fields = append(fields, zap.String("migration_id", id))
				continue
			}
		}
		fields = append(fields, zap.Any(snake(key), value))
	}
	return fields
}

// snake turns the SDK's names (TaskQueue, WorkflowID) into ours (task_queue, workflow_id).
func snake(s string) string {
	var b strings.Builder
	for i, r := range s {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && !(s[i-1] >= 'A' && s[i-1] <= 'Z') && s[i-1] != '_' {
			b.WriteByte('_')
		}
		if upper {
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func listSearchAttributes(namespace string) *operatorservice.ListSearchAttributesRequest {
	return &operatorservice.ListSearchAttributesRequest{Namespace: namespace}
}
