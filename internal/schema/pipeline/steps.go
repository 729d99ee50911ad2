package pipeline

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// steps are the changes a value can undergo. Each takes the values and the argument; no value is the end of the field.
var steps = map[string]func(vs []string, arg string) []string{
	"lower":  each(func(v, _ string) string { return strings.ToLower(v) }),
	"upper":  each(func(v, _ string) string { return strings.ToUpper(v) }),
	"trim":   each(func(v, arg string) string { return strings.TrimSpace(strings.Trim(v, arg)) }),
	"number": each(number),
	// hex is number for a raw value that is always hexadecimal, so that the document never has it as the event does.
	"hex": each(number),
	// base is the last element of a path, dir what stands before it, ext what follows the last dot.
	"base": each(func(v, _ string) string { return v[strings.LastIndexAny(v, `\/`)+1:] }),
	"dir":  each(func(v, _ string) string { return v[:max(0, strings.LastIndexAny(v, `\/`))] }),
	"ext": each(func(v, _ string) string {
		i := strings.LastIndexByte(v, '.')
		if i < 0 || strings.ContainsAny(v[i:], `\/`) {
			return ""
		}
		return v[i+1:]
	}),
	// before and after are the parts of the value around the first occurrence of the argument; before is all without one,
	// after nothing.
	"before": each(func(v, arg string) string { b, _, _ := strings.Cut(v, arg); return b }),
	"after":  each(func(v, arg string) string { _, a, _ := strings.Cut(v, arg); return a }),
	// ip4 writes an IPv4 address that is mapped into IPv6 as IPv4.
	"ip4": each(func(v, _ string) string { return strings.TrimPrefix(v, "::ffff:") }),
	// ip keeps the value only where it is an address.
	"ip": each(func(v, _ string) string {
		if address.MatchString(v) {
			return v
		}
		return ""
	}),
	// split makes a list, its argument a regular expression.
	"split": func(vs []string, arg string) []string {
		var out []string
		re := regexp.MustCompile(arg)
		for _, v := range vs {
			for _, x := range re.Split(v, -1) {
				if x != "" {
					out = append(out, x)
				}
			}
		}
		return out
	},
	// key is the value of a key in a list such as MD5=…,SHA256=…
	"key": each(func(v, arg string) string {
		for part := range strings.SplitSeq(v, ",") {
			if k, x, ok := strings.Cut(part, "="); ok && strings.EqualFold(strings.TrimSpace(k), arg) {
				return x
			}
		}
		return ""
	}),
	// is puts words in the place of others: a=b;c=d; a word of its own stays, unless the list ends with ;!
	"is": each(func(v, arg string) string {
		list, only := strings.CutSuffix(arg, ";!")
		for part := range strings.SplitSeq(list, ";") {
			if from, to, ok := strings.Cut(part, "="); ok && strings.EqualFold(strings.TrimSpace(from), v) {
				return strings.TrimSpace(to)
			}
		}
		if only {
			return ""
		}
		return v
	}),
	// match keeps group 1 of a regular expression.
	"match": each(func(v, arg string) string {
		m := regexp.MustCompile(arg).FindStringSubmatch(v)
		if len(m) < 2 {
			return ""
		}
		return m[1]
	}),
	// replace puts the second part of its argument, after a comma, in the place of the first, where %20 is a blank.
	"replace": each(func(v, arg string) string {
		from, to, _ := strings.Cut(arg, ",")
		from = strings.ReplaceAll(from, "%20", " ")
		if from == "+" {
			return strings.ReplaceAll(v, "+", " ")
		}
		return strings.ReplaceAll(v, from, to)
	}),
	// only keeps the values that fit a regular expression.
	"only": each(func(v, arg string) string {
		if regexp.MustCompile(arg).MatchString(v) {
			return v
		}
		return ""
	}),
	// prefix puts its argument in front of the value.
	"prefix": each(func(v, arg string) string { return arg + v }),
	// cut takes every occurrence of its argument out.
	"cut": each(func(v, arg string) string { return strings.ReplaceAll(v, arg, "") }),
	// unhex decodes a text that the audit log has in hexadecimal: only where something in it needed that; a character of
	// control is written ^@, ^A and so on.
	"unhex": each(func(v, _ string) string {
		b, err := hex.DecodeString(v)
		if err != nil || !strings.ContainsFunc(string(b), func(c rune) bool { return c < 33 || c == '"' || c == 127 }) {
			return v
		}
		var out strings.Builder
		for _, c := range b {
			if c < 32 || c == 127 {
				out.WriteByte('^')
				c ^= 64
			}
			out.WriteByte(c)
		}
		return out.String()
	}),
	// nano makes nanoseconds of seconds.
	"nano": each(func(v, arg string) string {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return ""
		}
		unit := 1e9
		if arg == "ms" {
			unit = 1e6
		}
		return strconv.FormatFloat(f*unit, 'f', 0, 64)
	}),
	"last":     func(vs []string, _ string) []string { return vs[max(0, len(vs)-1):] },
	"first":    func(vs []string, _ string) []string { return vs[:min(1, len(vs))] },
	"distinct": func(vs []string, _ string) []string { return distinct(vs) },
	// time says that the value is a point in time, which the document writes in its own form.
	"time": func(vs []string, _ string) []string { return vs },
	// text says that what the document has is a rendering of a whole structure.
	"text": func(vs []string, _ string) []string { return vs },
	// dword is a registry value: numbers in decimal, all else as it is.
	"dword": each(func(v, _ string) string {
		if m := dword.FindStringSubmatch(v); m != nil {
			n, err := strconv.ParseInt(m[1], 16, 64)
			if err == nil {
				return strconv.FormatInt(n, 10)
			}
		}
		return v
	}),
}

var (
	address = regexp.MustCompile(`^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`)
	dword   = regexp.MustCompile(`(?i)^DWORD \(0x([0-9a-f]{8})\)$`)
)

// number writes a decimal or hexadecimal number in decimal; a text that is none leaves no field.
func number(v, _ string) string {
	if h, ok := strings.CutPrefix(strings.ToLower(v), "0x"); ok {
		n, err := strconv.ParseUint(h, 16, 64)
		if err != nil {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	if _, err := strconv.ParseFloat(v, 64); err != nil {
		return ""
	}
	return v
}

// each makes a step of a function of one value; values that become empty are gone.
func each(f func(v, arg string) string) func([]string, string) []string {
	return func(vs []string, arg string) []string {
		var out []string
		for _, v := range vs {
			if x := f(v, arg); x != "" {
				out = append(out, x)
			}
		}
		return out
	}
}

func checkSteps(list []Step) error {
	for _, s := range list {
		if steps[s.Name] == nil {
			return fmt.Errorf("unknown step %s", s.Name)
		}
		if s.Name == "match" || s.Name == "only" || s.Name == "split" {
			if _, err := regexp.Compile(s.Arg); err != nil {
				return err
			}
		}
	}
	return nil
}

func run(list []Step, vs []string) []string {
	for _, s := range list {
		if len(vs) == 0 {
			return nil
		}
		vs = steps[s.Name](vs, s.Arg)
	}
	return vs
}

func distinct(vs []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range vs {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
