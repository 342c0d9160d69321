package gemini

import (
	"bytes"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
)

// answerParts takes the parts of an answer out of its candidate. Servers that
// copy the format write a text where a list of parts should be, or put it
// beside the content.
func answerParts(fields llm.Extra) (parts []json.RawMessage, err error) {
	raw := take(fields, "content")
	if raw != nil {
		if parts, err = contentParts(raw); err != nil {
			return nil, err
		}
	}
	for _, name := range [...]string{"text", "output"} {
		if text := fields[name]; len(parts) == 0 && len(text) > 2 && text[0] == '"' {
			delete(fields, name)
			return []json.RawMessage{answerText(text)}, nil
		}
	}
	if len(parts) == 0 && raw != nil && raw[0] == '{' {
		rest := llm.Extra{}
		if llm.JSON.Unmarshal(raw, &rest) != nil {
			return nil, nil
		}
		delete(rest, "role")
		delete(rest, "parts")
		if len(rest) > 0 {
			fields["content"] = bytes.ToValidUTF8(rawOf(rest, nil), []byte("\uFFFD")) // the judge of failures finds it
		}
	}
	return parts, nil
}

// contentParts reads a content: the object of the format, its list of
// parts, or a text.
func contentParts(raw json.RawMessage) (parts []json.RawMessage, err error) {
	if raw[0] == '{' {
		var content struct {
			Parts json.RawMessage `json:"parts"`
			Text  json.RawMessage `json:"text"`
		}
		if err := llm.JSON.Unmarshal(raw, &content); err != nil {
			return nil, err
		}
		if raw = content.Parts; len(raw) == 0 || raw[0] == 'n' {
			raw = content.Text
		}
	}
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return nil, nil
	case raw[0] == '"' || raw[0] == '{':
		parts = []json.RawMessage{raw}
	default:
		if err := llm.JSON.Unmarshal(raw, &parts); err != nil {
			return nil, err
		}
	}
	for i, part := range parts {
		if len(part) > 0 && part[0] == '"' {
			parts[i] = answerText(part)
		}
	}
	return parts, nil
}

func answerText(text json.RawMessage) json.RawMessage {
	return append(append(json.RawMessage(`{"text":`), text...), '}')
}
