package bedrock

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// block is one piece of a turn that is sent: exactly one field is set. Raw, if
// set, is written as it is.
type block struct {
	Text       *string
	Image      *media
	Document   *media
	Video      *media
	ToolUse    *toolUse
	ToolResult *toolResult
	CachePoint json.RawMessage

	Raw     json.RawMessage
	thought bool // Raw is one
}

func (b *block) write(w *jsontext.Writer) {
	if b.Raw != nil {
		w.Raw(b.Raw)
		return
	}
	o := w.Object()
	if b.Text != nil {
		o.Str("text", *b.Text)
	}
	llm.WriteOptional(&o, "image", b.Image != nil, b.Image)
	llm.WriteOptional(&o, "document", b.Document != nil, b.Document)
	llm.WriteOptional(&o, "video", b.Video != nil, b.Video)
	llm.WriteOptional(&o, "toolUse", b.ToolUse != nil, b.ToolUse)
	if b.ToolResult != nil {
		b.ToolResult.write(o.Field("toolResult"))
	}
	o.Raw("cachePoint", b.CachePoint)
	o.End()
}

// media is an image, a document or a video.
type media struct {
	Format string `json:"format"`
	Name   string `json:"name,omitempty"` // of a document
	Source source `json:"source"`
}

type source struct {
	Bytes      string      `json:"bytes,omitempty"` // in base64
	S3Location *s3Location `json:"s3Location,omitempty"`
}

type s3Location struct {
	URI string `json:"uri"`
}

type toolUse struct {
	ToolUseID string          `json:"toolUseId"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
}

type toolResult struct {
	ToolUseID string
	Content   []block
	Status    string
}

func (r *toolResult) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("toolUseId", r.ToolUseID)
	jsontext.WriteList(o.Field("content"), r.Content, (*block).write)
	o.StrUnlessEmpty("status", r.Status)
	o.End()
}

func textBlock(text string) block { return block{Text: &text} }

// omitCache names the marks for a cache, where a model has none.
const omitCache = "cache_control"

// Mark implements [wire.Speaker]: a point for the cache stands behind what
// carries "cache_control".
func (t *conversation) Mark(blocks []block, extra llm.Extra) []block {
	raw := extra["cache_control"]
	switch {
	case !wire.IsThere(raw) || len(blocks) > 0 && blocks[len(blocks)-1].CachePoint != nil:
		return blocks
	case len(blocks) == 0:
		t.Leave("messages.cache_control")
		return blocks
	}
	if slices.Contains(t.Call.Omit, omitCache) {
		t.Leave(omitCache)
		return blocks
	}
	return append(blocks, block{CachePoint: cachePoint(raw)})
}

// cachePoint is Bedrock's form of a mark.
func cachePoint(mark json.RawMessage) json.RawMessage {
	var m struct {
		TTL string `json:"ttl"`
	}
	if llm.JSON.Unmarshal(mark, &m) == nil && (m.TTL == "5m" || m.TTL == "1h") {
		return json.RawMessage(`{"type":"default","ttl":"` + m.TTL + `"}`)
	}
	return json.RawMessage(`{"type":"default"}`)
}

// ownBlocks are the blocks of Converse that chat completions lack: a part of
// that type, with a field of that name, passes as it is.
const ownBlocks wordlist.List = "image document video audio guardContent cachePoint reasoningContent citationsContent searchResult"

// Block implements [wire.Speaker].
func (t *conversation) Block(p *llm.Part) (b block, problem string) {
	switch {
	case p.Type == "image_url" && p.ImageURL != nil:
		return t.file(p.ImageURL.URL, "", true)
	case p.Type == "file" && p.File != nil && p.File.FileData != "":
		return t.file(p.File.FileData, p.File.Filename, false)
	case p.Type == "file" && p.File != nil:
		return b, "is a file without file_data; Bedrock takes data, or s3://bucket/key"
	case ownBlocks.Has(p.Type) && wire.IsThere(p.Extra[p.Type]):
		return block{Raw: append(append([]byte(`{"`+p.Type+`":`), p.Extra[p.Type]...), '}'), thought: p.Type == "reasoningContent"}, ""
	}
	return b, "is of type \"" + p.Type + "\", which Bedrock does not take, or has no content of that type"
}

// formats are the formats of images and documents, by media type and by the end
// of a file's name.
var formats = map[string]string{
	"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
	"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md", "application/msword": "doc",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
	"application/vnd.ms-excel": "xls", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
	".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp", ".pdf": "pdf", ".csv": "csv", ".html": "html", ".txt": "txt",
	".md": "md", ".doc": "doc", ".docx": "docx", ".xls": "xls", ".xlsx": "xlsx",
	"video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm", ".mp4": "mp4", ".mov": "mov", ".mkv": "mkv", ".webm": "webm",
}

var (
	imageFormats = []string{"png", "jpeg", "gif", "webp"}
	videoFormats = []string{"mp4", "mov", "mkv", "webm"}
)

// file translates an image or a document: a data: URL, an address in S3, or
// bare base64 with a file's name.
func (t *conversation) file(address, name string, image bool) (b block, problem string) {
	m := &media{}
	scheme, rest, _ := strings.Cut(address, ":")
	switch {
	case strings.EqualFold(scheme, "data"):
		mediaType, data, problem := wire.DataURL(rest)
		if problem != "" {
			return b, problem
		}
		m.Format, m.Source.Bytes = formats[strings.ToLower(mediaType)], data
	case strings.EqualFold(scheme, "s3"):
		m.Format, m.Source.S3Location = formats[strings.ToLower(path.Ext(address))], &s3Location{address}
	case strings.HasPrefix(rest, "//"):
		return b, "is at an address; Bedrock takes data: URLs and s3://bucket/key, and fetches nothing else"
	case image:
		return b, "has a URL that is neither a data: URL nor s3://bucket/key"
	default:
		m.Source.Bytes = address
	}
	m.Format = cmp.Or(m.Format, formats[strings.ToLower(path.Ext(name))])
	switch {
	case m.Format == "":
		return b, "is of a type that Bedrock does not read, or whose type neither its data nor its name tells"
	case slices.Contains(imageFormats, m.Format):
		return block{Image: m}, ""
	case slices.Contains(videoFormats, m.Format):
		return block{Video: m}, ""
	case image:
		return b, "is no image that Bedrock reads (png, jpeg, gif, webp)"
	}
	if _, err := base64.StdEncoding.DecodeString(m.Source.Bytes); err != nil {
		return b, "is a file whose data is not base64"
	}
	m.Name = t.documentName(name)
	return block{Document: m}, ""
}

// documentName makes a name fit for Bedrock, which takes letters, digits,
// single spaces, hyphens and brackets, and no name twice in a request.
func (t *conversation) documentName(name string) string {
	name = strings.TrimSuffix(path.Base("/"+name), path.Ext(name))
	name = strings.Join(strings.Fields(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("-()[]", c):
			return c
		}
		return ' '
	}, name)), " ")
	name = cmp.Or(name, "document")
	name = name[:min(len(name), 190)]
	if t.documents == nil {
		t.documents = map[string]int{}
	}
	t.documents[name]++
	if n := t.documents[name]; n > 1 {
		name += " " + strconv.Itoa(n)
	}
	return name
}
