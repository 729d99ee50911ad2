package mask

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a value names. It shows in the token, so that a model can tell a host from a user.
type Kind string

// Kinds of values.
const (
	Host    Kind = "host"
	User    Kind = "user"
	Address Kind = "addr"
	Domain  Kind = "domain"
	Mail    Kind = "mail"
	SID     Kind = "sid"
	Path    Kind = "path"
	Value   Kind = "value"
)

var kinds = []Kind{Host, User, Address, Domain, Mail, SID, Path, Value}

// kindsBy are the kinds by their first byte.
var kindsBy = func() (by [256][]Kind) {
	for _, k := range kinds {
		by[k[0]] = append(by[k[0]], k)
	}
	return by
}()

// kindsByEnd are the kinds by their last byte.
var kindsByEnd = func() (by [256][]Kind) {
	for _, k := range kinds {
		by[k[len(k)-1]] = append(by[k[len(k)-1]], k)
	}
	return by
}()

const (
	stemLength = 12 // base 32: 60 random bits
	maxNumber  = 999_999_999
	uuidLength = 36
	// maxToken is the longest token in bytes: kind, stem and up to nine digits, or a UUID. nextToken is how much of a token
	// behind it tells that it ends there.
	maxToken  = 36
	nextToken = 6 + 1 + stemLength + 2
)

// alphabet is RFC 4648's in lower case: no letter that is easily taken for a digit.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Table holds the replacements of one conversation: each spelling of a value has one token, and spellings of one entity
// share its stem. It is not safe for concurrent use.
type Table struct {
	under  *Table            // further replacements, which do not change
	value  map[string]string // token, in lower case → value
	token  map[string]string // value → token as it was given
	stems  map[entity]*stem
	byText map[string]*stem
	fresh  map[string]string
	random io.Reader
}

// entity is what spellings of one value have in common.
type entity struct {
	group Kind
	name  string
}

type stem struct {
	text string
	last int
}

// TokenError names a replacement that cannot be used.
type TokenError struct{ Token, Why string }

func (e *TokenError) Error() string { return fmt.Sprintf("replacements: %q %s", clip(e.Token), e.Why) }

func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}

// NewTable begins with the replacements of earlier turns, token → value. A token is one of this package or a UUID, as
// Kibana uses them: anything else could be a word of a text, and is refused with a *TokenError. random is for tests; nil
// means crypto/rand.
func NewTable(replacements map[string]string, random io.Reader) (*Table, error) {
	return NewTableOver(nil, replacements, random)
}

// NewTableOver is NewTable on top of another table, which must not change any more.
func NewTableOver(under *Table, replacements map[string]string, random io.Reader) (*Table, error) {
	if random == nil {
		random = rand.Reader
	}
	t := &Table{
		under: under, value: make(map[string]string, len(replacements)), token: make(map[string]string, len(replacements)),
		stems: map[entity]*stem{}, byText: map[string]*stem{}, fresh: map[string]string{}, random: random,
	}
	for _, token := range slices.Sorted(maps.Keys(replacements)) {
		value := replacements[token]
		if n := tokenAt(token, 0); n != len(token) || n == 0 {
			return nil, &TokenError{token, "is no token; use those that an earlier answer gave, or UUIDs"}
		}
		if value == "" {
			return nil, &TokenError{token, "stands for an empty value; leave it out"}
		}
		low := strings.ToLower(token)
		if was, ok := t.valueOf(low); ok && was != value {
			return nil, &TokenError{token, "stands for two values, in upper and lower case; keep one"}
		}
		t.add(token, value)
	}
	return t, nil
}

func (t *Table) add(token, value string) {
	t.value[strings.ToLower(token)] = value
	if _, ok := t.tokenOf(value); !ok {
		t.token[value] = token
	}
	kind, text, number, ok := parts(token)
	if !ok {
		return
	}
	s := t.stemOf(text)
	s.last = max(s.last, number)
	if e := entityOf(value, kind); t.ofEntity(e) == nil {
		t.stems[e] = s
	}
}

// Value is the value of a token.
func (t *Table) Value(token string) (string, bool) { return t.valueOf(strings.ToLower(token)) }

func (t *Table) empty() bool { return len(t.value) == 0 && (t.under == nil || t.under.empty()) }

func (t *Table) valueOf(low string) (string, bool) {
	for ; t != nil; t = t.under {
		if value, ok := t.value[low]; ok {
			return value, true
		}
	}
	return "", false
}

func (t *Table) tokenOf(value string) (string, bool) {
	for ; t != nil; t = t.under {
		if token, ok := t.token[value]; ok {
			return token, true
		}
	}
	return "", false
}

// stemOf is this table's stem of a text; one of a table below is copied, as that does not change.
func (t *Table) stemOf(text string) *stem {
	for below := t; below != nil; below = below.under {
		if s := below.byText[text]; s != nil {
			if below == t {
				return s
			}
			own := *s
			t.byText[text] = &own
			return &own
		}
	}
	s := &stem{text: text}
	t.byText[text] = s
	return s
}

// ofEntity is this table's stem of an entity; nil when there is none in any table.
func (t *Table) ofEntity(e entity) *stem {
	for below := t; below != nil; below = below.under {
		if s := below.stems[e]; s != nil {
			return t.stemOf(s.text)
		}
	}
	return nil
}

// Token is the token of a spelling, a new one if it has none yet.
func (t *Table) Token(value string, kind Kind) (string, error) { return t.spelling(value, value, kind) }

// spelling is the token of a spelling that reads as a name.
func (t *Table) spelling(value, name string, kind Kind) (string, error) {
	if token, ok := t.tokenOf(value); ok {
		return token, nil
	}
	e := entityOf(name, kind)
	s := t.ofEntity(e)
	if s == nil || s.last >= maxNumber {
		var raw [8]byte
		if _, err := io.ReadFull(t.random, raw[:]); err != nil {
			return "", fmt.Errorf("drawing a token: %w", err)
		}
		s = &stem{text: alphabet.EncodeToString(raw[:])[:stemLength]}
		t.stems[e], t.byText[s.text] = s, s
	}
	if own := entityOf(value, kind); t.ofEntity(own) == nil {
		t.stems[own] = s
	}
	s.last++
	token := string(kind) + "-" + s.text + "-" + strconv.Itoa(s.last)
	t.value[token], t.token[value], t.fresh[token] = value, token, value
	return token, nil
}

// Fresh are the replacements that were added since the table was made.
func (t *Table) Fresh() map[string]string { return maps.Clone(t.fresh) }

// All are all replacements, token → value.
func (t *Table) All() map[string]string {
	all := map[string]string{}
	if t.under != nil {
		all = t.under.All()
	}
	for value, token := range t.token {
		all[token] = value
	}
	for token, value := range t.value {
		if _, ok := all[token]; !ok {
			if own, _ := t.tokenOf(value); !strings.EqualFold(own, token) {
				all[token] = value
			}
		}
	}
	return all
}

// entityOf strips what differs between spellings: case, and the domain of hosts and accounts.
func entityOf(value string, kind Kind) entity {
	name := Fold(value)
	switch kind {
	case Host:
		if host, _, found := strings.Cut(name, "."); found && host != "" {
			name = host
		}
	case User, Mail:
		kind, name = User, BareAccount(name)
	}
	return entity{kind, name}
}

// KindOf is the kind that a token of this package shows; Value for others.
func KindOf(token string) Kind {
	if k, _, _, ok := parts(token); ok {
		return k
	}
	return Value
}

// BareAccount is an account without its domain.
func BareAccount(name string) string {
	if i := strings.LastIndexByte(name, '\\'); i >= 0 {
		name = name[i+1:]
	}
	if i := strings.IndexByte(name, '@'); i > 0 {
		name = name[:i]
	}
	return name
}

// tokenAt is the length of the token form that begins at offset i and ends before a character that belongs to no word;
// 0 when there is none.
func tokenAt(text string, i int) int {
	if i == len(text) {
		return 0
	}
	if n := uuidAt(text, i); n > 0 {
		return n
	}
	for _, k := range kindsBy[lower[text[i]]] {
		n := len(k)
		if len(text)-i < n+1+stemLength+2 || text[i+n] != '-' || !sameFold(text[i:i+n], string(k)) {
			continue
		}
		at := i + n + 1
		for range stemLength {
			if c := lower[text[at]]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
				return 0
			}
			at++
		}
		if text[at] != '-' || text[at+1] == '0' {
			return 0
		}
		at++
		digits := at
		for at < len(text) && digit(text[at]) && at-digits <= 9 {
			at++
		}
		if at == digits || at-digits > 9 || !tokenEnd(text, at) {
			return 0
		}
		return at - i
	}
	return 0
}

// tokenEnd reports whether a token can end at offset i: before no letter or digit, or before the next token. Scripts
// without spaces put two names next to each other, and one may have its token already when the other gets one.
func tokenEnd(text string, i int) bool {
	if wordEnd(text, i) {
		return true
	}
	for _, k := range kindsBy[lower[text[i]]] {
		n := len(k)
		if len(text)-i < n+1+stemLength+2 || text[i+n] != '-' || !sameFold(text[i:i+n], string(k)) {
			continue
		}
		for _, c := range []byte(text[i+n+1 : i+n+1+stemLength]) {
			if c = lower[c]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
				return false
			}
		}
		number := text[i+n+1+stemLength:]
		return number[0] == '-' && digit(number[1])
	}
	return false
}

func uuidAt(text string, i int) int {
	if len(text)-i < uuidLength || text[i+8] != '-' {
		return 0
	}
	for j := range uuidLength {
		c := text[i+j]
		switch j {
		case 8, 13, 18, 23:
			if c != '-' {
				return 0
			}
		default:
			if !hex(c) {
				return 0
			}
		}
	}
	if !tokenEnd(text, i+uuidLength) {
		return 0
	}
	return uuidLength
}

func sameFold(s, small string) bool {
	for i := range len(small) {
		if lower[s[i]] != small[i] {
			return false
		}
	}
	return true
}

// parts takes a token of this package apart.
func parts(token string) (k Kind, stem string, number int, ok bool) {
	p := strings.Split(strings.ToLower(token), "-")
	if len(p) != 3 || len(p[1]) != stemLength || !slices.Contains(kinds, Kind(p[0])) {
		return "", "", 0, false
	}
	number, err := strconv.Atoi(p[2])
	return Kind(p[0]), p[1], number, err == nil
}

// known is the length of the known token at offset i, and its value; 0 when there is none. What stands before a token does
// not matter: nothing but a token looks like one.
func (t *Table) known(text string, i int) (int, string) {
	if c := text[i]; !letter(c) && !digit(c) {
		return 0, ""
	}
	n := tokenAt(text, i)
	if n == 0 {
		return 0, ""
	}
	value, ok := t.valueOf(strings.ToLower(text[i : i+n]))
	if !ok {
		return 0, ""
	}
	return n, value
}

// next finds the first known token from an offset on, and its value; start is -1 when there is none. Each token has a dash
// behind its kind, or behind the first eight digits of a UUID, so that only dashes are looked at.
func (t *Table) next(text string, from int) (start, end int, value string) {
	if t.empty() {
		return -1, -1, ""
	}
	for dash := from; ; dash++ {
		n := strings.IndexByte(text[dash:], '-')
		if n < 0 {
			return -1, -1, ""
		}
		dash += n
		if start := tokenStart(text, dash); start >= from {
			if n, value := t.known(text, start); n > 0 {
				return start, start + n, value
			}
		}
	}
}

// tokenStart is where a token begins whose first dash is at an offset; -1 when there is none. No kind is the end of
// another, and none consists of hexadecimal digits.
func tokenStart(text string, dash int) int {
	if dash < 3 {
		return -1
	}
	for _, k := range kindsByEnd[lower[text[dash-1]]] {
		if start := dash - len(k); start >= 0 && sameFold(text[start:dash], string(k)) {
			return start
		}
	}
	if dash >= 8 && hex(text[dash-1]) {
		return dash - 8
	}
	return -1
}
