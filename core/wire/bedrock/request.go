package bedrock

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /model/{id}/converse.
type requestBody struct {
	Messages        []wire.Turn[block]
	System          []block
	InferenceConfig *inferenceConfig
	ToolConfig      *toolConfig
	Additional      llm.Extra
	Metadata        map[string]string
	OutputConfig    json.RawMessage
}

// WriteFields implements [wire.Body].
func (b *requestBody) WriteFields(o *jsontext.Object) {
	wire.WriteTurns(o.Field("messages"), b.Messages, (*block).write)
	if len(b.System) > 0 {
		jsontext.WriteList(o.Field("system"), b.System, (*block).write)
	}
	wire.WriteValue(o, "inferenceConfig", b.InferenceConfig)
	wire.WriteValue(o, "toolConfig", b.ToolConfig)
	if len(b.Additional) > 0 {
		wire.WriteValue(o, "additionalModelRequestFields", &b.Additional)
	}
	if len(b.Metadata) > 0 {
		wire.WriteValue(o, "requestMetadata", &b.Metadata)
	}
	o.Raw("outputConfig", b.OutputConfig)
}

type inferenceConfig struct {
	MaxTokens     *int     `json:"maxTokens,omitempty"`
	Temperature   *float64 `json:"temperature,omitempty"`
	TopP          *float64 `json:"topP,omitempty"`
	StopSequences []string `json:"stopSequences,omitempty"`
}

// bodyOf is the body that asks for req, the request of c, which is told what of
// req is not in it. req may be changed.
//
// What tunes an answer and has no counterpart (seed, penalties, logit_bias, …)
// is adapted, and parts of other vendors' answers are left out. What would
// change the answer's shape is UNSUPPORTED: another route may take it.
func bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	t := conversation{Turns: wire.Turns[block]{Call: c}}
	for i := range req.Messages {
		if err := t.message(&req.Messages[i], wire.At(i)); err != nil {
			return nil, err
		}
	}
	b := &requestBody{}
	b.System, b.Messages = t.Joined()
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
	wire.Turns[block]
	documents map[string]int // how often a name was used: Bedrock refuses doubles
	called    []string       // names of the tools that the history calls
	results   bool           // the history has results of tools
}

func (t *conversation) message(m *llm.Message, at wire.At) error {
	t.Call.Unsaid(m)
	if m.Role == llm.RoleAssistant {
		return t.answer(m, at)
	}
	blocks, err := t.content(m, at)
	if err != nil {
		return err
	}
	blocks = t.mark(blocks, m.Extra)
	switch m.Role {
	case llm.RoleSystem, llm.RoleDeveloper:
		t.Instruct(blocks...)
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

// result translates a tool's answer. A mark for the cache on its content stands
// behind the result.
func (t *conversation) result(m *llm.Message, blocks []block, at wire.At) error {
	id, err := t.ResultID(m, at, "Bedrock")
	if err != nil {
		return err
	}
	r := toolResult{ToolUseID: plainID(id), Content: []block{}}
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
	t.AddResult(append([]block{{ToolResult: &r}}, marks...)...)
	return nil
}

// plainID makes the id of a call fit for Bedrock, which takes letters, digits
// and "_.:-", at most 64 of them: the ids of other vendors may hold more.
func plainID(id string) string {
	plain := wire.PlainID(id, "_.:-")
	return plain[max(0, len(plain)-64):] // ids differ at their end
}
