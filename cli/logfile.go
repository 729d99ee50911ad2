package cli

import (
	"errors"
	"os"
	"strings"

	"go.uber.org/zap/zapcore"
)

// logName is the file in a data folder that has what a command does not show: what Temporal says of its inner life, which it
// tries again by itself, and what an installation says of a rule, which its result names.
const logName = "rulebridge.log"

// mostLog is the size in bytes from which on the file begins anew; the one before it is kept beside it.
const mostLog = 8 << 20

// apart is a core that hands the lines of some loggers to a file in place of showing them.
type apart struct {
	zapcore.Core
	file zapcore.Core
	use  logUse
	kept bool // there is a file
}

// unshown says whether a line goes to the file. A command's requests to the gateway in its process are among them: it says
// itself what was answered, and where an answer points to the log there has to be one.
func (a apart) unshown(e zapcore.Entry) bool {
	for name := range strings.SplitSeq(e.LoggerName, ".") {
		if strings.HasPrefix(name, "temporal") || a.use == logCommand && (name == "install" || a.kept && name == "gateway" && e.Message == "request") {
			return true
		}
	}
	return false
}

// With implements zapcore.Core.
func (a apart) With(fields []zapcore.Field) zapcore.Core {
	return apart{a.Core.With(fields), a.file.With(fields), a.use, a.kept}
}

// Check implements zapcore.Core.
func (a apart) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if a.Enabled(e.Level) {
		return ce.AddCore(e, a)
	}
	return ce
}

// Write implements zapcore.Core.
func (a apart) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if a.unshown(e) {
		return a.file.Write(e, fields)
	}
	return a.Core.Write(e, fields)
}

// logFile is a file that is made with its first line, in a folder that is there by then. What cannot be written is lost: a
// log stops no work.
type logFile struct {
	path string
	f    *os.File
	size int64
}

// Write implements zapcore.WriteSyncer.
func (l *logFile) Write(b []byte) (int, error) {
	if l.f != nil && l.size > mostLog {
		_ = l.f.Close()
		l.f = nil
	}
	if l.f == nil && !l.open() {
		return len(b), nil
	}
	n, _ := l.f.Write(b)
	l.size += int64(n)
	return len(b), nil
}

func (l *logFile) open() bool {
	info, err := os.Stat(l.path)
	if err == nil && info.Size() > mostLog {
		err = os.Rename(l.path, l.path+".1")
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false
	}
	if l.f, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		l.f = nil
		return false
	}
	l.size = 0
	if info, err := l.f.Stat(); err == nil {
		l.size = info.Size()
	}
	return true
}

// Sync implements zapcore.WriteSyncer.
func (l *logFile) Sync() error { return nil }
