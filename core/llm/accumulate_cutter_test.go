package llm

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"
)

// cutter writes a whole answer as the chunks of a stream, in one of the ways
// that vendors do.
type cutter struct {
	rand      *rand.Rand
	index     int  // how tool calls are numbered: see callIndex
	ids       int  // on the first delta, on each, changing, late
	names     int  // once, on each delta, in pieces, all so far
	message   int  // none beside the deltas, all so far in each chunk, the whole at the end, messages alone
	reasoning int  // reasoning_content, reasoning, both
	mixed     bool // the pieces of calls take turns
	choice    int  // the answer's number
}

// newCutter picks one of the ways; nothing else says which call a piece belongs
// to where they are mixed.
func newCutter(r *rand.Rand, choice int) *cutter {
	c := &cutter{rand: r, index: r.IntN(5), ids: r.IntN(4), names: r.IntN(4), message: max(0, r.IntN(6)-2), reasoning: r.IntN(3), choice: choice}
	if c.message == 3 || c.message != 0 && r.IntN(2) == 0 {
		c.reasoning = 0
	}
	c.mixed = (c.index < 2 || c.ids == 1) && r.IntN(2) == 0
	return c
}

type doc = map[string]any

const (
	letters = "abc xyzäöü€漢字😀𝄞\"\\\n/{}[]"
	firsts  = "#é語𝄢" // none of the letters
)

func (c *cutter) pick(n int) int { return c.rand.IntN(n) }

// text begins with what does not come in it again: no piece looks by accident
// like all of the text so far, which is what some servers send.
func (c *cutter) text(most int) string {
	begins, runes := []rune(firsts), []rune(letters)
	var b strings.Builder
	b.WriteRune(begins[c.pick(len(begins))])
	for range c.pick(most) {
		b.WriteRune(runes[c.pick(len(runes))])
	}
	return b.String()
}

// answer makes a whole message.
func (c *cutter) answer() doc {
	m := doc{"role": "assistant"}
	c.answerContent(m)
	if c.pick(2) == 0 {
		m["reasoning_content"] = c.text(40)
	}
	if c.pick(4) == 0 {
		m["refusal"] = c.text(20)
	}
	if c.pick(2) == 0 {
		var calls []any
		for i := range c.pick(4) + 1 {
			arguments, _ := json.Marshal(doc{c.text(5): c.text(12), "n": i})
			calls = append(calls, doc{"id": fmt.Sprintf("call_%d", i), "type": "function",
				"function": doc{"name": fmt.Sprintf("fn%d_%s", i, strings.Repeat("x", c.pick(4))), "arguments": string(arguments)}})
		}
		m["tool_calls"] = calls
	}
	if c.message != 0 { // what follows has forms that only deltas have
		return m
	}
	if c.pick(3) == 0 {
		m["audio"] = doc{"id": "audio_1", "transcript": c.text(20), "data": "AAAA" + strings.Repeat("BBBB", c.pick(5)) + []string{"", "QQ=="}[c.pick(2)], "expires_at": 1800000000.0}
	}
	if c.pick(3) == 0 {
		var images []any
		for i := range c.pick(3) + 1 {
			images = append(images, doc{"type": "image_url", "image_url": doc{"url": fmt.Sprintf("data:image/png;base64,%d", i)}})
		}
		m["images"] = images
	}
	if c.pick(3) == 0 {
		m["annotations"] = []any{doc{"type": "url_citation", "url_citation": doc{"url": "https://a.example"}}, doc{"type": "url_citation", "url_citation": doc{"url": "https://b.example"}}}
	}
	if c.pick(3) == 0 {
		m["reasoning_details"] = []any{doc{"type": "reasoning.text", "format": "f1", "index": 0.0, "text": c.text(20), "signature": "c2ln"},
			doc{"type": "reasoning.encrypted", "index": 1.0, "id": "t1", "data": "AAA"}, doc{"type": "reasoning.encrypted", "index": 2.0, "id": "t2", "data": "BBB"}}
	}
	if c.pick(3) == 0 {
		m["x_unknown"] = "!" + c.text(20)
	}
	if c.pick(3) == 0 {
		m["x_object"] = doc{"name": "n", "on": true, "deep": doc{"text": c.text(20), "list": []any{doc{"n": 1.0}, doc{"n": 2.0}}}}
	}
	return m
}

func (c *cutter) answerContent(m doc) {
	switch {
	case c.message == 0 && c.pick(3) == 0: // lists and texts take turns
		m["content"] = []any{doc{"type": "thinking", "thinking": []any{doc{"type": "text", "text": c.text(20)}}},
			doc{"type": "text", "text": c.text(30)}, doc{"type": "image_url", "image_url": doc{"url": "data:,x"}}, doc{"type": "text", "text": c.text(9)}}
	case c.pick(5) > 0:
		m["content"] = c.text(60)
	default:
		m["content"] = nil
	}
}

// pieces cuts a text between characters, or inside one, as JSON.
func (c *cutter) pieces(text string) (pieces []json.RawMessage) {
	var units []string // of JSON: a character, a byte, an escape of half a pair
	for _, r := range text {
		quoted, _ := JSON.Marshal(string(r))
		inside := string(quoted[1 : len(quoted)-1])
		switch {
		case r >= utf8.RuneSelf && c.pick(3) == 0:
			for _, b := range []byte(string(r)) {
				units = append(units, string([]byte{b}))
			}
		case r > 0xffff && c.pick(2) == 0:
			units = append(units, fmt.Sprintf(`\u%04x`, 0xd800+(r-0x10000)>>10), fmt.Sprintf(`\u%04x`, 0xdc00+(r-0x10000)&0x3ff))
		default:
			units = append(units, inside)
		}
	}
	for len(units) > 0 {
		n := min(len(units), c.pick(4)+1)
		pieces = append(pieces, json.RawMessage(`"`+strings.Join(units[:n], "")+`"`))
		units = units[n:]
	}
	return pieces
}

// whole cuts a text between characters only.
func (c *cutter) whole(text string) (pieces []string) {
	for runes := []rune(text); len(runes) > 0; {
		n := min(len(runes), c.pick(6)+1)
		pieces = append(pieces, string(runes[:n]))
		runes = runes[n:]
	}
	return pieces
}

// deltas cuts a message, field by field.
func (c *cutter) deltas(m doc) (deltas []string) {
	emit := func(format string, args ...any) { deltas = append(deltas, fmt.Sprintf(format, args...)) }
	emit(`{"role":"assistant"}`)
	if text, ok := m["reasoning_content"].(string); ok {
		for _, piece := range c.pieces(text) {
			emit([]string{`{"reasoning_content":%[1]s}`, `{"reasoning":%[1]s}`, `{"reasoning":%[1]s,"reasoning_content":%[1]s}`}[c.reasoning], piece)
		}
	}
	if list, ok := m["reasoning_details"].([]any); ok {
		for _, piece := range c.pieces(list[0].(doc)["text"].(string)) {
			emit(`{"reasoning_details":[{"type":"reasoning.text","format":"f1","index":0,"text":%s}]}`, piece)
		}
		emit(`{"reasoning_details":[{"type":"reasoning.text","index":0,"signature":"c2ln"}]}`)
		for _, entry := range list[1:] {
			emit(`{"reasoning_details":[%s]}`, asJSON(entry))
		}
	}
	c.contentDeltas(m, emit)
	if text, ok := m["refusal"].(string); ok {
		for _, piece := range c.pieces(text) {
			emit(`{"refusal":%s,"content":null}`, piece)
		}
	}
	if text, ok := m["x_unknown"].(string); ok {
		pieces := c.pieces(text[1:])
		emit(`{"x_unknown":"!"}`)
		for _, piece := range pieces {
			emit(`{"x_unknown":%s}`, piece)
		}
	}
	if object, ok := m["x_object"].(doc); ok {
		deep := object["deep"].(doc)
		emit(`{"x_object":{"name":"n","on":false}}`)
		for _, piece := range c.pieces(deep["text"].(string)) {
			emit(`{"x_object":{"name":"n","deep":{"text":%s}}}`, piece)
		}
		for _, item := range deep["list"].([]any) {
			emit(`{"x_object":{"deep":{"list":[%s]}}}`, asJSON(item))
		}
		emit(`{"x_object":{"on":true}}`)
	}
	if audio, ok := m["audio"].(doc); ok {
		emit(`{"audio":{"id":"audio_1"}}`)
		for _, piece := range c.pieces(audio["transcript"].(string)) {
			emit(`{"audio":{"transcript":%s}}`, piece)
		}
		for data := audio["data"].(string); data != ""; data = data[4:] {
			emit(`{"audio":{"id":"audio_1","data":%q}}`, data[:4])
		}
		emit(`{"audio":{"expires_at":1800000000}}`)
	}
	for _, name := range []string{"annotations", "images"} {
		list, _ := m[name].([]any)
		if c.pick(2) == 0 { // all so far
			for i := range list {
				emit(`{%q:%s}`, name, asJSON(list[:i+1]))
			}
			if list != nil {
				emit(`{%q:%s}`, name, asJSON(list))
			}
			continue
		}
		for _, item := range list {
			emit(`{%q:[%s]}`, name, asJSON(item))
		}
	}
	calls := c.callDeltas(m)
	for begun := 0; len(calls) > 0; {
		i, most := 0, len(calls)
		if c.index > 1 { // the first that comes is the first
			most = min(begun+1, most)
		}
		if c.mixed {
			i = c.pick(most)
		}
		begun = max(begun, i+1)
		emit("%s", calls[i][0])
		if calls[i] = calls[i][1:]; len(calls[i]) == 0 {
			calls = slices.Delete(calls, i, i+1)
			begun--
		}
	}
	return deltas
}

func (c *cutter) contentDeltas(m doc, emit func(string, ...any)) {
	switch content := m["content"].(type) {
	case string:
		for _, piece := range c.pieces(content) {
			emit(`{"content":%s}`, piece)
		}
	case []any:
		for _, item := range content {
			switch part := item.(doc); part["type"] {
			case "text":
				for _, piece := range c.pieces(part["text"].(string)) {
					if c.pick(2) == 0 {
						emit(`{"content":%s}`, piece)
					} else {
						emit(`{"content":[{"type":"text","text":%s}]}`, piece)
					}
				}
			case "thinking":
				for _, piece := range c.whole(part["thinking"].([]any)[0].(doc)["text"].(string)) {
					emit(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":%s}]}]}`, asJSON(piece))
				}
			default:
				emit(`{"content":[%s]}`, asJSON(part))
			}
		}
	}
}

// callDeltas cuts tool calls, each by itself.
func (c *cutter) callDeltas(m doc) (deltas [][]string) {
	calls, _ := m["tool_calls"].([]any)
	for i, item := range calls {
		call := item.(doc)
		deltas = append(deltas, nil)
		function := call["function"].(doc)
		name, id := function["name"].(string), call["id"].(string)
		arguments := c.pieces(function["arguments"].(string))
		delta := func(id, name string, arguments string) {
			fields := c.callIndex(i)
			if id != "" {
				fields = append(fields, fmt.Sprintf(`"id":%q`, id))
			}
			if c.pick(2) == 0 || id != "" {
				fields = append(fields, `"type":"function"`)
			}
			fields = append(fields, fmt.Sprintf(`"function":{"name":%s,"arguments":%s}`, name, arguments))
			deltas[i] = append(deltas[i], fmt.Sprintf(`{"tool_calls":[{%s}]}`, strings.Join(fields, ",")))
		}
		first, nameAgain := asJSON(name), `null`
		switch {
		case c.names == 1:
			nameAgain = first
		case c.names >= 2 && c.ids != 3: // in pieces: the first has the id
			delta(id, asJSON(name[:2]), `""`)
			again := ""
			if c.ids == 1 {
				again = id
			}
			if c.names == 3 {
				delta(again, asJSON(name[:3]), `""`)
				delta(again, first, `""`)
				if c.pick(2) == 0 {
					break
				}
			} else {
				delta(again, asJSON(name[2:]), `""`)
			}
			first = `""`
		}
		if text := function["arguments"].(string); text != "" && !isPlaceholder(text) && nameAgain == `null` && c.ids != 3 && c.pick(4) == 0 {
			delta(id, first, []string{`"{}"`, `{}`, `"null"`, `"[]"`, "\"\\\"\\\"\""}[c.pick(5)])
			first = nameAgain
		}
		for j, piece := range arguments {
			said, sent := nameAgain, ""
			if j == 0 {
				said = first
			}
			switch {
			case j == 0 && c.ids != 3, c.ids == 1:
				sent = id
			case c.ids == 2 && said == `null`:
				sent = fmt.Sprintf("%s_%d", id, j)
			case c.ids == 3 && j == len(arguments)-1:
				sent = id
			}
			delta(sent, said, string(piece))
		}
	}
	return deltas
}

func (c *cutter) callIndex(i int) []string {
	switch c.index {
	case 0:
		return []string{fmt.Sprintf(`"index":%d`, i)}
	case 1:
		return []string{fmt.Sprintf(`"index":"%d"`, i)}
	case 2:
		return []string{`"index":0`}
	case 3:
		return []string{`"index":null`}
	}
	return nil
}

// choices are what the chunks of a stream of the message say of its choice.
func (c *cutter) choices(m doc) (chunks []string) {
	beside := func(rest string) string { return fmt.Sprintf(`{"index":%d,%s}`, c.choice, rest) }
	if c.message == 3 { // all so far, in messages alone
		so := doc{"role": "assistant"}
		if text, ok := m["content"].(string); ok {
			have := ""
			for _, piece := range c.whole(text) {
				have += piece
				so["content"] = have
				chunks = append(chunks, beside(`"message":`+asJSON(so)))
			}
		}
		return append(chunks, beside(`"message":`+asJSON(m)+`,"finish_reason":"stop"`))
	}
	for i, delta := range c.deltas(m) {
		c.message %= 3
		if text, ok := m["content"].(string); ok && c.message == 1 && i == 0 {
			for have, rest := "", c.whole(text); len(rest) > 0; rest = rest[1:] {
				have += rest[0]
				chunks = append(chunks, beside(`"message":`+asJSON(doc{"content": have})+`,"delta":`+asJSON(doc{"content": rest[0]})))
			}
		}
		if c.message == 1 && strings.Contains(delta, `"content":`) && !strings.Contains(delta, `"refusal"`) {
			continue
		}
		chunks = append(chunks, beside(`"delta":`+delta))
	}
	if c.message != 0 {
		return append(chunks, beside(`"delta":{},"message":`+asJSON(m)+`,"finish_reason":"stop"`))
	}
	return append(chunks, beside(`"delta":{},"finish_reason":"stop"`))
}

// mix makes one stream of those of several choices, which take turns or stand
// in the same chunk.
func mix(r *rand.Rand, streams [][]string) (chunks []string) {
	for len(streams) > 0 {
		var choices []string
		first, some := r.IntN(len(streams)), r.IntN(len(streams))+1
		for i := range streams {
			if (i+len(streams)-first)%len(streams) < some {
				choices = append(choices, streams[i][0])
				streams[i] = streams[i][1:]
			}
		}
		streams = slices.DeleteFunc(streams, func(rest []string) bool { return len(rest) == 0 })
		chunks = append(chunks, `{"id":"c","model":"m","provider":"p","choices":[`+strings.Join(choices, ",")+`]}`)
	}
	return chunks
}
