package failure

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// The character references of HTML that are read: those of HTML 2 and 3.2 (the
// letters of western Europe), dashes, quotes and marks; and all numbers. The
// package html knows 2 231 of them, but see readable.
const (
	// latin names the characters from U+00A0 to U+00FF, in order.
	latin = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para " +
		"middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute " +
		"Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute " +
		"THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde " +
		"ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml"
	// others are names, each with its character behind it.
	others = "amp & lt < gt > quot \" apos ' ndash – mdash — lsquo ‘ rsquo ’ sbquo ‚ ldquo “ rdquo ” bdquo „ bull • hellip … " +
		"lsaquo ‹ rsaquo › euro € trade ™ larr ← rarr →"
	// windows1252 is what browsers read in &#128; to &#159;.
	windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
)

var entities = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for i, name := range strings.Fields(latin) {
		names[name] = string(rune(0xA0 + i))
	}
	fields := strings.Fields(others)
	for i := 0; i < len(fields); i += 2 {
		names[fields[i]] = fields[i+1]
	}
	return names
})

// longestEntity is more than the longest name, and than a number needs.
const longestEntity = 12

// unescape replaces the character references in a text. What is not known
// stays.
func unescape(text string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '&')
		if at < 0 {
			return out.String() + text
		}
		char, length := escape(text[at:])
		if length == 0 {
			char, length = "&", 1
		}
		out.WriteString(text[:at])
		out.WriteString(char)
		text = text[at+length:]
	}
}

func entity(name string) (string, bool) {
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		char, known := entities()[name]
		return char, known
	}
	base := 10
	if number != "" && (number[0] == 'x' || number[0] == 'X') {
		number, base = number[1:], 16
	}
	n, err := strconv.ParseUint(number, base, 32)
	switch {
	case err != nil:
		return "", false
	case n >= 0x80 && n <= 0x9F:
		return string([]rune(windows1252)[n-0x80]), true
	case n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)):
		return string(utf8.RuneError), true
	}
	return string(rune(n)), true
}
