package mask

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a part of a text to mask.
type span struct {
	start, end int
	kind       Kind
}

// reach bounds how far a shape extends from the character that gives it away, in bytes. It keeps scanning linear.
const reach = 320

// triggers are the bytes at which a shape is looked for.
var triggers = func() (t [256]bool) {
	for _, c := range `@\.:-/%[` {
		t[c] = true
	}
	return t
}()

// shapes calls found for everything in a text that is an address, an e-mail address, a security identifier, an account
// written DOMAIN\name or name@domain, or a path below a user's home, whether or not a field holds it.
func shapes(text string, found func(span)) {
	pathEnd := 0
	for i := range len(text) {
		c := text[i]
		if !triggers[c] {
			continue
		}
		switch c {
		case '@':
			atSign(text, i, i+1, found)
		case '%':
			if strings.HasPrefix(text[i:], "%40") {
				atSign(text, i, i+3, found)
			} else if len(text) > i+2 && text[i+1] == '5' && lower[text[i+2]] == 'c' {
				account(text, i, i+3, found)
			} else if len(text) > i+4 && text[i+1:i+4] == "255" && lower[text[i+4]] == 'c' {
				account(text, i, i+5, found)
			}
		case '\\', '/':
			// A path is scanned to its end once, however many homes are in it.
			if i >= pathEnd {
				pathEnd = home(text, i, found)
			}
			if c == '\\' {
				account(text, i, i+1, found)
			}
		case '.':
			ipv4(text, i, '.', found)
			dottedMAC(text, i, found)
		case '[':
			defanged(text, i, found)
		case ':':
			ipv6(text, i, found)
		case '-':
			ipv4(text, i, '-', found)
			sid(text, i, found)
		}
		if c == ':' || c == '-' {
			mac(text, i, found)
		}
	}
}

// atSign finds name@domain around a sign that ends at after.
func atSign(text string, at, after int, found func(span)) {
	start := at
	for start > 0 && at-start < reach && (wordByte(text[start-1]) || strings.IndexByte("._%+-$'&*!#=~", text[start-1]) >= 0) {
		start--
	}
	// Quotes, an = before a value and other signs begin no name.
	for start < at && !wordByte(text[start]) && text[start] != '_' {
		start++
	}
	if i := strings.LastIndexByte(text[start:at], '='); i >= 0 {
		start += i + 1
	}
	end := after
	for end < len(text) && end-after < reach && (wordByte(text[end]) || strings.IndexByte(".-_", text[end]) >= 0) {
		end++
	}
	for end > after && (text[end-1] == '.' || text[end-1] == '-' || text[end-1] == '_') {
		end--
	}
	start, end = runeStart(text, start), runeEnd(text, end)
	if start >= at || end <= after {
		return
	}
	kind := User
	if strings.IndexByte(text[after:end], '.') > 0 {
		kind = Mail
	}
	found(span{start, end, kind})
}

// roots are what stands before a backslash in a registry path.
var roots = map[string]bool{
	"hklm": true, "hkcu": true, "hkcr": true, "hku": true, "hkcc": true, "hkey_local_machine": true, "hkey_current_user": true,
	"hkey_users": true, "hkey_classes_root": true, "hkey_current_config": true, "registry": true, "software": true,
}

// programs are the ends of file names that no account has.
var programs = []string{".exe", ".dll", ".sys", ".ps1", ".bat", ".cmd", ".vbs", ".js", ".msi", ".com", ".scr", ".lnk", ".tmp", ".log", ".txt"}

// account finds DOMAIN\name around a backslash, or its form in a URL, whose name begins at after; more of
// them are those of escapes: two in JSON, four in JSON within JSON.
func account(text string, at, after int, found func(span)) {
	for range 3 {
		if after < len(text) && text[after] == '\\' && text[at] == '\\' {
			after++
		}
	}
	start := at
	for start > 0 && at-start < 64 && (wordByte(text[start-1]) || strings.IndexByte(".-_", text[start-1]) >= 0) {
		start--
	}
	start = afterEscape(text, start, at)
	if start > 0 && !wordByte(text[start-1]) && partOfPath(text, start, at) {
		return
	}
	start = runeStart(text, start)
	if start >= at || !wordByte(text[start]) {
		return
	}
	end := after
	for end < len(text) && end-after < reach && (wordByte(text[end]) || strings.IndexByte("._-$", text[end]) >= 0) {
		end++
	}
	if end < len(text) && (text[end] == '\\' || text[end] == '/' || text[end] == '*') {
		return
	}
	for end > after && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	end = runeEnd(text, end)
	if end <= after || !wordByte(text[after]) && text[after] != '_' {
		return
	}
	domain, name := text[start:at], strings.ToLower(text[after:end])
	if roots[strings.ToLower(domain)] {
		return
	}
	for _, p := range programs {
		if strings.HasSuffix(name, p) {
			return
		}
	}
	found(span{start, end, User})
}

// partOfPath reports whether a name before a backslash is a folder of a path: a separator or a drive stands before it.
func partOfPath(text string, start, at int) bool {
	switch text[start-1] {
	case '\\', '/', '$':
		return true
	case ':':
		return at-start < 2 || start > 1 && text[start-2] == '\\'
	}
	return false
}

// capitals reports whether a name has the form of a NetBIOS domain.
func capitals(s string) bool {
	if len(s) < 2 || len(s) > 15 {
		return false
	}
	letters := 0
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			letters++
		} else if !digit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return letters >= 2
}

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
	found(span{start, end, kind})
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
		found(span{start, end, Address})
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
				found(span{start, stop, Address})
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

// afterEscape moves the start of a name over the rest of an escape such as %20, or \n before a capital.
func afterEscape(text string, start, most int) int {
	if start > 0 && text[start-1] == '\\' && start+1 < most && strings.IndexByte("nrt", text[start]) >= 0 && text[start+1] >= 'A' && text[start+1] <= 'Z' {
		return start + 1
	}
	if start > 0 && text[start-1] == '%' && start+2 < most && hex(text[start]) && hex(text[start+1]) {
		return start + 2
	}
	return start
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
		found(span{start, end, Address})
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
		found(span{start, end, Address})
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
		found(span{at - 1, end, SID})
	}
}

// homes are the folders below which each folder is a user's.
var homes = []struct {
	name  string
	slash bool // as a folder of Unix: exactly so, behind a slash
}{{"users", false}, {"documents and settings", false}, {"home", true}, {"Users", true}}

// shared are folders among the homes that are nobody's.
var shared = map[string]bool{"public": true, "default": true, "default user": true, "all users": true, "shared": true}

// home finds a path below a user's home at the separator before the folder of homes, and returns where it ends; 0 when
// there is none.
func home(text string, at int, found func(span)) int {
	folder, nameEnd := homeFolder(text, at)
	if folder == 0 || shared[strings.ToLower(text[folder:nameEnd])] {
		return 0
	}
	start := at
	for start > 0 && text[start-1] == text[at] {
		start--
	}
	if start >= 2 && text[start-1] == ':' && letter(text[start-2]) && (start == 2 || !wordByte(text[start-3])) {
		start -= 2
	}
	end := nameEnd
	for end < len(text) {
		if pathByte(text[end]) {
			end++
			continue
		}
		// A space belongs to the path if another separator follows in the next word and no new path begins there.
		if text[end] != ' ' {
			break
		}
		word := text[end+1 : min(len(text), end+1+reach)]
		if i := strings.IndexAny(word, " \t\r\n\"'<>|"); i >= 0 {
			word = word[:i]
		}
		if i := strings.IndexByte(word, text[at]); i <= 0 || strings.Contains(word, ":") {
			break
		}
		end += 1 + len(word)
	}
	for end > nameEnd && strings.IndexByte(".,;:)]}", text[end-1]) >= 0 {
		end--
	}
	found(span{start, runeEnd(text, end), Path})
	return end
}

// homeFolder finds the folder of the user behind a separator; start is 0 when there is none.
func homeFolder(text string, at int) (start, end int) {
	sep := text[at]
	for _, h := range homes {
		i := at + 1
		switch {
		case len(text)-i <= len(h.name):
			continue
		case h.slash && (sep != '/' || text[i:i+len(h.name)] != h.name):
			continue
		case !h.slash && (sep != '\\' && !drive(text, at) || !sameFold(text[i:i+len(h.name)], h.name)):
			continue
		}
		i += len(h.name)
		if text[i] != sep {
			continue
		}
		for i < len(text) && text[i] == sep {
			i++
		}
		end := i
		for end < len(text) && end-i < reach && text[end] != sep && strings.IndexByte("\\/:*?\"<>|\r\n\t", text[end]) < 0 {
			end++
		}
		// A name with spaces counts as one only if the path goes on behind it.
		if end == len(text) || text[end] != sep {
			if j := strings.IndexAny(text[i:end], " ,;')"); j >= 0 {
				end = i + j
			}
		}
		if end > i {
			return i, runeEnd(text, end)
		}
	}
	return 0, 0
}

// drive reports whether the separator follows a drive letter.
func drive(text string, at int) bool { return at >= 2 && text[at-1] == ':' && letter(text[at-2]) }

func pathByte(c byte) bool { return c > ' ' && strings.IndexByte("\"'<>|*?`", c) < 0 }

// domainEnd extends a host's name over the domain that follows it.
func domainEnd(text string, end int) int {
	for end+1 < len(text) && text[end] == '.' && wordByte(text[end+1]) {
		end += 2
		for end < len(text) && (wordByte(text[end]) || text[end] == '-' || text[end] == '_') {
			end++
		}
	}
	return runeEnd(text, end)
}

// domainStart extends a domain over the names before it.
func domainStart(text string, start int) int {
	from := start
	for start > 1 && from-start < reach && text[start-1] == '.' && wordByte(text[start-2]) {
		start -= 2
		for start > 0 && from-start < reach && (wordByte(text[start-1]) || text[start-1] == '-' || text[start-1] == '_') {
			start--
		}
	}
	return runeStart(text, start)
}

// runeStart moves an offset back to where a rune begins; runeEnd moves one on to where a rune ends, and over marks that
// belong to the rune before.
func runeStart(text string, i int) int {
	for i > 0 && i < len(text) && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}

func runeEnd(text string, i int) int {
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	for i < len(text) && text[i] >= utf8.RuneSelf {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !unicode.In(r, unicode.Mn, unicode.Cf) {
			break
		}
		i += size
	}
	return i
}
