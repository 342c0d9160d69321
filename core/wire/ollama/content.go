package ollama

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// content translates a message's content: one text and the images beside it.
func (t *conversation) content(m *llm.Message, at wire.At) (message, error) {
	if m.Parts == nil {
		return message{Content: m.Content}, nil
	}
	var sent message
	var texts []string
	for i := range m.Parts {
		p := &m.Parts[i]
		text, image, problem, err := partOf(p)
		switch {
		case problem == "" && err == nil:
		case m.Role == llm.RoleAssistant: // another vendor's work, not what the caller says
			t.call.Leave("messages.content[" + p.Type + "]")
			continue
		case err != nil:
			return sent, err
		default:
			return sent, wire.PartError(p, fmt.Sprintf("%s.content[%d] %s", at, i, problem))
		}
		if image != "" {
			sent.Images = append(sent.Images, image)
		} else if text != "" {
			texts = append(texts, text)
		}
	}
	sent.Content = strings.Join(texts, "\n")
	return sent, nil
}

// partOf translates a part into a text or an image in base64; problem says what
// is wrong with the part, err what Ollama cannot do though others can.
func partOf(p *llm.Part) (text, image, problem string, err error) {
	switch {
	case p.Type == "text" || p.Type == "":
		return p.Text, "", "", nil
	case p.Type == "refusal":
		return p.Refusal, "", "", nil
	case p.Type == "image_url" && p.ImageURL != nil:
		_, image, problem, err = dataOf(p.ImageURL.URL)
		return "", image, problem, err
	case p.Type == "file" && p.File != nil:
		return fileOf(p.File)
	}
	return "", "", "is of type \"" + p.Type + "\", which Ollama does not take, or has no content of that type", nil
}

// dataOf reads a data: URL. Ollama fetches nothing, so an address is for
// another vendor.
func dataOf(address string) (mediaType, data, problem string, err error) {
	mediaType, data, problem = wire.AddressOf(address)
	if problem == "" && data == "" {
		err = wire.Unsupported("an image is given by its address; Ollama takes images as data: URLs only")
	}
	return mediaType, data, problem, err
}

// fileOf translates a file: an image is one, plain text is part of the text.
func fileOf(f *llm.File) (text, image, problem string, err error) {
	if !strings.HasPrefix(f.FileData, "data:") {
		return "", "", "", wire.Unsupported("a file is given by its id, its address or without its type; Ollama takes images and texts as data: URLs only")
	}
	mediaType, data, problem, err := dataOf(f.FileData)
	if mediaType == wire.AnyType {
		mediaType = cmp.Or(wire.MediaTypeOf(f.Filename, ""), wire.AnyType)
	}
	switch {
	case problem != "" || err != nil:
		return "", "", problem, err
	case strings.HasPrefix(mediaType, "image/"):
		return "", data, "", nil
	case strings.HasPrefix(mediaType, "text/"):
		plain, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return "", "", "is a text file whose data is not base64", nil
		}
		return string(plain), "", "", nil
	}
	return "", "", "", wire.Unsupported("a file has the type %q; Ollama takes images and texts", mediaType)
}
