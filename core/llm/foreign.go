package llm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// A history holds the answers of whoever answered, and vendors put fields into
// their answers that others refuse to read in a request. Nobody but the
// server knows which: so they are sent as they are, and left out where a
// server has refused them. This file finds and leaves them out.

// The names of what a body can leave out beside fields of the history.
const (
	OmitStream        = "stream"         // "stream": false
	OmitStreamOptions = "stream_options" // the question for usage that the core adds
	// OmitSignatures are those in "extra_content" of answers that Gemini's own
	// format gave: copies of what stands in their parts.
	OmitSignatures = "signatures"
)

// maxForeign bounds the names that are looked for in one history.
const maxForeign = 64

// Foreign lists what the assistant's messages of the history have that only
// answers have, by names such as "messages.reasoning_details",
// "messages.tool_calls.index" and "messages.content[thinking]".
// "messages.content" stands for a content that is null or a list, where many
// servers take nothing but a text. Fields that callers put there themselves
// ("prefix") are not listed, but for marks for the cache ("cache_control"):
// some vendors need them, and they change no answer.
func (p *Payload) Foreign() (names []string) {
	s := sieve{found: func(name string) {
		if len(name) <= 100 && len(names) < maxForeign && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}}
	p.eachMessages(func(list []byte) { s.messages(nil, list) })
	if p.Mentions(`"` + cacheMark + `"`) {
		s.marks(nil, p.AppendBody(nil, "", false, false), "")
	}
	return names
}

// AppendPared is [Payload.AppendBody] without what omit names, and tells what
// of it there was to leave out.
func (p *Payload) AppendPared(dst []byte, model string, stream, withUsage bool, omit []string) (body []byte, left []string) {
	note := func(name string) {
		if !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	if withUsage && slices.Contains(omit, OmitStreamOptions) {
		withUsage = false
		note(OmitStreamOptions)
	}
	pared := *p
	s := sieve{omit: omit, left: note}
	p.eachMessages(func(list []byte) {
		at := len(pared.data)
		pared.data = s.messages(bytes.Clone(pared.data), list)
		pared.fields = slices.Clone(p.fields)
		for i := range pared.fields {
			if pared.fields[i].Key == "messages" {
				pared.fields[i].Start, pared.fields[i].End = at, len(pared.data)
			}
		}
	})
	body = pared.AppendBody(dst, model, stream, withUsage)
	if slices.ContainsFunc(omit, func(name string) bool { return strings.HasSuffix(name, cacheMark) }) {
		body = s.marks(body[:len(dst)], bytes.Clone(body[len(dst):]), "")
	}
	if stream || !slices.Contains(omit, OmitStream) {
		return body, left
	}
	note(OmitStream)
	return append(bytes.TrimSuffix(body, []byte(`,"stream":false}`)), '}'), left
}

// Names tells whether the name of a field of the request, or of one that every
// server knows, is one that f looks for.
func (p *Payload) Names(f func(name string) bool) bool {
	if slices.ContainsFunc(p.fields, func(s jsontext.Field) bool { return f(s.Key) }) {
		return true
	}
	return slices.ContainsFunc(requestFieldNames, f)
}

func (p *Payload) eachMessages(f func(list []byte)) {
	for _, field := range p.fields {
		if field.Key == "messages" && p.data[field.Start] == '[' {
			f(p.data[field.Start:field.End])
		}
	}
}

// sieve passes over messages. It reports what is foreign in them (found), or
// writes them without what omit names and reports that (left).
type sieve struct {
	omit   []string
	found  func(name string)
	left   func(name string)
	signed bool // the message is one that OmitSignatures means
}

// drops tells whether the named field is to be left out.
func (s *sieve) drops(name string) bool {
	if s.found != nil {
		s.found(name)
		return false
	}
	if !slices.Contains(s.omit, name) && !(s.signed && strings.HasSuffix(name, ".extra_content")) {
		return false
	}
	s.left(name)
	return true
}

// requestOnly are fields of an assistant's message that callers put there
// themselves, to say what the next answer shall begin with, what is cached or
// learned.
const requestOnly wordlist.List = "role prefix partial cache_control weight continue_final_message"

// each writes the list of what f makes of items. Called, not inlined: 1.2 KB
// less of the library.
//
//go:noinline
func each(dst []byte, items []json.RawMessage, f func(dst, item []byte) []byte) []byte {
	dst = append(dst, '[')
	for _, item := range items {
		before := len(dst)
		if dst[before-1] != '[' {
			dst = append(dst, ',')
		}
		from := len(dst)
		if dst = f(dst, item); len(dst) == from { // nothing of it is left
			dst = dst[:before]
		}
	}
	return append(dst, ']')
}

// eachField is jsontext.AppendObject of an object whose syntax was checked.
func eachField(dst, object []byte, f func(dst []byte, key string, value []byte) []byte) []byte {
	r := newReader(object)
	return jsontext.AppendObject(dst, &r.Reader, f)
}

// cacheMark is the field that marks what a vendor's cache shall keep; marked
// are the fields of a request that lead to such marks.
const (
	cacheMark               = "cache_control"
	marked    wordlist.List = "messages tools content tool_calls function"
)

// marks passes over the marks for the cache in a request.
func (s *sieve) marks(dst, value []byte, place string) []byte {
	switch value[0] {
	case '[':
		return each(dst, elementsOf(value), func(dst, item []byte) []byte { return s.marks(dst, item, place) })
	case '{':
		return eachField(dst, value, func(dst []byte, key string, value []byte) []byte {
			switch {
			case key == cacheMark && s.drops(place+key):
				return dst
			case marked.Has(key):
				return s.marks(dst, value, place+key+".")
			}
			return append(dst, value...)
		})
	}
	return append(dst, value...)
}

func (s *sieve) messages(dst, list []byte) []byte {
	return each(dst, elementsOf(list), s.message)
}

func (s *sieve) message(dst, message []byte) []byte {
	if textField(message, "role") != string(RoleAssistant) {
		return append(dst, message...)
	}
	s.signed = slices.Contains(s.omit, OmitSignatures) && ownerIn(message) == "gemini"
	var spoken string // what the message says, in a field that is left out
	silent := true    // it says and calls nothing else
	from := len(dst)
	dst = eachField(dst, message, func(dst []byte, key string, value []byte) []byte {
		at := len(dst)
		dst = s.field(dst, key, value, &spoken)
		if (key == "content" || key == "tool_calls" || key == "function_call") && saysText(dst[at:]) {
			silent = false
		}
		return dst
	})
	if spoken != "" && silent {
		return s.instead(dst, from, spoken)
	}
	return dst
}

// instead writes text as the content of the message that stands behind from,
// which has no other.
func (s *sieve) instead(dst []byte, from int, text string) []byte {
	message := bytes.Clone(dst[from:])
	dst = eachField(dst[:from], message, func(dst []byte, key string, value []byte) []byte {
		if key == "content" {
			return dst
		}
		return append(dst, value...)
	})
	dst = append(dst[:len(dst)-1], `,"content":`...)
	return append(jsontext.AppendText(dst, text), '}')
}

// saysText tells whether the JSON of a field says anything.
func saysText(value []byte) bool {
	return len(value) > 0 && value[0] != 'n' && string(value) != `""` && string(value) != `[]`
}

// ownerIn is the vendor that can read the message's parts.
func ownerIn(message []byte) string {
	var m struct {
		Parts []AnswerPart `json:"parts"`
	}
	if JSON.Unmarshal(message, &m) != nil {
		return ""
	}
	return OwnerOf(m.Parts)
}

// field appends the value of a field of an assistant's message, or nothing.
func (s *sieve) field(dst []byte, key string, value []byte, spoken *string) []byte {
	empty := value[0] == 'n' || string(bytes.Join(bytes.Fields(value), nil)) == "[]"
	switch {
	case requestOnly.Has(key):
	case key == PartsField && isParts(value):
		if s.found == nil {
			s.left("messages." + key) // no server but its owner's can read it
			return dst
		}
	case key == "gemini_parts" && s.found == nil: // they stand in the parts, too
		return dst
	case key == "content":
		return s.content(dst, value)
	case key == "tool_calls" && !empty && value[0] == '[':
		return each(dst, elementsOf(value), s.toolCall)
	case (key == "tool_calls" || key == "function_call" || key == "name") && !empty:
	case s.drops("messages." + key):
		*spoken = cmp.Or(spokenIn(key, value), *spoken)
		return dst
	}
	return append(dst, value...)
}

// isParts tells whether a value is the parts of an answer (AnswerPart).
func isParts(value []byte) bool { return value[0] == '[' && bytes.Contains(value, []byte(`"owner"`)) }

// HasParts tells whether a message may have the parts of an answer, which
// AppendPared leaves out. It is cheap.
func (p *Payload) HasParts() bool { return p.parts }

// Mentions tells whether a text stands anywhere in the request. It is cheap.
func (p *Payload) Mentions(text string) bool { return bytes.Contains(p.data, []byte(text)) }

// spokenIn is the words of an answer that was spoken or refused instead of
// written.
func spokenIn(key string, value []byte) string {
	switch {
	case key == "refusal" && value[0] == '"':
		r := newReader(value)
		return r.Text()
	case key == "audio" && value[0] == '{':
		return textField(value, "transcript")
	}
	return ""
}

// textField is the text of one field of an object.
func textField(object []byte, name string) (text string) {
	r := newReader(object)
	for more := r.Object(); more; more = r.NextField() {
		if string(r.Key) == name {
			text = r.Text()
		}
	}
	return text
}

func (s *sieve) toolCall(dst, call []byte) []byte {
	return s.known(dst, call, "messages.tool_calls.", []string{"id", "type", "function", "custom"}, func(dst []byte, key string, value []byte) []byte {
		if key == "function" && value[0] == '{' {
			return s.known(dst, value, "messages.tool_calls.function.", []string{"name", "arguments"}, nil)
		}
		if key == "custom" && value[0] == '{' {
			return s.known(dst, value, "messages.tool_calls.custom.", []string{"name", "input"}, nil)
		}
		return append(dst, value...)
	})
}

// known writes an object whose fields are foreign but for these.
func (s *sieve) known(dst, object []byte, prefix string, known []string, f func(dst []byte, key string, value []byte) []byte) []byte {
	if object[0] != '{' {
		return append(dst, object...)
	}
	return eachField(dst, object, func(dst []byte, key string, value []byte) []byte {
		switch {
		case !slices.Contains(known, key) && !requestOnly.Has(key) && s.drops(prefix+key):
			return dst
		case f != nil:
			return f(dst, key, value)
		}
		return append(dst, value...)
	})
}

// content appends an assistant's content. Parts that only answers have are left
// out; a list of which nothing but texts remains becomes one text where the
// server takes no list.
func (s *sieve) content(dst, value []byte) []byte {
	if value[0] == 'n' {
		if s.drops("messages.content") {
			return append(dst, `""`...)
		}
		return append(dst, value...)
	}
	if value[0] != '[' {
		return append(dst, value...)
	}
	from, parts := len(dst), elementsOf(value)
	dst = each(dst, parts, s.part)
	if len(parts) > 0 && dst[len(dst)-2] == '[' { // an empty list is no content anywhere
		return append(dst[:from], `""`...)
	}
	if !s.drops("messages.content") {
		return dst
	}
	return jsontext.AppendText(dst[:from], textOf(bytes.Clone(dst[from:])))
}

func (s *sieve) part(dst, part []byte) []byte {
	if part[0] != '{' {
		return append(dst, part...)
	}
	kind := textField(part, "type")
	if kind != "text" && kind != "refusal" {
		if s.drops("messages.content[" + kind + "]") {
			return dst
		}
		return append(dst, part...)
	}
	return s.known(dst, part, "messages.content.", []string{"type", "text", "refusal"}, nil)
}

// textOf joins the texts of a list of parts.
func textOf(list []byte) string {
	var text strings.Builder
	for _, item := range elementsOf(list) {
		r := newReader(item)
		if item[0] == '"' {
			text.WriteString(r.Text())
			continue
		}
		for more := r.Object(); more; more = r.NextField() {
			if string(r.Key) == "text" || string(r.Key) == "refusal" {
				text.WriteString(r.Text())
			}
		}
	}
	return text.String()
}
