package gemini

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of generateContent and streamGenerateContent.
type requestBody struct {
	Contents          []content
	SystemInstruction *content
	Tools             []json.RawMessage
	ToolConfig        json.RawMessage
	GenerationConfig  json.RawMessage
}

// WriteFields implements [wire.Body].
func (b *requestBody) WriteFields(o *jsontext.Object) {
	jsontext.WriteList(o.Field("contents"), b.Contents, (*content).write)
	if b.SystemInstruction != nil {
		b.SystemInstruction.write(o.Field("systemInstruction"))
	}
	wire.WriteRaws(o, "tools", b.Tools)
	o.Raw("toolConfig", b.ToolConfig)
	o.Raw("generationConfig", b.GenerationConfig)
}

// content is one turn of a conversation. Role is "user" or "model".
type content struct {
	Role  string
	Parts []sentPart
}

// MarshalJSON writes the content where a body is written by reflection.
func (c content) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, c.write) }

func (c *content) write(w *jsontext.Writer) {
	o := w.Object()
	o.StrUnlessEmpty("role", c.Role)
	jsontext.WriteList(o.Field("parts"), c.Parts, (*sentPart).write)
	o.End()
}

// sentPart is one piece of a turn that is sent; exactly one field beside
// the signature is set.
type sentPart struct {
	Text             *string
	InlineData       *blob
	FileData         *fileData
	FunctionCall     *functionCall
	FunctionResponse *functionResult
	Thought          bool
	ThoughtSignature string // base64

	raw json.RawMessage // instead of all fields
}

func (p *sentPart) write(w *jsontext.Writer) {
	if p.raw != nil {
		w.Raw(p.raw)
		return
	}
	o := w.Object()
	if p.Text != nil {
		o.Str("text", *p.Text)
	}
	if d := p.InlineData; d != nil {
		in := o.Field("inlineData").Object()
		in.Str("mimeType", d.MIMEType)
		in.Str("data", d.Data)
		in.End()
	}
	llm.WriteOptional(&o, "fileData", p.FileData != nil, p.FileData)
	llm.WriteOptional(&o, "functionCall", p.FunctionCall != nil, p.FunctionCall)
	if p.FunctionResponse != nil {
		p.FunctionResponse.write(o.Field("functionResponse"))
	}
	if p.Thought {
		o.Field("thought").Bool(true)
	}
	o.StrUnlessEmpty("thoughtSignature", p.ThoughtSignature)
	o.End()
}

// blob is data in base64.
type blob struct{ MIMEType, Data string }

type fileData struct {
	MIMEType string `json:"mimeType,omitempty"`
	FileURI  string `json:"fileUri"`
}

type functionCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

type functionResult struct {
	ID       string
	Name     string
	Response json.RawMessage
	Parts    []sentPart // images and documents, from Gemini 3 on
}

func (r *functionResult) write(w *jsontext.Writer) {
	o := w.Object()
	o.StrUnlessEmpty("id", r.ID)
	o.Str("name", r.Name)
	o.Raw("response", r.Response)
	if len(r.Parts) > 0 {
		jsontext.WriteList(o.Field("parts"), r.Parts, (*sentPart).write)
	}
	o.End()
}

// bodyOf is the body that asks Gemini for req, the request of c, which is told
// what of req is not in it. req.Model must be the upstream's name of the model:
// how to ask for reasoning depends on its generation.
// req may be changed.
func bodyOf(req *llm.Request, c *wire.Call) (body requestBody, err error) {
	if err := refuse(req); err != nil {
		return body, err
	}
	if wordlist.AnyIn(req.Model, []string{"gemma-2", "gemma-3"}) { // which know none ("Developer instruction is not enabled")
		c.NoInstructions(req)
	}
	turns := conversation{call: c, sign: needsSignatures(req.Model)}
	for i := range req.Messages {
		if err := turns.message(&req.Messages[i], wire.At(i)); err != nil {
			return body, err
		}
	}
	if promptsJSON(req) {
		turns.system = append(turns.system, textPart(wire.JSONPrompt(req.ResponseFormat.JSONSchema)))
		c.Adapt("response_format", wire.ByPrompt)
	}
	body = turns.body()
	if body.Tools, body.ToolConfig, err = toolsOf(req); err != nil {
		return body, err
	}
	if body.GenerationConfig, err = generationConfig(req, c); err == nil {
		c.Lacks(req, "logit_bias", "parallel_tool_calls", "user", "metadata")
		c.LacksOthers(req.Extra, append(slices.Clip(topLevel), readFields)...)
	}
	return body, err
}

// append appends the body's JSON, with Gemini's own fields among extra.
func (b *requestBody) append(dst []byte, extra llm.Extra) ([]byte, error) {
	dst, err := wire.WriteBody(dst, b, "Gemini", nil, nil)
	if err != nil {
		return dst, err
	}
	for _, names := range topLevel {
		if raw := ownField(extra, names...); raw != nil {
			dst = wire.AppendField(dst, names[0], raw)
		}
	}
	return dst, nil
}

// conversation collects the messages of a conversation.
type conversation struct {
	call     *wire.Call
	system   []sentPart
	contents []content
	names    map[string]string // function names by tool call id
	sign     bool              // function calls need a thought signature
}

func (t *conversation) body() requestBody {
	if len(t.contents) == 0 { // Gemini refuses instructions without contents
		t.add("user", t.system...)
		t.system = nil
	}
	b := requestBody{Contents: t.contents}
	if len(t.system) > 0 {
		b.SystemInstruction = &content{Parts: t.system}
	}
	return b
}

// add appends parts to the last turn if that has the same role: Gemini wants
// the roles to alternate, and the results of parallel calls in one turn.
func (t *conversation) add(role string, parts ...sentPart) {
	if len(parts) == 0 {
		return
	}
	if n := len(t.contents); n > 0 && t.contents[n-1].Role == role {
		t.contents[n-1].Parts = append(t.contents[n-1].Parts, parts...)
		return
	}
	t.contents = append(t.contents, content{Role: role, Parts: parts})
}

func (t *conversation) message(m *llm.Message, at wire.At) error {
	t.call.Unsaid(m)
	parts, err := t.parts(m, at)
	if err != nil {
		return err
	}
	switch m.Role {
	case llm.RoleSystem, llm.RoleDeveloper:
		t.system = append(t.system, parts...)
	case llm.RoleAssistant:
		t.answer(m, parts)
	case llm.RoleTool, llm.RoleFunction:
		return t.result(m, parts, at)
	default:
		if len(parts) == 0 {
			parts = []sentPart{textPart("")}
		}
		t.add("user", parts...)
	}
	return nil
}

// skipSignature is the signature that Google documents for calls that
// Gemini did not make itself, as after a failover from another provider
// (https://ai.google.dev/gemini-api/docs/thought-signatures, FAQ):
// "skip_thought_signature_validator", in base64 as the field wants it.
const skipSignature = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

// withSignature gives the last text of an answer the signature that came with
// it, or with an empty text of its own.
func withSignature(parts []sentPart, m *llm.Message) []sentPart {
	signature := signatureOf(m.Extra)
	if signature == "" {
		return parts
	}
	for i := range slices.Backward(parts) {
		if parts[i].Text != nil {
			parts[i].ThoughtSignature = signature
			return parts
		}
	}
	if len(m.ToolCalls) > 0 { // their own signatures count
		return parts
	}
	part := textPart("")
	part.ThoughtSignature = signature
	return append(parts, part)
}

// calls translates the calls that an assistant message made. Where signatures
// are needed the first call of a step must have one.
func (t *conversation) calls(m *llm.Message) []sentPart {
	var parts []sentPart
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		called := functionCall{ID: c.ID, Name: c.Function.Name, Args: wire.Arguments(c.Function.Arguments)}
		if c.Custom != nil {
			called.Name, called.Args = c.Custom.Name, wire.Wrapped("input", c.Custom.Input)
		}
		if t.names == nil {
			t.names = map[string]string{}
		}
		t.names[c.ID] = called.Name
		parts = append(parts, sentPart{
			FunctionCall:     &called,
			ThoughtSignature: signatureOf(c.Extra),
		})
	}
	if f := m.FunctionCall; f != nil && len(parts) == 0 {
		parts = append(parts, sentPart{FunctionCall: &functionCall{Name: f.Name, Args: wire.Arguments(f.Arguments)}})
	}
	if t.sign && len(parts) > 0 && parts[0].ThoughtSignature == "" {
		parts[0].ThoughtSignature = skipSignature
	}
	return parts
}

// result translates a tool's or function's answer. The part itself names the
// function, which in OpenAI's shape only the call does.
func (t *conversation) result(m *llm.Message, parts []sentPart, at wire.At) error {
	name := m.Name
	if called, ok := t.names[m.ToolCallID]; ok && m.Role == llm.RoleTool {
		name = called
	}
	if name == "" {
		return llm.Errorf(llm.BadRequest, "%s answers the tool call %q, but no earlier message makes that call; Gemini needs the function's name", at, m.ToolCallID)
	}
	text, rest, inside := "", parts[:0], []sentPart(nil)
	for _, p := range parts {
		switch {
		case p.Text != nil:
			text += *p.Text
		case t.sign && p.InlineData != nil && inResults.Has(p.InlineData.MIMEType):
			inside = append(inside, p)
		default:
			rest = append(rest, p)
		}
	}
	// An object is the function's output as it is; "output" is where the API
	// reference puts anything else. In an object the API looks for what a $ref
	// names among the parts; those of JSON schemas it refuses.
	response := wire.ObjectOf(text)
	if response == nil || bytes.Contains(response, []byte(`"$ref"`)) {
		response = wire.Wrapped("output", text)
	}
	t.add("user", sentPart{FunctionResponse: &functionResult{ID: m.ToolCallID, Name: name, Response: response, Parts: inside}})
	t.add("user", rest...)
	return nil
}

// inResults are the media that belong inside a result, where older models have
// them beside it (Gemini API, "Function calling", multimodal function
// responses: "Gemini 3 series models" only).
const inResults wordlist.List = "image/png image/jpeg image/webp application/pdf text/plain"

func textPart(text string) sentPart { return sentPart{Text: &text} }
