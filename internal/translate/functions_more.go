package translate

import (
	"math"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Functions that are written with several of ES|QL's.

// fnIPMask is ipmask(MASK, ip): the network that an address is in.
func fnIPMask(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[0].null || vs[1].null {
		return nullValue()
	}
	ones, ok := 0, false
	if vs[0].word != nil {
		ones, ok = maskLength(*vs[0].word)
	}
	if !ok {
		l.diag("unsupported_function", e.Span(), e.Func, "`ipmask` needs a literal mask of leading ones, such as 255.255.255.0; rewrite this part by hand")
		return holeValue
	}
	ip := vs[1].expr
	if vs[1].typ != "ip" {
		ip = call("TO_IP", l.text(vs[1]).expr)
	}
	if vs[1].multi() {
		l.arrayNote(vs[1], e.Span(), e.Func, "ipmask of several addresses is null in ES|QL")
	}
	return value{expr: call("TO_STRING", call("IP_PREFIX", ip, integer(int64(ones)), integer(128))), typ: "keyword", nonNull: vs[1].nonNull && vs[1].typ == "ip"}
}

func maskLength(mask string) (ones int, ok bool) {
	a, err := netip.ParseAddr(strings.TrimSpace(mask))
	if err != nil || !a.Is4() {
		return 0, false
	}
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	ones = bits.LeadingZeros32(^n)
	return ones, n == ^uint32(0)<<(32-ones)
}

// fnPrintf is printf with %s, %d and %0Nd.
func fnPrintf(l *lowering, e *spl.Call) value {
	f, isText := e.Args[0].(*spl.StringLit)
	if !isText {
		l.diag("unsupported_function", e.Span(), e.Func, "`printf` needs a literal format; rewrite this part by hand")
		return holeValue
	}
	parts := []esql.Expr{}
	text := ""
	flush := func() {
		if text != "" {
			parts = append(parts, str(text))
			text = ""
		}
	}
	args := e.Args[1:]
	nonNull := true
	for s := f.Value; s != ""; {
		if s[0] != '%' {
			text += s[:1]
			s = s[1:]
			continue
		}
		i := 1
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		width := s[1:i]
		switch {
		case i < len(s) && s[i] == '%' && width == "":
			text += "%"
		case i < len(s) && len(args) > 0 && (s[i] == 's' && width == "" || (s[i] == 'd' || s[i] == 'i') && (width == "" || width[0] == '0')):
			v := l.expr(args[0])
			args = args[1:]
			if v.hole {
				return holeValue
			}
			if v.null {
				return nullValue()
			}
			if v.multi() {
				l.arrayNote(v, e.Span(), e.Func, "printf of several values is null in ES|QL")
			}
			nonNull = nonNull && v.nonNull
			flush()
			x, ok := l.printed(v, s[i], width, e)
			if !ok {
				return holeValue
			}
			parts = append(parts, x)
		default:
			l.diag("unsupported_function", e.Span(), e.Func, "the format "+strconv.Quote(clip(s[:min(len(s), i+1)]))+" of `printf` has no counterpart in ES|QL; rewrite this part by hand")
			return holeValue
		}
		s = s[i+1:]
	}
	flush()
	switch len(parts) {
	case 0:
		return value{expr: str(""), typ: "keyword", nonNull: true}
	case 1:
		return value{expr: call("TO_STRING", parts[0]), typ: "keyword", nonNull: nonNull}
	}
	return value{expr: call("CONCAT", parts...), typ: "keyword", nonNull: nonNull}
}

// printed is one value in a format of printf.
func (l *lowering) printed(v value, verb byte, width string, e *spl.Call) (esql.Expr, bool) {
	if verb == 's' {
		return l.text(v).expr, true
	}
	n := l.numeric(v, e.Span())
	if n.hole {
		return nil, false
	}
	x := n.expr
	if !isInteger(n.typ) {
		x = l.once(x)
		x = call("TO_LONG", call("CASE", binary(">=", x, integer(0)), call("FLOOR", x), call("CEIL", x))) // TO_LONG rounds, %d does not
	}
	x = call("TO_STRING", x)
	if w, err := strconv.Atoi(width); err == nil && w > 0 && w <= 20 {
		zeros := str(strings.Repeat("0", w))
		args := []esql.Expr{binary(">=", call("LENGTH", x), integer(int64(w))), x}
		if w > 1 { // the zeros stand behind the sign
			args = append(args, call("STARTS_WITH", x, str("-")),
				call("CONCAT", str("-"), call("RIGHT", call("CONCAT", zeros, call("SUBSTRING", x, integer(2))), integer(int64(w-1)))))
		}
		x = call("CASE", append(args, call("RIGHT", call("CONCAT", zeros, x), integer(int64(w))))...)
	}
	return x, true
}

// durationText is a whole number of seconds as [-][D+]HH:MM:SS.
func durationText(seconds esql.Expr) esql.Expr {
	sign := call("CASE", binary("<", seconds, integer(0)), str("-"), str(""))
	x := call("ABS", seconds)
	part := func(div, mod int64) esql.Expr {
		n := x
		if div > 1 {
			n = binary("/", n, integer(div))
		}
		if mod > 0 {
			n = binary("%", n, integer(mod))
		}
		return n
	}
	two := func(n esql.Expr) esql.Expr {
		return call("RIGHT", call("CONCAT", str("0"), call("TO_STRING", n)), integer(2))
	}
	days := call("CASE", binary(">=", x, integer(86400)), call("CONCAT", call("TO_STRING", part(86400, 0)), str("+")), str(""))
	return call("CONCAT", sign, days, two(part(3600, 24)), str(":"), two(part(60, 60)), str(":"), two(part(1, 60)))
}

// formatted is tostring with a format.
func (l *lowering) formatted(v value, format string, e *spl.Call) value {
	switch format {
	case "commas", "duration":
		n := l.numeric(v, e.Span())
		if n.hole || n.null {
			return n
		}
		if v.multi() {
			l.arrayNote(v, e.Span(), e.Func, "tostring of several values is null in ES|QL")
		}
		switch {
		case isInteger(n.typ):
		case n.whole || isText(v.typ) && v.numeral:
			n.expr = call("TO_LONG", n.expr)
		default:
			l.diag("number_text", e.Span(), e.Func, "tostring with `"+format+"` leaves the fraction of a number out in the draft; Splunk writes it. Round the number, or compare it as a number")
			n.expr = call("TO_LONG", n.expr)
		}
		if format == "duration" {
			n.expr = l.once(n.expr)
			return value{expr: durationText(n.expr), typ: "keyword", nonNull: n.nonNull}
		}
		return value{expr: call("REPLACE", call("TO_STRING", n.expr), str(`(?<=\d)(?=(\d{3})+$)`), str(",")), typ: "keyword", nonNull: n.nonNull}
	case "hex":
		if n, err := strconv.ParseInt(wordOf(v), 10, 64); err == nil {
			s := "0x" + strings.ToUpper(strconv.FormatInt(n, 16))
			return value{expr: str(s), typ: "keyword", nonNull: true, word: &s}
		}
	}
	l.diag("unsupported_function", e.Span(), "tostring", "tostring with the format `"+format+"` has no counterpart in ES|QL; compare the number instead")
	return holeValue
}

func wordOf(v value) string {
	if v.word == nil {
		return ""
	}
	return *v.word
}

// fnInverse is a function that only its logarithm says.
func fnInverse(f func(x esql.Expr) esql.Expr) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		n := l.numeric(l.expr(e.Args[0]), e.Span())
		if n.hole || n.null {
			return n
		}
		return value{expr: f(n.expr), typ: "double"}
	}
}

func asinh(x esql.Expr) esql.Expr {
	return call("LOG", binary("+", x, call("SQRT", binary("+", binary("*", x, x), &esql.Literal{Value: 1.0}))))
}

func acosh(x esql.Expr) esql.Expr {
	return call("LOG", binary("+", x, call("SQRT", binary("-", binary("*", x, x), &esql.Literal{Value: 1.0}))))
}

func atanh(x esql.Expr) esql.Expr {
	one := func() esql.Expr { return &esql.Literal{Value: 1.0} }
	return binary("/", call("LOG", binary("/", binary("+", one(), x), binary("-", one(), x))), &esql.Literal{Value: 2.0})
}

// fnSum is sum(…) and avg(…) of eval: of the arguments that are numbers.
func fnSum(average bool) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		var sum, count esql.Expr
		typ := "long"
		present := false
		var missing []esql.Expr
		for _, a := range e.Args {
			v := l.numeric(l.expr(a), a.Span())
			if v.hole {
				return holeValue
			}
			if v.null {
				continue
			}
			x := v.expr
			if v.multi() {
				l.arrayNote(v, a.Span(), e.Func, e.Func+" of several values is null in ES|QL")
			}
			one := integer(1)
			if !isInteger(v.typ) {
				typ = "double"
			}
			if !v.nonNull {
				zero := integer(0)
				if !isInteger(v.typ) {
					zero = &esql.Literal{Value: 0.0}
				}
				missing = append(missing, isNull(v.expr))
				one = call("CASE", isNull(v.expr), integer(0), integer(1))
				x = call("COALESCE", x, zero)
			} else {
				present = true
			}
			if sum == nil {
				sum, count = x, one
			} else {
				sum, count = binary("+", sum, x), binary("+", count, one)
			}
		}
		if sum == nil {
			return nullValue()
		}
		x := sum
		if average {
			typ = "double"
			x = binary("/", call("TO_DOUBLE", sum), count)
		}
		if present {
			return value{expr: x, typ: typ, nonNull: true}
		}
		return value{expr: call("CASE", and(missing...), null(), x), typ: typ}
	}
}

// fnBits is bit_and with a mask of one bit, and the shifts: whole numbers that are not negative.
func fnBits(l *lowering, e *spl.Call) value {
	v := l.numeric(l.expr(e.Args[0]), e.Span())
	n := l.numeric(l.expr(e.Args[1]), e.Span())
	if v.hole || n.hole {
		return holeValue
	}
	if v.null || n.null {
		return nullValue()
	}
	if v.word != nil && n.word == nil && e.Func == "bit_and" {
		v, n = n, v
	}
	k, err := strconv.ParseInt(wordOf(n), 10, 64)
	x := v.expr
	if !isInteger(v.typ) {
		x = call("TO_LONG", x)
	}
	switch {
	case err != nil || k < 0:
	case e.Func == "bit_and" && bits.OnesCount64(uint64(k)) == 1:
		bit := binary("%", binary("/", x, integer(k)), integer(2))
		return value{expr: binary("*", bit, integer(k)), typ: "long", nonNull: v.nonNull}
	case e.Func == "bit_shift_left" && k < 53:
		return value{expr: binary("*", call("TO_LONG", x), integer(1<<k)), typ: "long", nonNull: v.nonNull}
	case e.Func == "bit_shift_right" && k < 53:
		return value{expr: binary("/", x, integer(1<<k)), typ: "long", nonNull: v.nonNull}
	}
	l.diag("unsupported_function", e.Span(), e.Func, "`"+e.Func+"` has a counterpart only for a literal with one bit set (or a shift by a literal); rewrite this part by hand")
	return holeValue
}

// fnURLDecode needs a function of a later target.
func fnURLDecode(l *lowering, e *spl.Call) value {
	if l.opts.Target != Target9 {
		l.diag("needs_target_9", e.Span(), e.Func, "`urldecode` needs URL_DECODE, which 8.19 does not have; rewrite this part by hand")
		return holeValue
	}
	v := l.text(l.expr(e.Args[0]))
	if v.hole || v.null {
		return v
	}
	if v.multi() {
		l.arrayNote(v, e.Span(), e.Func, "urldecode of several values is null in ES|QL")
	}
	return value{expr: call("URL_DECODE", v.expr), typ: "keyword"}
}

// inBase reads a literal in another base.
func inBase(text, base string) (string, bool) {
	b, err := strconv.Atoi(base)
	if err != nil || b < 2 || b > 36 {
		return "", false
	}
	text = strings.TrimSpace(text)
	if b == 16 {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
	}
	n, err := strconv.ParseInt(text, b, 64)
	if err != nil || n > math.MaxInt32 {
		return "", false
	}
	return strconv.FormatInt(n, 10), true
}
