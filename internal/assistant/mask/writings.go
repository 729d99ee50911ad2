package mask

import (
	"encoding/binary"
	hexcode "encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxWritten and maxWords bound the values that are looked for in other writings, in bytes and words.
	maxWritten = 1 << 8
	maxWords   = 5
)

// writings calls written with other ways to write a name, which no reader of escapes finds; moved are those with its words
// in another order.
func writings(value string, kind Kind, written func(s string, moved bool)) {
	if len(value) > maxWritten {
		return
	}
	composed := norm.NFC.String(value)
	if plain := spelledOut.Replace(composed); plain != composed {
		written(plain, false)
		writings(plain, kind, written)
	}
	if low := strings.ToLower(value); strings.Contains(low, "xn--") && kind != Path {
		if plain, err := idna.Punycode.ToUnicode(low); err == nil {
			written(plain, false)
		}
	}
	switch kind {
	case Domain:
		// As directories write it.
		if labels := strings.Split(value, "."); len(labels) > 1 {
			written("dc="+strings.Join(labels, ",dc="), false)
			written("dc="+strings.Join(labels, ", dc="), false)
		}
	case Address:
		addressWritings(value, func(s string) { written(s, false) })
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\u00a0' })
	if len(words) < 2 || len(words) > maxWords {
		return
	}
	inOrder := !strings.Contains(value, ",")
	for _, between := range []string{" ", "_", ".", "-"} {
		written(strings.Join(words, between), !inOrder)
	}
	if kind != User && kind != Value {
		return
	}
	// The name of the family may come first.
	for n := 1; n < len(words); n++ {
		first, last := strings.Join(words[:n], " "), strings.Join(words[n:], " ")
		for _, between := range []string{", ", ",", " ", "_", ".", "-"} {
			written(last+between+first, true)
		}
	}
}

// spelledOut writes the letters of names in the way of systems that know no others.
var spelledOut = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "å", "aa", "Å", "Aa", "ø", "oe", "Ø", "Oe")

// addressWritings calls written with an address as names of hosts, numbers and captures of packets hold it; the forms
// with dots and colons are found by their shape.
func addressWritings(value string, written func(string)) {
	if mac, err := net.ParseMAC(value); err == nil && len(mac) == 6 {
		if digits := hexcode.EncodeToString(mac); strings.Trim(digits, "0") != "" && strings.Trim(digits, "f") != "" {
			written(digits)
		}
		return
	}
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" || !a.IsGlobalUnicast() && !a.IsLinkLocalUnicast() || a.Is4() && a.As4()[0] == 0 {
		return
	}
	raw := a.AsSlice()
	digits := hexcode.EncodeToString(raw)
	if a.Is4() {
		for _, between := range []string{"-", "_"} {
			written(strings.ReplaceAll(a.String(), ".", between))
		}
		written(digits)
		written("0x" + digits)
		written(strconv.FormatUint(uint64(binary.BigEndian.Uint32(raw)), 10))
		return
	}
	written(digits)
	written(strings.ReplaceAll(a.String(), ":", "-"))
	// As the names of reverse look-ups write it.
	var nibbles []byte
	for i := len(digits) - 1; i >= 0; i-- {
		nibbles = append(nibbles, digits[i], '.')
	}
	written(string(nibbles[:len(nibbles)-1]))
}
