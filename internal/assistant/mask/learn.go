package mask

import (
	"slices"
	"strings"
)

// cues are what stands before an account's name in messages of systems, in lower case.
var cues = []string{
	"session opened for user ", "session closed for user ", "session opened for ", "session closed for ",
	"password for invalid user ", "password for user ", "password for ", "invalid user ", "for user ", "by user ", "user name ",
	"account name ", "account for ", "logged in as ", "logged on as ", "run as ", "logon by ", "login by ", "executed by ", "user ",
	"account ", "username ", "account name:", "user name:", "logon account:", "targetusername:", "subjectusername:", "user=", "user: ", "username=", "username: ", "acct=", "ruser=", "account=", "account name: ", "logname=", "sudo: ",
}

// nouns follow a cue without being a name.
var nouns = map[string]bool{
	"enumeration": true, "impersonation": true, "takeover": true, "deletion": true, "compromise": true, "spraying": true,
	"lockouts": true, "escalation": true, "authentication": true, "authenticated": true, "authorization": true, "agents": true,
	"activities": true, "permissions": true, "privileges": true, "privilege": true, "credentials": true, "interface": true, "id": true,
	"accounts": true, "usernames": true, "discovery": true, "manipulation": true, "modification": true, "provisioning": true,
	"null": true, "unknown": true, "nil": true, "uid": true, "gid": true, "uac": true, "mfa": true, "logged": true, "api": true, "sid": true,
	"interactive": true, "remotely": true, "behavior": true, "behaviour": true, "anomalous": true, "suspicious": true, "malicious": true,
}

var cueTrie = build(slices.Sorted(slices.Values(cues)))

// Learn calls found for each account that a text names by its form or by the words before it, and that could not be
// told from text otherwise: the name of DOMAIN\name and name@domain, the owner of a home, and "session opened for name".
// In other texts such a name then is masked as well.
func Learn(text string, found func(value string, kind Kind)) {
	in := newInner(text)
	learn(text, &in, 0, found)
}

func learn(text string, in *inner, depth int, found func(value string, kind Kind)) {
	readings(text, func(v view) {
		learnFrom(v.text, found)
		if depth < maxNested {
			blobs(v.text, &in.inflated, func(_, _ int, text string, is content) {
				if first, _, _ := in.first(text); first && is == aText {
					learn(text, in, depth+1, found)
				}
			})
		}
	}, func(int, int) {})
}

func learnFrom(text string, found func(value string, kind Kind)) {
	shapes(text, func(s span) {
		part := text[s.start:s.end]
		switch s.kind {
		case User, Mail:
			domain, _, backslash := strings.Cut(part, `\`)
			name := BareAccount(part)
			if named, behind, slash := strings.Cut(part, "/"); slash && s.kind == User {
				domain, name = named, behind
			}
			if (name != part || s.sure) && (!backslash || capitals(domain)) && !Ambiguous(name) {
				found(strings.TrimSuffix(name, "$"), User)
			}
		case Path:
			for i := range part {
				if start, end := homeAt(part, i); start > 0 {
					if name := part[start:end]; !Ambiguous(name) {
						found(name, User)
					}
					return
				}
			}
		}
	})
	learnCues(text, found)
}

func homeAt(part string, i int) (int, int) {
	if part[i] != '\\' && part[i] != '/' {
		return 0, 0
	}
	return homeFolder(part, i)
}

func learnCues(text string, found func(value string, kind Kind)) {
	for i := range len(text) {
		if c := text[i]; cueTrie.root[lower[c]] == 0 || i > 0 && asciiWord[c] && asciiWord[text[i-1]] || !wordStart(text, i) {
			continue
		}
		cueTrie.at(text, &lower, i, func(_, end int) {
			if name := nameAt(text, end); name != "" {
				found(name, User)
			}
		})
	}
}

// nameAt is the account's name at an offset, or empty when the word there is a word of the sentence.
func nameAt(text string, i int) string {
	if i > 0 && (text[i-1] == ':' || text[i-1] == ' ') {
		// Messages of Windows align their values with tabs.
		for i < len(text) && (text[i] == '\t' || text[i-1] == ':' && text[i] == ' ') {
			i++
		}
		for strings.HasPrefix(text[i:], `\t`) {
			i += 2
		}
	}
	for i < len(text) && strings.IndexByte("\"'`[(<", text[i]) >= 0 {
		i++
	}
	end := i
	for end < len(text) && end-i <= 64 && (wordByte(text[end]) || strings.IndexByte("._-$", text[end]) >= 0) {
		end++
	}
	name := strings.TrimRight(text[i:end], "._-$")
	lineEnd := strings.HasPrefix(text[end:], `\r\n`) // escaped
	if end-i > 64 || end < len(text) && !lineEnd && (text[end] == '\\' || text[end] == '@' || text[end] == '/') || Ambiguous(name) || nouns[strings.ToLower(name)] {
		return ""
	}
	if tokenAt(text, i) > 0 || !wordByte(text[i]) || strings.IndexFunc(name, func(r rune) bool { return r > 0x7f || letter(byte(r)) }) < 0 {
		return ""
	}
	return name
}
