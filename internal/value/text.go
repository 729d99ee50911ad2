package value

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	pageText    Page = "SearchReference/TextFunctions"
	pageCrypto  Page = "SearchReference/CryptographicFunctions"
	pageConvert Page = "SearchReference/ConversionFunctions"
)

func textRows(does string, result Kind, page Page) []Row {
	return []Row{
		{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing for a missing value", Page: page},
		{Kinds: kinds(Numeral), Result: result, Missing: Maybe, Does: does, Page: page},
		{Kinds: kinds(Any), Result: result, Missing: Maybe, Several: Maybe, Does: "of several values each by itself"},
	}
}

func textOps() []Op {
	f := func(name string, least, most int, result Kind, does string, page Page, fn func(e *Env, s string, a []Value) Value) Op {
		return Op{Name: name, Place: InEval, Min: least, Max: most, Rows: textRows(does, result, page), fn: func(e *Env, a []Value) Value {
			var out Value
			for _, x := range a[0] {
				s := x.Text()
				if !e.spend(1 + len(s)/64) {
					return nil
				}
				out = append(out, fn(e, s, a[1:])...)
			}
			return out
		}}
	}
	trim := func(name, does string, cut func(s, set string) string) Op {
		return f(name, 1, 2, Numeral, does, pageText, func(_ *Env, s string, a []Value) Value {
			set := " \t"
			if len(a) > 0 {
				t, ok := text(a[0])
				if !ok {
					return nil
				}
				set = t
			}
			return Str(cut(s, set))
		})
	}
	hash := func(name string, sum func(string) []byte) Op {
		return f(name, 1, 1, Text, "the hash of the text in hexadecimal", pageCrypto, func(e *Env, s string, _ []Value) Value {
			if !e.spend(len(s) / 8) {
				return nil
			}
			return Str(hex.EncodeToString(sum(s)))
		})
	}
	return append([]Op{
		f("lower", 1, 1, Numeral, "the text in lower case", pageText, func(_ *Env, s string, _ []Value) Value { return Str(strings.ToLower(s)) }),
		f("upper", 1, 1, Numeral, "the text in upper case", pageText, func(_ *Env, s string, _ []Value) Value { return Str(strings.ToUpper(s)) }),
		f("len", 1, 1, Number, "the number of characters", pageText, func(_ *Env, s string, _ []Value) Value { return Num(float64(utf8.RuneCountInString(s))) }),
		f("substr", 2, 3, Numeral, "the text from a place counted from 1, or from the end when negative, of a length or to the end", pageText, func(_ *Env, s string, a []Value) Value { return substr(s, a) }),
		trim("trim", "the text without blanks and tabs, or the characters given, at both ends", strings.Trim),
		trim("ltrim", "the text without blanks and tabs, or the characters given, at its start", strings.TrimLeft),
		trim("rtrim", "the text without blanks and tabs, or the characters given, at its end", strings.TrimRight),
		f("urldecode", 1, 1, Numeral, "the text with %-escapes replaced", pageText, func(_ *Env, s string, _ []Value) Value {
			if t, err := url.PathUnescape(s); err == nil {
				return Str(t)
			}
			return Str(s)
		}),
		f("replace", 3, 3, Numeral, `the text with every match of a regular expression replaced; \1 in the replacement is a group`, pageText, func(e *Env, s string, a []Value) Value {
			re, ok1 := text(a[0])
			with, ok2 := text(a[1])
			if !ok1 || !ok2 {
				return nil
			}
			p := e.pattern(re)
			if p == nil {
				return nil
			}
			t := p.Replace(e, s, with)
			if len(t) > maxText {
				e.fail(errTooLong)
				return nil
			}
			return Str(t)
		}),
		hash("md5", func(s string) []byte { h := md5.Sum([]byte(s)); return h[:] }),
		hash("sha1", func(s string) []byte { h := sha1.Sum([]byte(s)); return h[:] }),
		hash("sha256", func(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }),
		hash("sha512", func(s string) []byte { h := sha512.Sum512([]byte(s)); return h[:] }),
		{Name: "tostring", Place: InEval, Min: 1, Max: 2, Rows: []Row{
			{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing for a missing value", Page: pageConvert},
			{Kinds: kinds(Number), Result: Numeral, Does: `the number as text; "hex" writes 0x and hexadecimal digits, "commas" groups thousands with at most two decimals, "duration" writes seconds as HH:MM:SS, with days+ before it`, Page: pageConvert},
			{Kinds: kinds(Boolean), Result: Text, Does: "True or False", Page: pageConvert},
			{Kinds: kinds(Any), Result: Numeral, Does: "text as it is; with a format, text that reads as a number is formatted as one", Page: pageConvert}},
			fn: func(_ *Env, a []Value) Value { return toString(a) }},
		{Name: "printf", Place: InEval, Min: 1, Max: -1, Rows: textRows("the format with %s, %d, %f, %x and the like replaced by the arguments", Numeral, pageConvert), fn: func(e *Env, a []Value) Value {
			format, ok := text(a[0])
			if !ok {
				return nil
			}
			return printf(e, format, a[1:])
		}},
	}, patternOps()...)
}

// patternOps are like, match and the like.
func patternOps() []Op {
	holds := func(does string, page Page) []Row {
		return []Row{
			{Kinds: kinds(Missing, Any), Result: Boolean, Does: "does not hold for a missing value"},
			{Kinds: kinds(Any), Result: Boolean, Does: does, Page: page}}
	}
	return []Op{
		{Name: "like", Place: InEval, Min: 2, Max: 2, Rows: holds("the whole text matches, with case; % stands for any text, _ for one character; of several values one", pageCompare), fn: func(e *Env, a []Value) Value {
			for _, p := range a[1] {
				pattern := p.Text()
				for _, x := range a[0] {
					s := x.Text()
					if !e.spend(1 + len(s)/16) {
						return nil
					}
					if likeMatch(s, pattern) {
						return Bool(true)
					}
				}
			}
			return Bool(false)
		}},
		{Name: "match", Place: InEval, Min: 2, Max: 2, Rows: holds("the regular expression is found anywhere in the text, with case; of several values in one", pageCompare), fn: func(e *Env, a []Value) Value {
			re, ok := text(a[1])
			if !ok {
				return Bool(false)
			}
			p := e.pattern(re)
			if p == nil {
				return nil
			}
			for _, x := range a[0] {
				if p.Match(e, x.Text()) {
					return Bool(true)
				}
			}
			return Bool(false)
		}},
		{Name: "searchmatch", Place: InEval, Min: 1, Max: 1, Lazy: true, Rows: []Row{{Kinds: kinds(Any), Result: Boolean, Does: "holds if the row matches the text as a search", Page: pageCompare}}},
	}
}

func substr(s string, a []Value) Value {
	from, ok := number(a[0])
	if !ok {
		return nil
	}
	runes := []rune(s)
	n := float64(len(runes))
	switch {
	case from > 0:
		from--
	case from < 0:
		from = math.Max(0, n+from)
	}
	from = math.Min(math.Trunc(from), n)
	end := n
	if len(a) > 1 {
		length, ok := number(a[1])
		if !ok {
			return nil
		}
		if length < 0 {
			length = 0
		}
		end = math.Min(n, from+math.Trunc(length))
	}
	return Str(string(runes[int(from):int(end)]))
}

// likeMatch matches the whole of s; each step consumes a character of the text or of the pattern.
func likeMatch(s, pattern string) bool {
	t, p := []rune(s), []rune(pattern)
	i, j, star, mark := 0, 0, -1, 0
	for i < len(t) {
		switch {
		case j < len(p) && p[j] == '%':
			star, mark = j, i
			j++
		case j < len(p) && (p[j] == '_' || p[j] == t[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == '%' {
		j++
	}
	return j == len(p)
}

func toString(a []Value) Value {
	if a[0].Missing() {
		return nil
	}
	if len(a) == 1 {
		return Strs(a[0].Texts())
	}
	x, ok := single(a[0])
	if !ok {
		return nil
	}
	format, _ := text(a[1])
	n, ok := x.Number()
	if !ok {
		return Str(x.Text())
	}
	switch strings.ToLower(format) {
	case "binary":
		if n < 0 || n >= 1<<53 {
			return nil
		}
		return Str(strconv.FormatInt(int64(n), 2))
	case "hex":
		if n < 0 || n >= 1<<63 {
			return nil
		}
		return Str("0x" + strings.ToUpper(strconv.FormatInt(int64(n), 16)))
	case "commas":
		return Str(commas(n))
	case "duration":
		return Str(Duration(n))
	}
	return Str(x.Text())
}

// commas groups thousands; a fraction is rounded to two decimals and shows both.
func commas(n float64) string {
	s := FormatNumber(roundTo(n, 2), 2)
	if n == math.Trunc(n) {
		s = FormatNumber(n, 0)
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest := s, ""
	if i := strings.IndexByte(s, '.'); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	return sign + b.String() + rest
}

// Duration writes seconds as [D+]HH:MM:SS; a fraction keeps its digits.
func Duration(n float64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	if n > 1e15 {
		return sign + FormatNumber(n, -1)
	}
	whole := math.Floor(n)
	frac := ""
	if d := decimals(n); d > 0 {
		frac = strings.TrimPrefix(FormatNumber(roundTo(n-whole, min(d, 6)), min(d, 6)), "0")
	}
	t := int64(whole)
	s := fmt.Sprintf("%02d:%02d:%02d%s", t/3600%24, t/60%60, t%60, frac)
	if days := t / 86400; days > 0 {
		s = strconv.FormatInt(days, 10) + "+" + s
	}
	return sign + s
}

// printf follows C's printf for the conversions that Splunk documents.
func printf(e *Env, format string, args []Value) Value {
	var b strings.Builder
	next := func() (Atom, bool) {
		if len(args) == 0 || len(args[0]) == 0 {
			if len(args) > 0 {
				args = args[1:]
			}
			return Atom{}, false
		}
		x := args[0][0]
		args = args[1:]
		return x, true
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		j := i + 1
		for j < len(format) && strings.IndexByte("+-# 0123456789.*'", format[j]) >= 0 {
			j++
		}
		if j >= len(format) {
			b.WriteString(format[i:])
			break
		}
		flags, verb := format[i+1:j], format[j]
		i = j
		switch verb { // what has two names
		case 'i':
			verb = 'd'
		case 'z':
			verb = 's'
		case 'p':
			verb = 'X'
		}
		if verb == '%' {
			b.WriteByte('%')
			continue
		}
		for strings.Contains(flags, "*") {
			x, _ := next()
			n, _ := x.Number()
			flags = strings.Replace(flags, "*", strconv.Itoa(int(math.Max(-200, math.Min(n, 200)))), 1)
		}
		if !boundedFlags(flags) {
			return nil
		}
		group := strings.Contains(flags, "'")
		flags = strings.ReplaceAll(flags, "'", "")
		x, ok := next()
		n, isNum := x.Number()
		switch {
		case !ok:
			return nil
		case verb == 's':
			fmt.Fprintf(&b, "%"+flags+"s", x.Text())
		case verb == 'c' && x.kind == Number && n >= 0 && n <= utf8.MaxRune:
			b.WriteRune(rune(n))
		case verb == 'c':
			if r, size := utf8.DecodeRuneInString(x.Text()); size > 0 {
				b.WriteRune(r)
			}
		case !isNum:
			return nil
		case verb == 'd':
			if group {
				fmt.Fprintf(&b, "%"+strings.ReplaceAll(flags, "+", "")+"s", plus(flags, n)+commas(math.Trunc(n)))
			} else {
				fmt.Fprintf(&b, "%"+flags+"d", int64(n))
			}
		case verb == 'u':
			fmt.Fprintf(&b, "%"+flags+"d", uint64(math.Max(0, n)))
		case verb == 'x' || verb == 'X' || verb == 'o':
			fmt.Fprintf(&b, "%"+hexFlags(flags)+string(verb), int64(n))
		case verb == 'f' || verb == 'F' || verb == 'e' || verb == 'E' || verb == 'g' || verb == 'G':
			fmt.Fprintf(&b, "%"+flags+string(verb), n)
		case verb == 'a' || verb == 'A':
			b.WriteString(hexFloat(flags, verb, n))
		default:
			b.WriteString("%" + flags + string(verb))
		}
		if b.Len() > maxText || !e.spend(1) {
			return nil
		}
	}
	return Str(b.String())
}

// plus is the sign that the flag + asks for.
func plus(flags string, n float64) string {
	if n >= 0 && strings.Contains(flags, "+") {
		return "+"
	}
	return ""
}

// hexFloat writes a number in base 16 with an exponent of 2, as C does: 0x1.922p+1.
func hexFloat(flags string, verb byte, n float64) string {
	head, precision, has := strings.Cut(flags, ".")
	digits := -1
	if has {
		digits, _ = strconv.Atoi("0" + precision)
	}
	s := strconv.FormatFloat(n, 'x', digits, 64)
	if i := strings.IndexByte(s, 'p'); i >= 0 && i+3 < len(s) && s[i+2] == '0' {
		s = s[:i+2] + s[i+3:] // Go writes two digits of the exponent
	}
	s = plus(flags, n) + s
	if verb == 'A' {
		s = strings.ToUpper(s)
	}
	return fmt.Sprintf("%"+strings.NewReplacer("+", "", "#", "", " ", "").Replace(head)+"s", s)
}

// boundedFlags says that width and precision are small.
func boundedFlags(s string) bool {
	run := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			if run++; run > 3 {
				return false
			}
		} else {
			run = 0
		}
	}
	return true
}

// hexFlags makes the width of zeros count the 0x before them, as C does.
func hexFlags(flags string) string {
	i := strings.IndexByte(flags, '#')
	if i < 0 {
		return flags
	}
	rest := strings.TrimLeft(flags, "+-# ")
	if !strings.HasPrefix(rest, "0") {
		return flags
	}
	width, err := strconv.Atoi(rest)
	if err != nil {
		return flags
	}
	return strings.TrimSuffix(flags, rest) + "0" + strconv.Itoa(max(0, width-2))
}
