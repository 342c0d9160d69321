package exchange

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/awsstream"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// odd handles an event that is not a chunk, for the reason err: it may report a
// failure, hold several values, or be plain words. An event that begins like
// JSON and cannot be read was a piece of the answer; the stream is broken then
// (S4).
func (r *Stream) odd(data []byte, err error) (*llm.Chunk, error) {
	var told *llm.Error
	if errors.As(err, &told) && told.Code != llm.BadResponse {
		if told.Body == "" {
			told.Body = failure.Body(data)
		}
		return nil, r.of(told)
	}
	data, again := unwrapped(data)
	switch {
	case len(data) == 0:
		return nil, nil
	case isNothing(data):
		r.x.Skipped++
		return nil, nil
	case again:
		c, e := r.stream.Chunk("", data)
		if e == nil && c == nil {
			return nil, nil
		}
		if e == nil {
			return r.take(c, data)
		}
		err = e
	}
	if e := failure.OfEvent(r.name, data); e != nil {
		return nil, r.inside(e)
	}
	if c := r.whole(data); c != nil {
		return c, nil
	}
	if inside := enveloped(data); inside != nil {
		if c, e := r.stream.Chunk("", inside); e == nil && c != nil {
			return r.take(c, inside)
		}
	}
	if m, own := r.stream.(wire.Marker); (!own || m.Mark() == "") && failure.IsNote(r.name, data) { // else the format names its events
		r.skipped = 0
		r.notes(data)
		return nil, nil
	}
	_, frames := r.source.(*awsstream.Decoder)
	switch c := data[0]; {
	case r.inner != nil, frames: // its event began like JSON; a frame holds nothing else
		return nil, r.unreadable(data, err)
	case c != '{' && c != '[' && c != '"' && isRestOfJSON(data):
		return nil, r.unreadable(data, errors.New("its beginning is missing: "+failure.OneLine(string(data[:min(len(data), failure.MaxMessage)]))))
	case c != '{' && c != '[' && c != '"', isScalar(data), isBracketed(data):
		return r.skip(data)
	case !eventstream.IsSeveral(data):
		return nil, r.unreadable(data, err)
	}
	limits := eventstream.Limits{EventBytes: int64(len(data)), StreamBytes: int64(len(data))}
	r.inner = eventstream.NewValueReader(bytes.NewReader(bytes.Clone(data)), limits, nil) // the decoder uses its buffer again
	return nil, nil
}

// whole is the chunk of an event that holds a whole answer in the place of the
// first piece (T2); nil where it does not.
func (r *Stream) whole(data []byte) *llm.Chunk {
	if data[0] != '{' || r.end.Phase() != wire.Waiting {
		return nil
	}
	answer, err := r.upstream.whole(data, r.resp, r.x)
	if err != nil || len(answer.Choices) == 0 || answer.Choices[0].FinishReason == "" {
		return nil
	}
	r.skipped, r.token, r.complete = 0, true, true
	return answer.AsChunk()
}

// unwrapped removes what some gateways put around a chunk: a second "data:", a
// byte order mark or words in front of it, or a second JSON encoding. changed
// says whether anything was removed.
func unwrapped(data []byte) (inside []byte, changed bool) {
	trimmed := jsontext.Bare(data)
	changed, data = len(trimmed) != len(bytes.Trim(data, " \t\r\n")), trimmed
	for bytes.HasPrefix(data, []byte("data:")) {
		data, changed = bytes.TrimSpace(data[len("data:"):]), true
	}
	if from := bytes.IndexByte(data, '{'); from > 0 && data[0] != '"' && data[0] != '[' {
		if inside := bytes.TrimRight(data[from:], "'"); json.Valid(inside) {
			return inside, true
		}
	}
	var text string
	if len(data) > 0 && data[0] == '"' && llm.JSON.Unmarshal(data, &text) == nil && len(text) > 0 && text[0] == '{' {
		return []byte(text), true
	}
	clean := jsontext.WithoutControls(data)
	return clean, changed || len(clean) != len(data)
}

// isStream tells whether an answer begins like an event stream. It reads no
// further than it needs to know.
func isStream(in *bufio.Reader) bool {
	for {
		head, _ := in.Peek(in.Buffered())
		if known := startsStream(head); known != unknown {
			return known == yes
		}
		if _, err := in.Peek(len(head) + 1); err != nil {
			return false
		}
	}
}

// envelopes are the fields in which gateways hand on what they were answered,
// as an object or as its text: AWS's for functions, those of many in China.
var envelopes = [...]string{"body", "data", "result", "response", "output", "payload"}

// enveloped is the object in an envelope; nil without one.
func enveloped(data []byte) []byte {
	if len(data) == 0 || data[0] != '{' {
		return nil
	}
	var fields llm.Extra
	if llm.JSON.Unmarshal(data, &fields) != nil {
		return nil
	}
	for _, name := range envelopes {
		if inside := bare(fields[name]); len(inside) > 2 && inside[0] == '{' {
			return inside
		}
	}
	return nil
}

// isNothing tells whether data is what servers send as a sign of life, neither
// a piece of the answer nor unreadable: an empty value of JSON, a comment that
// a gateway wrote as data, or a word for it, as ping is.
func isNothing(data []byte) bool {
	switch string(data) {
	case "null", `""`, "[]":
		return true
	}
	word := bytes.Trim(data, `[]"'. `)
	if i := bytes.IndexByte(word, ' '); i > 0 { // a time
		word = word[:i]
	}
	return data[0] == ':' || len(word) > 3 && len(word) < 12 && strings.Contains(" ping pong heartbeat keepalive keep-alive keep_alive ", " "+strings.ToLower(string(word))+" ")
}

// isRestOfJSON tells whether data that does not begin like JSON has names and
// braces as JSON has them: a piece of the answer whose beginning was lost.
func isRestOfJSON(data []byte) bool {
	return bytes.Contains(data, []byte(`":`)) && bytes.ContainsAny(data, "{}")
}

// isScalar tells whether data is JSON without any object, which cannot be a
// part of a chunk.
func isScalar(data []byte) bool {
	return (data[0] == '"' || data[0] == '[') && bytes.IndexByte(data, '{') < 0 && json.Valid(data)
}

// isBracketed tells whether data is a word in brackets, as [END] is.
func isBracketed(data []byte) bool {
	if len(data) < 3 || len(data) > failure.MaxWord || data[0] != '[' || data[len(data)-1] != ']' {
		return false
	}
	return !bytes.ContainsFunc(data[1:len(data)-1], func(c rune) bool { return (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != ' ' })
}

// note takes words into account that are not a piece of the answer: without
// finish reasons it is not whole.
func (r *Stream) note(words []byte) {
	r.x.Skipped++
	r.end.Skip()
	r.says(words[:min(len(words), failure.MaxMessage)])
}

// says keeps words that are no piece of the answer, for the message if the
// stream turns out to be none.
func (r *Stream) says(words []byte) {
	r.words, r.meaning = failure.OneLine(failure.WordsIn(words)), failure.OfText(words)
}

// skip skips an event that is not a piece of the answer.
func (r *Stream) skip(data []byte) (*llm.Chunk, error) {
	r.note(data)
	if r.skipped++; r.skipped >= maxSkipped {
		e := llm.Errorf(r.meaning, "%d stream events in a row could not be read; the server said: %s", r.skipped, r.words)
		if e.ProviderMessage = r.words; r.x.coding.isOdd() {
			r.x.coding.tell(e)
		}
		return nil, r.of(e)
	}
	return nil, nil
}

// unreadable is the error for a piece of the answer that cannot be read.
func (r *Stream) unreadable(data []byte, why error) error {
	var told *llm.Error
	reason := fmt.Sprint(why)
	if errors.As(why, &told) {
		reason = told.Message
	}
	e := llm.Errorf(llm.BadResponse, "a stream event of %d bytes that looks like JSON could not be read, so a piece of the answer is missing: %s", len(data), reason)
	e.Body = failure.Body(data)
	failure.Explain(e, data)
	return r.of(tellType(e, cmp.Or(r.upstream.otherType(r.name, data), r.spoken)))
}

// speeches are how the answers of each format are known, and the "type" of a
// model whose server speaks it, as data. The first that fits counts.
var speeches = []struct {
	kind   string
	events wordlist.List // the names of its events
	fields []field       // any of which an answer or an event has
}{
	{"anthropic", "message_start content_block_start content_block_delta content_block_stop message_delta message_stop",
		[]field{{"type", `"message"`, "content", "["}}},
	{"bedrock", "messageStart contentBlockStart contentBlockDelta contentBlockStop messageStop",
		[]field{{"output", `{"message":{`, "", ""}, {"contentBlockIndex", "", "delta", "{"}}},
	{"gemini", "", []field{{"candidates", "[{", "", ""}}},
	{"ollama", "", []field{{"done", "", "message", "{"}, {"done", "", "response", `"`}}},
	{"responses", "response.created response.in_progress response.output_item.added response.output_text.delta response.completed",
		[]field{{"object", `"response"`, "", ""}, {"output", `[{`, "status", `"`}}},
	{"openai-compatible", "", []field{{"choices", "[{", "", ""}}},
}

// field is a name, and what its value begins with; and those of another field
// beside it, "" for none.
type field struct{ name, begins, beside, with string }

// begins tells whether a JSON value is there and begins so; blanks between its
// parts mean nothing.
func begins(raw []byte, with string) bool {
	for i := range len(with) {
		if raw = bytes.TrimLeft(raw, " \t\r\n"); len(raw) == 0 || raw[0] != with[i] {
			return false
		}
		raw = raw[1:]
	}
	return raw != nil
}

// otherType is the "type" of the models whose answers, or events of this name,
// look so; "" for none, and where it is that of this one.
func (u *Upstream) otherType(name string, data []byte) (other string) {
	var fields llm.Extra
	_ = llm.JSON.Unmarshal(data, &fields) // none where it is no object
	if name == "" {
		_ = llm.JSON.Unmarshal(fields["type"], &name)
	}
	for i := range speeches {
		s := &speeches[i]
		is := s.events.Has(name)
		for j := range s.fields {
			f := &s.fields[j]
			is = is || begins(fields[f.name], f.begins) && (f.beside == "" || begins(fields[f.beside], f.with))
		}
		switch {
		case is && s.kind == u.Speaks:
			return ""
		case is && other == "":
			other = s.kind
		}
	}
	return other
}

// tellType adds to an error about an answer that cannot be read, or an event of
// one, whose "type" its format is, "" for none.
func tellType(e *llm.Error, kind string) *llm.Error {
	if kind != "" {
		e.Message += `; this is the format of another type: if the server speaks it, set "type": "` + kind + `" for this model`
	}
	return e
}

// hears notes an event that is no piece of the answer, and the format that it
// is in where none has come yet.
func (r *Stream) hears(data []byte) {
	r.skipped = 0
	if r.spoken == "" && r.end.Phase() == wire.Waiting {
		r.spoken = r.upstream.otherType(r.name, data)
	}
}
