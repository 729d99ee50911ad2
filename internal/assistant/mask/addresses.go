package mask

import (
	"net/netip"
	"strings"
)

// ipv4 finds an address at its first separator, also in the form ip-10-0-0-1 of names of cloud hosts.
func ipv4(text string, at int, sep byte, found func(span)) {
	start := groupStart(text, at, 3, digit)
	if start < 0 {
		return
	}
	if sep == '-' {
		if start < 3 || !sameFold(text[start-3:start], "ip-") {
			return
		}
		start -= 3
	}
	if sep == '-' && !wordStart(text, start) || sep == '.' && start > 1 && text[start-1] == '.' && digit(text[start-2]) {
		return
	}
	end := at
	for range 3 {
		if end >= len(text) || text[end] != sep {
			return
		}
		digits := end + 1
		n := 0
		for end = digits; end < len(text) && digit(text[end]); end++ {
			if n = 10*n + int(text[end]-'0'); end-digits >= 3 || n > 255 {
				return
			}
		}
		if end == digits {
			return
		}
	}
	first := 0
	for i := start; i < at; i++ {
		if digit(text[i]) {
			first = 10*first + int(text[i]-'0')
		}
	}
	if first > 255 || !wordEnd(text, end) || sep == '.' && end+1 < len(text) && text[end] == '.' && digit(text[end+1]) {
		return
	}
	kind := Address
	if sep == '-' {
		kind, end = Host, domainEnd(text, end)
	}
	found(span{start: start, end: end, kind: kind})
}

// defanged finds an address at its first bracket, as people write it so that nobody opens it: 10[.]0[.]0[.]1.
func defanged(text string, at int, found func(span)) {
	if at == 0 || !digit(text[at-1]) || !strings.HasPrefix(text[at:], "[.]") {
		return
	}
	start := at
	for start > 0 && at-start < 12 && (digit(text[start-1]) || text[start-1] == '.') {
		start--
	}
	end := at
	for end < len(text) && end-start < 24 && (digit(text[end]) || strings.IndexByte("[.]", text[end]) >= 0) {
		end++
	}
	for end > at && !digit(text[end-1]) {
		end--
	}
	if !wordStart(text, start) || !wordEnd(text, end) {
		return
	}
	if a, err := netip.ParseAddr(strings.ReplaceAll(text[start:end], "[.]", ".")); err == nil && a.Is4() {
		found(span{start: start, end: end, kind: Address})
	}
}

// ipv6 finds an address at its first colon.
func ipv6(text string, at int, found func(span)) {
	const longest = 46
	start := groupStart(text, at, 4, hex)
	if start < 0 {
		if start = at; !wordStart(text, at) || at > 0 && text[at-1] == ':' {
			return
		}
	}
	end := at
	for end < len(text) && end-start < longest && (hex(text[end]) || text[end] == ':' || text[end] == '.') {
		end++
	}
	if strings.Count(text[start:end], ":") < 2 {
		return
	}
	for end > at+2 && (text[end-1] == '.' || text[end-1] == ':' && text[end-2] != ':') {
		end--
	}
	// What stands before or behind an address, such as a port, may look like a group of it.
	for stop := end; stop > at+1; {
		if wordStart(text, start) && wordEnd(text, stop) {
			if a, err := netip.ParseAddr(text[start:stop]); err == nil && a.Is6() && stop-start > 2 {
				found(span{start: start, end: stop, kind: Address})
				return
			}
		}
		next := strings.LastIndexAny(text[at+1:stop-1], ":.")
		if next < 0 {
			return
		}
		stop = at + 1 + next
	}
}

// groupStart is where the first group of an address begins whose separator is at an offset: a whole word of at most most
// characters. It is -1 when there is none.
func groupStart(text string, at, most int, in func(byte) bool) int {
	for start := at - 1; start >= 0 && at-start <= most && in(text[start]); start-- {
		if wordStart(text, start) {
			// An escape before the address, such as %20, ends in digits too; the shorter group is the right one then.
			return start
		}
	}
	return -1
}

func mac(text string, at int, found func(span)) {
	start, end := at-2, at+15
	if start < 0 || end > len(text) {
		return
	}
	for i := start; i < end; i++ {
		if (i-start)%3 == 2 {
			if text[i] != text[at] {
				return
			}
		} else if !hex(text[i]) {
			return
		}
	}
	if wordStart(text, start) && wordEnd(text, end) {
		found(span{start: start, end: end, kind: Address})
	}
}

// dottedMAC finds a hardware address in three groups, as switches write it, at its first dot.
func dottedMAC(text string, at int, found func(span)) {
	start, end := at-4, at+10
	if start < 0 || end > len(text) || text[at+5] != '.' || !wordStart(text, start) || !wordEnd(text, end) {
		return
	}
	digits := false
	for i := start; i < end; i++ {
		if i != at && i != at+5 && !hex(text[i]) {
			return
		}
		digits = digits || digit(text[i])
	}
	if digits { // dead.beef.cafe are words
		found(span{start: start, end: end, kind: Address})
	}
}

// sid finds a security identifier at its first dash.
func sid(text string, at int, found func(span)) {
	if at == 0 || lower[text[at-1]] != 's' || !strings.HasPrefix(text[at:], "-1-") || !wordStart(text, at-1) {
		return
	}
	end, groups := at+3, 0
	for end < len(text) && digit(text[end]) && end-at < reach {
		for end < len(text) && digit(text[end]) {
			end++
		}
		groups++
		if end+1 < len(text) && text[end] == '-' && digit(text[end+1]) {
			end++
		} else {
			break
		}
	}
	if groups >= 2 && wordEnd(text, end) {
		found(span{start: at - 1, end: end, kind: SID})
	}
}
