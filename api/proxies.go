package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the networks of the proxies in front of the gateway.
type proxies []netip.Prefix

func newProxies(addresses []string) (proxies, error) {
	var ps proxies
	for _, text := range addresses {
		if p, err := netip.ParsePrefix(text); err == nil {
			ps = append(ps, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("http.trusted_proxies: %q is neither an address nor a network such as 10.0.0.0/8", text)
		}
		ps = append(ps, netip.PrefixFrom(a, a.BitLen()))
	}
	return ps, nil
}

func (ps proxies) trust(a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client is the address a request comes from: the nearest one that is no trusted proxy. X-Forwarded-For is read from its
// end, where the nearest proxy has written, and only as far as proxies that are trusted have written it.
func (ps proxies) client(r *http.Request) string {
	remote := r.RemoteAddr
	if host, _, err := net.SplitHostPort(remote); err == nil {
		remote = host
	}
	at, err := netip.ParseAddr(remote)
	if err != nil || !ps.trust(at.Unmap()) {
		return remote
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // nobody trusted wrote that
		}
		if at = a.Unmap(); !ps.trust(at) {
			break
		}
	}
	return at.String()
}
