package ollama

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// answer is a whole answer, or one line of a stream: what the message has more
// (Ollama's API documentation, "Generate a chat completion"). Raw values stand
// in its bytes.
type answer struct {
	model     string
	createdAt string
	message   said
	said      bool // there is a message
	done      bool
	reason    string
	logprobs  json.RawMessage
	counts    wire.Counts
	usage     *llm.Usage // of servers that name it as OpenAI does
}

// said is the message of an answer.
type said struct {
	content, thinking, refusal llm.Piece
	calls                      []made
	images                     []llm.Part
	audio                      json.RawMessage
	extra                      llm.Extra
}

// stream reads the lines of one answer, or a whole one. One goroutine uses it.
type stream struct {
	model string // where the answer names none

	answering string
	id        string
	created   int64 // seconds since the Unix epoch
	ids       string
	begun     bool
	calls     int // so far, or pieces of them with a name
	counts    wire.Counts
	usage     *llm.Usage
	images    []llm.Part // so far: each line that brings one repeats those before it
	finished  bool       // a line has said that all is done
	done      bool
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(_ string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) { // gateways add it, also where the server behind them broke off
		s.done = s.finished
		return nil, nil
	}
	a, err := s.read(data, true)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the line is not valid JSON: %v", err)
	}
	if s.count(&a); !a.said && !(a.done && s.begun) {
		if !a.done && wire.SaysNothing(data) {
			return nil, nil
		}
		return nil, llm.Errorf(llm.BadResponse, "the line has no message")
	}
	first := !s.begun
	s.begin(&a)
	c := wire.NewChunk(s.id, s.answering, s.created)
	c.Choices[0] = llm.ChunkChoice{Delta: s.message(&a), FinishReason: s.finish(&a), Logprobs: logprobs(&a)}
	if first {
		c.Choices[0].Delta.Role = llm.RoleAssistant
	}
	if a.done { // servers that translate may say so early: the end of the body counts
		s.finished = true
		c.Usage, c.Extra = s.ends(data, a.reason)
	}
	return c, nil
}

// read reads an answer or a line of one, in which texts may begin or end inside
// a character.
func (s *stream) read(data []byte, line bool) (a answer, err error) {
	r := wire.AnswerReader(data)
	r.Halves = line
	if r.Next() != '{' {
		return a, r.Fail("expected a JSON object")
	}
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "model":
			a.model = r.TextLike(s.answering)
		case "created_at":
			a.createdAt = r.Text()
		case "message":
			a.messageIn(&r)
		case "response": // of /api/generate, as "thinking" is
			if r.Next() == '"' {
				a.message.content, a.said = cmp.Or(wire.Piece(&r), a.message.content), true
			}
		case "image":
			if r.Next() == '"' {
				a.message.images, a.said = append(a.message.images, llm.Image(dataURL(r.Text()))), true
			}
		case "thinking":
			if r.Next() == '"' {
				a.message.thinking, a.said = cmp.Or(wire.Piece(&r), a.message.thinking), true
			}
		case "done":
			switch r.Next() {
			case '"', '1': // of servers that write all values as texts or numbers
				word := r.TextOrNumber()
				a.done = word == "1" || strings.EqualFold(word, "true")
			default:
				a.done = r.Next() == 't'
			}
		case "done_reason":
			a.reason = r.WordLike("stop")
		case "logprobs":
			a.logprobs = wire.Span(&r)
		case "prompt_eval_count":
			a.counts.Input = wire.Tokens(&r)
		case "eval_count":
			a.counts.Output = wire.Tokens(&r)
		case "usage", "usageMetadata", "usage_metadata":
			a.usage = cmp.Or(llm.ReadUsage(wire.Span(&r)), a.usage)
		default:
			wire.Other(&r)
		}
	}
	a.done = a.done || failure.IsReason(a.reason) // some servers give the one without the other
	return a, r.End()
}

// messageIn reads the message that comes next, if it is there.
func (a *answer) messageIn(r *jsontext.Reader) {
	m := &a.message
	a.said = r.Next() == '{' || a.said // a thought beside it has come
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "content":
			m.content = cmp.Or(contentIn(r), m.content)
		case "thinking", "reasoning", "reasoning_content":
			m.thinking = cmp.Or(wire.Piece(r), m.thinking)
		case "refusal":
			m.refusal = wire.Piece(r)
		case "audio":
			m.audio = r.Raw()
		case "tool_calls":
			for more := r.List(); more; more = r.NextItem() {
				if call := callIn(r); call.id+call.name != "" || call.arguments != nil {
					m.calls = append(m.calls, call)
				}
			}
		case "images":
			for more := r.List(); more; more = r.NextItem() {
				m.images = append(m.images, llm.Image(dataURL(wire.Text(r))))
			}
		case "role", "tool_name": // of every answer
		case "error":
			wire.Other(r)
		default:
			if r.Next() != 'n' {
				jsontext.KeepField(r, string(r.Key), &m.extra)
			}
		}
	}
}

// contentIn reads a text, or the list of its parts that OpenAI's format has.
func contentIn(r *jsontext.Reader) llm.Piece {
	if first := r.Next(); first != '[' && first != '{' {
		return wire.Piece(r)
	}
	var texts []llm.Piece
	for more := r.List(); more; more = r.NextItem() {
		if r.Next() == '"' {
			texts = append(texts, wire.Piece(r))
			continue
		}
		for more := wire.Object(r); more; more = r.NextField() {
			switch string(r.Key) {
			case "text":
				texts = append(texts, wire.Piece(r))
			case "type":
				if kind := wire.Text(r); kind != "text" && r.Err == nil {
					r.Stop(r.Fail("expected parts of the type \"text\""))
				}
			}
		}
	}
	return llm.Piece(llm.JoinPieces(texts))
}

// dataURL is an image, of which Ollama sends nothing but its base64.
func dataURL(image string) string {
	if strings.HasPrefix(image, "data:") || strings.HasPrefix(image, "http") {
		return image
	}
	kind := "png"
	for _, known := range [...]struct{ begin, kind string }{{"/9j/", "jpeg"}, {"R0lGOD", "gif"}, {"UklGR", "webp"}} {
		if strings.HasPrefix(image, known.begin) {
			kind = known.kind
		}
	}
	return "data:image/" + kind + ";base64," + image
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

// Mark implements [wire.Marker].
func (s *stream) Mark() string { return `"done": true` }

// begin reads what names the answer. Ollama gives it no id, nor its calls: they
// are made of the time, so that none comes twice in a conversation.
func (s *stream) begin(a *answer) {
	if s.begun {
		return
	}
	s.begun, s.answering = true, a.model
	s.answering = cmp.Or(s.answering, s.model)
	at, err := time.Parse(time.RFC3339Nano, a.createdAt)
	if err != nil {
		at = time.Now()
	}
	s.created = at.Unix()
	s.ids = rand.Text() // a time comes twice where a clock stands still
	s.id = "chatcmpl-" + s.ids
}

// message is what the message of an answer or of a line says.
func (s *stream) message(a *answer) llm.Message {
	m := llm.Message{NullContent: true}
	m.Content, m.ReasoningContent, m.Refusal = string(a.message.content), string(a.message.thinking), string(a.message.refusal)
	m.NullContent, m.Audio, m.Extra = m.Content == "", a.message.audio, a.message.extra
	if s.images = append(s.images, a.message.images...); len(a.message.images) > 0 {
		wire.Rest(&m.Extra, "images", llm.JSONOf(s.images))
	}
	for i := range a.message.calls {
		m.ToolCalls = append(m.ToolCalls, s.call(&a.message.calls[i]))
	}
	return m
}

// finish translates the reason of an end; other words stay as they are.
func (s *stream) finish(a *answer) string {
	switch {
	case !a.done:
		return ""
	case s.calls > 0 && (a.reason == "stop" || a.reason == ""):
		return "tool_calls"
	case a.reason == "": // servers before 0.2 give none
		return "stop"
	}
	return a.reason
}

// logprobs is OpenAI's object around Ollama's list.
func logprobs(a *answer) json.RawMessage {
	if r := wire.AnswerReader(a.logprobs); a.logprobs == nil || !r.Array() {
		return nil
	}
	return slices.Concat([]byte(`{"content":`), a.logprobs, []byte("}"))
}

// count notes the numbers of tokens that an answer or a line names. Each may be
// missing, that of the prompt where it was cached; gateways name them early.
func (s *stream) count(a *answer) {
	s.counts.Input = cmp.Or(a.counts.Input, s.counts.Input)
	s.counts.Output = cmp.Or(a.counts.Output, s.counts.Output)
	s.usage = cmp.Or(a.usage, s.usage)
}

// told are the fields of an answer that chat completions have a place for.
const told wordlist.List = "model created_at message response thinking image done logprobs prompt_eval_count eval_count"

// ends is the usage of an answer, and what chat completions lack of its end,
// such as times, under Ollama's names.
func (s *stream) ends(data []byte, reason string) (*llm.Usage, llm.Extra) {
	var rest llm.Extra
	r := wire.AnswerReader(data)
	for more := r.Object(); more; more = r.NextField() {
		switch name := string(r.Key); {
		case told.Has(name), name == "done_reason" && (reason == "stop" || reason == "length"), name == "usage" && s.usage != nil:
		default:
			jsontext.KeepField(&r, name, &rest)
		}
	}
	return cmp.Or(s.counts.Usage(nil), s.usage), rest
}

// Response reads a whole answer.
func (w *format) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	s := &stream{model: c.Model}
	a, err := s.read(data, false)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a chat (%d bytes): %v", len(data), err)
	}
	switch {
	case !a.said:
		return nil, llm.Errorf(llm.BadResponse, "the answer has no message")
	case !a.done:
		return nil, llm.Errorf(llm.BadResponse, "the answer is not done")
	}
	s.begin(&a)
	m := s.message(&a)
	m.Role = llm.RoleAssistant
	for i := range m.ToolCalls {
		m.ToolCalls[i].Index = -1
	}
	r := llm.NewResponse(llm.Choice{Message: m, FinishReason: s.finish(&a), Logprobs: logprobs(&a)})
	r.ID, r.Created, r.Model = s.id, s.created, s.answering
	s.count(&a)
	r.Usage, r.Extra = s.ends(data, a.reason)
	return r, nil
}
