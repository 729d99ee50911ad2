package esql

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

func isString(t string) bool { return t == "keyword" || t == "text" }

func isNumber(t string) bool { return t == "integer" || t == "long" || t == "double" }

func isDate(t string) bool { return t == "date" || t == "date_nanos" }

func isSpan(t string) bool { return t == "date_period" || t == "time_duration" }

func isGeo(t string) bool { return slices.Contains(typeGroups["geo"], t) }

// family puts types together that compare with each other.
func family(t string) string {
	switch {
	case isNumber(t):
		return "number"
	case isString(t):
		return "string"
	case isDate(t):
		return "date"
	}
	return t
}

// comparable reports whether l op r has a meaning. Order is for < and the like, which not all types have.
func comparable(l, r string, order bool) bool {
	if l == typeAny || r == typeAny {
		return true
	}
	if family(l) != family(r) || isSpan(l) || l == typeSource {
		return false
	}
	return !order || l == typeNull || slices.Contains(typeGroups["order"], l) && l != "boolean" || l == "unsigned_long"
}

// sumType is the type of l op r for + - * / %, and false where there is none.
func sumType(op, l, r string) (string, bool) {
	switch {
	case l == typeAny || r == typeAny:
		return typeAny, true
	case l == typeNull && r == typeNull:
		return typeNull, true
	}
	plus, minus := op == "+", op == "-"
	switch {
	case isNumber(l) && isNumber(r):
		return wider(l, r), true
	case l == "unsigned_long" && r == "unsigned_long":
		return l, true
	case isNumber(l) && r == typeNull:
		return l, true
	case l == typeNull && isNumber(r):
		return r, true
	case (plus || minus) && isDate(l) && (isSpan(r) || r == typeNull):
		return l, true
	case plus && isDate(r) && (isSpan(l) || l == typeNull):
		return r, true
	case minus && r == "date_nanos" && (isSpan(l) || l == typeNull):
		return r, true // the engine takes it, whatever it means
	case (plus || minus) && isSpan(l) && l == r:
		return l, true
	case (plus || minus) && isSpan(l) && r == typeNull:
		return l, true
	case (plus || minus) && isSpan(r) && l == typeNull:
		return r, true
	}
	return "", false
}

func wider(l, r string) string {
	if l == "double" || r == "double" {
		return "double"
	}
	if l == "long" || r == "long" {
		return "long"
	}
	return "integer"
}

// literalCast reports whether a string constant is read as another type where that is wanted, and if it is, whether
// the string is one of that type.
func literalCast(text, to string) (reads, valid bool) {
	switch to {
	case "date", "date_nanos":
		return true, dateText.MatchString(text)
	case "ip":
		_, err := netip.ParseAddr(text)
		return true, err == nil && !strings.Contains(text, "%")
	case "version", "boolean":
		return true, true
	case "date_period":
		return true, periodText.MatchString(text) && periodUnits[lastWord(text)]
	case "time_duration":
		return true, periodText.MatchString(text) && durationUnits[lastWord(text)] != "" && !periodUnits[lastWord(text)]
	}
	return false, false
}

// dateText is strict_date_optional_time.
var dateText = regexp.MustCompile(`^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T(([01]\d|2[0-4])(:[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?)?)?)?$`)

var periodText = regexp.MustCompile(`^\s*[+-]?\d+\s+[A-Za-z]+\s*$`)

var periodUnits = map[string]bool{"day": true, "days": true, "d": true, "week": true, "weeks": true, "w": true, "month": true,
	"months": true, "mo": true, "quarter": true, "quarters": true, "q": true, "year": true, "years": true, "yr": true, "y": true}

func lastWord(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return strings.ToLower(words[len(words)-1])
}

// castFunctions maps the type names after :: to the function that does it.
var castFunctions = map[string]string{
	"boolean": "TO_BOOLEAN", "bool": "TO_BOOLEAN", "integer": "TO_INTEGER", "int": "TO_INTEGER", "long": "TO_LONG",
	"double": "TO_DOUBLE", "unsigned_long": "TO_UNSIGNED_LONG", "ul": "TO_UNSIGNED_LONG", "keyword": "TO_STRING", "string": "TO_STRING",
	"date": "TO_DATETIME", "datetime": "TO_DATETIME", "date_nanos": "TO_DATE_NANOS", "ip": "TO_IP", "version": "TO_VERSION",
	"geo_point": "TO_GEOPOINT", "geo_shape": "TO_GEOSHAPE", "cartesian_point": "TO_CARTESIANPOINT",
	"cartesian_shape": "TO_CARTESIANSHAPE", "date_period": "TO_DATEPERIOD", "time_duration": "TO_TIMEDURATION",
}

// namedDateFormat is a format that Elasticsearch knows by name, such as epoch_millis.
var namedDateFormat = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)+$`)

// badDateLetter returns the first letter of a date pattern that means nothing, or 0.
func badDateLetter(pattern string) rune {
	quoted := false
	for _, part := range strings.Split(pattern, "||") {
		if namedDateFormat.MatchString(part) {
			continue
		}
		for _, r := range part {
			switch {
			case r == '\'':
				quoted = !quoted
			case !quoted && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') && !strings.ContainsRune("GuyDMLdQqgYwWEecFaBhKkHmsSAnNVvzOXxZp", r):
				return r
			}
		}
	}
	return 0
}
