package llm

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Response is a whole answer.
type Response struct {
	ID      string
	Object  string // "chat.completion"
	Created int64  // seconds since the Unix epoch
	Model   string
	Choices []Choice
	Usage   *Usage // nil when the provider sent none: unknown, not zero
	// Cost is what all attempts of the call cost; nil if it is not known.
	Cost *Cost
	// Cache tells that the answer comes from a cache: [CacheHit] or
	// [CacheJoined]; "" that a server gave it.
	Cache string
	// CallID is the number of the call in this process, which observations carry
	// too; in JSON "id_of_call".
	CallID uint64
	// Attempts lists the attempts of the call.
	Attempts []Attempt
	Extra    Extra
}

// Choice is one of the answers. FinishReason is "" if there is none.
type Choice struct {
	Index        int
	Message      Message
	FinishReason string
	Logprobs     json.RawMessage
	Extra        Extra
}

// Text is the text of the first choice, "" without one.
func (r *Response) Text() string {
	if r == nil || len(r.Choices) == 0 {
		return ""
	}
	return r.Choices[0].Message.PlainText()
}

// Route is the route that answered, which need not be the last attempt's; "" if
// no attempt is listed.
func (r *Response) Route() string {
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		if r.Attempts[i].Code == OK {
			return r.Attempts[i].Route()
		}
	}
	return ""
}

// MarshalJSON writes the response in OpenAI's shape, with "attempts" added.
func (r *Response) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, r.write) }

// AppendJSON appends what MarshalJSON writes.
func (r *Response) AppendJSON(dst []byte) ([]byte, error) { return jsontext.Encode(dst, r.write) }

// AppendGathered is AppendJSON for readers that decode into fixed types: the
// unknown fields of the response, its choices, messages and usage stand in an
// object "extra" of their object, but for "system_fingerprint" and
// "service_tier"; what is not known of the usage is left out; every message has
// its role, and its content, maybe null, and every delta likewise, with "" for
// none.
func (r *Response) AppendGathered(dst []byte) ([]byte, error) {
	w := jsontext.Writer{Buf: dst, Gathered: true}
	r.write(&w)
	return w.Done()
}

// UnmarshalJSON reads a response leniently: a missing usage is nil, an absent
// finish_reason is "", and every message has the role of an assistant.
func (r *Response) UnmarshalJSON(data []byte) error {
	in := answerReader(data)
	if in.Next() != '{' {
		return errNoObject
	}
	r.read(&in)
	return in.End()
}

// ReadResponse is [Response.UnmarshalJSON] of data that is known to be valid
// UTF-8, into a new response, which costs two allocations less: nearly every
// answer has one choice and one usage.
func ReadResponse(data []byte) (*Response, error) {
	whole := &struct {
		Response
		choice [1]Choice
		usage  Usage
		room   [24]byte // what the size class has left: a system_fingerprint and a null
	}{}
	r := &whole.Response
	in := newReader(data)
	in.answer, in.Lenient = true, true
	if in.Next() != '{' {
		return nil, errNoObject
	}
	r.Choices, in.usageRoom, in.Room = whole.choice[:0], &whole.usage, whole.room[:0]
	r.read(&in)
	if len(r.Choices) == 0 {
		r.Choices = nil
	}
	return r, in.End()
}

// NewResponse is a whole answer of one choice.
func NewResponse(c Choice) *Response {
	return &Response{Object: "chat.completion", Choices: []Choice{c}}
}

func (r *Response) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("id", r.ID)
	o.Str("object", r.Object)
	o.Field("created").Int64(r.Created)
	o.Str("model", r.Model)
	jsontext.WriteList(o.Field("choices"), r.Choices, (*Choice).write)
	if r.Usage != nil {
		r.Usage.write(o.Field("usage"))
	} else if !w.Gathered {
		o.Field("usage").Null()
	}
	if _, taken := r.Extra["cost"]; r.Cost != nil && (w.Gathered || !taken) {
		r.Cost.write(o.Field("cost"))
	}
	if _, taken := r.Extra["cache"]; r.Cache != "" && (w.Gathered || !taken) {
		o.Str("cache", r.Cache)
	}
	writeCallID(&o, r.CallID)
	if r.Attempts != nil {
		writeAttempts(o.Field("attempts"), r.Attempts)
	}
	o.Rest(r.Extra, "system_fingerprint", "service_tier")
	o.End()
}

func (r *Response) read(in *reader) {
	for more := in.Object(); more; more = in.NextField() {
		switch string(in.Key) {
		case "id":
			r.ID = in.TextOrNumber()
		case "object":
			r.Object = in.word()
		case "created":
			r.Created = in.Integer64()
		case "model":
			r.Model = in.Text()
		case "choices":
			r.readChoices(in)
		case "usage":
			r.Usage = in.usage()
		case "attempts", "id_of_call": // ours, never the provider's
		default:
			in.extra(&r.Extra)
		}
	}
	if r.Usage == nil {
		r.Usage = elsewhere(r.Extra, len(r.Choices), func(i int) (of, inside Extra) { return r.Choices[i].Extra, r.Choices[i].Message.Extra })
	}
}

func (r *Response) readChoices(in *reader) {
	if in.Next() == '{' {
		in.listed(func(number int) { r.readChoice(in, max(number, 0)) })
		return
	}
	for more := in.Array(); more; more = in.NextItem() {
		if in.Next() == '{' {
			r.readChoice(in, -1)
		}
	}
	place(len(r.Choices), func(i int) (*int, bool) { return &r.Choices[i].Index, r.Choices[i].Index < 0 })
}

func (r *Response) readChoice(in *reader, number int) {
	r.Choices = append(r.Choices, Choice{Index: number})
	c := &r.Choices[len(r.Choices)-1]
	c.read(in)
	c.Message.Role = RoleAssistant // whatever the server calls it: requests, to which it is appended, have no other word
}

// JoinCalls makes one choice of several that are parts of one answer: some
// servers give its text and its calls a choice each. Two texts are two answers.
func (r *Response) JoinCalls() {
	texts, calls := 0, 0
	for i := range r.Choices {
		m := &r.Choices[i].Message
		switch said := m.PlainText() != ""; {
		case said:
			texts++
		case !m.HasCalls():
			return
		}
		if m.HasCalls() {
			calls++
		}
	}
	if len(r.Choices) < 2 || texts > 1 || calls == 0 {
		return
	}
	whole := r.Choices[0]
	for i := range r.Choices[1:] {
		whole.take(&r.Choices[i+1])
	}
	r.Choices = append(r.Choices[:0], whole)
}

// take adds another part of the answer.
func (c *Choice) take(more *Choice) {
	m, from := &c.Message, &more.Message
	if from.PlainText() != "" {
		m.Content, m.Parts, m.NullContent = from.Content, from.Parts, false
	}
	if from.HasCalls() {
		m.ToolCalls = append(m.ToolCalls, from.ToolCalls...)
		m.FunctionCall = cmp.Or(m.FunctionCall, from.FunctionCall)
		c.FinishReason = cmp.Or(more.FinishReason, c.FinishReason)
	}
	m.ReasoningContent = cmp.Or(m.ReasoningContent, from.ReasoningContent)
	m.Refusal = cmp.Or(m.Refusal, from.Refusal)
	m.Extra.addMissing(from.Extra)
	c.Extra.addMissing(more.Extra)
	if c.Logprobs == nil {
		c.Logprobs = more.Logprobs
	}
}

func (e *Extra) addMissing(from Extra) {
	for name, raw := range from {
		if isNull((*e)[name]) {
			e.Put(name, raw)
		}
	}
}

func (c *Choice) read(in *reader) {
	message, delta := false, false
	for more := in.Object(); more; more = in.NextField() {
		switch string(in.Key) {
		case "index":
			c.Index = in.Index(c.Index)
		case "message":
			message = in.message(&c.Message, false, &c.Extra) || message
		case "delta": // of a server that takes every request for a stream
			if message {
				in.extra(&c.Extra)
				break
			}
			c.Message.read(in)
			delta = true
		case "text", "content": // old completions, and some small servers
			if in.Next() != '"' {
				in.unread(&c.Extra)
			} else if text := in.Text(); c.Message.Content == "" {
				c.Message.Content = text
			}
		case "finish_reason":
			c.FinishReason = in.reason(&c.Extra)
		case "logprobs":
			c.Logprobs = in.Raw()
		default:
			in.extra(&c.Extra)
		}
	}
	if !message && !delta && c.Message.Content == "" && in.Err == nil {
		messageAmong(&c.Extra, &c.Message, false)
	}
}

func (c *Choice) write(w *jsontext.Writer) {
	o := w.Object()
	o.Field("index").Int(c.Index)
	c.Message.write(o.Field("message"))
	endChoice(&o, c.FinishReason, c.Logprobs, c.Extra)
}

// LongAnswer is from how many bytes on [Response.SizeOfLong] looks at a
// response.
const LongAnswer = 1 << 20

// SizeOfLong is about how many bytes of JSON a response is that has very long
// texts, so that its writer can have the room at once: a buffer that grows
// would cost the answer's size two times more. 0 for all others, which are told
// by their lengths alone.
func (r *Response) SizeOfLong() int {
	if r.texts(func(s string) int { return len(s) }) < LongAnswer {
		return 0
	}
	size := r.texts(sizeOfText)
	return size + size/64 + 64<<10 // the rest
}

// texts sums up what may be long.
func (r *Response) texts(size func(string) int) int {
	sum := 0
	for i := range r.Choices {
		c := &r.Choices[i]
		sum += size(c.Message.Content) + size(c.Message.ReasoningContent) + size(c.Message.Refusal)
		sum += len(c.Message.Audio) + len(c.Logprobs)
		for k := range c.Message.Parts {
			sum += size(c.Message.Parts[k].Text) + size(c.Message.Parts[k].Refusal)
		}
		for k := range c.Message.ToolCalls {
			_, text := c.Message.ToolCalls[k].said()
			sum += size(*text)
		}
		if f := c.Message.FunctionCall; f != nil {
			sum += size(f.Arguments)
		}
		for _, raw := range c.Message.Extra {
			sum += len(raw)
		}
	}
	return sum
}

// sizeOfText is how long appendText makes a text, without its quotes.
func sizeOfText(s string) int {
	size := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			size++
		case c < 0x20:
			size += len(`\u0000`) - 1
		}
	}
	return size
}
