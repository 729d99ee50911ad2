package pipeline

import (
	"fmt"
	"strings"
)

// parse reads one file of facts into streams.
func parse(file, text string, out map[string]*Stream) error {
	p := parser{file: file, lists: map[string][]string{}, out: out}
	for i, line := range strings.Split(text, "\n") {
		p.line = i + 1
		if err := p.read(line); err != nil {
			return fmt.Errorf("%s:%d: %w: %q", file, i+1, err, line)
		}
	}
	return nil
}

type parser struct {
	file  string
	line  int
	s     *Stream
	lists map[string][]string // named lists of codes
	out   map[string]*Stream
}

func (p *parser) read(line string) error {
	if body, _, ok := strings.Cut(line, " # "); ok {
		line = body
	}
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	if word == "codes" {
		name, list, _ := strings.Cut(rest, " ")
		p.lists[name] = append(p.lists[name], strings.Fields(list)...)
		return nil
	}
	if word == "stream" {
		p.s = &Stream{Name: rest, Has: map[string][]string{}}
		if p.out[rest] != nil || rest == "" {
			return fmt.Errorf("a stream needs a name of its own")
		}
		p.out[rest] = p.s
		return nil
	}
	if p.s == nil {
		return fmt.Errorf("a line before the first stream")
	}
	switch word {
	case "version":
		p.s.Version = rest
	case "read":
		p.s.Read = strings.TrimSpace(p.s.Read + " " + rest)
	case "by":
		p.s.By = rest
	case "under":
		p.s.Under, p.s.Snake = strings.CutSuffix(rest, " snake")
	case "drop":
		for _, v := range strings.Fields(rest) {
			p.s.Drop = append(p.s.Drop, strings.Trim(v, `"`))
		}
	case "like":
		return p.like(rest)
	case "event":
		return p.event(rest)
	case "has":
		codes, _, fields, err := p.codes(rest)
		if err != nil {
			return err
		}
		for _, c := range codes {
			p.s.Has[c] = append(p.s.Has[c], strings.Fields(fields)...)
		}
	case "name":
		return p.name(rest)
	case "move", "copy", "remove", "set", "pairs", "tree", "clear":
		return p.operation(Kind(word), rest)
	default:
		return fmt.Errorf("unknown word %s", word)
	}
	return nil
}

// like takes over what another stream has: zeek streams share their first steps.
func (p *parser) like(name string) error {
	o := p.out[name]
	if o == nil {
		return fmt.Errorf("no stream %s above", name)
	}
	p.s.Operations = append(p.s.Operations, o.Operations...)
	p.s.Names = append(p.s.Names, o.Names...)
	p.s.Drop = append(p.s.Drop, o.Drop...)
	return nil
}

// event reads "CODE category,… type,… action": what the pipeline says an event code is; - for nothing.
func (p *parser) event(rest string) error {
	f := strings.Fields(rest)
	if len(f) < 3 {
		return fmt.Errorf("want a code, categories, types and an action")
	}
	action := strings.Join(f[3:], " ")
	for i, target := range []string{"event.category", "event.type"} {
		if f[i+1] != "-" {
			p.add(Operation{Kind: Set, Codes: []string{f[0]}, Target: target, Value: strings.Split(f[i+1], ",")})
		}
	}
	if action != "" {
		p.add(Operation{Kind: Set, Codes: []string{f[0]}, Target: "event.action", Value: []string{action}})
	}
	return nil
}

// name reads "[codes] name… = source | step".
func (p *parser) name(rest string) error {
	codes, not, rest, err := p.codes(rest)
	if err != nil {
		return err
	}
	names, from, ok := strings.Cut(rest, " = ")
	if !ok {
		return fmt.Errorf("want names = a raw field")
	}
	source, steps := splitSteps(from)
	for _, n := range strings.Fields(names) {
		p.s.Names = append(p.s.Names, Alias{Name: n, Source: source, Steps: steps, Codes: codes, Not: not})
	}
	return checkSteps(steps)
}

// operation reads "[codes] SOURCE… -> TARGET | step ? condition".
func (p *parser) operation(kind Kind, rest string) error {
	codes, not, rest, err := p.codes(rest)
	if err != nil {
		return err
	}
	o := Operation{Kind: kind, Codes: codes, Not: not}
	if body, conditions, ok := strings.Cut(rest, " ? "); ok {
		rest = body
		for c := range strings.SplitSeq(conditions, " & ") {
			when, err := condition(strings.TrimSpace(c))
			if err != nil {
				return err
			}
			o.When = append(o.When, when)
		}
	}
	switch kind {
	case Remove:
		for _, f := range strings.Fields(rest) {
			o.Source = f
			p.add(o)
		}
		return nil
	case Clear:
		for _, f := range strings.Fields(rest) {
			o.Target = f
			p.add(o)
		}
		return nil
	case Set:
		target, value, ok := strings.Cut(rest, " ")
		if !ok {
			return fmt.Errorf("set needs a field and a value")
		}
		o.Target = target
		for v := range strings.SplitSeq(value, ", ") {
			o.Value = append(o.Value, strings.TrimSpace(v))
		}
		p.add(o)
		return nil
	}
	source, target, ok := strings.Cut(rest, " -> ")
	if !ok {
		return fmt.Errorf("want SOURCE -> TARGET")
	}
	o.Target, o.Steps = splitSteps(target)
	if err := checkSteps(o.Steps); err != nil {
		return err
	}
	for _, f := range strings.Fields(source) {
		o.Source = f
		p.add(o)
	}
	return nil
}

func (p *parser) add(o Operation) {
	o.File, o.Line = p.file, p.line
	p.s.Operations = append(p.s.Operations, o)
}

// codes cuts a list of codes off: [4624,@logon] or [^4624] for all others.
func (p *parser) codes(rest string) (codes []string, not bool, _ string, err error) {
	if !strings.HasPrefix(rest, "[") {
		return nil, false, rest, nil
	}
	list, rest, ok := strings.Cut(rest[1:], "]")
	if !ok {
		return nil, false, "", fmt.Errorf("the list of codes is not closed")
	}
	list, not = strings.CutPrefix(list, "^")
	for c := range strings.SplitSeq(list, ",") {
		c = strings.TrimSpace(c)
		if name, ok := strings.CutPrefix(c, "@"); ok {
			if len(p.lists[name]) == 0 {
				return nil, false, "", fmt.Errorf("no list of codes %s", name)
			}
			codes = append(codes, p.lists[name]...)
		} else {
			codes = append(codes, c)
		}
	}
	return codes, not, strings.TrimSpace(rest), nil
}

func splitSteps(text string) (string, []Step) {
	parts := strings.Split(text, " | ")
	var steps []Step
	for _, s := range parts[1:] {
		name, arg, _ := strings.Cut(strings.TrimSpace(s), " ")
		steps = append(steps, Step{name, strings.TrimSpace(arg)})
	}
	return strings.TrimSpace(parts[0]), steps
}

func condition(text string) (Condition, error) {
	if text == "unset" {
		return Condition{Field: "target", Op: "unset"}, nil
	}
	for word, op := range map[string]string{"is ": "=", "not ": "!="} {
		if list, ok := strings.CutPrefix(text, word); ok {
			return Condition{Op: op, Values: values(list)}, nil
		}
	}
	for word, op := range map[string]string{"has ": "has", "lacks ": "lacks", "one ": "one"} {
		if f, ok := strings.CutPrefix(text, word); ok {
			return Condition{Field: f, Op: op}, nil
		}
	}
	if f, list, ok := strings.Cut(text, "!="); ok {
		return Condition{Field: f, Op: "!=", Values: values(list)}, nil
	}
	if f, list, ok := strings.Cut(text, "="); ok {
		return Condition{Field: f, Op: "=", Values: values(list)}, nil
	}
	return Condition{}, fmt.Errorf("unknown condition %s", text)
}

func values(list string) []string {
	out := strings.Split(list, ",")
	for i, v := range out {
		out[i] = strings.Trim(strings.TrimSpace(v), `"`)
	}
	return out
}
