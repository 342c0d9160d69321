package failure

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// said is what a provider says about a failure, in whatever form (T4).
type said struct {
	message string
	kind    string // "type" and its like
	code    string
	reason  string // of google.rpc.ErrorInfo, and of Azure's inner error
	request string // the request's id, by a name that says so
	id      string // what is called an id only, of the outermost object
	status  int    // a code that is an HTTP status
	shape   shape  // whose numbers the code is among

	fields       []string // of the request, that were refused
	upstreamSaid string   // by the server behind a gateway

	delay    time.Duration
	hasDelay bool

	answer  bool // it has choices
	sure    bool // it has what a failure has, also beside choices
	strong  bool // it has a code of a failure
	weak    bool // it has a message
	success bool // a field says that all is well
	bare    bool // the message was a text in the place of an error object
}

// failure tells whether what was read is one.
func (s *said) failure() bool {
	return s.sure || !s.answer && (s.strong || s.weak && !s.success)
}

// shape names the vendor whose form an object has, so that numbers which
// several vendors use are read by the right table.
type shape string

// maxDepth is how deep errors stand in errors.
const maxDepth = 6

// readSaid reads a body or an event. What is no JSON says nothing here.
func readSaid(data []byte) *said {
	s := &said{}
	data = jsontext.Bare(data)
	switch {
	case len(data) == 0:
	case data[0] == '{' || data[0] == '[' || data[0] == '"':
		s.read(jsontext.WithoutControls(data), 0)
	case data[0] == '<':
		s.markup(data)
	}
	s.message = strings.TrimSpace(s.message)
	return s
}

// readBody is readSaid of the whole body of a failed answer. Some servers write
// their failure as an event stream, or one JSON value a line, whatever its
// status.
func readBody(body []byte) *said {
	s := readSaid(body)
	if s.message != "" || s.code != "" || s.kind != "" {
		return s
	}
	for line := range bytes.Lines(body[:min(len(body), maxBody)]) {
		line = bytes.TrimSpace(line)
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			line = bytes.TrimSpace(data)
		}
		if len(line) > 0 && line[0] == '{' {
			if inner := readSaid(line); inner.failure() {
				return inner
			}
		}
	}
	return s
}

// quotedStatus is the status in a message that a gateway has made of another
// server's answer: "Error code: 429 - …". 0 without one.
func quotedStatus(message string) int {
	lower := lowerASCII(message)
	for _, mark := range []string{"error code: ", "status code: ", "status code ", "status_code=", "http error "} {
		if _, rest, ok := strings.Cut(lower, mark); ok && len(rest) >= 3 {
			if n := httpStatus(rest[:3]); n != 0 && (len(rest) == 3 || rest[3] < '0' || rest[3] > '9') {
				return n
			}
		}
	}
	return 0
}

// read reads a value that is, or is in the place of, an error.
func (s *said) read(raw json.RawMessage, depth int) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || depth > maxDepth {
		return
	}
	switch raw[0] {
	case '"':
		s.say(textOf(raw), depth)
	case '[':
		var items []json.RawMessage
		if llm.JSON.Unmarshal(raw, &items) == nil {
			s.list(items, depth)
		}
	case '{':
		if fields := fieldsOf(raw); fields != nil {
			s.object(fields, depth)
		}
	}
}

// maxListed is how many items of a list of errors are told.
const maxListed = 4

// list reads a list of errors: the first one's code, the messages of a few.
func (s *said) list(items []json.RawMessage, depth int) {
	var messages []string
	for i, item := range items[:min(len(items), maxListed)] {
		if i == 0 {
			s.read(item, depth+1)
			if s.message != "" {
				messages = append(messages, s.message)
			}
			continue
		}
		var other said
		other.read(item, depth+1)
		if other.message != "" && !slices.Contains(messages, other.message) {
			messages = append(messages, other.message)
		}
		for _, field := range other.fields {
			s.refuses(field)
		}
	}
	s.message = strings.Join(messages, "; ")
}

// say takes a text in the place of a message. One that is JSON itself is read:
// gateways hand on an upstream's body so.
func (s *said) say(text string, depth int) {
	text = strings.TrimSpace(text)
	if text == "" || isNothing(text) {
		return
	}
	if text[0] == '{' || text[0] == '[' {
		var inner said
		if inner.read(json.RawMessage(text), depth+1); inner.message != "" {
			s.adopt(&inner)
			return
		}
	}
	if at := strings.IndexByte(text, '{'); at > 0 && text[len(text)-1] == '}' { // "upstream said: {…}"
		var inner said
		if inner.read(json.RawMessage(text[at:]), depth+1); inner.strong {
			inner.message, inner.strong, inner.sure = "", false, false
			s.adopt(&inner)
		}
	}
	s.message = cmp.Or(s.message, text)
}

// adopt takes over what an inner error says, where nothing was said yet.
func (s *said) adopt(inner *said) {
	s.message, s.kind, s.code = cmp.Or(s.message, inner.message), cmp.Or(s.kind, inner.kind), cmp.Or(s.code, inner.code)
	s.reason, s.request, s.id = cmp.Or(s.reason, inner.reason), cmp.Or(s.request, inner.request), cmp.Or(s.id, inner.id)
	s.status = cmp.Or(s.status, inner.status)
	for _, field := range inner.fields {
		s.refuses(field)
	}
	s.upstreamSaid = cmp.Or(s.upstreamSaid, inner.upstreamSaid)
	if !s.hasDelay {
		s.delay, s.hasDelay = inner.delay, inner.hasDelay
	}
	s.shape = cmp.Or(s.shape, inner.shape)
	s.weak = s.weak || inner.weak
	s.strong, s.sure, s.bare = s.strong || inner.strong, s.sure || inner.sure, s.bare || inner.bare
}

// refuses notes a field of the request that the error is about.
func (s *said) refuses(field string) {
	if field != "" && len(s.fields) < maxListed && !slices.Contains(s.fields, field) {
		s.fields = append(s.fields, field)
	}
}

// byField reads an object that has a list of complaints under the name of each
// field of the request that was refused, as ASP.NET and Laravel write it.
func (s *said) byField(raw json.RawMessage) {
	var complaints map[string][]string
	if llm.JSON.Unmarshal(raw, &complaints) != nil {
		return
	}
	var told []string
	for _, field := range slices.Sorted(maps.Keys(complaints)) {
		if len(told) < maxListed && len(complaints[field]) > 0 {
			s.refuses(field)
			told = append(told, field+": "+complaints[field][0])
		}
	}
	s.message = strings.Join(told, "; ")
}

// whole is the message with all that its reader needs: the fields that were
// refused, the words of the server behind a gateway.
func (s *said) whole() string {
	text := s.message
	var fields []string
	for _, field := range s.fields {
		if !strings.Contains(text, field) {
			fields = append(fields, field)
		}
	}
	if len(fields) > 0 {
		text += " (field: " + strings.Join(fields, ", ") + ")"
	}
	if s.upstreamSaid != "" && !strings.Contains(text, s.upstreamSaid) {
		text = strings.TrimPrefix(text+": "+s.upstreamSaid, ": ")
	}
	return OneLine(text)
}

// fields are an object's fields under their names in lower case, without what
// separates words: "error_msg", "errorMsg" and "ErrorMsg" are one.
type fields map[string]json.RawMessage

func fieldsOf(raw json.RawMessage) fields {
	var plain map[string]json.RawMessage
	if llm.JSON.Unmarshal(raw, &plain) != nil {
		return nil
	}
	f := make(fields, len(plain))
	for _, name := range jsontext.NamesOf(plain) {
		key := suggest.Fold(name)
		if _, taken := f[key]; !taken || name == key {
			f[key] = plain[name]
		}
	}
	return f
}

// textOf is a JSON string's text, "" for anything else.
func textOf(raw json.RawMessage) string {
	var text string
	if len(raw) == 0 || raw[0] != '"' || llm.JSON.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// scalar is the text of a JSON string or number, "" for anything else and for
// the words that programs write where they have nothing.
func scalar(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == '"':
		if text := strings.TrimSpace(textOf(raw)); !isNothing(text) {
			return text
		}
	case c == '-' || '0' <= c && c <= '9':
		return string(raw)
	}
	return ""
}

func isNothing(text string) bool { return text == "None" || text == "null" || text == "undefined" }

// SaysSomething tells whether the value of an "error" is more than a way to
// write that there is none.
func SaysSomething(raw json.RawMessage) bool { return saysMore(raw, 0) }

func saysMore(raw json.RawMessage, depth int) bool {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return false
	}
	switch raw[0] {
	case '{':
		return objectSays(raw, depth)
	case '[':
		var items []json.RawMessage
		return llm.JSON.Unmarshal(raw, &items) == nil && slices.ContainsFunc(items, func(item json.RawMessage) bool {
			return depth >= maxDepth || saysMore(item, depth+1)
		})
	case '"':
		return !isWell(textOf(raw))
	case 't':
		return true
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return !isWell(string(raw))
	}
	return false
}

// objectSays tells whether an error object says something: gateways written
// with fixed types send one with empty fields in every good answer, or one
// whose code says that all is well.
func objectSays(raw json.RawMessage, depth int) bool {
	f := fieldsOf(raw)
	for _, name := range codes {
		if code := scalar(f[name]); code != "" {
			return !isWell(code)
		}
	}
	for _, value := range f {
		if depth >= maxDepth || saysMore(value, depth+1) {
			return true
		}
	}
	return false
}

// isWell tells whether a text in the place of a code or message says that all
// is well.
func isWell(text string) bool {
	switch suggest.Fold(strings.TrimSpace(text)) {
	case "", "ok", "success", "succeed", "succeeded", "successful", "true", "0", "none", "null", "normal", "false", "noerror", "noerrors":
		return true
	}
	n, err := strconv.ParseFloat(text, 64)
	return err == nil && (n == 0 || n >= 200 && n < 300)
}

// httpStatus is a code that is a status of a failure, as a number or as a
// text; 0 for any other.
func httpStatus(code string) int {
	if n, err := strconv.ParseFloat(code, 64); err == nil && n >= http.StatusBadRequest && n < 600 {
		return int(n)
	}
	return 0
}
