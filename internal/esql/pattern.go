package esql

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ---- LIKE and RLIKE ----

func (c *checker) wildcards(e *Like) {
	list := make([]*regexNode, len(e.Patterns))
	plain := true
	for i, p := range e.Patterns {
		node, err := wildcardNode(p)
		if err != nil {
			c.report(e, CodePattern, "the LIKE pattern %s is wrong: %v", QuoteString(p), err)
			return
		}
		list[i] = node
		plain = plain && len(p) < 40 && strings.Count(p, "*") <= 2 && !strings.Contains(p, "?")
	}
	if plain && len(list) == 1 {
		return // cannot be complex
	}
	if wildcardsTooComplex(list) {
		c.report(e, CodeComplex, "the LIKE patterns are too complex for Lucene; use OR, or fewer in a list")
	}
}

func (c *checker) regexes(e *Like) {
	for _, p := range e.Patterns {
		node, err := parseRegex(p)
		if err != nil {
			c.report(e, CodePattern, "the RLIKE pattern %s is wrong: %v", QuoteString(p), err)
			continue
		}
		if n := utf8.RuneCountInString(p); n > maxRegexRunes && !node.fixed() && c.isIndexed(e.X) {
			c.report(e, CodeLimit, "the RLIKE pattern has %d characters, at most %d are allowed on a field", n, maxRegexRunes)
			continue
		}
		if regexTooComplex(node) {
			c.report(e, CodeComplex, "the RLIKE pattern is too complex for Lucene; split it")
		}
	}
}

// isIndexed reports whether an expression is a keyword field of an index: then patterns run in the index, which has
// limits of its own.
func (c *checker) isIndexed(e Expr) bool {
	column, ok := e.(*Column)
	if !ok {
		return false
	}
	col, ok := c.scope.find(column.Name)
	return ok && col.indexed && col.typ != "text"
}

// ---- DISSECT ----

var dissectKey = regexp.MustCompile(`%\{([^}]*)\}`)

// dissectNames returns the columns that a pattern makes.
func dissectNames(pattern string) ([]string, error) {
	keys := dissectKey.FindAllStringSubmatch(pattern, -1)
	places := dissectKey.FindAllStringIndex(pattern, -1)
	var names []string
	named := false
	seen := map[string]bool{}
	for i, key := range keys {
		name := strings.TrimSuffix(key[1], "->")
		modifier := byte(0)
		if name != "" && strings.IndexByte("+?&*", name[0]) >= 0 {
			modifier, name = name[0], name[1:]
		}
		if modifier == '+' {
			if base, order, ok := strings.Cut(name, "/"); ok {
				if _, err := strconv.Atoi(order); err != nil {
					return nil, fmt.Errorf("the order of %s is not a number", key[0])
				}
				name = base
			}
		}
		switch modifier {
		case '?':
			continue
		case '&', '*':
			return nil, fmt.Errorf("%s: reference keys are not supported", key[0])
		}
		if name == "" {
			if modifier != 0 {
				return nil, fmt.Errorf("%s has no name", key[0])
			}
			continue
		}
		named = true
		if i > 0 && places[i][0] == places[i-1][1] {
			continue // with nothing between them, the second key is not filled
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if !named {
		return nil, errors.New("it has no key such as %{name}")
	}
	return names, nil
}

// ---- GROK ----

// grokSimple are the patterns of the dictionary that capture nothing themselves.
var grokSimple = wordSet(`BASE10NUM BASE16FLOAT BASE16NUM CISCOMAC CISCOTAG CISCOTIMESTAMP COMMONMAC CRON_ACTION DATA DATE
	DATESTAMP DATESTAMP_EVENTLOG DATESTAMP_OTHER DATESTAMP_RFC2822 DATESTAMP_RFC822 DATE_EU DATE_US DAY EMAILADDRESS EMAILLOCALPART
	GREEDYDATA HOSTNAME HOSTPORT HOUR HTTPDATE HTTPDERROR_DATE HTTPDUSER INT IP IPORHOST IPV4 IPV6 ISO8601_HOUR ISO8601_SECOND
	ISO8601_TIMEZONE JAVACLASS JAVAFILE JAVALOGMESSAGE JAVAMETHOD JAVATHREAD LOGLEVEL MAC MINUTE MONTH MONTHDAY MONTHNUM MONTHNUM2
	NONNEGINT NOTSPACE NUMBER PATH POSINT PROG QS QUOTEDSTRING RUUID SECOND SPACE SYSLOG5424PRINTASCII SYSLOG5424SD SYSLOGHOST
	SYSLOGTIMESTAMP TIME TIMESTAMP_ISO8601 TOMCAT_DATESTAMP TTY TZ UNIXPATH URIPARAM URIPATH URIPATHPARAM URIPROTO URN USER USERNAME
	UUID WINDOWSMAC WINPATH WORD YEAR`)

// grokFamilies start the names of the patterns that read a whole line of some product, with columns of their own.
var grokFamilies = []string{"BACULA", "BIND9", "BRO_", "CATALINA", "CISCO", "CLOUDFRONT", "COMBINEDAPACHE", "COMMONAPACHE", "CRONLOG",
	"ELB_", "EXIM", "HAPROXY", "HTTPD", "IPTABLES", "JAVASTACK", "MAVEN", "MCOLLECTIVE", "MONGO", "NAGIOS", "NETSCREEN", "POSTGRESQL",
	"RAILS", "RCONTROLLER", "REDIS", "RPROCESSING", "RT_FLOW", "RUBY_LOG", "S3_", "SFW2", "SHOREWALL", "SQUID3", "SYSLOG", "TOMCAT",
	"URI", "ZEEK_"}

var grokTypes = map[string]string{"int": "integer", "integer": "integer", "long": "long", "float": "double", "double": "double",
	"boolean": "boolean"}

var (
	grokReference = regexp.MustCompile(`%\{([A-Za-z0-9_]+)(?::([^:{}]*))?(?::([^:{}]*))?\}`)
	grokGroup     = regexp.MustCompile(`\(\?<([A-Za-z_][A-Za-z0-9_.@\[\]-]*)>`)
)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// grokColumns returns the columns that a pattern makes; open says that patterns of the dictionary add more.
func grokColumns(pattern string) (columns []column, open bool, err error) {
	types := map[string]string{}
	add := func(name, typ string) error {
		if old, ok := types[name]; ok {
			if old != typ {
				return fmt.Errorf("%s is captured as %s and as %s", name, old, typ)
			}
			return nil
		}
		types[name] = typ
		columns = append(columns, column{name: name, typ: typ})
		return nil
	}
	for _, m := range grokReference.FindAllStringSubmatch(pattern, -1) {
		if !grokSimple[m[1]] {
			known := false
			for _, family := range grokFamilies {
				known = known || strings.HasPrefix(m[1], family)
			}
			if !known {
				return nil, false, fmt.Errorf("there is no pattern %s", m[1])
			}
			open = true
		}
		if m[2] == "" {
			continue
		}
		typ := grokTypes[m[3]]
		if typ == "" {
			typ = "keyword"
		}
		if err := add(m[2], typ); err != nil {
			return nil, false, err
		}
	}
	for _, m := range grokGroup.FindAllStringSubmatch(pattern, -1) {
		if err := add(m[1], "keyword"); err != nil {
			return nil, false, err
		}
	}
	if text := regexError(grokReference.ReplaceAllString(pattern, "x")); text != "" {
		return nil, false, errors.New(text)
	}
	slices.SortFunc(columns, func(a, b column) int { return strings.Compare(a.name, b.name) }) // the engine's order
	return columns, open, nil
}

// regexError finds the plain mistakes in a regular expression of Java or Oniguruma.
func regexError(pattern string) string {
	depth := 0
	class := false
	start := true // at a place where there is nothing to repeat
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if start && !class && (c == '*' || c == '+' || c == '?' && (i == 0 || pattern[i-1] != '(')) {
			return "there is nothing to repeat"
		}
		start = false
		switch {
		case c == '\\':
			i++
			if i == len(pattern) {
				return "it ends with a backslash"
			}
		case class:
			if c == ']' {
				class = false
			}
		case c == '[':
			class = true
			if i+1 < len(pattern) && pattern[i+1] == '^' {
				i++
			}
			if i+1 < len(pattern) && pattern[i+1] == ']' {
				i++ // a literal bracket
			}
		case c == '(':
			depth++
			start = true
		case c == '|':
			start = true
		case c == ')':
			depth--
			if depth < 0 {
				return "there is a ) without a ("
			}
		}
	}
	switch {
	case class:
		return "a [ is not closed"
	case depth > 0:
		return "a ( is not closed"
	}
	return ""
}

// luceneError finds the plain mistakes in a query of QSTR, which knows /regex/, or KQL, which does not.
func luceneError(query string, regexes bool) string {
	depth := 0
	quoted, regex := false, false
	start := 0
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '\\':
			i++
			if i == len(query) {
				return "it ends with a backslash"
			}
		case quoted:
			quoted = c != '"'
		case regex:
			regex = c != '/'
			if n := utf8.RuneCountInString(query[start+1 : i]); !regex && n > maxRegexRunes {
				return fmt.Sprintf("a regular expression has %d characters, at most %d are allowed", n, maxRegexRunes)
			}
		case c == '"':
			quoted = true
		case c == '/' && regexes:
			regex, start = true, i
		case c == '(':
			depth++
		case c == ')':
			depth--
			if depth < 0 {
				return "there is a ) without a ("
			}
		}
	}
	switch {
	case quoted:
		return "a quote is not closed"
	case regex:
		return "a / is not closed"
	case depth > 0:
		return "a ( is not closed"
	}
	return ""
}

func validBlock(text string) bool {
	addr, bits, ok := strings.Cut(text, "/")
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	if !ok {
		return true
	}
	n, err := strconv.Atoi(bits)
	return err == nil && n >= 0 && n <= a.BitLen()
}
