package anthropic

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /v1/messages.
type requestBody struct {
	Model         string // "" where the path has it
	Version       string // of Vertex AI
	MaxTokens     int
	System        []block
	Messages      []wire.Turn[block]
	Stream        bool
	Temperature   *float64
	TopP          *float64
	TopK          json.RawMessage
	StopSequences []string
	Tools         []json.RawMessage
	ToolChoice    *toolChoice
	Thinking      json.RawMessage
	OutputConfig  json.RawMessage
	Metadata      json.RawMessage
}

// WriteFields implements [wire.Body].
func (b *requestBody) WriteFields(o *jsontext.Object) {
	o.StrUnlessEmpty("model", b.Model)
	o.StrUnlessEmpty("anthropic_version", b.Version)
	o.Field("max_tokens").Int(b.MaxTokens)
	if len(b.System) > 0 {
		jsontext.WriteList(o.Field("system"), b.System, (*block).write)
	}
	wire.WriteTurns(o.Field("messages"), b.Messages, (*block).write)
	if b.Stream {
		o.Field("stream").Bool(true)
	}
	llm.WriteOptional(o, "temperature", b.Temperature != nil, b.Temperature)
	llm.WriteOptional(o, "top_p", b.TopP != nil, b.TopP)
	o.Raw("top_k", b.TopK)
	llm.WriteOptional(o, "stop_sequences", len(b.StopSequences) > 0, b.StopSequences)
	wire.WriteRaws(o, "tools", b.Tools)
	llm.WriteOptional(o, "tool_choice", b.ToolChoice != nil, b.ToolChoice)
	o.Raw("thinking", b.Thinking)
	o.Raw("output_config", b.OutputConfig)
	o.Raw("metadata", b.Metadata)
}

// bodyOf is the body that asks Claude for req, the request of c, which is told
// what of req is not in it. req.Model must be the upstream's name of the model.
// req may be changed.
func bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	wire.FewCacheMarks(c, req)
	t := conversation{Turns: wire.Turns[block]{Call: c}}
	b := &requestBody{Model: req.Model}
	var err error
	if b.System, b.Messages, err = t.Translate(&t, req.Messages); err != nil {
		return nil, err
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

// conversation collects the messages of a conversation; it is their
// [wire.Speaker].
type conversation struct {
	wire.Turns[block]
}

// Result implements [wire.Speaker]. A mark for the cache on its content is one
// on the result.
func (t *conversation) Result(m *llm.Message, blocks []block, at wire.At) error {
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
