package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Secret is text that is never printed, logged or marshalled; Reveal gives it.
type Secret string

const redacted = "[redacted]"

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is empty for an empty secret, and a placeholder otherwise.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format writes the placeholder whatever the verb is.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// MarshalJSON writes the placeholder, as MarshalText, MarshalYAML and LogValue do.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s Secret) MarshalYAML() (any, error)    { return s.String(), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }

// Bytes is a size. It is written as a number of bytes or with a unit: 512, 64KiB, 64 MiB, 1GiB.
type Bytes int64

var byteUnits = []struct {
	suffix string
	size   int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// ParseBytes reads a size.
func ParseBytes(s string) (Bytes, error) {
	text, unit := strings.TrimSpace(s), int64(1)
	for _, u := range byteUnits {
		if n := len(text) - len(u.suffix); n > 0 && strings.EqualFold(text[n:], u.suffix) {
			text, unit = strings.TrimSpace(text[:n]), u.size
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is no size; write a number of bytes, or one with KiB, MiB or GiB", s)
	}
	return Bytes(n * unit), nil
}

// String uses the largest unit that divides the size.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b != 0 && int64(b)%u.size == 0 {
			if u.size == 1 {
				break
			}
			return strconv.FormatInt(int64(b)/u.size, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(t []byte) (err error) {
	*b, err = ParseBytes(string(t))
	return err
}

// Fraction is a share from 0 to 1, written as such or as a percentage.
type Fraction float64

func parseFraction(s string) (Fraction, error) {
	text, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no fraction; write a number from 0 to 1, or a percentage such as 5%%", s)
	}
	if percent {
		f /= 100
	}
	return Fraction(f), nil
}

// UnmarshalText reads a fraction or percentage.
func (f *Fraction) UnmarshalText(t []byte) (err error) {
	*f, err = parseFraction(string(t))
	return err
}

// Jitter is a spread around a mean: a share of it, or an absolute duration.
type Jitter struct {
	Share    Fraction
	Absolute time.Duration
}

// UnmarshalText reads a fraction, a percentage or a duration.
func (j *Jitter) UnmarshalText(t []byte) error {
	if f, err := parseFraction(string(t)); err == nil {
		*j = Jitter{Share: f}
		return nil
	}
	d, err := time.ParseDuration(string(t))
	if err != nil {
		return fmt.Errorf("%q is no jitter; write a fraction (0.5), a percentage (50%%) or a duration (1s)", t)
	}
	*j = Jitter{Absolute: d}
	return nil
}

// String is the form UnmarshalText reads.
func (j Jitter) String() string {
	if j.Absolute != 0 {
		return j.Absolute.String()
	}
	return strconv.FormatFloat(float64(j.Share), 'g', -1, 64)
}

// MarshalText is String.
func (j Jitter) MarshalText() ([]byte, error) { return []byte(j.String()), nil }

// Of is the jitter as a share of the mean, at most 1.
func (j Jitter) Of(mean time.Duration) float64 {
	if j.Absolute == 0 {
		return min(float64(j.Share), 1)
	}
	if mean <= 0 {
		return 0
	}
	return min(float64(j.Absolute)/float64(mean), 1)
}
