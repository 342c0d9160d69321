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
	llm.WriteOptional(o, "inferenceConfig", b.InferenceConfig != nil, b.InferenceConfig)
	llm.WriteOptional(o, "toolConfig", b.ToolConfig != nil, b.ToolConfig)
	llm.WriteOptional(o, "additionalModelRequestFields", len(b.Additional) > 0, b.Additional)
	llm.WriteOptional(o, "requestMetadata", len(b.Metadata) > 0, b.Metadata)
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
func bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	wire.FewCacheMarks(c, req)
	t := conversation{Turns: wire.Turns[block]{Call: c}}
	t.begin(req.Messages)
	b := &requestBody{}
	var err error
	if b.System, b.Messages, err = t.Translate(&t, req.Messages); err != nil {
		return nil, err
	}
	for i := range b.Messages {
		nameDocument(&b.Messages[i])
	}
	s := settings{conversation: &t, request: req, body: b}
	if err := s.fill(); err != nil {
		return nil, err
	}
	return b, nil
}

// begins stands first in a conversation that the assistant begins: Converse
// demands a turn of the user's there.
const begins = "(The assistant speaks first.)"

func (t *conversation) begin(messages []llm.Message) {
	for i := range messages {
		if wire.IsInstruction(&messages[i]) {
			continue
		}
		if messages[i].Role == llm.RoleAssistant {
			t.Add("user", textBlock(begins))
			t.Call.Adapt("messages", "a user's turn first")
		}
		break
	}
}

// nameDocument puts a text, a document's name, into a user's turn with
// documents that has none: Converse demands one beside them.
func nameDocument(turn *wire.Turn[block]) {
	name := ""
	for _, b := range turn.Content {
		if b.Text != nil {
			return
		}
		if b.Document != nil {
			name = b.Document.Name
		}
	}
	if name != "" && turn.Role == "user" {
		turn.Content = append(turn.Content, textBlock(name))
	}
}

// ownFields are fields of Converse that requests may carry as they are, beside
// those that settings reads.
var ownFields = []string{"guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "projectIdentifier"}

// conversation collects the messages of a conversation; it is their
// [wire.Speaker].
type conversation struct {
	wire.Turns[block]
	documents map[string]int // how often a name was used: Bedrock refuses doubles
	called    []string       // names of the tools that the history calls
	results   bool           // the history has results of tools
}

// Result implements [wire.Speaker]. A mark for the cache on its content stands
// behind the result.
func (t *conversation) Result(m *llm.Message, blocks []block, at wire.At) error {
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
func plainID(id string) string { return wire.PlainID(id, "_.:-") }
