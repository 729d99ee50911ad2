package mask

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a part of a text to mask.
type span struct {
	start, end int
	kind       Kind
	// sure: an account that is named by its place alone.
	sure bool
	// name says of a name of the dictionary in which order its words stand.
	name order
	// reads is how a name reads when it is written in another form; empty for as it stands.
	reads string
}

type order byte

const (
	asGiven order = iota + 1
	moved
	dropped
)

// reach bounds how far a shape extends from the character that gives it away, in bytes. It keeps scanning linear.
const reach = 320

// triggers are the bytes at which a shape is looked for.
var triggers = func() (t [256]bool) {
	for _, c := range `@\.:-/[` {
		t[c] = true
	}
	return t
}()

// shapes calls found for everything in a text that is an address, an e-mail address, a security identifier, an account
// written DOMAIN\name or name@domain, or a path below a user's home, whether or not a field holds it.
func shapes(text string, found func(span)) {
	commandAccounts(text, func(start, end int, _ bool) { found(span{start: start, end: end, kind: User, sure: true}) })
	pathEnd := 0
	for i := range len(text) {
		c := text[i]
		if !triggers[c] {
			continue
		}
		switch c {
		case '@':
			atSign(text, i, found)
		case '\\', '/':
			// A path is scanned to its end once, however many homes are in it.
			if i >= pathEnd {
				pathEnd = home(text, i, found)
			}
			if c == '\\' {
				account(text, i, i+1, found)
			} else {
				slashAccount(text, i, found)
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

// atSign finds name@domain around its sign.
func atSign(text string, at int, found func(span)) {
	after := at + 1
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
	found(span{start: start, end: end, kind: kind})
}

// roots are what stands before a backslash in a registry path.
var roots = map[string]bool{
	"hklm": true, "hkcu": true, "hkcr": true, "hku": true, "hkcc": true, "hkey_local_machine": true, "hkey_current_user": true,
	"hkey_users": true, "hkey_classes_root": true, "hkey_current_config": true, "registry": true, "software": true,
}

// programs are the ends of file names that no account has.
var programs = []string{".exe", ".dll", ".sys", ".ps1", ".bat", ".cmd", ".vbs", ".js", ".msi", ".com", ".scr", ".lnk", ".tmp", ".log", ".txt"}

func program(name string) bool {
	return slices.ContainsFunc(programs, func(end string) bool {
		return len(name) >= len(end) && sameFold(name[len(name)-len(end):], end)
	})
}

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
	if end < len(text) && (text[end] == '\\' || text[end] == '/' || text[end] == '*' || text[end] == '[' && end == after+1) { // \e[0m
		return
	}
	for end > after && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	end = runeEnd(text, end)
	if end <= after || !wordByte(text[after]) && text[after] != '_' {
		return
	}
	if roots[strings.ToLower(text[start:at])] || program(text[after:end]) {
		return
	}
	found(span{start: start, end: end, kind: User})
}

// noDomains are capitals before a slash that are no domain of accounts.
var noDomains = map[string]bool{
	"TCP": true, "UDP": true, "HTTP": true, "HTTPS": true, "TLS": true, "SSL": true, "SSH": true, "FTP": true, "SMB": true, "RPC": true, "DNS": true, "NTLM": true,
	"GET": true, "POST": true, "PUT": true, "HEAD": true, "IDS": true, "IPS": true, "EDR": true, "DNF": true, "APT": true, "RHEL": true, "GNU": true, "UTC": true, "GMT": true,
	"SHA": true, "AES": true, "RSA": true, "MITRE": true, "CVE": true, "IIS": true, "SQL": true, "LDAP": true, "IMAP": true, "SMTP": true, "NTP": true, "ICMP": true, "DLL": true, "EXE": true, "COM": true,
}

// slashAccount finds DOMAIN/name, as tools of Unix write it, around a slash.
func slashAccount(text string, at int, found func(span)) {
	start := at
	for start > 0 && at-start < 16 && (wordByte(text[start-1]) || text[start-1] == '-' || text[start-1] == '_') {
		start--
	}
	domain := text[start:at]
	if !capitals(domain) || len(domain) < 3 || noDomains[domain] || Everyday(domain) || start > 0 && strings.IndexByte(`/\.:@%`, text[start-1]) >= 0 && !strings.HasSuffix(strings.ToLower(text[:start]), "user:") {
		return
	}
	end := at + 1
	for end < len(text) && end-at < 64 && (wordByte(text[end]) || strings.IndexByte("._-$", text[end]) >= 0) {
		end++
	}
	if end < len(text) && (text[end] == '/' || text[end] == '\\' || text[end] == '*') {
		return
	}
	for end > at+1 && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	name := text[at+1 : end]
	if len(name) < 2 || !letter(name[0]) && name[0] < utf8.RuneSelf && name[0] != '_' || capitals(name) && !wordEnd(text, end) {
		return
	}
	if program(name) {
		return
	}
	found(span{start: runeStart(text, start), end: runeEnd(text, end), kind: User})
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

// homes are the folders below which each folder is a user's.
var homes = []struct {
	name  string
	slash bool // as a folder of Unix: exactly so, behind a slash
}{{"users", false}, {"documents and settings", false}, {"home", true}, {"Users", true}, {"home$", false}, {"homes$", false}, {"profiles$", false}, {"users$", false}}

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
	found(span{start: start, end: runeEnd(text, end), kind: Path})
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
