package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads what requests hold in OpenAI's shape and other formats want
// in another.

// At is where a message stands in a request, for errors.
type At int

// String is "messages[0]" and so on.
func (n At) String() string { return "messages[" + strconv.Itoa(int(n)) + "]" }

// PartError is the error of a part that a format has no words for: UNSUPPORTED
// where the vendor lacks such parts, BAD_REQUEST where the part itself is
// wrong. what says where the part is and what is wrong.
func PartError(p *llm.Part, what string) error {
	code := llm.Unsupported
	switch p.Type {
	case "", "text", "refusal", "image_url", "file":
		code = llm.BadRequest
	case "input_audio":
		if p.InputAudio == nil || p.InputAudio.Data == "" || p.InputAudio.Format == "" {
			code = llm.BadRequest
		}
	}
	return llm.Errorf(code, "%s", what)
}

// Unsaid notes what a format has no place for in a message of OpenAI's: the
// name of who speaks, and how closely to look at an image.
func (c *Call) Unsaid(m *llm.Message) {
	if m.Name != "" && m.Role != llm.RoleTool && m.Role != llm.RoleFunction {
		c.Leave("messages.name")
	}
	for i := range m.Parts {
		if image := m.Parts[i].ImageURL; image != nil && image.Detail != "" && image.Detail != "auto" {
			c.Leave("messages.content.image_url.detail")
		}
	}
}

// IsBlank tells whether a text has nothing but white space in it, which vendors
// of blocks refuse as they refuse an empty text.
func IsBlank(text string) bool { return strings.TrimSpace(text) == "" }

// AddressOf reads the URL of an image or a file: the media type and the data of
// a data: URL; neither for an address. problem says what is wrong with it, ""
// if nothing is.
func AddressOf(address string) (mediaType, data, problem string) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case found && strings.EqualFold(scheme, "data"):
		return DataURL(rest)
	case found && strings.HasPrefix(rest, "//"):
		return "", "", ""
	}
	return "", "", "has a URL that is neither a data: URL nor an address with a scheme"
}

// DataURL reads what follows "data:" (RFC 2397): the media type and the data in
// base64. problem says what is wrong with it, "" if nothing is.
func DataURL(rest string) (mediaType, data, problem string) {
	head, data, found := strings.Cut(rest, ",")
	if !found || data == "" {
		return "", "", "has a data: URL without data"
	}
	mediaType, parameters, _ := strings.Cut(strings.ToLower(head), ";")
	switch mediaType = strings.TrimSpace(mediaType); mediaType {
	case "image/jpg", "image/pjpeg": // what browsers and clipboards also call it
		mediaType = "image/jpeg"
	case "image/x-png":
		mediaType = "image/png"
	}
	if !strings.Contains(mediaType, "/") {
		return "", "", "has a data: URL without a media type"
	}
	if strings.Contains(data, "%") {
		plain, err := url.PathUnescape(data)
		if err != nil {
			return "", "", "has a data: URL with a malformed escape"
		}
		data = plain
	}
	if strings.TrimSpace(parameters[strings.LastIndexByte(parameters, ';')+1:]) != "base64" {
		data = base64.StdEncoding.EncodeToString([]byte(data))
	} else if strings.ContainsAny(data, " \t\r\n") { // lines, as MIME has them
		data = strings.Join(strings.Fields(data), "")
	}
	return mediaType, data, ""
}

// InputOf is [Arguments] for a format whose calls always have an input.
func InputOf(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("{}")
	}
	return Arguments(text)
}

// Arguments gives a call's arguments as an object; nil for none. Models write
// malformed arguments now and then; such text must not make the rest of a
// conversation impossible, so it is kept under a name.
func Arguments(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	if object := ObjectOf(text); object != nil {
		return object
	}
	return Wrapped("arguments", text)
}

// ArgumentsOf gives the input of a call, an object, as the text that chat
// completions have, without the white space around its tokens; "{}" for none.
// A text in its place is what chat completions have already, and anything else
// stays as it is.
func ArgumentsOf(input json.RawMessage) string {
	var text bytes.Buffer
	switch {
	case len(input) == 0 || string(input) == "null" || string(input) == `""`:
		return "{}"
	case input[0] == '"':
		r := AnswerReader(input)
		return r.Text()
	case json.Compact(&text, input) != nil:
		return "{}"
	}
	return text.String()
}

// ObjectOf returns text if it is one JSON object, nil otherwise.
func ObjectOf(text string) json.RawMessage {
	raw := json.RawMessage(text)
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") && json.Valid(raw) { // the JSON library's own check accepts text behind the value
		return raw
	}
	return nil
}

// Wrapped is an object that holds text under key.
func Wrapped(key, text string) json.RawMessage {
	return llm.JSONOf(map[string]string{key: text})
}

// mediaTypes are those of files, by the extensions of their names. The system's
// own table is not asked: the same request must be the same body everywhere.
var mediaTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
	".heic": "image/heic", ".heif": "image/heif", ".pdf": "application/pdf",
	".wav": "audio/wav", ".mp3": "audio/mp3", ".aiff": "audio/aiff", ".aac": "audio/aac", ".ogg": "audio/ogg", ".flac": "audio/flac",
	".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mov": "video/mov", ".avi": "video/avi", ".webm": "video/webm",
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html", ".xml": "text/xml", ".json": "application/json",
}

// AnyType is the media type of data whose type was not known to who wrote it,
// so that the file's name tells more.
const AnyType = "application/octet-stream"

// MediaTypeOf is the media type that a file's name tells, if its extension is
// among those that a vendor reads, "" for all; else "".
func MediaTypeOf(name string, read wordlist.List) string {
	extension := strings.ToLower(path.Ext(name))
	if read != "" && !read.Has(extension) {
		return ""
	}
	return mediaTypes[extension]
}
