package esql

import (
	"slices"
	"strings"
)

// constants checks the values of constant arguments that Elasticsearch looks at before it runs.
func (c *checker) constants(e *Call, f *Function, args []value) {
	text := func(i int) (string, bool) {
		if i >= len(args) {
			return "", false
		}
		return args[i].text()
	}
	whole := func(i int) (int64, bool) {
		if i >= len(args) || args[i].literal == nil {
			return 0, false
		}
		n, ok := args[i].literal.Value.(int64)
		return n, ok
	}
	oneOf := func(i int, code string, valid ...string) {
		if s, ok := text(i); ok && !slices.Contains(valid, strings.ToLower(s)) {
			c.report(e.Args[i], CodeValue, "%s of %s is one of %s, not %s", code, e.Func, strings.Join(valid, ", "), QuoteString(s))
		}
	}
	switch f.canonical() {
	case "MV_SORT":
		oneOf(1, "the order", "asc", "desc")
	case "TOP":
		oneOf(2, "the order", "asc", "desc")
		if n, ok := whole(1); ok && n <= 0 {
			c.report(e.Args[1], CodeValue, "the limit of TOP has to be more than zero")
		}
	case "SAMPLE":
		if n, ok := whole(1); ok && n <= 0 {
			c.report(e.Args[1], CodeValue, "the limit of SAMPLE has to be more than zero")
		}
	case "REPEAT":
		if n, ok := whole(1); ok && n < 0 {
			c.report(e.Args[1], CodeValue, "REPEAT takes no negative number")
		}
	case "SPACE":
		if n, ok := whole(0); ok && n < 0 {
			c.report(e.Args[0], CodeValue, "SPACE takes no negative number")
		}
	case "SPLIT":
		if s, ok := text(1); ok && len(s) != 1 {
			c.report(e.Args[1], CodeValue, "the delimiter of SPLIT is one byte, not %s", QuoteString(s))
		}
	case "HASH":
		oneOf(0, "the algorithm", "md2", "md5", "sha", "sha-1", "sha1", "sha-224", "sha224", "sha-256", "sha256", "sha-384", "sha384",
			"sha-512", "sha512", "sha-512/224", "sha512/224", "sha-512/256", "sha512/256", "sha3-224", "sha3-256", "sha3-384", "sha3-512")
	case "DATE_EXTRACT":
		oneOf(0, "the part", datePartNames...)
	case "DATE_DIFF":
		oneOf(0, "the unit", dateDiffUnits...)
	case "CIDR_MATCH":
		for i := 1; i < len(args); i++ {
			if s, ok := text(i); ok && !validBlock(s) {
				c.report(e.Args[i], CodeValue, "%s is not an address block such as 10.0.0.0/8", QuoteString(s))
			}
		}
	case "DATE_FORMAT", "DATE_PARSE":
		if s, ok := text(0); ok && len(args) == 2 {
			if letter := badDateLetter(s); letter != 0 {
				c.report(e.Args[0], CodeValue, "the date pattern %s has an unknown letter %c", QuoteString(s), letter)
			}
		}
	case "REPLACE":
		if s, ok := text(1); ok {
			if err := regexError(s); err != "" {
				c.report(e.Args[1], CodePattern, "the pattern %s of REPLACE is wrong: %s", QuoteString(s), err)
			}
		}
	}
}

var datePartNames = strings.Fields(`aligned_day_of_week_in_month aligned_day_of_week_in_year aligned_week_of_month
	aligned_week_of_year ampm_of_day clock_hour_of_ampm clock_hour_of_day day_of_month day_of_week day_of_year epoch_day era
	hour_of_ampm hour_of_day instant_seconds micro_of_day micro_of_second milli_of_day milli_of_second minute_of_day
	minute_of_hour month_of_year nano_of_day nano_of_second offset_seconds proleptic_month second_of_day second_of_minute
	year year_of_era`)

var dateDiffUnits = strings.Fields(`year years yyyy yy quarter quarters qq q month months mm m dayofyear dy y day days dd d
	week weeks wk ww weekday weekdays dw hour hours hh minute minutes mi n second seconds ss s millisecond milliseconds ms
	microsecond microseconds mcs nanosecond nanoseconds ns`)
