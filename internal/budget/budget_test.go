package budget

import (
	"context"
	"errors"
	"testing"
)

// spend runs f with a budget and gives the end of the budget, nil where it lasted.
func spend(b *Budget, f func(*Budget)) (err error) {
	defer Catch(&err)
	f(b)
	return nil
}

func TestLimits(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	var nest func(b *Budget, n int)
	nest = func(b *Budget, n int) {
		defer b.Enter().Leave()
		if n > 1 {
			nest(b, n-1)
		}
	}
	endless := func(b *Budget) {
		for {
			b.Step(1)
		}
	}
	for _, c := range []struct {
		name  string
		b     *Budget
		f     func(*Budget)
		limit string
	}{
		{"steps within", New(t.Context(), 100, 10), func(b *Budget) { b.Step(60); b.Step(40) }, ""},
		{"steps beyond", New(t.Context(), 100, 10), endless, "steps"},
		{"a step of nothing is one", New(t.Context(), 3, 10), func(b *Budget) {
			for range 4 {
				b.Step(0)
			}
		}, "steps"},
		{"depth within", New(t.Context(), 100, 10), func(b *Budget) { nest(b, 10); nest(b, 10) }, ""},
		{"depth beyond", New(t.Context(), 100, 10), func(b *Budget) { nest(b, 11) }, "depth"},
		{"canceled", New(canceled, 1000, 10), endless, "context"},
		{"no budget", nil, func(b *Budget) { b.Step(1 << 40); nest(b, 1000) }, ""},
	} {
		err := spend(c.b, c.f)
		var e *Exceeded
		switch {
		case c.limit == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.limit != "" && (!errors.As(err, &e) || e.Limit != c.limit):
			t.Errorf("%s: got %v, want the limit of %s", c.name, err, c.limit)
		}
		if c.limit == "context" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v does not unwrap to the context's error", c.name, err)
		}
	}
}

func TestCatchLetsOthersPass(t *testing.T) {
	defer func() {
		if p := recover(); p != "other" {
			t.Errorf("recovered %v, want the panic that is no budget's", p)
		}
	}()
	_ = spend(nil, func(*Budget) { panic("other") })
}
