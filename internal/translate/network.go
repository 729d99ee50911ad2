package translate

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// cidr is true where an address, or any of several, is in a network.
func (l *lowering) cidr(v value, prefix string, at spl.Span) esql.Expr {
	if v.multi() {
		if v.typ == "ip" && l.queryString() && v.stored() {
			return call("QSTR", str(esql.EscapeLucene(v.columnName())+":"+esql.LucenePhrase(prefix)))
		}
		if p, err := netip.ParsePrefix(prefix); err == nil {
			if p.Bits() == 0 && v.typ == "ip" && p.Addr().Is6() {
				return notNull(v.expr)
			}
			if re, ok := l.networkRegex(v, p.Masked(), at); ok {
				t := v
				if !isText(t.typ) {
					t = l.asText(v)
				}
				return rlike(call("CONCAT", str(valueMark), call("MV_CONCAT", t.expr, str(valueMark)), str(valueMark)), ".*"+valueMark+re+valueMark+".*")
			}
		}
		l.arrayNote(v, at, "cidrmatch", "CIDR_MATCH of several addresses is null in ES|QL, true in Splunk if any is in the network")
	}
	x := v.expr
	if v.typ != "ip" {
		x = call("TO_IP", x)
	}
	return call("CIDR_MATCH", x, str(prefix))
}

// network is FIELD=VALUE of the search grammar on text, where the value is wholly a network: it matches the addresses in the
// network, and the same text. The second result says that some value of several is outside.
func (l *lowering) network(v value, text string, p netip.Prefix) (in, outside esql.Expr) {
	same := textTest{value: text}
	re, ok := l.networkRegex(v, p.Masked(), l.at)
	if !ok {
		in = call("COALESCE", call("CIDR_MATCH", call("TO_IP", v.expr), str(p.String())), boolean(false))
		if v.multi() {
			l.arrayNote(v, l.at, "cidrmatch", "CIDR_MATCH of several addresses is null in ES|QL, true in Splunk if any is in the network")
		}
		in = or(in, l.textEquals(v, same))
		return in, not(in)
	}
	re = "(" + re + "|" + esql.EscapeRegex(text) + ")"
	if !v.multi() {
		in = rlike(v.expr, re)
		return in, not(in)
	}
	joined := call("MV_CONCAT", v.expr, str(valueMark))
	in = rlike(call("CONCAT", str(valueMark), joined, str(valueMark)), ".*"+valueMark+re+valueMark+".*")
	return in, not(rlike(joined, re+"("+valueMark+re+")*"))
}

// wholeNetwork reads a value of the search grammar that is a network and nothing else.
func (l *lowering) wholeNetwork(text string) (netip.Prefix, bool) {
	if l.literal {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(text)
	return p, err == nil
}

// octet is a number of an IPv4 address: text may hold 10.999.1.1, which is none.
const octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

// networkRegex matches the addresses of a network as Elasticsearch writes them; ok is false where the text of IPv6
// addresses, which leaves zeros out, does not tell.
func (l *lowering) networkRegex(v value, p netip.Prefix, at spl.Span) (string, bool) {
	re, ok := addressRegex(p, isText(v.typ))
	if ok && isText(v.typ) && p.Addr().Is6() {
		l.diag("function_differs", at, "cidrmatch", "an IPv6 address in text can be written in several ways; the draft finds those in the shortest form, in lower case, and what only begins like one. Map the field as ip")
	}
	return re, ok
}

// addressRegex is the expression of networkRegex; anyText says that the text may be no address.
func addressRegex(p netip.Prefix, anyText bool) (string, bool) {
	any := "[^" + valueMark + "]*"
	if p.Addr().Is4() {
		rest := "[0-9]+"
		if anyText {
			rest = octet
		}
		octets := p.Addr().As4()
		var parts []string
		for i, b := range octets {
			switch fixed := p.Bits() - 8*i; {
			case fixed >= 8:
				parts = append(parts, strconv.Itoa(int(b)))
			case fixed <= 0:
				parts = append(parts, rest)
			default:
				var numbers []string
				for n := int(b); n < int(b)+1<<(8-fixed); n++ {
					numbers = append(numbers, strconv.Itoa(n))
				}
				parts = append(parts, "("+strings.Join(numbers, "|")+")")
			}
		}
		return strings.Join(parts, `\.`), true
	}
	if p.Bits() == 128 {
		return esql.EscapeRegex(p.Addr().String()), true
	}
	if p.Bits()%16 != 0 || p.Bits() == 0 {
		return "", false
	}
	b := p.Addr().As16()
	var out strings.Builder
	for i := 0; i < p.Bits()/8; i += 2 {
		n := int(b[i])<<8 | int(b[i+1])
		if n == 0 {
			return "", false
		}
		out.WriteString(strconv.FormatInt(int64(n), 16) + ":")
	}
	return out.String() + any, true
}
