package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /v1/messages.
type requestBody struct {
	Model         string            `json:"model,omitempty"`             // "" where the path has it
	Version       string            `json:"anthropic_version,omitempty"` // of Vertex AI
	MaxTokens     int               `json:"max_tokens"`
	System        []block           `json:"system,omitempty"`
	Messages      []message         `json:"messages"`
	Stream        bool              `json:"stream,omitempty"`
	Temperature   *float64          `json:"temperature,omitempty"`
	TopP          *float64          `json:"top_p,omitempty"`
	TopK          json.RawMessage   `json:"top_k,omitempty"`
	StopSequences []string          `json:"stop_sequences,omitempty"`
	Tools         []json.RawMessage `json:"tools,omitempty"`
	ToolChoice    *toolChoice       `json:"tool_choice,omitempty"`
	Thinking      json.RawMessage   `json:"thinking,omitempty"`
	OutputConfig  json.RawMessage   `json:"output_config,omitempty"`
	Metadata      json.RawMessage   `json:"metadata,omitempty"`
}

// message is one turn; Role is "user" or "assistant".
type message struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`

	results []block // of tools: they stand before anything else in their turn
}

// bodyOf is the body that asks Claude for req, the request of c, which is told
// what of req is not in it. req.Model must be the upstream's name of the model.
// req may be changed.
//
// What tunes an answer and has no counterpart (seed, penalties, logit_bias, …)
// is adapted, and parts of other vendors' answers are left out. What would
// change the answer's shape is UNSUPPORTED: another route may take it.
func bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	t := conversation{call: c}
	for i := range req.Messages {
		if err := t.message(&req.Messages[i], fmt.Sprintf("messages[%d]", i)); err != nil {
			return nil, err
		}
	}
	b := &requestBody{Model: req.Model, System: t.system, Messages: t.messages}
	for i := range b.Messages {
		m := &b.Messages[i]
		m.Content = append(m.results, m.Content...)
	}
	if len(b.Messages) == 0 { // instructions alone are what the user says
		b.Messages, b.System = []message{{Role: "user", Content: b.System}}, nil
	}
	s := settings{request: req, body: b, Call: c}
	if err := s.fill(); err != nil {
		return nil, err
	}
	return b, nil
}

// ownFields are fields of the Messages API that requests may carry as they are,
// beside those that settings reads.
var ownFields = []string{"cache_control", "container", "context_management", "inference_geo", "mcp_servers", "service_tier"}

// conversation collects the messages of a conversation.
type conversation struct {
	call     *wire.Call
	system   []block
	messages []message
	callIDs  []string // of the last assistant message's calls by the old function_call
}

// leave notes what of another answer is left out.
func (t *conversation) leave(name string) { t.call.Leave(name) }

// add appends blocks to the last turn if that has the same role.
func (t *conversation) add(role string, blocks ...block) {
	if len(blocks) == 0 {
		return
	}
	turn := t.turn(role)
	turn.Content = append(turn.Content, blocks...)
}

// turn is the last turn, where that has the role, or a new one.
func (t *conversation) turn(role string) *message {
	if n := len(t.messages); n == 0 || t.messages[n-1].Role != role {
		t.messages = append(t.messages, message{Role: role})
	}
	return &t.messages[len(t.messages)-1]
}

func (t *conversation) message(m *llm.Message, at string) error {
	t.call.Unsaid(m)
	if m.Role == llm.RoleAssistant {
		return t.answer(m, at)
	}
	blocks, err := t.content(m, at+".content")
	if err != nil {
		return err
	}
	if raw := m.Extra["cache_control"]; wire.IsThere(raw) && len(blocks) > 0 { // a mark on the message is one on its end
		blocks[len(blocks)-1].CacheControl = raw
	}
	switch m.Role {
	case llm.RoleSystem, llm.RoleDeveloper:
		t.system = append(t.system, blocks...)
	case llm.RoleTool, llm.RoleFunction:
		return t.result(m, blocks, at)
	default:
		if len(blocks) == 0 {
			blocks = []block{textBlock("")} // the server says what it thinks of it
		}
		t.add("user", blocks...)
	}
	return nil
}

// result translates a tool's answer. A mark for the cache on its content is one
// on the result.
func (t *conversation) result(m *llm.Message, blocks []block, at string) error {
	r := block{Type: "tool_result", ToolUseID: plainID(m.ToolCallID)}
	if m.Role == llm.RoleFunction {
		if len(t.callIDs) == 0 {
			return llm.Errorf(llm.BadRequest, "%s answers the function %q, but the message before it calls none; Anthropic needs the call", at, m.Name)
		}
		r.ToolUseID = t.callIDs[0]
	}
	if n := len(blocks); n > 0 {
		r.CacheControl, blocks[n-1].CacheControl = blocks[n-1].CacheControl, nil
	}
	if string(m.Extra["is_error"]) == "true" {
		r.IsError = true
	}
	r.Content = blocks
	turn := t.turn("user")
	turn.results = append(turn.results, r)
	return nil
}

// plainID makes the id of a call fit for Anthropic, which takes letters,
// digits, "_" and "-": the ids of other vendors may hold more.
func plainID(id string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			return c
		}
		return '_'
	}, id)
}
