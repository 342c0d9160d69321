package gemini

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// parts translates a message's content; empty texts are left out, since Gemini
// refuses them beside other parts.
func (t *conversation) parts(m *llm.Message, at wire.At) ([]sentPart, error) {
	var parts []sentPart
	text := func(s string) {
		if s != "" {
			parts = append(parts, textPart(s))
		}
	}
	if m.Parts == nil && m.Content != "" {
		parts = append(parts, sentPart{Text: &m.Content})
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		switch p.Type {
		case "text", "":
			text(p.Text)
			continue
		case "refusal":
			text(p.Refusal)
			continue
		}
		part, problem := mediaPart(p)
		if part.FileData != nil && part.FileData.MIMEType == "" {
			problem = t.typeOf(part.FileData, p)
		}
		if problem != "" && m.Role == llm.RoleAssistant { // another vendor's work, not what the caller says
			t.call.Leave("messages.content[" + p.Type + "]")
			continue
		}
		if problem != "" {
			return nil, wire.PartError(p, fmt.Sprintf("%s.content[%d] %s", at, i, problem))
		}
		parts = append(parts, part)
	}
	text(m.Refusal)
	if m.Role == llm.RoleAssistant && len(parts) == 0 {
		text(transcriptOf(m.Audio))
	}
	return parts, nil
}

// mediaPart translates an image, audio or file; problem says what is wrong
// with it, "" if nothing is.
func mediaPart(p *llm.Part) (part sentPart, problem string) {
	switch {
	case p.Type == "image_url" && p.ImageURL != nil:
		return address(p.ImageURL.URL)
	case p.Type == "input_audio" && p.InputAudio != nil:
		if p.InputAudio.Format == "" || p.InputAudio.Data == "" {
			return part, "is input_audio without format or data"
		}
		return sentPart{InlineData: &blob{MIMEType: "audio/" + p.InputAudio.Format, Data: p.InputAudio.Data}}, ""
	case p.Type == "file" && p.File != nil:
		return filePart(p.File)
	}
	return part, "is of type \"" + p.Type + "\", which cannot be translated for Gemini, or has no content of that type"
}

// address translates a data: URL into inline data, and any other URL
// into a reference (Gemini fetches public https URLs, its Files API's and
// YouTube's).
func address(address string) (part sentPart, problem string) {
	mediaType, data, problem := wire.AddressOf(address)
	if problem != "" || data != "" {
		return sentPart{InlineData: &blob{MIMEType: mediaType, Data: data}}, problem
	}
	return sentPart{FileData: &fileData{FileURI: address, MIMEType: mediaTypeOfName(address)}}, ""
}

var youTube = []string{"://www.youtube.com/", "://youtube.com/", "://m.youtube.com/", "://youtu.be/"}

// typeOf says what is at an address that does not tell it, as the API fetches
// nothing without ("In each multimodal request, you must always provide" the
// mimeType, Firebase AI Logic, "Supported input files"), but for what its own
// Files API holds. An image is sent as the most frequent kind of image, which
// Vercel's AI SDK does, too.
func (t *conversation) typeOf(f *fileData, p *llm.Part) (problem string) {
	switch {
	case !strings.Contains(f.FileURI, "://"), strings.Contains(f.FileURI, "/v1beta/files/"):
	case wordlist.AnyIn(f.FileURI, youTube):
		f.MIMEType = "video/mp4"
	case p.Type != "image_url":
		return "is a file whose type neither its address nor its name tells; give it a filename"
	default:
		f.MIMEType = "image/jpeg"
		t.call.Adapt("messages.content.image_url", "of an unknown type to image/jpeg")
	}
	return ""
}

// filePart translates a file: its data, which OpenAI takes as a data:
// URL and some clients send as bare base64 beside a file name, or its id, for
// which stands the URI that Gemini's Files API gave.
func filePart(f *llm.File) (part sentPart, problem string) {
	switch {
	case strings.HasPrefix(f.FileData, "data:"):
		if part, problem = address(f.FileData); problem == "" && part.InlineData != nil && part.InlineData.MIMEType == wire.AnyType {
			part.InlineData.MIMEType = cmp.Or(mediaTypeOfName(f.Filename), wire.AnyType)
		}
		return part, problem
	case f.FileData != "":
		mediaType := mediaTypeOfName(f.Filename)
		if mediaType == "" {
			return part, "is a file whose type neither its data nor its name tells"
		}
		return sentPart{InlineData: &blob{MIMEType: mediaType, Data: f.FileData}}, ""
	case f.FileID != "":
		return sentPart{FileData: &fileData{FileURI: f.FileID, MIMEType: mediaTypeOfName(f.Filename)}}, ""
	}
	return part, "is a file without file_data or file_id"
}

// mediaTypeOfName guesses from a file's name or a URL's path; "" if it cannot.
func mediaTypeOfName(name string) string {
	if u, err := url.Parse(name); err == nil {
		name = u.Path
	}
	return wire.MediaTypeOf(name, "")
}
