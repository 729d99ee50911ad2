package embedded

import (
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
	"go.uber.org/zap"
)

// serverLogger hands the server's log lines to zap. The server is chatty about its inner life, and retries nearly all of its
// errors itself: its information and warnings are ours at debug level, its errors are information.
type serverLogger struct {
	zap *zap.Logger
}

// fatal is what a fatal log line panics with: the embedded server must not end the process by itself.
type fatal string

func newServerLogger(l *zap.Logger) *serverLogger {
	return &serverLogger{zap: l.Named("temporal-server")}
}

func fields(tags []tag.Tag) []zap.Field {
	fs := make([]zap.Field, 0, len(tags))
	for _, t := range tags {
		if zt, ok := t.(tag.ZapTag); ok {
			fs = append(fs, zt.Field())
			continue
		}
		fs = append(fs, zap.Any(t.Key(), t.Value()))
	}
	return fs
}

func (l *serverLogger) Debug(msg string, tags ...tag.Tag) {}

func (l *serverLogger) Info(msg string, tags ...tag.Tag) { l.debug("info", msg, tags) }

func (l *serverLogger) Warn(msg string, tags ...tag.Tag) { l.debug("warn", msg, tags) }

func (l *serverLogger) debug(level, msg string, tags []tag.Tag) {
	if ce := l.zap.Check(zap.DebugLevel, msg); ce != nil {
		ce.Write(append(fields(tags), zap.String("server_level", level))...)
	}
}

func (l *serverLogger) Error(msg string, tags ...tag.Tag) { l.zap.Info(msg, fields(tags)...) }

func (l *serverLogger) DPanic(msg string, tags ...tag.Tag) { l.zap.Error(msg, fields(tags)...) }

func (l *serverLogger) Panic(msg string, tags ...tag.Tag) {
	l.zap.Error(msg, fields(tags)...)
	panic(fatal(msg))
}

func (l *serverLogger) Fatal(msg string, tags ...tag.Tag) {
	l.zap.Error(msg, fields(tags)...)
	panic(fatal(msg))
}

// With implements log.WithLogger.
func (l *serverLogger) With(tags ...tag.Tag) log.Logger {
	return &serverLogger{zap: l.zap.With(fields(tags)...)}
}
