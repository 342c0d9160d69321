package llm

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Role is the role of a message.
type Role string

// The roles of OpenAI's chat completions; Function is the old form of Tool.
const (
	RoleSystem    Role = "system"
	RoleDeveloper Role = "developer"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
	RoleFunction  Role = "function"
)

// Known reports whether a request may have the role r.
func (r Role) Known() bool {
	switch r {
	case RoleSystem, RoleDeveloper, RoleUser, RoleAssistant, RoleTool, RoleFunction:
		return true
	}
	return false
}

// Message is one message of a request, or the answer in a [Choice].
type Message struct {
	Role Role
	// Content is the text. Where Parts is not nil, Parts is sent instead.
	Content string
	// Parts is multi-part content: text, images, audio, files.
	Parts []Part
	// Name tells speakers of the same role apart.
	Name string
	// ToolCalls are the calls that an assistant message asks for.
	ToolCalls []ToolCall
	// ToolCallID says which call a tool message answers.
	ToolCallID string
	// FunctionCall is the old form of ToolCalls.
	FunctionCall *FunctionCall
	// Refusal is the model's refusal, where it sends one.
	Refusal string
	// ReasoningContent holds the thoughts of a reasoning model (DeepSeek).
	ReasoningContent string
	// Audio is passed through as it is.
	Audio json.RawMessage
	// Extra holds all other fields.
	Extra Extra
	// NullContent remembers that content was null or absent, so that an
	// answer of tool calls alone is not turned into one with empty text.
	NullContent bool
}

// Part is one piece of multi-part content. Type says which field counts:
// "text", "image_url", "input_audio", "file" or "refusal".
type Part struct {
	Type       string      `json:"type"`
	Text       string      `json:"text,omitempty"`
	ImageURL   *ImageURL   `json:"image_url,omitempty"`
	InputAudio *InputAudio `json:"input_audio,omitempty"`
	File       *File       `json:"file,omitempty"`
	Refusal    string      `json:"refusal,omitempty"`
	Extra      Extra       `json:"-"`
}

// ImageURL is an image by address or as a data: URL. Detail is "auto", "low"
// or "high".
type ImageURL struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitempty"`
}

// InputAudio is audio in base64. Format is "wav" or "mp3".
type InputAudio struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

// File is a file by id, or inline as a data: URL.
type File struct {
	FileData string `json:"file_data,omitempty"`
	FileID   string `json:"file_id,omitempty"`
	Filename string `json:"filename,omitempty"`
}

// ToolCall is one call that a model asks for. Index joins the deltas of a
// stream; it is -1 where a whole message carries none. A whole call is written
// with its ID, maybe "", and its Type, "function" where that is "".
type ToolCall struct {
	Index    int
	ID       string
	Type     string
	Function FunctionCall
	Custom   *CustomCall // instead of Function, for a tool of type "custom"
	Extra    Extra
}

// CustomCall names a custom tool and its input, which is any text.
type CustomCall struct {
	Name  string
	Input string
	Extra Extra
}

// FunctionCall names a function and its arguments (JSON text, as the model
// wrote it: it may be malformed; "{}" where an answer has none).
type FunctionCall struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
	Extra     Extra  `json:"-"`
}

// Text makes a text part.
func Text(s string) Part { return Part{Type: "text", Text: s} }

// Image makes an image part from an http(s) or data: URL.
func Image(url string) Part { return Part{Type: "image_url", ImageURL: &ImageURL{URL: url}} }

// MarshalJSON writes the part and its unknown fields. A text part has its text
// even when that is empty.
func (p Part) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, p.write) }

func (p *Part) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("type", p.Type)
	if p.Text != "" || p.Type == "text" && p.Extra["text"] == nil {
		o.Str("text", p.Text)
	}
	WriteOptional(&o, "image_url", p.ImageURL != nil, p.ImageURL)
	WriteOptional(&o, "input_audio", p.InputAudio != nil, p.InputAudio)
	WriteOptional(&o, "file", p.File != nil, p.File)
	o.StrUnlessEmpty("refusal", p.Refusal)
	o.Extra(p.Extra)
	o.End()
}

// UnmarshalJSON reads the part and keeps its unknown fields.
func (p *Part) UnmarshalJSON(data []byte) error {
	r := newReader(data)
	p.read(&r)
	return r.End()
}

// MarshalJSON writes the message; unset fields are left out.
func (m Message) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, m.write) }

// UnmarshalJSON reads a message leniently.
func (m *Message) UnmarshalJSON(data []byte) error {
	r := newReader(data)
	m.read(&r)
	return r.End()
}

func (m *Message) write(w *jsontext.Writer) { m.writeAs(w, false) }

// arePlain tells whether messages have known roles and nothing but texts: what
// is written of them needs no check.
func arePlain(messages []Message) bool {
	for i := range messages {
		m := &messages[i]
		if !m.Role.Known() || m.Parts != nil || m.ToolCalls != nil || m.FunctionCall != nil || m.Audio != nil || m.Extra != nil {
			return false
		}
	}
	return len(messages) > 0
}

// writeAs writes a message, or a delta: content only if there was any, since an
// absent content adds nothing.
func (m *Message) writeAs(w *jsontext.Writer, delta bool) {
	o := w.Object()
	if m.Role == "" && w.Gathered {
		o.Str("role", string(RoleAssistant))
	}
	o.StrUnlessEmpty("role", string(m.Role))
	m.writeContent(&o, delta)
	o.StrUnlessEmpty("name", m.Name)
	o.StrUnlessEmpty("refusal", m.Refusal)
	o.StrUnlessEmpty("reasoning_content", m.ReasoningContent)
	if len(m.ToolCalls) > 0 {
		jsontext.WriteList(o.Field("tool_calls"), m.ToolCalls, func(c *ToolCall, w *jsontext.Writer) { c.writeAs(w, delta) })
	}
	o.StrUnlessEmpty("tool_call_id", m.ToolCallID)
	if m.FunctionCall != nil {
		m.FunctionCall.write(o.Field("function_call"))
	}
	o.Raw("audio", m.Audio)
	o.Rest(m.Extra)
	o.End()
}

func (m *Message) writeContent(o *jsontext.Object, delta bool) {
	switch {
	case m.Parts != nil:
		jsontext.WriteList(o.Field("content"), m.Parts, (*Part).write)
	case m.Content != "":
		o.Str("content", m.Content)
	case delta:
		if o.Gathered() {
			o.Str("content", "")
		}
	case !m.NullContent && len(m.ToolCalls) == 0 && m.FunctionCall == nil:
		o.Str("content", "")
	case o.Gathered():
		o.Field("content").Null()
	}
}

func (m *Message) read(r *reader) {
	m.NullContent = true
	if r.answer && r.Next() == '"' { // the text without its message
		m.readContent(r)
		return
	}
	thoughts := ""
	for more := r.Object(); more; more = r.NextField() {
		if isReasoning(r.Key) && (r.Next() == '"' || r.answer && (r.Next() == '[' || r.Next() == '{')) {
			thoughts = cmp.Or(m.readThoughts(r), thoughts)
			continue
		}
		m.readField(r)
	}
	if m.ReasoningContent == "" {
		m.ReasoningContent = thoughts
	}
	if r.answer && m.Extra != nil && m.Content == "" && m.Parts == nil {
		m.takeText(r)
	}
}

// takeText reads the text of a message that calls it so, and has no content.
func (m *Message) takeText(r *reader) {
	raw := m.Extra["text"]
	if isNull(raw) || raw[0] != '"' {
		return
	}
	in := newReader(raw)
	in.Halves, in.Dirty = r.Halves, r.Dirty
	m.Content, m.NullContent = in.Piece(), false
	m.Extra.take("text")
}

// isReasoning tells whether a field is another name of reasoning_content. It
// stays among the unknown fields too, for whoever knows it.
func isReasoning(key []byte) bool {
	switch string(key) {
	case "reasoning", "thinking", "reasoning_text", "thought", "thoughts", "thinking_content", "reasoningContent":
		return true
	}
	return false
}

// readThoughts reads a field that has the thoughts, and keeps it.
func (m *Message) readThoughts(r *reader) string {
	at := *r
	text := r.thoughts()
	if r.Err == nil {
		r.Pos, r.Key = at.Pos, at.Key
		r.extra(&m.Extra)
	}
	return text
}

func (m *Message) readField(r *reader) {
	switch string(r.Key) {
	case "role":
		m.Role = Role(r.word())
	case "content":
		m.readContent(r)
	case "name":
		m.Name = r.Text()
	case "refusal":
		m.Refusal = r.pieceOr(&m.Extra)
	case "reasoning_content":
		m.ReasoningContent = m.readReasoning(r)
	case "tool_calls":
		m.readCalls(r)
	case "tool_call_id":
		m.ToolCallID = r.Text()
	case "function_call":
		if r.Next() == '{' && r.answer && r.IsEmptyObject() { // is none
			r.Skip()
		} else if m.FunctionCall = r.functionCall(); m.FunctionCall == nil {
			r.unread(&m.Extra)
		}
	case "audio":
		m.Audio = r.Raw()
	default:
		if !r.answer || !m.readNamedOtherwise(r) {
			r.extra(&m.Extra)
		}
	}
}

// readNamedOtherwise reads the calls of an answer under the names that servers
// give them in their language's way; false for another field.
func (m *Message) readNamedOtherwise(r *reader) bool {
	switch string(r.Key) {
	case "toolCalls", "tool_call", "toolCall":
		m.readCalls(r)
	case "functionCall":
		if m.FunctionCall = r.functionCall(); m.FunctionCall == nil {
			r.unread(&m.Extra)
		}
	default:
		return false
	}
	return true
}

func (m *Message) readContent(r *reader) {
	switch c := r.Next(); {
	case c == '"':
		m.Content, m.NullContent = r.Piece(), false
	case c >= '0' && c <= '9' && r.answer:
		m.Content, m.NullContent = r.TextOrNumber(), false
	case c == '{' && r.answer: // a part without its list, or an odd list
		if r.IsEmptyObject() {
			r.Skip()
			break
		}
		m.NullContent = false
		for more := r.List(); more; more = r.NextItem() {
			m.Parts = append(m.Parts, Part{})
			m.Parts[len(m.Parts)-1].read(r)
		}
	case c == '[':
		m.NullContent = false
		m.Parts = []Part{}
		for more := r.Array(); more; more = r.NextItem() {
			m.Parts = append(m.Parts, Part{})
			m.Parts[len(m.Parts)-1].read(r)
		}
	default:
		r.unread(&m.Extra)
	}
}

// PlainText is the message's text: Content, or the text parts joined. Called,
// not inlined: 2.8 KB less of the library.
//
//go:noinline
func (m *Message) PlainText() string {
	if m.Parts == nil {
		return m.Content
	}
	var text strings.Builder // a server may send very many parts
	for i := range m.Parts {
		text.WriteString(m.Parts[i].Text)
	}
	return text.String()
}
