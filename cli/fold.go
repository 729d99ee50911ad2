package cli

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// foldEvery is how often a repeated log entry is shown at most.
const foldEvery = 30 * time.Second

// folding is a core that shows an entry once and counts its repetitions: of an outage a person needs one line with a number,
// not hundreds between progress bars. Entries are the same when level, logger and message are.
type folding struct {
	zapcore.Core
	state *foldState
}

type foldState struct {
	mu   sync.Mutex
	seen map[foldKey]*foldCount
	now  func() time.Time
}

type foldKey struct {
	level           zapcore.Level
	logger, message string
}

type foldCount struct {
	shown    time.Time
	repeated int
}

// maxFolded bounds the number of different entries that are remembered.
const maxFolded = 1000

func newFolding(core zapcore.Core, now func() time.Time) zapcore.Core {
	return folding{core, &foldState{seen: map[foldKey]*foldCount{}, now: now}}
}

// With implements zapcore.Core.
func (f folding) With(fields []zapcore.Field) zapcore.Core {
	return folding{f.Core.With(fields), f.state}
}

// Check implements zapcore.Core.
func (f folding) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if f.Enabled(e.Level) {
		return ce.AddCore(e, f)
	}
	return ce
}

// Write implements zapcore.Core.
func (f folding) Write(e zapcore.Entry, fields []zapcore.Field) error {
	n, show := f.state.count(foldKey{e.Level, e.LoggerName, e.Message})
	if !show {
		return nil
	}
	if n > 0 {
		fields = append(fields[:len(fields):len(fields)], zap.Int("repeated", n))
	}
	return f.Core.Write(e, fields)
}

// count says whether the entry is shown now, and how often it was not since it last was.
func (s *foldState) count(k foldKey) (repeated int, show bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.seen[k]
	if c == nil {
		if len(s.seen) >= maxFolded {
			clear(s.seen)
		}
		c = &foldCount{}
		s.seen[k] = c
	} else if s.now().Sub(c.shown) < foldEvery {
		c.repeated++
		return 0, false
	}
	repeated, c.repeated, c.shown = c.repeated, 0, s.now()
	return repeated, true
}
