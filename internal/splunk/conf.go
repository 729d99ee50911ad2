package splunk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unique"
)

// Setting is one key of a stanza. Line is where the value begins, counted from 1.
type Setting struct {
	Key, Value string
	Line       int
}

// Stanza is a section of a .conf file: its name, where it begins, and its settings in order, of which the last of one name
// counts. The settings before the first header stand in the stanza "default", as Splunk reads them.
type Stanza struct {
	Name     string
	File     string
	Line     int
	Settings []Setting

	byKey map[string]string // of a stanza with many settings; made at the first Get
	known int               // how many settings byKey knows
	acts  *[]string         // see actions
}

// Get is the value of a key, and whether it is there.
func (s *Stanza) Get(key string) (string, bool) {
	const few = 64 // as many are searched faster than indexed
	if len(s.Settings) > few {
		if s.byKey == nil || s.known != len(s.Settings) {
			s.byKey, s.known = make(map[string]string, len(s.Settings)), len(s.Settings)
			for _, x := range s.Settings {
				s.byKey[x.Key] = x.Value
			}
		}
		v, ok := s.byKey[key]
		return v, ok
	}
	for i := len(s.Settings) - 1; i >= 0; i-- {
		if s.Settings[i].Key == key {
			return s.Settings[i].Value, true
		}
	}
	return "", false
}

// actions are the keys action.NAME, at most as many as a rule may have actions. They are found once.
func (s *Stanza) actions() []string {
	if s.acts == nil {
		s.acts = &[]string{}
		for _, x := range s.Settings {
			name, ok := strings.CutPrefix(x.Key, "action.")
			if ok && !strings.Contains(name, ".") && len(*s.acts) < maxList {
				*s.acts = append(*s.acts, x.Key)
			}
		}
	}
	return *s.acts
}

// Bounds of a .conf file, so that a hostile one does not fill the memory.
const (
	maxLines  = 4_000_000
	maxFaults = 1_000 // lines of a file that are named
)

// ParseConf reads a .conf file as Splunk does: [stanza] headers, key = value, a backslash at the end of a line continues the
// value on the next, # begins a comment at the start of a line only. Lines that are neither are faults; reading goes on. The
// output of btool is of the same form; with --debug each of its lines begins with the path of the file that the line is from.
func ParseConf(file, text string) ([]*Stanza, []*Error) {
	stanzas, faults, err := parseConf(file, strings.NewReader(text))
	if err != nil {
		faults = append(faults, &Error{File: file, Msg: err.Error()})
	}
	return stanzas, faults
}

// confLines are the lines of a .conf file, one held at a time, with the next to look at.
type confLines struct {
	r      *bufio.Reader
	number int // of the line that next gave
	ahead  *string
	err    error // other than the end
}

// next gives a line without its line feed; false at the end.
func (l *confLines) next() (string, bool) {
	line, ok := l.peek()
	l.ahead = nil
	if ok {
		l.number++
	}
	return line, ok
}

func (l *confLines) peek() (string, bool) {
	if l.ahead == nil {
		line, err := l.r.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			l.err = err
			return "", false
		}
		if line == "" {
			return "", false
		}
		line = strings.TrimSuffix(line, "\n")
		l.ahead = &line
	}
	return *l.ahead, true
}

// parseConf is ParseConf for a reader of UTF-8. The error is one of reading; what was read before it counts.
func parseConf(file string, r io.Reader) ([]*Stanza, []*Error, error) {
	var faults []*Error
	var stanzas []*Stanza
	byName := map[string]*Stanza{}
	open := func(name string, line int) *Stanza {
		s := byName[name]
		if s == nil {
			s = &Stanza{Name: name, File: file, Line: line}
			byName[name] = s
			stanzas = append(stanzas, s)
		}
		return s
	}
	var current *Stanza
	var further []string // lines that go on with the last value, in the output of btool --debug
	fault := func(line int, format string, args ...any) {
		switch unsaid := len(faults) - maxFaults; {
		case unsaid < 0:
			faults = append(faults, &Error{File: file, Line: line, Msg: fmt.Sprintf(format, args...)})
		case unsaid == 0:
			faults = append(faults, &Error{File: file, Line: line, Msg: "this and more lines are left out too; they are not named"})
		}
	}
	lines := &confLines{r: bufio.NewReaderSize(r, 64<<10)}
	begun, debug := false, false
	for {
		raw, ok := lines.next()
		if !ok {
			return stanzas, faults, lines.err
		}
		number := lines.number
		if number > maxLines {
			fault(maxLines, "the file has more than %d lines; what comes after is left out", maxLines)
			return stanzas, faults, nil
		}
		if !begun { // the first line that says something tells the form of all
			if t := strings.TrimSpace(raw); t != "" && t[0] != '#' {
				begun, debug = true, isDebug([]string{raw})
			}
		}
		line := conform(raw, debug)
		if debug && !ofDebug(raw) && current != nil && len(current.Settings) > 0 {
			// btool --debug puts a path before every line but the further lines of a value.
			last := &current.Settings[len(current.Settings)-1]
			further = append(further, strings.TrimSuffix(strings.TrimRight(line, " \t\r"), `\`))
			if after, more := lines.peek(); !more || ofDebug(after) {
				last.Value += "\n" + strings.Join(further, "\n")
				further = nil
			}
			continue
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case trimmed[0] == '[':
			end := strings.LastIndexByte(trimmed, ']')
			if end < 0 {
				fault(number, "the stanza header has no closing bracket; its settings are left out")
				current = &Stanza{} // what follows belongs to no stanza that is known
				continue
			}
			current = open(strings.Clone(trimmed[1:end]), number)
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.HasPrefix(key, "|") {
			fault(number, "%q is neither a [stanza], a key = value nor a comment, and is left out; if it goes on with the value above, the line above must end in a backslash: Splunk leaves it out too", shorten(trimmed))
			for goes := raw; continues(goes); {
				if goes, ok = lines.next(); !ok {
					break
				}
			}
			continue
		}
		value = strings.TrimLeft(value, " \t")
		if continues(value) {
			var b strings.Builder
			for continues(value) {
				after, more := lines.next()
				if !more {
					break
				}
				b.WriteString(strings.TrimSuffix(strings.TrimRight(value, " \t\r"), `\`))
				b.WriteByte('\n')
				value = strings.TrimRight(conform(after, debug), "\r")
			}
			b.WriteString(value)
			value = b.String()
		}
		value = strings.TrimSuffix(strings.TrimRight(value, " \t\r"), `\`)
		if current == nil {
			current = open("default", number)
		}
		current.Settings = append(current.Settings, Setting{Key: intern(key), Value: value, Line: number})
	}
}

// continues says that the value goes on in the next line: its last character is a backslash.
func continues(line string) bool { return strings.HasSuffix(strings.TrimRight(line, " \t\r"), `\`) }

// isDebug says that these are lines of btool --debug: the first that says something begins with the path of a .conf file.
func isDebug(lines []string) bool {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		path, _, ok := strings.Cut(line, ".conf")
		return ok && strings.ContainsAny(path, `/\`) && !strings.ContainsAny(path, "=[#")
	}
	return false
}

// ofDebug says that a line of btool --debug begins with a path, or says nothing.
func ofDebug(line string) bool {
	return strings.TrimSpace(line) == "" || isDebug([]string{line})
}

// conform takes the path off a line of btool --debug.
func conform(line string, debug bool) string {
	line = strings.TrimSuffix(line, "\r")
	if !debug {
		return line
	}
	path, rest, ok := strings.Cut(line, ".conf")
	if !ok || strings.ContainsAny(path, "=[") || !strings.ContainsAny(path, `/\`) {
		return line // a further line of a value
	}
	return strings.TrimLeft(rest, " \t")
}

func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// intern keeps one copy of the names of settings, which come again in every stanza.
func intern(key string) string { return unique.Make(key).Value() }

// isTrue reads a boolean as Splunk writes it.
func isTrue(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "true", "t", "yes", "y", "on", "enabled":
		return true
	}
	return false
}
