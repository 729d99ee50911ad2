package cli

import (
	"context"
	"io"
)

// interruptible reads from r until ctx ends, whose cause is then the error: a read of a terminal or a pipe waits for as long
// as nobody writes. The read that was waiting is left behind, so the process has to end soon after.
type interruptible struct {
	ctx  context.Context
	r    io.Reader
	rest []byte // read and not handed out
	err  error  // what r answered behind rest
}

func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.rest) == 0 && i.err == nil {
		type answer struct {
			data []byte
			err  error
		}
		done := make(chan answer, 1)
		go func() {
			buf := make([]byte, 64<<10)
			n, err := i.r.Read(buf)
			done <- answer{buf[:n], err}
		}()
		select {
		case <-i.ctx.Done():
			i.err = context.Cause(i.ctx)
		case a := <-done:
			i.rest, i.err = a.data, a.err
		}
	}
	if len(i.rest) == 0 {
		return 0, i.err
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}
