package faultwall

import (
	"bytes"
	"encoding/json"
	"strings"
)

// sseFormat is how the lines of an event stream are written.
type sseFormat struct {
	newline string
	colon   string
	multi   bool
	lines   bool // no event stream, but one object a line
	binary  bool // AWS's messages instead of lines
}

// isBinary tells whether a request's stream is one of AWS's.
func isBinary(c *call) bool {
	_, aws := c.dialect.(bedrock)
	return aws
}

func formatOf(c *call, s *Step) sseFormat {
	f := sseFormat{newline: "\n", colon: ": ", multi: s.MultiLine, lines: c.lines, binary: isBinary(c)}
	switch s.Newline {
	case "crlf":
		f.newline = "\r\n"
	case "cr":
		f.newline = "\r"
	}
	if s.NoSpace {
		f.colon = ":"
	}
	return f
}

// data is one event with its blank line; each line of the text is a data line.
func (f sseFormat) data(name, id, text string) []byte {
	if f.lines {
		return append([]byte(text), f.newline...)
	}
	if f.binary {
		return awsFrame(name, text)
	}
	out := make([]byte, 0, len(text)+32)
	line := func(field, value string) {
		out = append(out, field...)
		out = append(out, f.colon...)
		out = append(out, value...)
		out = append(out, f.newline...)
	}
	if name != "" {
		line("event", name)
	}
	if id != "" {
		line("id", id)
	}
	for more := true; more; {
		var first string
		first, text, more = strings.Cut(text, "\n")
		line("data", first)
	}
	return append(out, f.newline...)
}

// object is an event whose data is v as JSON.
func (f sseFormat) object(name, id string, v any) []byte {
	text := toJSON(v)
	if f.multi {
		var indented bytes.Buffer
		if json.Indent(&indented, text, "", "  ") == nil {
			text = indented.Bytes()
		}
	} else if raw, ok := v.(json.RawMessage); ok {
		// An event in the script may be written over several lines.
		var compact bytes.Buffer
		if json.Compact(&compact, raw) == nil {
			text = compact.Bytes()
		}
	}
	return f.data(name, id, string(text))
}

func (f sseFormat) comment(text string) []byte {
	if f.binary { // which has none
		return nil
	}
	return []byte(":" + strings.TrimPrefix(f.colon, ":") + text + f.newline + f.newline)
}

// render is what an event sends.
func (f sseFormat) render(c *call, a *content, e *Event) []byte {
	switch {
	case e.Raw != "":
		return []byte(e.Raw)
	case e.RawB64 != nil:
		return e.RawB64
	case e.Comment != nil:
		return f.comment(*e.Comment)
	case e.Data != nil:
		if text, ok := e.Data.(string); ok {
			return f.data(e.Name, e.ID, text)
		}
		return f.object(e.Name, e.ID, e.Data)
	case e.isChunk():
		return f.object(e.Name, e.ID, c.chunk(a, delta{
			choice: e.Index, role: e.Role, text: e.Text, reasoning: e.Reasoning, refusal: e.Refusal,
			call: e.ToolCall, finish: e.FinishReason, usage: e.Usage, bare: e.onlyUsage(),
		}))
	}
	return nil
}

func (e *Event) onlyUsage() bool {
	return e.Usage != nil && e.Role == "" && e.Text == nil && e.Reasoning == nil && e.Refusal == nil &&
		e.ToolCall == nil && e.FinishReason == ""
}

// finishes counts the finish reasons in an event's bytes. The words cannot
// occur in a JSON text value: their quotes would be escaped there.
func finishes(event []byte) int {
	return bytes.Count(event, []byte(`"finish_reason":"`)) + bytes.Count(event, []byte(`"finishReason":"`)) +
		bytes.Count(event, []byte(`"stopReason":"`)) + bytes.Count(event, []byte(`"finish_reason": "`)) + bytes.Count(event, []byte(`"finishReason": "`))
}
