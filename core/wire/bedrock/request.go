package bedrock

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /model/{id}/converse.
type requestBody struct {
	Messages        []message         `json:"messages"`
	System          []block           `json:"system,omitempty"`
	InferenceConfig *inferenceConfig  `json:"inferenceConfig,omitempty"`
	ToolConfig      *toolConfig       `json:"toolConfig,omitempty"`
	Additional      llm.Extra         `json:"additionalModelRequestFields,omitempty"`
	Metadata        map[string]string `json:"requestMetadata,omitempty"`
	OutputConfig    json.RawMessage   `json:"outputConfig,omitempty"`
}

type inferenceConfig struct {
	MaxTokens     *int     `json:"maxTokens,omitempty"`
	Temperature   *float64 `json:"temperature,omitempty"`
	TopP          *float64 `json:"topP,omitempty"`
	StopSequences []string `json:"stopSequences,omitempty"`
}

// message is one turn; Role is "user" or "assistant".
type message struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`

	results []block // of tools: they stand before anything else in their turn
}

// bodyOf is the body that asks for req, the request of c, which is told what of
// req is not in it. req may be changed.
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
	b := &requestBody{Messages: t.messages, System: t.system}
	for i := range b.Messages {
		m := &b.Messages[i]
		m.Content = append(m.results, m.Content...)
	}
	if len(b.Messages) == 0 { // instructions alone are what the user says
		b.Messages, b.System = []message{{Role: "user", Content: b.System}}, nil
	}
	s := settings{conversation: &t, request: req, body: b}
	if err := s.fill(); err != nil {
		return nil, err
	}
	return b, nil
}

// ownFields are fields of Converse that requests may carry as they are, beside
// those that settings reads.
var ownFields = []string{"guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "projectIdentifier"}

// conversation collects the messages of a conversation.
type conversation struct {
	call      *wire.Call
	system    []block
	messages  []message
	documents map[string]int // how often a name was used: Bedrock refuses doubles
	callIDs   []string       // of the last assistant message's calls by the old function_call
	called    []string       // names of the tools that the history calls
	results   bool           // the history has results of tools
}

// leave notes what of another answer is left out, or a mark for the cache.
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
	blocks = t.mark(blocks, m.Extra)
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

// result translates a tool's answer. A mark for the cache on its content stands
// behind the result.
func (t *conversation) result(m *llm.Message, blocks []block, at string) error {
	r := toolResult{ToolUseID: plainID(m.ToolCallID), Content: []block{}}
	if m.Role == llm.RoleFunction {
		if len(t.callIDs) == 0 {
			return llm.Errorf(llm.BadRequest, "%s answers the function %q, but the message before it calls none; Bedrock needs the call", at, m.Name)
		}
		r.ToolUseID = t.callIDs[0]
	}
	if string(m.Extra["is_error"]) == "true" {
		r.Status = "error"
	}
	var marks []block
	for _, b := range blocks {
		if b.CachePoint != nil {
			marks = []block{b}
			continue
		}
		r.Content = append(r.Content, b)
	}
	t.results = true
	turn := t.turn("user")
	turn.results = append(append(turn.results, block{ToolResult: &r}), marks...)
	return nil
}

// plainID makes the id of a call fit for Bedrock, which takes letters, digits
// and "_.:-", at most 64 of them: the ids of other vendors may hold more.
func plainID(id string) string {
	plain := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.', c == ':':
			return c
		}
		return '_'
	}, id)
	return plain[max(0, len(plain)-64):] // ids differ at their end
}
