package exchange

import (
	"bytes"

	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// speeches are how the answers of each format are known, and the "type" of a
// model whose server speaks it, as data. The first that fits counts.
var speeches = []struct {
	kind   string
	events wordlist.List // the names of its events
	fields []field       // any of which an answer or an event has
}{
	{"anthropic", "message_start content_block_start content_block_delta content_block_stop message_delta message_stop",
		[]field{{"type", `"message"`, "content", "["}}},
	{"bedrock", "messageStart contentBlockStart contentBlockDelta contentBlockStop messageStop",
		[]field{{"output", `{"message":{`, "", ""}, {"contentBlockIndex", "", "delta", "{"}}},
	{"gemini", "", []field{{"candidates", "[{", "", ""}}},
	{"ollama", "", []field{{"done", "", "message", "{"}, {"done", "", "response", `"`}}},
	{"responses", "response.created response.in_progress response.output_item.added response.output_text.delta response.completed",
		[]field{{"object", `"response"`, "", ""}, {"output", `[{`, "status", `"`}}},
	{"openai-compatible", "", []field{{"choices", "[{", "", ""}}},
}

// field is a name, and what its value begins with; and those of another field
// beside it, "" for none.
type field struct{ name, begins, beside, with string }

// begins tells whether a JSON value is there and begins so; blanks between its
// parts mean nothing.
func begins(raw []byte, with string) bool {
	for i := range len(with) {
		if raw = bytes.TrimLeft(raw, " \t\r\n"); len(raw) == 0 || raw[0] != with[i] {
			return false
		}
		raw = raw[1:]
	}
	return raw != nil
}

// otherType is the "type" of the models whose answers, or events of this name,
// look so; "" for none, and where it is that of this one.
func (u *Upstream) otherType(name string, data []byte) (other string) {
	var fields llm.Extra
	_ = llm.JSON.Unmarshal(data, &fields) // none where it is no object
	if name == "" {
		_ = llm.JSON.Unmarshal(fields["type"], &name)
	}
	for i := range speeches {
		s := &speeches[i]
		is := s.events.Has(name)
		for j := range s.fields {
			f := &s.fields[j]
			is = is || begins(fields[f.name], f.begins) && (f.beside == "" || begins(fields[f.beside], f.with))
		}
		switch {
		case is && s.kind == u.Speaks:
			return ""
		case is && other == "":
			other = s.kind
		}
	}
	return other
}

// tellType adds to an error about an answer that cannot be read, or an event of
// one, whose "type" its format is, "" for none.
func tellType(e *llm.Error, kind string) *llm.Error {
	if kind != "" {
		e.Message += `; this is the format of another type: if the server speaks it, set "type": "` + kind + `" for this model`
	}
	return e
}

// hears notes an event that is no piece of the answer, and the format that it
// is in where none has come yet.
func (r *Stream) hears(data []byte) {
	r.skipped = 0
	if r.spoken == "" && r.end.Phase() == wire.Waiting {
		r.spoken = r.upstream.otherType(r.name, data)
	}
}
