package spl

// countTokens counts the tokens of s, up to limit and one more.
func countTokens(s string, limit int) int {
	n := 0
	for i := 0; i < len(s) && n <= limit; n++ {
		if i = skipSpace(s, i, len(s)); i < len(s) {
			i = tokenEnd(s, i)
		}
	}
	return n
}

// TokenKind is the kind of a Token.
type TokenKind string

// Kinds of tokens.
const (
	WordToken    TokenKind = "word"
	StringToken  TokenKind = "string"
	MacroToken   TokenKind = "macro"
	CommentToken TokenKind = "comment"
	PipeToken    TokenKind = "pipe"
	PunctToken   TokenKind = "punct" // ( ) [ ] , = < > !=
)

// Token is one token of the source, whatever the command it belongs to.
type Token struct {
	Kind TokenKind
	Text string // as written
	Span Span
}

// Tokens splits a query as the user wrote it, macros unexpanded, so that every byte that is not white space belongs to
// exactly one token. It serves to account for the parts of a query; the parser has finer rules.
func Tokens(src string) []Token {
	s := newSource(src)
	var list []Token
	open := true // a later quote may still be closed
	for i := skipSpace(src, 0, len(src)); i < len(src); i = skipSpace(src, i, len(src)) {
		e := 0
		if src[i] == '"' && !open {
			e = i + 1
		} else {
			e = tokenEnd(src, i)
			open = open && !(src[i] == '"' && e == i+1)
		}
		kind := WordToken
		switch src[i] {
		case '"':
			kind = StringToken
		case '`':
			if kind = MacroToken; e-i >= 3 && src[i:i+3] == "```" {
				kind = CommentToken
			}
		case '|':
			kind = PipeToken
		case '(', ')', '[', ']', ',', '=', '<', '>':
			kind = PunctToken
		case '!':
			if e == i+2 && src[i+1] == '=' {
				kind = PunctToken
			}
		}
		list = append(list, Token{kind, src[i:e], s.span(i, e)})
		i = e
	}
	return list
}

// tokenEnd is the end of the token at s[i], which is not white space.
func tokenEnd(s string, i int) int {
	switch c := s[i]; c {
	case '"':
		return max(endOfString(s, i, len(s)), i+1)
	case '`':
		if i+3 <= len(s) && s[i:i+3] == "```" {
			for j := i + 3; j+3 <= len(s); j++ {
				if s[j:j+3] == "```" {
					return j + 3
				}
			}
			return len(s)
		}
		if m, ok := scanMacro(s, i, len(s)); ok {
			return m.end
		}
		return i + 1
	case ',', '|', '(', ')', '[', ']':
		return i + 1
	case '=', '<', '>', '!':
		if i+1 < len(s) && s[i+1] == '=' {
			return i + 2
		}
		if c != '!' {
			return i + 1
		}
	}
	p := parser{buf: s, end: len(s)}
	e := p.termEnd(i)
	if e == i {
		e++
	}
	return e
}
