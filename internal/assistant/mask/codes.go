package mask

// leastCodes is how many codes of letters a list has at least.
const leastCodes = 4

// codes calls found with each list of numbers in a text that may be the codes of letters, and their bytes: as dumps, debuggers
// and scripts write them, 6a 64 6f 65, 6A-64-6F-65, 0x6a,0x64 and chr(106)+chr(100).
func codes(text string, found func(start, end int, raw []byte)) {
	var raw []byte
	for i := 0; i < len(text); {
		if !hex(text[i]) || i > 0 && asciiWord[text[i-1]] && lower[text[i-1]] != 'x' {
			i++
			continue
		}
		next := i + 1
		for _, one := range []func(string, int) (byte, int){hexCode, decimalCode} {
			raw = raw[:0]
			end := i
			for at := i; ; {
				c, n := one(text, at)
				if n == 0 {
					break
				}
				raw, end = append(raw, c), at+n
				if at = end + between(text[end:]); at == end {
					break
				}
			}
			if len(raw) >= leastCodes {
				found(i, end, raw)
				next = max(next, end)
			}
		}
		i = next
	}
}

// hexCode is the byte that two hexadecimal digits stand for, and 2; decimalCode that of up to three decimal ones. The
// length is 0 when no such number stands at the offset.
func hexCode(text string, i int) (byte, int) {
	b, n := hexByte(text[i:], 0)
	if n == 0 || i+n < len(text) && asciiWord[text[i+n]] {
		return 0, 0
	}
	return b, n
}

func decimalCode(text string, i int) (byte, int) {
	value, n := 0, 0
	for i+n < len(text) && n < 4 && digit(text[i+n]) {
		value = 10*value + int(text[i+n]-'0')
		n++
	}
	if n == 0 || value > 255 || i+n < len(text) && asciiWord[text[i+n]] {
		return 0, 0
	}
	return byte(value), n
}

// codeWords are what scripts write before a code, without regard to case.
var codeWords = []string{"0x", "chr", "char", "byte"}

// between is the length of what stands between two codes of a list; 0 when it is something else.
func between(text string) int {
	const most = 14
	i := 0
scan:
	for i < min(len(text), most) {
		c := text[i]
		if !asciiWord[c] && c < 0x7f && c != '.' && c != '/' { // addresses and dates are no lists
			i++
			continue
		}
		for _, w := range codeWords {
			if len(text)-i >= len(w) && sameFold(text[i:i+len(w)], w) && i > 0 {
				i += len(w)
				continue scan
			}
		}
		break
	}
	return i
}
