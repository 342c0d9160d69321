package llm

import (
	"bytes"
	"fmt"
)

// This file reads the parts of a message's content in the shapes of other
// APIs. Where such a part says what one of chat completions does, it becomes
// that one, so that every route understands it. One that its own vendor takes
// passes to that vendor, and is told as a mistake to a route that speaks chat
// completions; one that no format here reads is refused.

// partShape are the fields of a part that tell its shape; nil for those that it
// does not have.
type partShape struct {
	typ, text, imageURL, detail, fileID, source, cacheControl []byte

	inline  []byte // Gemini's data
	bare    []byte // an address or data beside the type: the AI SDK's, LangChain's
	media   []byte // its type
	file    []byte
	foreign string // the field of a part that has no type and is another API's
	others  bool   // fields beside these
}

// place is where the value of a field belongs; nil for none.
func (s *partShape) place(key []byte) *[]byte {
	switch string(key) {
	case "type":
		return &s.typ
	case "text":
		return &s.text
	case "image_url":
		return &s.imageURL
	case "detail":
		return &s.detail
	case "file_id":
		return &s.fileID
	case "source":
		return &s.source
	case "cache_control":
		return &s.cacheControl
	case "annotations", "logprobs": // of an answer's output_text
	case "inline_data", "inlineData":
		s.foreign = string(key)
		return &s.inline
	case "image", "url", "data", "base64":
		if s.others = true; string(key) == "image" {
			s.foreign = "image"
		}
		return &s.bare
	case "mediaType", "mimeType", "mime_type", "media_type":
		s.others = true
		return &s.media
	case "file":
		s.others = true
		return &s.file
	case "file_data", "fileData", "functionCall", "function_call", "functionResponse", "function_response", "toolUse", "toolResult", "document":
		s.foreign = string(key)
	default:
		s.others = true
	}
	return nil
}

// readPart passes over a part, whose value comes next. It does not look into
// its texts.
func (r *reader) readPart() *partShape {
	s := &partShape{}
	for more := r.Object(); more; more = r.NextField() {
		field := s.place(r.Key)
		if value := r.value(); field != nil && value != nil {
			*field = value
		}
	}
	if is(s.typ, "") {
		s.typ = nil
	}
	return s
}

// meant is the type of a part that is to be written again; "" for none.
func (s *partShape) meant() string {
	text := s.text != nil && s.text[0] == '"' && !s.others && s.foreign == ""
	address := s.imageURL != nil && (s.imageURL[0] == '"' || s.imageURL[0] == '{') && s.fileID == nil
	switch {
	case text && s.imageURL == nil && (s.typ == nil || is(s.typ, "input_text") || is(s.typ, "output_text")):
		return "text"
	case address && (s.typ == nil || is(s.typ, "input_image") || is(s.typ, "image_url") && s.imageURL[0] == '"'):
		return "image_url"
	case is(s.typ, "image") && s.image().address() || s.typ == nil && s.text == nil && s.inline != nil && s.image().isImage():
		return "image"
	}
	return ""
}

// write appends the part as chat completions have it.
func (s *partShape) write(dst []byte) []byte {
	switch s.meant() {
	case "text":
		dst = fmt.Appendf(dst, `{"type":"text","text":%s`, s.text)
	case "image_url":
		image := s.imageURL
		if image[0] == '"' {
			if image = fmt.Appendf(nil, `{"url":%s`, image); s.detail != nil {
				image = fmt.Appendf(image, `,"detail":%s`, s.detail)
			}
			image = append(image, '}')
		}
		dst = fmt.Appendf(dst, `{"type":"image_url","image_url":%s`, image)
	case "image":
		d := s.image()
		if d.url == nil {
			d.url = fmt.Appendf(nil, `"data:%s;base64,%s`, d.mediaType[1:len(d.mediaType)-1], d.data[1:]) // to its closing quote
		}
		dst = fmt.Appendf(dst, `{"type":"image_url","image_url":{"url":%s}`, d.url)
	}
	if s.cacheControl != nil {
		dst = fmt.Appendf(dst, `,"cache_control":%s`, s.cacheControl)
	}
	return append(dst, '}')
}

// partData is what Anthropic's "source" and Gemini's "inlineData" hold.
type partData struct{ typ, mediaType, data, url []byte }

func dataOf(object []byte) (d partData) {
	if object[0] != '{' {
		return d
	}
	r := newReader(object)
	for more := r.Object(); more; more = r.NextField() {
		key := string(r.Key)
		from := r.Span()
		value := r.Data[from:r.Pos]
		switch key {
		case "type":
			d.typ = value
		case "media_type", "mime_type", "mimeType":
			d.mediaType = value
		case "data":
			d.data = value
		case "url":
			d.url = value
		}
	}
	return d
}

// image is the image that the part holds.
func (s *partShape) image() (d partData) {
	switch {
	case s.source != nil:
		return dataOf(s.source)
	case s.inline != nil:
		return dataOf(s.inline)
	case !isText(s.bare):
	case bytes.HasPrefix(s.bare[1:], []byte("data:")), bytes.HasPrefix(s.bare[1:], []byte("http")):
		d.typ, d.url = []byte(`"url"`), s.bare
	default:
		d.typ, d.data, d.mediaType = []byte(`"base64"`), s.bare, s.media
	}
	return d
}

func (d partData) isImage() bool {
	return isText(d.data) && isText(d.mediaType) && bytes.HasPrefix(d.mediaType[1:], []byte("image/"))
}

// address tells whether the data can be said as a URL.
func (d partData) address() bool {
	return is(d.typ, "url") && isText(d.url) || is(d.typ, "base64") && d.url == nil && d.isImage()
}

// checkPart judges a part that was passed over: what has to be written again,
// and what is another API's.
func (r *reader) checkPart(s *partShape, part []byte, message, n int) error {
	if is(s.typ, "text") && s.text != nil && s.text[0] == '"' && !s.others {
		return nil // as nearly all are
	}
	if problem := s.problem(part); problem != "" && memberOf(part, "uuid") == nil { // vLLM knows the content by it
		return Errorf(InvalidArgument, "messages[%d].content[%d]%s", message, n, problem)
	}
	switch {
	case s.meant() != "":
		r.shaped = true
	case s.typ == nil && s.foreign != "" && s.text == nil:
		return Errorf(InvalidArgument, "messages[%d].content[%d] has %q, which is the shape of another API; %s", message, n, s.foreign, partForm(s.foreign))
	case is(s.typ, "image") && s.source == nil && s.bare != nil, is(s.typ, "file") && s.file == nil && s.bare != nil, is(s.typ, "tool-call"), is(s.typ, "tool-result"):
		kind := string(s.typ[1 : len(s.typ)-1])
		return Errorf(InvalidArgument, "messages[%d].content[%d] is a part of another API (%s); %s", message, n, s.typ, partForm(kind))
	case r.notChat == nil && (is(s.typ, "tool_use") || is(s.typ, "tool_result") || is(s.typ, "document") && s.source != nil ||
		is(s.typ, "image") && s.source != nil || is(s.typ, "input_image") || is(s.typ, "input_file")):
		r.notChat = Errorf(Unsupported, "messages[%d].content[%d] is a part of another API (%s), which chat completions lack; %s", message, n, s.typ, partForm(string(s.typ[1:len(s.typ)-1])))
	}
	return nil
}

// partForm is how chat completions say what a part of another API says.
func partForm(of string) string {
	switch of {
	case "tool_use", "tool-call", "toolUse", "functionCall", "function_call":
		return `write the call into the assistant's message: "tool_calls": [{"id": …, "type": "function", "function": {"name": …, "arguments": "{…}"}}]`
	case "tool_result", "tool-result", "toolResult", "functionResponse", "function_response":
		return `write the result as a message of its own: {"role": "tool", "tool_call_id": …, "content": …}`
	case "image", "input_image":
		return `write {"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}}, or the image's address as the url`
	}
	return `write {"type": "file", "file": {"filename": …, "file_data": "data:application/pdf;base64,…"}}, or, for an image, {"type": "image_url", "image_url": {"url": …}}`
}

// readMessages gives messages with each part in the shape of chat completions;
// nil where all have it already.
func readMessages(list []byte) []byte {
	var made []byte
	r, kept := newReader(list), 0
	for more := r.Array(); more; more = r.NextItem() {
		if r.Next() != '{' {
			continue
		}
		for more := r.Object(); more; more = r.NextField() {
			if string(r.Key) != "content" || r.Next() != '[' {
				continue
			}
			for more := r.Array(); more; more = r.NextItem() {
				r.Next()
				from := r.Pos
				if r.Data[from] != '{' {
					r.Skip()
				} else if s := r.readPart(); s.meant() != "" {
					made = s.write(append(made, list[kept:from]...))
					kept = r.Pos
				}
			}
		}
	}
	if kept == 0 {
		return nil
	}
	return append(made, list[kept:]...)
}

// NotChat is why the messages cannot be said as chat completions have them;
// nil where they can.
func (p *Payload) NotChat() error { return p.notChat }
