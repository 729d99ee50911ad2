package llm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// Simulated makes up answers after a drawn latency. What it draws depends on the seed, the key and the attempt alone, so
// that a benchmark can compute the ideal and a test can repeat itself.
type Simulated struct {
	config Config
}

// NewSimulated checks the figures of a simulated connector.
func NewSimulated(c Config) (*Simulated, error) {
	switch {
	case c.Latency < 0:
		return nil, fmt.Errorf("connector %q: latency %v is negative", c.ID, c.Latency)
	case c.Jitter < 0 || c.Jitter > 1:
		return nil, fmt.Errorf("connector %q: jitter %v is not between 0 and 1", c.ID, c.Jitter)
	case c.ErrorRate < 0 || c.ErrorRate > 1:
		return nil, fmt.Errorf("connector %q: error_rate %v is not between 0 and 1", c.ID, c.ErrorRate)
	}
	return &Simulated{config: c}, nil
}

// SimulatedKey is the key of the one call that a migration makes for a rule.
func SimulatedKey(ruleID string) string { return "simulated/" + ruleID }

// ID is the configured id.
func (s *Simulated) ID() string { return s.config.ID }

// Kind is KindSimulated.
func (s *Simulated) Kind() string { return KindSimulated }

// Latency is how long a call with this key takes, uniform within the jitter around the mean.
func (s *Simulated) Latency(key string) time.Duration {
	spread := s.config.Jitter * (2*s.draw("latency", key, 0) - 1)
	return time.Duration(float64(s.config.Latency) * (1 + spread))
}

// Fails reports whether this attempt ends in a transient error.
func (s *Simulated) Fails(key string, attempt int) bool {
	return s.config.ErrorRate > 0 && s.draw("error", key, attempt) < s.config.ErrorRate
}

// draw is uniform in [0, 1).
func (s *Simulated) draw(what, key string, attempt int) float64 {
	sum := sha256.Sum256([]byte(what + "\x00" + strconv.FormatInt(s.config.Seed, 10) + "\x00" + key + "\x00" + strconv.Itoa(attempt)))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// Generate sleeps and answers.
func (s *Simulated) Generate(ctx context.Context, r Request) (Response, error) {
	timer := time.NewTimer(s.Latency(r.Key))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Response{}, ctx.Err()
	case <-timer.C:
	}
	if s.Fails(r.Key, r.Attempt) {
		return Response{}, &Error{Connector: s.ID(), Reason: Transient, Status: 503, Detail: "simulated failure"}
	}
	return Response{Text: `{"simulated":true}`, Model: "simulated"}, nil
}
