package llm

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deeply arrays and objects of a request or configuration may
// be nested; deeper input is INVALID_ARGUMENT in every door.
const MaxDepth = 512

// scanner walks JSON text strictly (RFC 8259): it allocates nothing, checks
// syntax, depth and UTF-8, and reports where things stand. It exists beside
// the JSON library because requests that arrive as text are checked and
// patched, not decoded and encoded again, and because the library's own check
// accepts text behind the value.
type scanner struct {
	data  []byte
	pos   int
	depth int
	most  int // how deep it may be

	lenient bool // NaN and infinities are values, however they are written
	odd     bool // there was such a value
}

type syntaxError struct {
	at   int
	what string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

func (s *scanner) fail(what string) error {
	if s.pos >= len(s.data) {
		return &syntaxError{len(s.data), "the JSON text ends too early"}
	}
	return &syntaxError{s.pos, what}
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// value moves behind the value that starts at the current position.
func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.scanText()
		return err
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array(nil)
	case s.lenient && mayBeOdd(c) && s.scanOdd():
		return nil
	case c == '-' || c >= '0' && c <= '9':
		return s.scanNumber()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.fail("expected a JSON value")
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		if bytes.HasPrefix([]byte(word), s.data[s.pos:]) {
			s.pos = len(s.data)
		}
		return s.fail("expected a JSON value (NaN and Infinity are none)")
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) digits() bool {
	from := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > from
}

// scanNumber moves behind a number.
func (s *scanner) scanNumber() error {
	from := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.fail("malformed number")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.fail("malformed number")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.fail("malformed number")
		}
		s.odd = s.odd || s.lenient && isHuge(s.data[from:s.pos])
	} else if s.pos-from > maxDigits {
		s.odd = s.odd || s.lenient
	}
	return nil
}

// scanText moves behind a string, whose opening quote is at the current
// position, and tells whether there are escapes in it.
func (s *scanner) scanText() (escaped bool, err error) {
	s.pos++
	for {
		at := s.pos
		for at < len(s.data) && plain[s.data[at]] {
			at++
		}
		switch s.pos = at; s.peek() {
		case '"':
			s.pos++
			return escaped, nil
		case '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return true, err
			}
		default:
			return escaped, s.fail("control character in a string (write it as \\u00XX)")
		}
	}
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (is [256]bool) {
	for c := 0x20; c < len(is); c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		for range 4 {
			s.pos++
			c := s.peek()
			if lower := c | 0x20; (c < '0' || c > '9') && (lower < 'a' || lower > 'f') {
				return s.fail("malformed \\u escape")
			}
		}
		s.pos++
		return nil
	}
	return s.fail("unknown escape in a string")
}

func (s *scanner) enter() error {
	s.depth++
	if s.depth > s.most {
		return s.fail(fmt.Sprintf("nested deeper than %d levels", s.most))
	}
	s.pos++
	s.space()
	return nil
}

// array moves behind an array and calls item, if any, with each element's span.
func (s *scanner) array(item func(start, end int) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer func() { s.depth-- }()
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if item != nil {
			if err := item(start, s.pos); err != nil {
				return err
			}
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case ']':
			s.pos++
			return nil
		default:
			return s.fail("expected ',' or ']'")
		}
	}
}

// object moves behind an object and calls field, if any, with each field's
// raw key (between its quotes) and its value's span.
func (s *scanner) object(field func(key []byte, start, end int) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer func() { s.depth-- }()
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.fail("expected a field name in quotes")
		}
		from := s.pos + 1
		if _, err := s.scanText(); err != nil {
			return err
		}
		key := s.data[from : s.pos-1]
		s.space()
		if s.peek() != ':' {
			return s.fail("expected ':'")
		}
		s.pos++
		s.space()
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if field != nil {
			if err := field(key, start, s.pos); err != nil {
				return err
			}
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case '}':
			s.pos++
			return nil
		default:
			return s.fail("expected ',' or '}'")
		}
	}
}

// fieldsOf checks data, which must be one JSON object and nothing else, and
// returns its fields in order. A field that comes twice counts with its last
// value, as most readers take it.
func fieldsOf(data []byte) ([]span, error) {
	if !utf8.Valid(data) {
		return nil, &syntaxError{firstInvalid(data), "invalid UTF-8"}
	}
	s := scanner{data: data, most: MaxDepth}
	s.space()
	if s.peek() != '{' {
		return nil, s.fail("expected a JSON object")
	}
	var fields spans
	err := s.object(func(key []byte, start, end int) error {
		if bytes.IndexByte(key, '\\') >= 0 {
			key = unescape(key, false)
		}
		fields.put(span{string(key), start, end})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos < len(data) {
		return nil, s.fail("unexpected text behind the JSON object")
	}
	return fields.list, nil
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}
