package gemini

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

// inside is the answer that the object at hand holds in the place of
// candidates, as Google's Code Assist and gateways send it; nil for none.
func (g *reader) inside() []byte {
	if len(g.found) > 0 {
		return nil
	}
	for _, at := range g.top.found.List {
		if raw := g.top.data[at.Start:at.End]; len(raw) > 0 && raw[0] == '{' && bytes.Contains(raw, []byte(`"candidates"`)) {
			return raw
		}
	}
	return nil
}

// count gives a chunk the usage, from the first finish reason on. A server may
// have sent it before that only.
func (g *reader) count(c *llm.Chunk) {
	usage := g.usage()
	switch {
	case !g.ended && len(g.found) > 0:
		if usage != nil {
			g.counted = append(g.counted[:0], usage...)
		}
		return
	case usage == nil && !slices.ContainsFunc(g.candidates, func(c *candidate) bool { return !c.ended }):
		usage = g.counted
	}
	if len(usage) > 0 {
		c.Usage = readUsage(usage)
		g.counted = nil
	}
}

// usage is what the event says of tokens, which gateways write where OpenAI's
// format has it.
func (g *reader) usage() json.RawMessage {
	raw, other := g.top.take("usageMetadata"), g.top.take("usage")
	if other != nil && readUsage(raw) == nil {
		return other
	}
	return raw
}

// answerParts sees to the parts of a candidate, and gives what stands beside
// them if there are none. Servers that copy the format write a text where a
// list of parts should be, or put it beside the content.
func (f *found) answerParts() (beside json.RawMessage, err error) {
	raw := f.take("content")
	if f.err != nil || len(f.parts) > 0 {
		return nil, f.err
	}
	for _, name := range [...]string{"text", "output"} {
		if text := f.see(name); len(text) > 2 && text[0] == '"' {
			r := readerOf(f.take(name), f.dirty)
			return nil, f.scanPart(&r)
		}
	}
	if raw == nil || raw[0] != '{' {
		return nil, nil
	}
	var content fields
	r := readerOf(raw, f.dirty)
	if err := content.read(&r); err != nil {
		return nil, err
	}
	content.take("role")
	content.take("parts")
	if rest := content.rest(); rest != nil {
		beside = llm.JSONOf(rest) // the judge of failures finds it
	}
	return beside, nil
}
