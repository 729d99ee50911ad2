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
	maxLines    = 4_000_000
	maxFaults   = 1_000   // lines of a file that are named
	maxValue    = 1 << 20 // bytes of a line and of a value; no part of a rule is as long
	maxSettings = 100_000 // of one stanza
)

// ParseConf reads a .conf file as Splunk does: [stanza] headers, key = value, a backslash at the end of a line continues the
// value on the next, # begins a comment at the start of a line only. Lines that are neither are faults; reading goes on. The
// output of btool is of the same form; with --debug each of its lines begins with the path of the file that the line is from.
// Stanzas of one name are one.
func ParseConf(file, text string) ([]*Stanza, []*Error) {
	var stanzas []*Stanza
	var faults []*Error
	byName := map[string]*Stanza{}
	p := confParser{file: file, fault: func(e *Error) { faults = append(faults, e) }, section: func(s *Stanza) bool {
		if first := byName[s.Name]; first != nil {
			first.Settings = append(first.Settings, s.Settings...)
			return true
		}
		byName[s.Name] = s
		stanzas = append(stanzas, s)
		return true
	}}
	if err := p.run(strings.NewReader(text)); err != nil {
		p.fault(&Error{File: file, Msg: err.Error()})
	}
	return stanzas, faults
}

// confLines are the lines of a .conf file, one held at a time, with the next to look at.
type confLines struct {
	r      *bufio.Reader
	number int // of the line that next gave
	ahead  *confLine
	err    error // other than the end
}

// confLine is a line without its line feed. Of one that is too long nothing is held.
type confLine struct {
	text    string
	tooLong bool
}

// next gives a line; false at the end.
func (l *confLines) next() (confLine, bool) {
	line, ok := l.peek()
	l.ahead = nil
	if ok {
		l.number++
	}
	return line, ok
}

func (l *confLines) peek() (confLine, bool) {
	if l.ahead != nil {
		return *l.ahead, true
	}
	var line []byte
	tooLong := false
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > maxValue {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			l.err = err
			return confLine{}, false
		case err != nil && len(line) == 0 && len(part) == 0 && !tooLong:
			return confLine{}, false
		}
		l.ahead = &confLine{strings.TrimSuffix(string(line), "\n"), tooLong}
		return *l.ahead, true
	}
}

// confParser reads a .conf file and holds one stanza of it at a time.
type confParser struct {
	file string
	// section gets a stanza when the next begins, in the order of the file; one of a name that was there already is given
	// again. Reading ends when it is false.
	section func(*Stanza) bool
	fault   func(*Error)

	lines   *confLines
	current *Stanza // nil before the first header
	unknown bool    // the header of current could not be read
	faults  int
	over    bool // a fault of the current stanza's length was named
	printed printout
}

func (p *confParser) say(line int, format string, args ...any) {
	switch p.faults++; {
	case p.faults <= maxFaults:
		p.fault(&Error{File: p.file, Line: line, Msg: fmt.Sprintf(format, args...)})
	case p.faults == maxFaults+1:
		p.fault(&Error{File: p.file, Line: line, Msg: "this and more lines are left out too; they are not named"})
	}
}

// end hands the current stanza over.
func (p *confParser) end() bool {
	s := p.current
	p.current = nil
	return s == nil || p.unknown || p.section(s)
}

// run reads UTF-8. The error is one of reading; what was read before it counts.
func (p *confParser) run(r io.Reader) error {
	p.lines = &confLines{r: bufio.NewReaderSize(r, 64<<10)}
	begun, debug := false, false
	for {
		next, ok := p.lines.next()
		if !ok {
			p.end()
			return p.lines.err
		}
		raw, number := next.text, p.lines.number
		switch {
		case number > maxLines:
			p.say(maxLines, "the file has more than %d lines; what comes after is left out", maxLines)
			p.end()
			return nil
		case next.tooLong:
			p.say(number, "the line is longer than %d KiB, and is left out", maxValue>>10)
			continue
		}
		if !begun { // the first line that says something tells the form of all
			if t := strings.TrimSpace(raw); t != "" && t[0] != '#' {
				begun, debug = true, isDebug([]string{raw})
			}
		}
		line := conform(raw, debug)
		if debug && !ofDebug(raw) && p.current != nil && len(p.current.Settings) > 0 {
			p.further(line)
			continue
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case !debug && p.goesOn(line):
			p.join(number, line)
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[':
			if !p.header(number, trimmed) {
				return nil
			}
		default:
			p.setting(number, raw, line, debug)
		}
	}
}

func (p *confParser) header(number int, trimmed string) bool {
	if !p.end() {
		return false
	}
	end := strings.LastIndexByte(trimmed, ']')
	p.unknown, p.over = end < 0, false
	if p.unknown {
		p.say(number, "the stanza header has no closing bracket; its settings are left out")
		p.current = &Stanza{} // what follows belongs to no stanza that is known
		return true
	}
	p.current = &Stanza{Name: strings.Clone(trimmed[1:end]), File: p.file, Line: number}
	return true
}

// further adds lines to the last value: btool --debug puts a path before every line but the further lines of a value.
func (p *confParser) further(line string) {
	last := &p.current.Settings[len(p.current.Settings)-1]
	var b strings.Builder
	b.WriteString(last.Value)
	for {
		b.WriteByte('\n')
		b.WriteString(strings.TrimSuffix(strings.TrimRight(line, " \t\r"), `\`))
		after, more := p.lines.peek()
		if !more || after.tooLong || ofDebug(after.text) {
			break
		}
		_, _ = p.lines.next()
		line = conform(after.text, true)
	}
	if last.Value = b.String(); len(last.Value) > maxValue {
		last.Value = p.tooLong(last.Line, last.Key)
	}
}

// tooLong names a value that is longer than anything takes; nothing is left of it.
func (p *confParser) tooLong(line int, key string) string {
	p.say(line, "the value of %s is longer than %d KiB, and is left out", shorten(key), maxValue>>10)
	return ""
}

// setting reads key = value with the lines that the value goes on in.
func (p *confParser) setting(number int, raw, line string, debug bool) {
	key, value, ok := strings.Cut(line, "=")
	if key = strings.TrimSpace(key); !ok || key == "" || strings.HasPrefix(key, "|") {
		p.say(number, "%q is neither a [stanza], a key = value nor a comment, and is left out; if it goes on with the value above, the line above must end in a backslash: Splunk leaves it out too", shorten(strings.TrimSpace(line)))
		for goes := raw; continues(goes); {
			after, more := p.lines.next()
			if !more {
				break
			}
			goes = after.text
		}
		return
	}
	value = p.value(number, key, strings.TrimLeft(value, " \t"), debug)
	if p.current == nil {
		p.current = &Stanza{Name: "default", File: p.file, Line: number}
	}
	if len(p.current.Settings) >= maxSettings {
		if !p.over {
			p.over = true
			p.say(number, "the stanza has more than %d settings; the rest is left out", maxSettings)
		}
		return
	}
	p.current.Settings = append(p.current.Settings, Setting{Key: intern(key), Value: value, Line: number})
}

// value is the value that begins so, with the lines that it goes on in.
func (p *confParser) value(number int, key, begins string, debug bool) string {
	if !continues(begins) {
		return strings.TrimSuffix(strings.TrimRight(begins, " \t\r"), `\`)
	}
	var b strings.Builder
	tooLong := false
	for continues(begins) {
		after, more := p.lines.next()
		if !more {
			break
		}
		if b.Len()+len(begins) > maxValue || after.tooLong {
			tooLong = true
			b.Reset()
		}
		b.WriteString(strings.TrimSuffix(strings.TrimRight(begins, " \t\r"), `\`))
		b.WriteByte('\n')
		begins = strings.TrimRight(conform(after.text, debug), "\r")
	}
	if tooLong {
		return p.tooLong(number, key)
	}
	b.WriteString(begins)
	return strings.TrimSuffix(strings.TrimRight(b.String(), " \t\r"), `\`)
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
