package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Some Windows sources have an account as DOMAIN\name in Splunk, which Elastic's integrations split into two fields. Wherever
// the domain can matter both are read; where only the name is read although it can, a note says so.

// accountDomains gives the field of the domain beside that of the name.
var accountDomains = map[string]string{"user.name": "user.domain", "winlog.user.name": "winlog.user.domain"}

// accountSources are the sources whose field User holds DOMAIN\name.
var accountSources = []string{"sysmon", "powershell", "wineventlog_system", "wineventlog_application"}

// domainOf is the field of the domain that stands in front of the name in Splunk, empty for all other fields.
func (l *lowering) domainOf(name string, f *schema.Field) string {
	if name != "User" || !slices.Contains(accountSources, l.src.Name) || len(l.also) > 0 || f.Fn != "" || len(f.Also) > 0 {
		return ""
	}
	domain := accountDomains[f.Name]
	if d, known := l.src.Known(domain); domain == "" || !known || d.Array != schema.Single || f.Array != schema.Single {
		return ""
	}
	return domain
}

// wholeAccount is the account as Splunk has it.
func wholeAccount(v value) value {
	if v.domain == "" {
		return v
	}
	v.expr = call("COALESCE", call("CONCAT", col(v.domain), str(`\`), v.expr), v.expr)
	v.domain, v.typ = "", "keyword"
	return v
}

// account gives the account with its domain where it is compared with words that can tell.
func (l *lowering) account(v value, words ...spl.Value) value {
	if v.domain != "" {
		if slices.ContainsFunc(words, func(w spl.Value) bool { return !endOfName(w.Text) }) {
			return wholeAccount(v)
		}
		v.domain = ""
		return v
	}
	for _, w := range words {
		if strings.Contains(w.Text, `\`) {
			return l.withDomain(v, w.Span())
		}
	}
	return v
}

// endOfName says that a pattern fits DOMAIN\name if and only if it fits the name: it is about the end, or about nothing.
func endOfName(pattern string) bool {
	rest, star := strings.CutPrefix(pattern, "*")
	return star && (strings.Trim(rest, "*") == "" || !strings.ContainsAny(rest, `*\`))
}

// accounts runs f, which reads accounts with their domain.
func (l *lowering) accounts(f func()) {
	before := l.whole
	l.whole = true
	f()
	l.whole = before
}

// nameOnly says so where a part reads the name of an account without its domain.
func (l *lowering) nameOnly(c *column, span spl.Span) {
	if c.domain == "" || l.whole || l.purpose == toShow {
		return
	}
	name := c.mapping().Source
	l.diag("mapping_approximate", span, name, "`"+name+"` is DOMAIN\\name in Splunk, and this part reads "+c.name+" alone: accounts of one name in two domains are the same to it")
}

// withDomain gives an account with its domain, DOMAIN\name, where it is compared with such a word; ECS has the two apart.
func (l *lowering) withDomain(v value, span spl.Span) value {
	if v.col == nil || v.col.computed || v.columnName() != "user.name" || l.src == nil || l.schema.IsIdentity() {
		return v
	}
	f, known := l.src.Known("user.domain")
	if l.aggregated || !known || v.multi() || f.Array != schema.Single {
		l.diag("mapping_approximate", span, v.col.mapping().Source, "user.name has no domain, which DOMAIN\\name is compared with")
		return v
	}
	v.expr = call("CONCAT", col("user.domain"), str(`\`), v.expr)
	return v
}

// presenceOf is the part of an account on whose presence that of the whole depends; x itself for anything else.
func presenceOf(x esql.Expr) esql.Expr {
	c, ok := x.(*esql.Call)
	if !ok || c.Func != "COALESCE" || len(c.Args) != 2 {
		return x
	}
	whole, ok := c.Args[0].(*esql.Call)
	if name, plain := c.Args[1].(*esql.Column); ok && plain && whole.Func == "CONCAT" && whole.Args[len(whole.Args)-1] == esql.Expr(name) {
		return name
	}
	return x
}
