package splunk

import (
	"regexp"
	"strings"
)

// printout is what is known of a text that is no .conf file by its name, and may be what btool prints: each setting as
// "key = value", and nothing before the further lines of a value, which need not end in a backslash there.
type printout struct {
	may   bool // the name of the file lets it be so
	known bool // the first setting was seen
	named bool // it was said that further lines are read
}

// printedKey is the beginning of a setting as btool prints it.
var printedKey = regexp.MustCompile(`^[A-Za-z0-9_.:<>/-]+ =(?: |$)`)

// isConfName says of a file by its name that it is one of an app: settings, or metadata, which is written in the same form.
func isConfName(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, ".conf") || strings.HasSuffix(lower, ".meta")
}

// goesOn says that a line goes on with the value above it. In a .conf file none does, which Splunk leaves out too; in what
// btool prints, a search that is cut there would be another search.
func (p *confParser) goesOn(line string) bool {
	trimmed := strings.TrimSpace(line)
	if !p.printed.may || trimmed == "" || p.current == nil || p.unknown {
		return false
	}
	setting := printedKey.MatchString(strings.TrimRight(line, " \t\r"))
	if !p.printed.known {
		if trimmed[0] != '[' && trimmed[0] != '#' && trimmed[0] != ';' {
			p.printed.known, p.printed.may = true, setting
		}
		return false
	}
	switch {
	case len(p.current.Settings) == 0 || setting:
		return false
	case trimmed[0] == '[':
		return isSubsearch(line)
	}
	return true
}

// isSubsearch tells a subsearch at the beginning of a line from the header of a stanza.
func isSubsearch(line string) bool {
	inner, ok := strings.CutPrefix(line, "[")
	if !ok || !strings.HasSuffix(strings.TrimSpace(line), "]") {
		return true // headers are neither indented nor open
	}
	command := strings.HasPrefix(inner, "search ") || strings.HasPrefix(inner, "inputlookup ") || strings.HasPrefix(inner, "tstats ")
	return strings.HasPrefix(inner, " ") || strings.HasPrefix(inner, "|") || strings.HasPrefix(inner, "`") ||
		command && strings.ContainsAny(inner, "|=`*")
}

// join adds a line to the last value, with the lines that it goes on in.
func (p *confParser) join(number int, line string) {
	if !p.printed.named {
		p.printed.named = true
		p.say(number, "this line and others like it are read as going on with the value above them, as in what btool prints; should this be a copy of a .conf file, name it .conf: there Splunk leaves such lines out")
	}
	last := &p.current.Settings[len(p.current.Settings)-1]
	further := p.value(number, last.Key, strings.TrimRight(line, "\r"), false)
	if len(last.Value)+len(further) >= maxValue {
		last.Value = p.tooLong(last.Line, last.Key)
		return
	}
	last.Value += "\n" + further
}
