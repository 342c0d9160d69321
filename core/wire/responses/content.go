package responses

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// part is one part of a message's content.
type part struct {
	Type       string
	Text       *string
	Refusal    *string
	ImageURL   string
	Detail     string
	FileID     string
	FileData   string
	FileURL    string
	Filename   string
	InputAudio *llm.InputAudio
}

func (p *part) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("type", p.Type)
	writeText(&o, "text", p.Text)
	writeText(&o, "refusal", p.Refusal)
	o.StrUnlessEmpty("image_url", p.ImageURL)
	o.StrUnlessEmpty("detail", p.Detail)
	o.StrUnlessEmpty("file_id", p.FileID)
	o.StrUnlessEmpty("file_data", p.FileData)
	o.StrUnlessEmpty("file_url", p.FileURL)
	o.StrUnlessEmpty("filename", p.Filename)
	llm.WriteOptional(&o, "input_audio", p.InputAudio != nil, p.InputAudio)
	o.End()
}

// content translates what is not the model's: a text, or parts.
func (t *conversation) content(m *llm.Message, at wire.At) (any, error) {
	if m.Parts == nil {
		return m.Content, nil
	}
	parts := make([]any, 0, len(m.Parts))
	for i := range m.Parts {
		p := &m.Parts[i]
		translated, problem := partOf(p)
		if problem != "" {
			return nil, wire.PartError(p, fmt.Sprintf("%s.content[%d] %s", at, i, problem))
		}
		parts = append(parts, t.withExtra(translated, p.Extra))
	}
	return parts, nil
}

// withExtra adds what a part has beside chat completions' own.
func (t *conversation) withExtra(translated any, extra llm.Extra) any {
	if _, own := translated.(json.RawMessage); own || len(extra) == 0 {
		return translated
	}
	raw, err := jsontext.Encode(nil, func(w *jsontext.Writer) { writeAny(&translated, w) })
	fields := llm.Extra{}
	if err != nil || llm.JSON.Unmarshal(raw, &fields) != nil {
		return translated // not reachable: what was read can be written
	}
	for name, value := range extra {
		if _, taken := fields[name]; !taken && name != "cache_control" { // the API caches by itself
			fields[name] = value
		}
	}
	return fields
}

// partOf translates a part, *part or, of the API's own types, as it is; problem
// says what is wrong with it, "" if nothing is.
func partOf(p *llm.Part) (translated any, problem string) {
	switch {
	case p.Type == "text" || p.Type == "":
		return &part{Type: "input_text", Text: &p.Text}, ""
	case p.Type == "refusal":
		return &part{Type: "input_text", Text: &p.Refusal}, ""
	case p.Type == "image_url" && p.ImageURL != nil:
		detail := p.ImageURL.Detail
		detail = cmp.Or(detail, "auto") // the API wants it
		return &part{Type: "input_image", ImageURL: p.ImageURL.URL, Detail: detail}, ""
	case p.Type == "input_audio" && p.InputAudio != nil:
		return &part{Type: "input_audio", InputAudio: p.InputAudio}, ""
	case p.Type == "file" && p.File != nil:
		return fileOf(p.File)
	case strings.HasPrefix(p.Type, "input_") && p.Type != "input_audio":
		return llm.JSONOf(*p), ""
	}
	return nil, "is of type \"" + p.Type + "\", which the Responses API does not take, or has no content of that type"
}

// fileOf translates a file: at an address, by its id, or its data with their
// media type.
func fileOf(f *llm.File) (translated any, problem string) {
	t := &part{Type: "input_file", Filename: f.Filename}
	switch {
	case strings.HasPrefix(f.FileData, "http://"), strings.HasPrefix(f.FileData, "https://"):
		t.FileURL = f.FileData
		t.Filename = "" // one of the two
	case strings.HasPrefix(f.FileData, "data:"):
		t.FileData = f.FileData
	case f.FileData != "":
		mediaType := wire.MediaTypeOf(f.Filename, readable)
		mediaType = cmp.Or(mediaType, "application/octet-stream")
		t.FileData = "data:" + mediaType + ";base64," + f.FileData
	case f.FileID != "":
		t.FileID, t.Filename = f.FileID, ""
	default:
		return nil, "is a file without file_data or file_id"
	}
	if t.FileData != "" && t.Filename == "" {
		t.Filename = "file" // data need a name
	}
	return t, ""
}

// readable are the extensions of the files whose data may come without a type.
const readable wordlist.List = ".pdf .txt .md .csv .html .json .png .jpg"
