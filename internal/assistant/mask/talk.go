package mask

import "strings"

var (
	hostWords = map[string]bool{"host": true, "hosts": true, "hostname": true, "machine": true, "server": true, "computer": true, "workstation": true, "device": true, "endpoint": true, "laptop": true}
	userWords = map[string]bool{"user": true, "users": true, "username": true, "account": true, "login": true, "person": true, "logon": true}
	// Prepositions give away only what is long enough not to be one of the commonest words.
	hostBefore = map[string]bool{"on": true, "at": true}
	userBefore = map[string]bool{"by": true, "for": true}
)

// givenAway reports whether the words before an ambiguous value, or quotes around it, say that it is a name.
func givenAway(text string, start, end int, kind Kind) bool {
	if start > 0 && end < len(text) && strings.IndexByte("\"'`", text[start-1]) >= 0 && text[end] == text[start-1] {
		return true
	}
	before := strings.TrimRight(text[max(0, start-40):start], " :=\"'`(")
	if len(before) == len(text[max(0, start-40):start]) {
		return false
	}
	i := len(before)
	for i > 0 && wordByte(before[i-1]) {
		i--
	}
	word := strings.ToLower(before[i:])
	long := end-start > 2
	switch kind {
	case Host:
		return hostWords[word] || long && hostBefore[word]
	case User:
		return userWords[word] || long && userBefore[word]
	}
	return false
}
