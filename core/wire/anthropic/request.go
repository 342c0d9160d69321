package anthropic

import (
	"encoding/json"
	"fmt"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /v1/messages.
type requestBody struct {
	Model         string             `json:"model,omitempty"`             // "" where the path has it
	Version       string             `json:"anthropic_version,omitempty"` // of Vertex AI
	MaxTokens     int                `json:"max_tokens"`
	System        []block            `json:"system,omitempty"`
	Messages      []wire.Turn[block] `json:"messages"`
	Stream        bool               `json:"stream,omitempty"`
	Temperature   *float64           `json:"temperature,omitempty"`
	TopP          *float64           `json:"top_p,omitempty"`
	TopK          json.RawMessage    `json:"top_k,omitempty"`
	StopSequences []string           `json:"stop_sequences,omitempty"`
	Tools         []json.RawMessage  `json:"tools,omitempty"`
	ToolChoice    *toolChoice        `json:"tool_choice,omitempty"`
	Thinking      json.RawMessage    `json:"thinking,omitempty"`
	OutputConfig  json.RawMessage    `json:"output_config,omitempty"`
	Metadata      json.RawMessage    `json:"metadata,omitempty"`
}

// bodyOf is the body that asks Claude for req, the request of c, which is told
// what of req is not in it. req.Model must be the upstream's name of the model.
// req may be changed.
//
// What tunes an answer and has no counterpart (seed, penalties, logit_bias, …)
// is adapted, and parts of other vendors' answers are left out. What would
// change the answer's shape is UNSUPPORTED: another route may take it.
func bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	t := conversation{Turns: wire.Turns[block]{Call: c}}
	for i := range req.Messages {
		if err := t.message(&req.Messages[i], fmt.Sprintf("messages[%d]", i)); err != nil {
			return nil, err
		}
	}
	b := &requestBody{Model: req.Model}
	b.System, b.Messages = t.Joined()
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
	wire.Turns[block]
}

func (t *conversation) message(m *llm.Message, at string) error {
	t.Call.Unsaid(m)
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
		t.System = append(t.System, blocks...)
	case llm.RoleTool, llm.RoleFunction:
		return t.result(m, blocks, at)
	default:
		if len(blocks) == 0 {
			blocks = []block{textBlock("")} // the server says what it thinks of it
		}
		t.Add("user", blocks...)
	}
	return nil
}

// result translates a tool's answer. A mark for the cache on its content is one
// on the result.
func (t *conversation) result(m *llm.Message, blocks []block, at string) error {
	id, err := t.ResultID(m, at, "Anthropic")
	if err != nil {
		return err
	}
	r := block{Type: "tool_result", ToolUseID: plainID(id)}
	if n := len(blocks); n > 0 {
		r.CacheControl, blocks[n-1].CacheControl = blocks[n-1].CacheControl, nil
	}
	if string(m.Extra["is_error"]) == "true" {
		r.IsError = true
	}
	r.Content = blocks
	t.AddResult(r)
	return nil
}

// plainID makes the id of a call fit for Anthropic, which takes letters,
// digits, "_" and "-": the ids of other vendors may hold more.
func plainID(id string) string {
	return wire.PlainID(id, "_-")
}
