package value

import (
	"net/netip"
	"strings"
)

func networkOps() []Op {
	const page Page = "SearchReference/ConversionFunctions"
	return []Op{
		{Name: "cidrmatch", Place: InEval, Min: 2, Max: 2, Rows: []Row{
			{Kinds: kinds(Missing), Result: Boolean, Does: "does not hold for a missing value"},
			{Kinds: kinds(Any), Result: Boolean, Does: "holds if the address, second, is in the network, first; of several addresses one", Page: pageCompare}},
			fn: func(_ *Env, a []Value) Value {
				for _, n := range a[0] {
					for _, x := range a[1] {
						if InNetwork(n.Text(), x.Text()) {
							return Bool(true)
						}
					}
				}
				return Bool(false)
			}},
		{Name: "ipmask", Place: InEval, Min: 2, Max: 2, Rows: textRows("the address with the bits outside of the mask set to 0", Address, page), fn: func(_ *Env, a []Value) Value {
			m, ok1 := text(a[0])
			s, ok2 := text(a[1])
			mask, err1 := netip.ParseAddr(m)
			ip, err2 := netip.ParseAddr(s)
			if !ok1 || !ok2 || err1 != nil || err2 != nil || !mask.Is4() || !ip.Is4() {
				return nil
			}
			x, y := mask.As4(), ip.As4()
			for i := range x {
				y[i] &= x[i]
			}
			return Str(netip.AddrFrom4(y).String())
		}},
	}
}

// InNetwork says whether an address is in a network in CIDR notation. An address by itself is a network of one.
func InNetwork(network, address string) bool {
	ip, ok := parseAddress(strings.TrimSpace(address))
	if !ok {
		return false
	}
	network = strings.TrimSpace(network)
	if n, err := netip.ParsePrefix(network); err == nil {
		return n.Masked().Contains(ip)
	}
	n, err := netip.ParseAddr(network)
	return err == nil && n == ip
}
