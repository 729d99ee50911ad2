package app

import (
	"errors"
	"fmt"
	"net"
)

// PortError says that something else listens where we were told to.
type PortError struct {
	What, Addr, Flag string
	Err              error
}

func (e *PortError) Error() string {
	return fmt.Sprintf("the %s cannot listen on %s: %v; stop what uses that port, or choose another with %s (0 takes any free one)", e.What, e.Addr, e.Err, e.Flag)
}

func (e *PortError) Unwrap() error { return e.Err }

// listen opens a listener; with fallback a busy port is replaced by a free one on the same host.
func listen(what, addr, flag string, fallback bool) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	if host, _, splitErr := net.SplitHostPort(addr); fallback && splitErr == nil {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			return l, nil
		}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return nil, &PortError{What: what, Addr: addr, Flag: flag, Err: err}
}

// claimAddr finds out where a part that opens its own listener can listen: the given address, or a free port.
func claimAddr(what, addr, flag string, fallback bool) (string, error) {
	l, err := listen(what, addr, flag, fallback)
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
