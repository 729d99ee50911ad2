package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"runtime"

	"github.com/rulebridge/rulebridge/worker"
)

// openUsage is the help of --open.
const openUsage = "open the page in the browser when it is there"

// openPage shows the page in the user's browser, or says its address where there is none to be found. The address is this
// program's own and one argument; no shell reads it.
func (p Program) openPage(address string) {
	name, args := browser(runtime.GOOS)
	path, err := exec.LookPath(name)
	if err == nil && runtime.GOOS == "linux" && !p.hasDisplay() {
		err = errors.New("there is no display")
	}
	if err == nil {
		c := exec.Command(path, append(args, address)...)
		if err = c.Start(); err == nil {
			go func() { _ = c.Wait() }() // what the browser has to say concerns nobody
			return
		}
	}
	_, _ = fmt.Fprintf(p.Stderr, "rulebridge: no browser can be opened here (%s); the page is at %s\n", err, address)
}

// browser is the program that opens addresses on a system, and its arguments before the address.
func browser(system string) (name string, args []string) {
	switch system {
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	case "darwin":
		return "open", nil
	}
	return "xdg-open", nil
}

// hasDisplay says whether a browser has somewhere to show itself; without one, another would take over the terminal.
func (p Program) hasDisplay() bool {
	get := worker.Lookup(p.Env)
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY"} {
		if get(name) != "" {
			return true
		}
	}
	return false
}

// pageAddress is where a browser on this machine finds the page of a gateway, which may listen on every address.
func pageAddress(gateway string) string {
	u, err := url.Parse(gateway)
	if err != nil {
		return gateway + "/"
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			u.Host = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return u.String() + "/"
}
