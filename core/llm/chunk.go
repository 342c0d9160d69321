package llm

import (
	"bytes"
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Chunk is one piece of a streamed answer.
type Chunk struct {
	ID      string
	Object  string // "chat.completion.chunk"
	Created int64
	Model   string
	Choices []ChunkChoice
	Usage   *Usage // nil on chunks without
	Extra   Extra  // may be shared by the chunks of a stream: not to be changed
}

// ChunkChoice is what a chunk adds to one choice. FinishReason is "" until the
// choice ends.
type ChunkChoice struct {
	Index        int
	Delta        Message
	FinishReason string
	Logprobs     json.RawMessage
	Extra        Extra

	// whole is the message that came beside or instead of the delta: all so
	// far, of which an [Accumulator] takes what the deltas lacked. Without a
	// delta Delta is the same.
	whole *wholeMessage

	// placed says that its place gave the choice its number, not the server.
	placed bool

	// begins says that the delta's text begins another part of the answer.
	begins bool
}

type wholeMessage struct {
	Message
	alone bool // there was no delta
}

// Says puts a message beside the delta, or in its place, that has all of the
// answer so far: an [Accumulator] takes what the deltas lacked.
func (c *ChunkChoice) Says(all *Message) { c.whole = &wholeMessage{Message: *all} }

// BeginsText says that the delta's text begins another part of the answer: an
// [Accumulator] keeps it also where it is the text of the part before.
func (c *ChunkChoice) BeginsText() { c.begins = true }

// IsNumbered tells whether the server gave the choice its number, which else is
// its place in the chunk.
func (c *ChunkChoice) IsNumbered() bool { return !c.placed }

// Brings tells whether a message beside the delta is not empty.
func (c *ChunkChoice) Brings(isEmpty func(*Message) bool) bool {
	return c.whole != nil && !isEmpty(&c.whole.Message)
}

// IsUnsure tells whether the answer that the chunk belongs to may have a flaw
// that its end shows: it has a piece of a call, or a message beside the delta.
func (c *Chunk) IsUnsure() bool {
	for i := range c.Choices {
		if choice := &c.Choices[i]; choice.whole != nil || len(choice.Delta.ToolCalls) > 0 {
			return true
		}
	}
	return false
}

// HasToken reports whether a delta of the chunk has a field other than its role
// that is not empty: the "first token" of docs/promises.md.
func (c *Chunk) HasToken() bool {
	for i := range c.Choices {
		choice := &c.Choices[i]
		if choice.Delta.hasToken() || choice.whole != nil && choice.whole.hasToken() {
			return true
		}
	}
	return false
}

func (m *Message) hasToken() bool {
	if m.Content != "" || m.ReasoningContent != "" || m.Refusal != "" || m.HasParts() || m.HasCalls() ||
		m.Name != "" || m.ToolCallID != "" || !isEmpty(m.Audio) {
		return true
	}
	for _, value := range m.Extra {
		if !isEmpty(value) {
			return true
		}
	}
	return false
}

// isEmpty tells whether a value is null, or a text, a list or an object with
// nothing in it.
func isEmpty(value json.RawMessage) bool {
	switch {
	case isNull(value):
		return true
	case value[0] == '"':
		return len(value) == 2
	case value[0] == '[', value[0] == '{':
		return len(bytes.TrimSpace(value[1:len(value)-1])) == 0
	}
	return false
}

// Text is the content that the chunk adds to the first choice, which some
// servers list several times.
func (c *Chunk) Text() (text string) {
	for i := range c.Choices {
		if c.Choices[i].Index == 0 {
			text += c.Choices[i].Delta.PlainText()
		}
	}
	return text
}

// MarshalJSON writes the chunk in OpenAI's shape.
func (c *Chunk) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, c.write) }

// AppendJSON appends what MarshalJSON writes.
func (c *Chunk) AppendJSON(dst []byte) ([]byte, error) {
	w := jsontext.Writer{Buf: dst}
	c.write(&w)
	return w.Done()
}

// AppendGathered is AppendJSON for readers that decode into fixed types: see
// [Response.AppendGathered].
func (c *Chunk) AppendGathered(dst []byte) ([]byte, error) {
	w := jsontext.Writer{Buf: dst, Gathered: true}
	c.write(&w)
	return w.Done()
}

// UnmarshalJSON reads a chunk leniently.
func (c *Chunk) UnmarshalJSON(data []byte) error {
	r := answerReader(data)
	if r.Next() != '{' {
		return errNoObject
	}
	c.read(&r, &Chunk{})
	return r.End()
}

func (c *Chunk) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("id", c.ID)
	o.Str("object", c.Object)
	o.Field("created").Int64(c.Created)
	o.Str("model", c.Model)
	jsontext.WriteList(o.Field("choices"), c.Choices, (*ChunkChoice).write)
	if c.Usage != nil {
		c.Usage.write(o.Field("usage"))
	}
	o.Rest(c.Extra, "system_fingerprint", "service_tier")
	o.End()
}

// ChunkDecoder decodes the chunks of one stream: what each of them repeats is
// allocated once. The zero value is ready; one goroutine uses it.
type ChunkDecoder struct {
	before Chunk
	room   []byte
}

// Decode reads a chunk leniently; it is the caller's, but for its Extra, which
// chunks may share. data may change afterwards.
func (d *ChunkDecoder) Decode(data []byte) (*Chunk, error) {
	// Nearly every chunk has one choice: one piece of memory for both, which is 2
	// instead of 3 allocations and 0.88 of the time (BenchmarkChunk, the median
	// of seven pairs).
	whole := &struct {
		Chunk
		choice [1]ChunkChoice
	}{}
	c := &whole.Chunk
	c.Choices = whole.choice[:0]
	r := answerReader(data)
	if r.Next() != '{' {
		return nil, errNoObject
	}
	r.Room = d.room
	c.read(&r, &d.before)
	d.room = r.Room
	if err := r.End(); err != nil {
		return nil, err
	}
	if len(c.Choices) == 0 {
		c.Choices = nil
	}
	d.before.ID, d.before.Model, d.before.Extra = c.ID, c.Model, c.Extra
	return c, nil
}

// read reads a chunk; before is the one before it in its stream.
func (c *Chunk) read(r *reader, before *Chunk) {
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "id":
			if c.ID = before.ID; r.Next() == '"' {
				c.ID = r.TextLike(before.ID)
			} else {
				c.ID = r.TextOrNumber()
			}
		case "object":
			c.Object = r.word()
		case "created":
			c.Created = r.Integer64()
		case "model":
			c.Model = r.TextLike(before.Model)
		case "choices":
			c.readChoices(r)
		case "usage":
			c.Usage = r.usage()
		default:
			r.extraLike(&c.Extra, before.Extra)
		}
	}
	if c.Usage == nil && r.strays {
		c.Usage = elsewhere(c.Extra, len(c.Choices), func(i int) (of, inside Extra) { return c.Choices[i].Extra, c.Choices[i].Delta.Extra })
	}
}

// readChoices reads the list of choices. A value in which none can be read
// stays among the unknown fields, unless it is empty.
func (c *Chunk) readChoices(r *reader) {
	from, key := r.Pos, r.Key
	if r.Next() == '{' {
		r.listed(func(number int) { c.readChoice(r, max(number, 0)) })
	} else {
		for more := r.Array(); more; more = r.NextItem() {
			if r.Next() == '{' {
				c.readChoice(r, len(c.Choices))
			}
		}
		if len(c.Choices) > 1 {
			place(len(c.Choices), func(i int) (*int, bool) { return &c.Choices[i].Index, c.Choices[i].placed })
		}
	}
	if len(c.Choices) == 0 && r.Err == nil {
		r.Pos, r.Key = from, key
		r.unread(&c.Extra)
	}
}

func (c *Chunk) readChoice(r *reader, number int) {
	c.Choices = append(c.Choices, ChunkChoice{Index: number, placed: true})
	c.Choices[len(c.Choices)-1].read(r)
}

func (c *ChunkChoice) read(r *reader) {
	text, delta := "", false
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "index":
			const none = -1
			if index := r.Index(none); index != none {
				c.Index, c.placed = index, false
			}
		case "delta":
			if delta = r.message(&c.Delta, true, &c.Extra); !delta {
				c.Delta.NullContent = true
			}
		case "message":
			var whole wholeMessage
			if r.message(&whole.Message, true, &c.Extra) {
				c.whole = &whole
			}
		case "text", "content": // old completions, and some small servers
			if r.Next() != '"' {
				r.unread(&c.Extra)
				break
			}
			r.Halves = true
			text = r.Piece()
			r.Halves = false
		case "finish_reason":
			c.FinishReason = r.reason(&c.Extra)
		case "logprobs":
			c.Logprobs = r.Raw()
		default:
			r.extra(&c.Extra)
		}
	}
	if c.whole == nil && !delta && text == "" && r.Err == nil {
		var whole wholeMessage
		if messageAmong(&c.Extra, &whole.Message, true) {
			c.whole = &whole
		}
	}
	if c.whole != nil && !delta {
		c.Delta, c.whole.alone = c.whole.Message, true
	}
	if text != "" && c.Delta.Content == "" && c.Delta.Parts == nil {
		c.Delta.Content, c.Delta.NullContent = text, false
	}
}

func (c *ChunkChoice) write(w *jsontext.Writer) {
	o := w.Object()
	o.Field("index").Int(c.Index)
	c.Delta.writeAs(o.Field("delta"), true)
	endChoice(&o, c.FinishReason, c.Logprobs, c.Extra)
}

// endChoice writes what choices of answers and of chunks end with.
func endChoice(o *jsontext.Object, reason string, logprobs json.RawMessage, extra Extra) {
	if reason == "" {
		o.Field("finish_reason").Null()
	} else {
		o.Str("finish_reason", reason)
	}
	o.Raw("logprobs", logprobs)
	o.Rest(extra)
	o.End()
}

// AsChunk returns the whole response as one chunk, for a server that answers a
// streaming request with a whole completion (T2).
func (r *Response) AsChunk() *Chunk {
	c := &Chunk{ID: r.ID, Object: "chat.completion.chunk", Created: r.Created, Model: r.Model, Extra: r.Extra}
	c.Usage = r.Usage.Clone()
	seen := map[int]bool{}
	for i := range r.Choices {
		choice := &r.Choices[i]
		index := choice.Index
		if seen[index] { // a server that counts all of them as the first
			index = i
		}
		seen[index] = true
		delta := choice.Message
		delta.ToolCalls = append([]ToolCall(nil), delta.ToolCalls...)
		for j := range delta.ToolCalls {
			if delta.ToolCalls[j].Index < 0 {
				delta.ToolCalls[j].Index = j
			}
		}
		c.Choices = append(c.Choices, ChunkChoice{Index: index, Delta: delta,
			FinishReason: choice.FinishReason, Logprobs: choice.Logprobs, Extra: choice.Extra})
	}
	return c
}

// AsChunks returns the whole response as the chunks of a stream: what the
// choices hold, how they end, and the usage, if there is one.
func (r *Response) AsChunks() []*Chunk {
	whole := r.AsChunk()
	head := Chunk{ID: whole.ID, Object: whole.Object, Created: whole.Created, Model: whole.Model}
	usage, end := head, head
	usage.Usage, whole.Usage = whole.Usage, nil
	for i := range whole.Choices {
		c := &whole.Choices[i]
		if c.FinishReason != "" {
			end.Choices = append(end.Choices, ChunkChoice{Index: c.Index, FinishReason: c.FinishReason})
			c.FinishReason = ""
		}
	}
	chunks := []*Chunk{whole}
	if len(end.Choices) > 0 {
		chunks = append(chunks, &end)
	}
	if usage.Usage != nil {
		chunks = append(chunks, &usage)
	}
	return chunks
}
