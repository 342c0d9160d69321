package jsontext

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deeply arrays and objects of a request or configuration may
// be nested; deeper input is INVALID_ARGUMENT in every door.
const MaxDepth = 512

// Scanner walks JSON text strictly (RFC 8259): it allocates nothing, checks
// syntax, depth and UTF-8, and reports where things stand.
type Scanner struct {
	Data  []byte
	Pos   int
	Depth int
	Most  int // how deep it may be

	Lenient bool // NaN and infinities are values, however they are written
	Odd     bool // there was such a value
}

type syntaxError struct {
	at   int
	what string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// Fail is an error at the current position, or that the text ends there.
func (s *Scanner) Fail(what string) error {
	if s.Pos >= len(s.Data) {
		return &syntaxError{len(s.Data), "unexpected end of the JSON text"}
	}
	return &syntaxError{s.Pos, what}
}

// Space moves behind white space.
func (s *Scanner) Space() {
	for s.Pos < len(s.Data) {
		switch s.Data[s.Pos] {
		case ' ', '\t', '\n', '\r':
			s.Pos++
		default:
			return
		}
	}
}

// Peek gives the byte at the current position, 0 at the end.
func (s *Scanner) Peek() byte {
	if s.Pos < len(s.Data) {
		return s.Data[s.Pos]
	}
	return 0
}

// Value moves behind the value that starts at the current position.
func (s *Scanner) Value() error {
	switch c := s.Peek(); {
	case c == '"':
		_, err := s.ScanText()
		return err
	case c == '{':
		return s.Object(nil)
	case c == '[':
		return s.array(nil)
	case s.Lenient && mayBeOdd(c) && s.scanOdd():
		return nil
	case c == '-' || c >= '0' && c <= '9':
		return s.ScanNumber()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.Fail("expected a JSON value")
}

func (s *Scanner) literal(word string) error {
	if !bytes.HasPrefix(s.Data[s.Pos:], []byte(word)) {
		if bytes.HasPrefix([]byte(word), s.Data[s.Pos:]) {
			s.Pos = len(s.Data)
		}
		return s.Fail("expected a JSON value (NaN and Infinity are not JSON)")
	}
	s.Pos += len(word)
	return nil
}

func (s *Scanner) digits() bool {
	from := s.Pos
	for s.Pos < len(s.Data) && s.Data[s.Pos] >= '0' && s.Data[s.Pos] <= '9' {
		s.Pos++
	}
	return s.Pos > from
}

// ScanNumber moves behind a number.
func (s *Scanner) ScanNumber() error {
	from := s.Pos
	if s.Peek() == '-' {
		s.Pos++
	}
	if s.Peek() == '0' {
		s.Pos++
	} else if !s.digits() {
		return s.Fail("malformed number")
	}
	if s.Peek() == '.' {
		s.Pos++
		if !s.digits() {
			return s.Fail("malformed number")
		}
	}
	if c := s.Peek(); c == 'e' || c == 'E' {
		s.Pos++
		if c := s.Peek(); c == '+' || c == '-' {
			s.Pos++
		}
		if !s.digits() {
			return s.Fail("malformed number")
		}
		s.Odd = s.Odd || s.Lenient && isHuge(s.Data[from:s.Pos])
	} else if s.Pos-from > maxDigits {
		s.Odd = s.Odd || s.Lenient
	}
	return nil
}

// ScanText moves behind a string, whose opening quote is at the current
// position, and tells whether there are escapes in it.
func (s *Scanner) ScanText() (escaped bool, err error) {
	s.Pos++
	for {
		at := s.Pos
		for at < len(s.Data) && plain[s.Data[at]] {
			at++
		}
		switch s.Pos = at; s.Peek() {
		case '"':
			s.Pos++
			return escaped, nil
		case '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return true, err
			}
		default:
			return escaped, s.Fail("control character in a string (write it as \\u00XX)")
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

func (s *Scanner) escape() error {
	s.Pos++
	switch s.Peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.Pos++
		return nil
	case 'u':
		for range 4 {
			s.Pos++
			c := s.Peek()
			if lower := c | 0x20; (c < '0' || c > '9') && (lower < 'a' || lower > 'f') {
				return s.Fail("malformed \\u escape")
			}
		}
		s.Pos++
		return nil
	}
	return s.Fail("unknown escape in a string")
}

// Enter moves into an object or array, behind white space, one level deeper.
func (s *Scanner) Enter() error {
	s.Depth++
	if s.Depth > s.Most {
		return s.Fail(fmt.Sprintf("nested deeper than %d levels", s.Most))
	}
	s.Pos++
	s.Space()
	return nil
}

// array moves behind an array and calls item, if any, with each element's span.
func (s *Scanner) array(item func(start, end int) error) error {
	if err := s.Enter(); err != nil {
		return err
	}
	defer func() { s.Depth-- }()
	if s.Peek() == ']' {
		s.Pos++
		return nil
	}
	for {
		start := s.Pos
		if err := s.Value(); err != nil {
			return err
		}
		if item != nil {
			if err := item(start, s.Pos); err != nil {
				return err
			}
		}
		s.Space()
		switch s.Peek() {
		case ',':
			s.Pos++
			s.Space()
		case ']':
			s.Pos++
			return nil
		default:
			return s.Fail("expected ',' or ']'")
		}
	}
}

// Object moves behind an object and calls field, if any, with each field's
// raw key (between its quotes) and its value's span.
func (s *Scanner) Object(field func(key []byte, start, end int) error) error {
	if err := s.Enter(); err != nil {
		return err
	}
	defer func() { s.Depth-- }()
	if s.Peek() == '}' {
		s.Pos++
		return nil
	}
	for {
		if s.Peek() != '"' {
			return s.Fail("expected a field name in quotes")
		}
		from := s.Pos + 1
		if _, err := s.ScanText(); err != nil {
			return err
		}
		key := s.Data[from : s.Pos-1]
		s.Space()
		if s.Peek() != ':' {
			return s.Fail("expected ':'")
		}
		s.Pos++
		s.Space()
		start := s.Pos
		if err := s.Value(); err != nil {
			return err
		}
		if field != nil {
			if err := field(key, start, s.Pos); err != nil {
				return err
			}
		}
		s.Space()
		switch s.Peek() {
		case ',':
			s.Pos++
			s.Space()
		case '}':
			s.Pos++
			return nil
		default:
			return s.Fail("expected ',' or '}'")
		}
	}
}

// FieldsOf checks data, which must be one JSON object and nothing else, and
// returns its fields in order. A field that comes twice counts with its last
// value, as most readers take it.
func FieldsOf(data []byte) ([]Field, error) {
	if err := CheckUTF8(data); err != nil {
		return nil, err
	}
	s := Scanner{Data: data, Most: MaxDepth}
	s.Space()
	if s.Peek() != '{' {
		return nil, s.Fail("expected a JSON object")
	}
	var fields Fields
	err := s.Object(func(key []byte, start, end int) error {
		if bytes.IndexByte(key, '\\') >= 0 {
			key = Unescape(key, false)
		}
		fields.Put(Field{string(key), start, end})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.Space(); s.Pos < len(data) {
		return nil, s.Fail("unexpected text after the JSON object")
	}
	return fields.List, nil
}

// CheckUTF8 tells where data is not valid UTF-8; nil where it is.
func CheckUTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	return &syntaxError{firstInvalid(data), "invalid UTF-8"}
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
