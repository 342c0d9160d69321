package ollama

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// answer is a whole answer, or one line of a stream: what the message has more
// (Ollama's API documentation, "Generate a chat completion").
type answer struct {
	Model     string            `json:"model"`
	CreatedAt string            `json:"created_at"`
	Message   *said             `json:"message"`
	Done      bool              `json:"done"`
	Reason    string            `json:"done_reason"`
	Logprobs  []json.RawMessage `json:"logprobs"`
}

// said is the message of an answer.
type said struct {
	Content   llm.Piece `json:"content"`
	Thinking  llm.Piece `json:"thinking"`
	ToolCalls []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// stream reads the lines of one answer, or a whole one. One goroutine uses it.
type stream struct {
	model string // where the answer names none

	answering string
	id        string
	created   int64 // seconds since the Unix epoch
	ids       string
	begun     bool
	calls     int  // so far
	finished  bool // a line has said that all is done
	done      bool
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(_ string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) { // gateways add it, also where the server behind them broke off
		s.done = s.finished
		return nil, nil
	}
	var a answer
	if err := llm.JSON.Unmarshal(data, &a); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the line is not valid JSON: %v", err)
	}
	if a.Message == nil && !a.Done {
		return nil, llm.Errorf(llm.BadResponse, "the line has no message")
	}
	first := !s.begun
	s.begin(&a)
	choice := llm.ChunkChoice{Delta: s.message(&a), FinishReason: s.finish(&a), Logprobs: logprobs(&a)}
	if first {
		choice.Delta.Role = llm.RoleAssistant
	}
	c := &llm.Chunk{ID: s.id, Object: "chat.completion.chunk", Created: s.created, Model: s.answering, Choices: []llm.ChunkChoice{choice}}
	if a.Done { // servers that translate may say so early: the end of the body counts
		s.finished = true
		c.Usage, c.Extra = ends(data)
	}
	return c, nil
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

// begin reads what names the answer. Ollama gives it no id, nor its calls: they
// are made of the time, so that none comes twice in a conversation.
func (s *stream) begin(a *answer) {
	if s.begun {
		return
	}
	s.begun, s.answering = true, a.Model
	if s.answering == "" {
		s.answering = s.model
	}
	at, err := time.Parse(time.RFC3339Nano, a.CreatedAt)
	if err != nil {
		at = time.Now()
	}
	s.created = at.Unix()
	s.ids = strconv.FormatInt(at.UnixNano(), 36)
	s.id = "chatcmpl-" + s.ids
}

// message is what the message of an answer or of a line says.
func (s *stream) message(a *answer) llm.Message {
	m := llm.Message{NullContent: true}
	if a.Message == nil {
		return m
	}
	m.Content, m.ReasoningContent = string(a.Message.Content), string(a.Message.Thinking)
	m.NullContent = m.Content == ""
	for i := range a.Message.ToolCalls {
		made := &a.Message.ToolCalls[i]
		c := llm.ToolCall{Index: s.calls, ID: made.ID, Type: "function", Function: llm.FunctionCall{Name: made.Function.Name, Arguments: text(made.Function.Arguments)}}
		if c.ID == "" {
			c.ID = "call_" + s.ids + "_" + strconv.Itoa(s.calls)
		}
		s.calls++
		m.ToolCalls = append(m.ToolCalls, c)
	}
	return m
}

// text is a call's arguments as text, without the white space around their
// tokens. Some models are said to write them as a text already.
func text(arguments json.RawMessage) string {
	var written string
	if len(arguments) > 0 && arguments[0] == '"' && llm.JSON.Unmarshal(arguments, &written) == nil {
		return written
	}
	var compact bytes.Buffer
	if !wire.IsThere(arguments) || json.Compact(&compact, arguments) != nil {
		return "{}"
	}
	return compact.String()
}

// finish translates the reason of an end; other words stay as they are.
func (s *stream) finish(a *answer) string {
	switch {
	case !a.Done:
		return ""
	case s.calls > 0 && (a.Reason == "stop" || a.Reason == ""):
		return "tool_calls"
	case a.Reason == "": // servers before 0.2 give none
		return "stop"
	}
	return a.Reason
}

// logprobs is OpenAI's object around Ollama's list.
func logprobs(a *answer) json.RawMessage {
	if len(a.Logprobs) == 0 {
		return nil
	}
	raw, err := llm.JSON.Marshal(map[string]any{"content": a.Logprobs})
	if err != nil { // not reachable: it is JSON
		return nil
	}
	return raw
}

// ends reads what stands in the end of an answer: the numbers of tokens, of
// which each may be missing (that of the prompt where it was cached), and what
// chat completions lack, such as times, under Ollama's names.
func ends(data []byte) (*llm.Usage, llm.Extra) {
	var fields llm.Extra
	if llm.JSON.Unmarshal(data, &fields) != nil {
		return nil, nil
	}
	known := llm.Extra{}
	for from, to := range map[string]string{"prompt_eval_count": "prompt_tokens", "eval_count": "completion_tokens"} {
		if raw := fields[from]; wire.IsThere(raw) {
			known[to] = raw
		}
		delete(fields, from)
	}
	for _, read := range []string{"model", "created_at", "message", "done", "logprobs"} {
		delete(fields, read)
	}
	if reason := string(fields["done_reason"]); reason == `"stop"` || reason == `"length"` {
		delete(fields, "done_reason")
	}
	if len(fields) == 0 {
		fields = nil
	}
	raw, err := llm.JSON.Marshal(known)
	usage := &llm.Usage{}
	if len(known) == 0 || err != nil || usage.UnmarshalJSON(raw) != nil {
		return nil, fields
	}
	return usage, fields
}

// response reads a whole answer.
func response(data []byte, c *wire.Call) (*llm.Response, error) {
	var a answer
	if err := llm.JSON.Unmarshal(data, &a); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a chat (%d bytes): %v", len(data), err)
	}
	switch {
	case a.Message == nil:
		return nil, llm.Errorf(llm.BadResponse, "the answer has no message")
	case !a.Done:
		return nil, llm.Errorf(llm.BadResponse, "the answer is not done")
	}
	s := &stream{model: c.Model}
	s.begin(&a)
	m := s.message(&a)
	m.Role = llm.RoleAssistant
	for i := range m.ToolCalls {
		m.ToolCalls[i].Index = -1
	}
	r := &llm.Response{ID: s.id, Object: "chat.completion", Created: s.created, Model: s.answering,
		Choices: []llm.Choice{{Message: m, FinishReason: s.finish(&a), Logprobs: logprobs(&a)}}}
	r.Usage, r.Extra = ends(data)
	return r, nil
}
