package faultwall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/llm"
)

// call is what the wall understood of a request.
type call struct {
	dialect      dialect
	kind         string // KindChat, KindHealth or KindOther
	model        string
	stream       bool
	includeUsage bool
	choices      int
	array        bool      // Gemini's stream without alt=sse: one JSON array
	embed        *embedAsk // of a request for vectors, nil for a chat
	rank         *rankAsk  // of a request for a ranking
	lines        bool      // Ollama's streams: one object a line
	body         []byte
	number       int         // of the request, from 1
	head         [][2]string // headers of the wall's own
	known        []string
	url          string
	ahead        time.Duration // by which the wall's clock is ahead
}

// content is a healthy answer's substance, the same for each wire format.
type content struct {
	id        string
	model     string
	text      string
	reasoning string
	refusal   string
	calls     []ToolCall
	finish    string          // empty: left out
	usage     json.RawMessage // in OpenAI's shape; empty: left out
	choices   int
	extra     map[string]json.RawMessage
}

// delta is one chunk of a stream before it is put into a wire format.
type delta struct {
	choice    int
	role      string
	text      *string
	reasoning *string
	refusal   *string
	call      *ToolCallDelta
	finish    string
	usage     json.RawMessage
	bare      bool   // no choices at all
	name      string // of the event, and the event, where a dialect makes them itself
	event     any
	asked     bool // the request asked for usage: OpenAI then has "usage": null in each other chunk
}

// dialect is a vendor's wire format.
type dialect interface {
	// whole is a plain answer.
	whole(*content) any
	// chunk is one event of a stream, of a delta without an event of its own.
	chunk(*content, delta) any
	// deltas cuts a healthy answer into a stream.
	deltas(*call, *Step, *content) []delta
	// failure is the body of an error.
	failure(status int, model string) any
	// list is the healthy answer to GET …/models.
	list(models []string) any
}

// chunk is one event of a stream.
func (c *call) chunk(a *content, d delta) any {
	if d.event != nil {
		return d.event
	}
	return c.dialect.chunk(a, d)
}

// streamed is the content of a stream, which may be without usage, in pieces.
func streamed(c *call, s *Step) (*content, []delta) {
	a := contentOf(c, s)
	if s.UsageChunk == UsageNone {
		a.usage = nil
	}
	return a, c.dialect.deltas(c, s, a)
}

// contentOf resolves a step's content for a request.
func contentOf(c *call, s *Step) *content {
	a := &content{
		id: fmt.Sprintf("wall-%d", c.number), model: cmp.Or(s.Model, c.model), reasoning: s.Reasoning, refusal: s.Refusal, calls: s.ToolCalls,
		finish: s.FinishReason, usage: s.Usage, choices: max(cmp.Or(s.Choices, c.choices), 1), extra: s.Extra,
	}
	a.text = textOf(c, s, a.model)
	if s.isPlain() {
		if text, calls := c.asked(); text != "" || calls != nil {
			a.text, a.calls = text, calls
		}
	}
	switch {
	case s.NoFinish:
		a.finish = ""
	case a.finish == "" && len(a.calls) > 0:
		a.finish = "tool_calls"
	case a.finish == "":
		a.finish = "stop"
	}
	if a.usage == nil {
		words := max(len(strings.Fields(a.text)), 1) * a.choices
		a.usage = fmt.Appendf(nil, `{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}`, words, 9+words)
	} else if string(bytes.TrimSpace(a.usage)) == "null" {
		a.usage = nil
	}
	return a
}

// isPlain reports whether the content of an answer is left to the wall.
func (s *Step) isPlain() bool {
	return !s.Echo && s.TextBytes == 0 && s.Text == nil && len(s.ToolCalls) == 0 && s.Refusal == ""
}

func textOf(c *call, s *Step, model string) string {
	switch {
	case s.Echo:
		return string(c.body)
	case s.TextBytes > 0:
		const words = "the quick brown fox jumps over the lazy dog "
		return strings.Repeat(words, s.TextBytes/len(words)+1)[:s.TextBytes]
	case s.Text != nil:
		return *s.Text
	case len(s.ToolCalls) > 0 || s.Refusal != "":
		return ""
	}
	return "Hello from " + model + "."
}

// split cuts a text into the pieces that a stream sends.
func (s *Step) split(text string) []string {
	switch {
	case text == "":
		return nil
	case s.ChunkChars > 0:
		return splitEvery(text, s.ChunkChars)
	case s.Chunks > 0:
		return splitInto(text, s.Chunks)
	}
	return splitWords(text)
}

// pieces cuts the substance of an answer, for formats that do not split
// arguments: thoughts, text and each call, for each of so many choices.
func (s *Step) pieces(a *content, choices int) (all []delta) {
	each := func(d delta) {
		for d.choice = range choices {
			all = append(all, d)
		}
	}
	for _, piece := range s.split(a.reasoning) {
		each(delta{reasoning: &piece})
	}
	for _, piece := range s.split(a.text + a.refusal) {
		each(delta{text: &piece})
	}
	for i := range a.calls {
		each(delta{call: &ToolCallDelta{Index: i, ID: a.calls[i].ID, Name: a.calls[i].Name, Arguments: a.calls[i].arguments()}})
	}
	return all
}

func splitEvery(text string, chars int) (pieces []string) {
	for text != "" {
		var piece string
		piece, text = cutChars(text, chars)
		pieces = append(pieces, piece)
	}
	return pieces
}

func splitInto(text string, n int) (pieces []string) {
	total := utf8.RuneCountInString(text)
	n = min(n, total)
	for i := range n {
		var piece string
		piece, text = cutChars(text, total*(i+1)/n-total*i/n)
		pieces = append(pieces, piece)
	}
	return pieces
}

// cutChars cuts a text behind so many characters, or what there is.
func cutChars(text string, chars int) (before, after string) {
	end := 0
	for n := 0; n < chars && end < len(text); n++ {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	return text[:end], text[end:]
}

// splitWords keeps each space with the word after it, as tokenizers do.
func splitWords(text string) []string {
	var pieces []string
	start := 0
	for i := 1; i < len(text); i++ {
		if text[i] == ' ' && text[i-1] != ' ' {
			pieces = append(pieces, text[start:i])
			start = i
		}
	}
	return append(pieces, text[start:])
}

// toJSON encodes v on one line, without HTML escapes. What the wall encodes
// can always be encoded, unless a Go program put a channel into a Step.
func toJSON(v any) []byte {
	if raw, ok := v.(json.RawMessage); ok {
		return raw
	}
	out, err := llm.JSON.Marshal(v)
	if err != nil {
		return fmt.Appendf(nil, `{"error":{"message":%q}}`, "faultwall: "+err.Error())
	}
	return out
}

// withExtra adds fields to an object.
func withExtra(v any, extra map[string]json.RawMessage) any {
	if len(extra) == 0 {
		return v
	}
	fields := map[string]json.RawMessage{}
	if llm.JSON.Unmarshal(toJSON(v), &fields) != nil {
		return v
	}
	maps.Copy(fields, extra)
	return fields
}

// said is the text of a delta, or the refusal.
func (d *delta) said() (text string) {
	for _, piece := range []*string{d.text, d.refusal} {
		if piece != nil {
			text += *piece
		}
	}
	return text
}

// callID is the id of the call at a place of an answer. One that the script
// does not give begins with the vendor's word for it.
func callID(c *ToolCall, i int, word string) string {
	if c.ID != "" {
		return c.ID
	}
	return fmt.Sprintf("%s_%d", word, i+1)
}

// argumentsObject gives a call's arguments to a vendor that takes an object and
// no text.
func argumentsObject(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return toJSON(text)
}

// renamed is a usage with a vendor's names for OpenAI's fields; "" for one that
// the vendor lacks. A usage without them stays as it is, nil where it is none.
func renamed(usage json.RawMessage, names map[string]string) any {
	var fields map[string]json.RawMessage
	if usage == nil || llm.JSON.Unmarshal(usage, &fields) != nil {
		return nil
	}
	for from, to := range names {
		value, ok := fields[from]
		if delete(fields, from); ok && to != "" {
			fields[to] = value
		}
	}
	return fields
}

// object is an object of these names and values, in turns. Its code is a half
// of that of a literal, and the wall has many.
func object(pairs ...any) map[string]any {
	made := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		made[pairs[i].(string)] = pairs[i+1]
	}
	return made
}
