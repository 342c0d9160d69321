package anthropic

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// block is one piece of a turn that is sent. Raw, if set, is written instead of
// the fields.
type block struct {
	Type         string
	Text         *string
	Source       *source
	Title        string
	ID           string
	Name         string
	Input        json.RawMessage
	Caller       json.RawMessage // the program of the model's that made the call
	ToolUseID    string
	Content      []block
	IsError      bool
	Citations    json.RawMessage
	CacheControl json.RawMessage

	Raw json.RawMessage
}

func (b *block) write(w *jsontext.Writer) {
	if b.Raw != nil {
		b.writeRaw(w)
		return
	}
	o := w.Object()
	o.Str("type", b.Type)
	if b.Text != nil {
		o.Str("text", *b.Text)
	}
	llm.WriteOptional(&o, "source", b.Source != nil, b.Source)
	o.StrUnlessEmpty("title", b.Title)
	o.StrUnlessEmpty("id", b.ID)
	o.StrUnlessEmpty("name", b.Name)
	o.Raw("input", b.Input)
	o.Raw("caller", b.Caller)
	o.StrUnlessEmpty("tool_use_id", b.ToolUseID)
	if len(b.Content) > 0 {
		jsontext.WriteList(o.Field("content"), b.Content, (*block).write)
	}
	if b.IsError {
		o.Field("is_error").Bool(true)
	}
	o.Raw("citations", b.Citations)
	o.Raw("cache_control", b.CacheControl)
	o.End()
}

// writeRaw writes a block that came whole, with the mark for the cache that it
// has got since.
func (b *block) writeRaw(w *jsontext.Writer) {
	fields := llm.Extra{}
	if b.CacheControl == nil || llm.JSON.Unmarshal(b.Raw, &fields) != nil {
		w.Raw(b.Raw)
		return
	}
	fields["cache_control"] = b.CacheControl
	o := w.Object()
	o.Extra(fields)
	o.End()
}

func (b block) isResult() bool { return b.Type == "tool_result" }

func (b block) isThought() bool { return b.Type == "thinking" || b.Type == "redacted_thinking" }

// source is where an image or a document is.
type source struct {
	Type      string `json:"type"` // "base64", "url", "text" or "file"
	MediaType string `json:"media_type,omitempty"`
	Data      string `json:"data,omitempty"`
	URL       string `json:"url,omitempty"`
	FileID    string `json:"file_id,omitempty"`
}

func textBlock(text string) block { return block{Type: "text", Text: &text} }

// ownBlocks are the types of blocks that Anthropic's API has and chat
// completions lack; they pass as they are.
const ownBlocks wordlist.List = `
image document search_result container_upload thinking redacted_thinking tool_use tool_result server_tool_use
web_search_tool_result`

// Block implements [wire.Speaker].
func (t *conversation) Block(p *llm.Part) (b block, problem string) {
	switch {
	case p.Type == "image_url" && p.ImageURL != nil:
		s, problem := addressOf(p.ImageURL.URL)
		return block{Type: "image", Source: s}, cmp.Or(problem, s.unread(true))
	case p.Type == "file" && p.File != nil:
		return document(p.File)
	case ownBlocks.Has(p.Type):
		own := *p
		own.Extra = maps.Clone(p.Extra)
		delete(own.Extra, "cache_control") // which Mark puts on it
		return block{Type: p.Type, Raw: llm.JSONOf(own)}, ""
	}
	return b, "is of type \"" + p.Type + "\", which Anthropic does not take, or has no content of that type"
}

// addressOf is where an image is: in a data: URL, or at an address.
func addressOf(address string) (s *source, problem string) {
	mediaType, data, problem := wire.AddressOf(address)
	if data == "" {
		return &source{Type: "url", URL: address}, problem
	}
	return &source{Type: "base64", MediaType: mediaType, Data: data}, problem
}

// document translates a file: an image stays an image, plain text goes as text,
// anything else as a document.
func document(f *llm.File) (b block, problem string) {
	b = block{Type: "document", Title: f.Filename}
	switch {
	case strings.HasPrefix(f.FileData, "data:"):
		if b.Source, problem = addressOf(f.FileData); problem == "" && b.Source.MediaType == wire.AnyType {
			b.Source.MediaType = cmp.Or(wire.MediaTypeOf(f.Filename, readable), wire.AnyType)
		}
	case strings.HasPrefix(f.FileData, "http://"), strings.HasPrefix(f.FileData, "https://"):
		b.Source = &source{Type: "url", URL: f.FileData}
	case f.FileData != "":
		mediaType := wire.MediaTypeOf(f.Filename, readable)
		if mediaType == "" {
			return b, "is a file whose type neither its data nor its name tells"
		}
		b.Source = &source{Type: "base64", MediaType: mediaType, Data: f.FileData}
	case f.FileID != "":
		b.Source = &source{Type: "file", FileID: f.FileID}
	default:
		return b, "is a file without file_data or file_id"
	}
	if problem != "" {
		return b, problem
	}
	switch s := b.Source; {
	case strings.HasPrefix(s.MediaType, "image/"):
		b.Type, b.Title = "image", ""
	case strings.HasPrefix(s.MediaType, "text/"):
		text, err := base64.StdEncoding.DecodeString(s.Data)
		if err != nil {
			return b, "is a text file whose data is not base64"
		}
		b.Source = &source{Type: "text", MediaType: "text/plain", Data: string(text)}
	}
	return b, b.Source.unread(b.Type == "image")
}

// unread says that Anthropic does not read data of this type (API docs,
// "Vision", "PDF support"); "" where it does.
func (s *source) unread(image bool) string {
	switch {
	case s == nil || s.Type != "base64":
	case image && !images.Has(s.MediaType):
		return "is no image that Anthropic reads (png, jpeg, gif, webp)"
	case !image && s.MediaType != "application/pdf":
		return "is no document that Anthropic reads (pdf or text)"
	}
	return ""
}

const images wordlist.List = "image/png image/jpeg image/gif image/webp"

// readable are the extensions of the files that Anthropic reads.
const readable wordlist.List = ".png .jpg .jpeg .webp .gif .pdf .txt .md .csv .html"
