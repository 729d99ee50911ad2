package mask

import (
	"maps"
	"slices"
	"strings"
)

// command says where the arguments of a command name an account.
type command struct {
	// flags are followed by an account; those that end in : or = have it right behind.
	flags []string
	// plain: the first argument that is no flag is an account. Then only names that can be told from text count,
	// unless sure is set, as no sentence reads so.
	plain, sure bool
	// last: the account is the last argument, not the first.
	last bool
}

var (
	slashUser = []string{"/user:", "/u:", "/user", "/u", "/ru", "/ru:"}
	dashUser  = []string{"-u", "--user", "--user=", "-user", "--username", "--username=", "-l", "--login="}
)

// commands are what the first words of a command say about its arguments. Words are in lower case, with .exe left out.
var commands = map[string]command{
	"su": {plain: true, flags: []string{"-l", "--login", "-"}}, "sudo": {flags: dashUser}, "doas": {flags: dashUser}, "runuser": {flags: dashUser, plain: true},
	"psexec": {flags: append([]string{"/u"}, dashUser...)}, "psexec64": {flags: dashUser}, "paexec": {flags: dashUser}, "pspasswd": {plain: true},
	"net user": {plain: true, sure: true}, "net1 user": {plain: true, sure: true}, "net use": {flags: slashUser},
	"net localgroup": {last: true, sure: true}, "net1 localgroup": {last: true, sure: true}, "net group": {last: true, sure: true},
	"runas": {flags: slashUser}, "schtasks": {flags: slashUser}, "wmic": {flags: slashUser}, "tasklist": {flags: slashUser}, "taskkill": {flags: slashUser},
	"cmdkey": {flags: slashUser}, "query user": {plain: true}, "quser": {plain: true},
	"useradd": {plain: true, last: true}, "usermod": {plain: true, last: true}, "userdel": {plain: true, last: true}, "adduser": {plain: true}, "deluser": {plain: true},
	"passwd": {plain: true}, "chage": {plain: true, last: true}, "crontab": {flags: dashUser}, "kinit": {plain: true}, "ssh": {flags: []string{"-l"}},
	"mysql": {flags: dashUser}, "psql": {flags: []string{"-u", "--username=", "--username"}}, "smbclient": {flags: dashUser}, "rpcclient": {flags: dashUser},
	"crackmapexec": {flags: dashUser}, "nxc": {flags: dashUser}, "netexec": {flags: dashUser}, "evil-winrm": {flags: dashUser}, "curl": {flags: []string{"-u", "--user", "--user="}},
	"get-aduser": {plain: true, sure: true, flags: []string{"-identity"}}, "set-aduser": {plain: true, sure: true, flags: []string{"-identity"}},
	"new-localuser": {plain: true, sure: true, flags: []string{"-name"}}, "disable-adaccount": {plain: true, sure: true, flags: []string{"-identity"}},
}

// commandNames are the names of commands, sorted, and commandTrie finds them: pattern n is commandNames[n].
var (
	commandNames = slices.Sorted(maps.Keys(commands))
	commandTrie  = build(commandNames)
)

// maxCommand bounds how far the arguments of a command reach, in bytes.
const maxCommand = 400

// commandAccounts calls found for each account that a command line names by its place, and whether no sentence reads so.
func commandAccounts(text string, found func(start, end int, sure bool)) {
	before := byte(0)
	for start := range len(text) {
		c := text[start]
		if !asciiWord[before] && commandTrie.root[lower[c]] != 0 && before != '-' && before != '_' && before != '.' {
			commandAt(text, start, found)
		}
		before = c
	}
}

// commandAt calls found for the accounts that the command at an offset names, if one is there.
func commandAt(text string, start int, found func(start, end int, sure bool)) {
	commandTrie.at(text, &lower, start, func(name, end int) {
		if len(text)-end > 4 && text[end] == '.' && sameFold(text[end:end+4], ".exe") {
			end += 4
		}
		if end < len(text) && (text[end] == '"' || text[end] == '\'') {
			end++
		}
		if end < len(text) && (text[end] == ' ' || text[end] == '\t') && wordStart(text, start) {
			arguments(text, end, commands[commandNames[name]], commandBegins(text, start), found)
		}
	})
}

// commandBegins reports whether a command, and not a word of a sentence, may stand at an offset.
func commandBegins(text string, start int) bool {
	before := strings.TrimRight(text[:start], " \t")
	if before == "" {
		return true
	}
	return strings.IndexByte(";|&(`'\"/\\:=\n$#>", before[len(before)-1]) >= 0 || strings.HasSuffix(before, "sudo") || strings.HasSuffix(before, "/c") || strings.HasSuffix(before, "-c")
}

func arguments(text string, from int, c command, begins bool, found func(start, end int, sure bool)) {
	until := min(len(text), from+maxCommand)
	if n := strings.IndexAny(text[from:until], ";|&\r\n)"); n >= 0 {
		until = from + n
	}
	next := false // the flag before names an account
	flagged := false
	count := 0
	lastStart, lastEnd := 0, 0
	for i := from; i < until; {
		for i < until && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		word := i
		for i < until && text[i] != ' ' && text[i] != '\t' {
			i++
		}
		arg := text[word:i]
		if arg == "" {
			break
		}
		low := strings.ToLower(arg)
		switch {
		case next:
			argument(text, word, i, true, found)
			next, flagged = false, true
			continue
		case slices.Contains(c.flags, low):
			next = true
			continue
		case arg[0] == '-' || arg[0] == '/' && len(arg) > 1 || arg[0] == '+':
			for _, f := range c.flags {
				if (strings.HasSuffix(f, ":") || strings.HasSuffix(f, "=")) && strings.HasPrefix(low, f) && len(arg) > len(f) {
					argument(text, word+len(f), i, true, found)
				}
			}
			continue
		}
		count++
		if lastStart == 0 || c.last {
			lastStart, lastEnd = word, i
		}
	}
	if lastStart > 0 && !flagged && (c.plain || c.last && count > 1) {
		sure := c.sure
		if sure || begins {
			argument(text, lastStart, lastEnd, sure, found)
		}
	}
}

// argument trims what an argument has around its name.
func argument(text string, start, end int, sure bool, found func(start, end int, sure bool)) {
	for start < end && strings.IndexByte("\"'`(<[", text[start]) >= 0 {
		start++
	}
	// name:password
	if i := strings.IndexAny(text[start:end], "\"':,`<>%*"); i >= 0 {
		end = start + i
	}
	if i := strings.LastIndexAny(text[start:end], "/\\"); i >= 0 {
		start += i + 1
	}
	for end > start && strings.IndexByte(".,)]?!", text[end-1]) >= 0 {
		end--
	}
	name := text[start:end]
	if !named(name) || len(name) > 64 || !wordByte(text[start]) && text[start] != '_' || strings.IndexFunc(name, func(r rune) bool { return !wordByte(byte(r)) && r < 0x80 && !strings.ContainsRune("._-$@", r) }) >= 0 ||
		tokenAt(text, start) > 0 || nouns[strings.ToLower(name)] || !sure && Ambiguous(name) || strings.IndexFunc(name, func(r rune) bool { return r > 0x7f || letter(byte(r)) }) < 0 {
		return
	}
	found(start, runeEnd(text, end), sure)
}
