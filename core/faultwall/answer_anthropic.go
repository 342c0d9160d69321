package faultwall

import (
	"cmp"
	"encoding/json"
)

// anthropic is the wire format of Anthropic's Messages API, as documented in
// its reference ("Messages", "Streaming Messages").
type anthropic struct{}

var _ dialect = anthropic{}

type anthropicMessage struct {
	ID         string           `json:"id"`
	Type       string           `json:"type"`
	Role       string           `json:"role"`
	Model      string           `json:"model"`
	Content    []anthropicBlock `json:"content"`
	StopReason *string          `json:"stop_reason"`
	StopSeq    *string          `json:"stop_sequence"`
	Usage      any              `json:"usage,omitempty"`
}

type anthropicBlock struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text,omitempty"`
	Thinking  *string         `json:"thinking,omitempty"`
	Signature *string         `json:"signature,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
}

type anthropicEvent struct {
	Type    string            `json:"type"`
	Message *anthropicMessage `json:"message,omitempty"`
	Index   *int              `json:"index,omitempty"`
	Block   *anthropicBlock   `json:"content_block,omitempty"`
	Delta   any               `json:"delta,omitempty"`
	Usage   any               `json:"usage,omitempty"`
}

// anthropicSignature is the signature of the wall's thoughts.
const anthropicSignature = "d2FsbC1zaWduYXR1cmU="

func (anthropic) whole(a *content) any {
	m := anthropicMessage{ID: "msg_" + a.id, Type: "message", Role: "assistant", Model: a.model,
		Content: anthropicBlocks(a), StopReason: orNil(anthropicReason(a.finish)), Usage: anthropicUsage(a.usage)}
	return withExtra(m, a.extra)
}

// anthropicBlocks are the blocks of an answer: thoughts, text, calls.
func anthropicBlocks(a *content) []anthropicBlock {
	blocks := []anthropicBlock{}
	if a.reasoning != "" {
		signature := anthropicSignature
		blocks = append(blocks, anthropicBlock{Type: "thinking", Thinking: &a.reasoning, Signature: &signature})
	}
	if text := a.text + a.refusal; text != "" {
		blocks = append(blocks, anthropicBlock{Type: "text", Text: &text})
	}
	for i := range a.calls {
		blocks = append(blocks, anthropicBlock{Type: "tool_use", ID: callID(&a.calls[i], i, "toolu"), Name: a.calls[i].Name, Input: argumentsObject(a.calls[i].arguments())})
	}
	return blocks
}

func (anthropic) chunk(_ *content, d delta) any {
	zero := 0
	return anthropicEvent{Type: "content_block_delta", Index: &zero, Delta: object("type", "text_delta", "text", d.said())}
}

// deltas: message_start, each block with its pieces, message_delta with the
// reason and the usage, message_stop.
func (anthropic) deltas(_ *call, s *Step, a *content) []delta {
	var all []delta
	put := func(e anthropicEvent) { all = append(all, delta{name: e.Type, event: withExtra(e, a.extra)}) }
	start := anthropicMessage{ID: "msg_" + a.id, Type: "message", Role: "assistant", Model: a.model, Content: []anthropicBlock{}, Usage: anthropicUsage(a.usage)}
	put(anthropicEvent{Type: "message_start", Message: &start})
	for i, b := range anthropicBlocks(a) {
		anthropicPieces(s, i, b, put)
	}
	if a.finish == "" {
		return all
	}
	put(anthropicEvent{Type: "message_delta", Delta: object("stop_reason", anthropicReason(a.finish), "stop_sequence", nil), Usage: anthropicUsage(a.usage)})
	if s.ends() {
		put(anthropicEvent{Type: "message_stop"})
	}
	return all
}

// anthropicPieces are the events of one block.
func anthropicPieces(s *Step, index int, b anthropicBlock, put func(anthropicEvent)) {
	empty := ""
	start, kind, key, whole := b, "", "", ""
	switch b.Type {
	case "thinking":
		start.Thinking, start.Signature, kind, key, whole = &empty, &empty, "thinking_delta", "thinking", *b.Thinking
	case "text":
		start.Text, kind, key, whole = &empty, "text_delta", "text", *b.Text
	case "tool_use":
		start.Input, kind, key, whole = json.RawMessage("{}"), "input_json_delta", "partial_json", string(b.Input)
	}
	put(anthropicEvent{Type: "content_block_start", Index: &index, Block: &start})
	for _, piece := range s.split(whole) {
		put(anthropicEvent{Type: "content_block_delta", Index: &index, Delta: object("type", kind, key, piece)})
	}
	if b.Signature != nil {
		put(anthropicEvent{Type: "content_block_delta", Index: &index, Delta: object("type", "signature_delta", "signature", *b.Signature)})
	}
	put(anthropicEvent{Type: "content_block_stop", Index: &index})
}

// anthropicReason translates OpenAI's finish reasons; others stay as they are.
func anthropicReason(reason string) string {
	switch reason {
	case "stop":
		return "end_turn"
	case "length":
		return "max_tokens"
	case "tool_calls":
		return "tool_use"
	case "content_filter":
		return "refusal"
	}
	return reason
}

// anthropicUsage renames OpenAI's fields; a usage without them stays as it is.
func anthropicUsage(usage json.RawMessage) any {
	return renamed(usage, map[string]string{"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "total_tokens": ""})
}

// anthropicErrors are the types of errors by status (API reference, "Errors").
const anthropicErrors = `400||invalid_request_error|
401||authentication_error|
402||billing_error|
403||permission_error|
404||not_found_error|
409||conflict_error|
413||request_too_large|
429||rate_limit_error|
500||api_error|
504||timeout_error|
529||overloaded_error|
`

func (anthropic) failure(status int, model string) any {
	message := statusText(status)
	if status == 404 {
		message = "model: " + model
	}
	return object("type", "error", "error", object("type", cmp.Or(failureOf(anthropicErrors, status).kind, "api_error"), "message", message), "request_id", "req_wall")
}

func (anthropic) list(models []string) any {
	data := []any{}
	for _, name := range models {
		data = append(data, object("type", "model", "id", name, "display_name", name, "created_at", "2025-01-01T00:00:00Z"))
	}
	return object("data", data, "has_more", false, "first_id", nil, "last_id", nil)
}
