package client

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// What a body for Gemini can leave out where the server refuses it. Signatures of other
// servers' thoughts are refused as corrupted; ids, signatures and includeThoughts are unknown to
// relays and to older versions of the API.
const (
	omitSignature       = "contents.parts.thoughtSignature"
	omitStandIn         = "contents.parts.thoughtSignature (stand-in)" // geminiSkipSignature
	omitCallID          = "contents.parts.functionCall.id"
	omitIncludeThoughts = "generationConfig.thinkingConfig.includeThoughts"
	omitThinking        = "generationConfig.thinkingConfig" // where the caller asked for nothing of the kind
)

// Suspects are what the translation adds, and what another answer has brought.
func (w *geminiWire) Suspects(c *wire.Call) (s []wire.Suspect) {
	r, err := c.Payload.Request()
	if err != nil {
		return nil
	}
	r.Model = c.Model
	body, _, err := geminiBodyOf(r)
	if err != nil {
		return nil
	}
	signature := []string{"thoughtsignature", "signature", "signatures"}
	body.parts(func(p *geminiPart) {
		switch p.ThoughtSignature {
		case "":
		case geminiSkipSignature:
			s = withSuspect(s, wire.Suspect{Name: omitStandIn, Words: signature})
		default:
			s = withSuspect(s, wire.Suspect{Name: omitSignature, Words: signature, History: true})
			if p.FunctionCall != nil && slices.Contains(c.Omit, omitSignature) {
				s = withSuspect(s, wire.Suspect{Name: omitStandIn, Words: signature})
			}
		}
		if p.FunctionCall != nil && p.FunctionCall.ID != "" || p.FunctionResponse != nil && p.FunctionResponse.ID != "" {
			s = withSuspect(s, wire.Suspect{Name: omitCallID, Words: []string{"id"}, History: true})
		}
	})
	switch {
	case geminiUnasked(r, body.GenerationConfig):
		s = withSuspect(s, wire.Suspect{Name: omitThinking, Words: []string{"thinkingconfig", "thinkingbudget", "thinking", "budget"}})
	case r.ReasoningEffort != "" && geminiIncludes(body.GenerationConfig):
		s = withSuspect(s, wire.Suspect{Name: omitIncludeThoughts, Words: []string{"includethoughts", "thinkingconfig"}})
	}
	if !slices.ContainsFunc(s, func(s wire.Suspect) bool { return s.Name == omitSignature && !slices.Contains(c.Omit, omitSignature) }) {
		return s
	}
	// A real signature first: without it the stand-in may do.
	return slices.DeleteFunc(s, func(s wire.Suspect) bool { return s.Name == omitStandIn })
}

func withSuspect(list []wire.Suspect, s wire.Suspect) []wire.Suspect {
	if slices.ContainsFunc(list, func(other wire.Suspect) bool { return other.Name == s.Name }) {
		return list
	}
	return append(list, s)
}

func (b *geminiBody) parts(f func(p *geminiPart)) {
	for i := range b.Contents {
		for j := range b.Contents[i].Parts {
			f(&b.Contents[i].Parts[j])
		}
	}
}

// pare leaves out what omit names, and tells what of it there was.
func (b *geminiBody) pare(r *llm.Request, omit []string) (left []string) {
	sign := geminiNeedsSignatures(r.Model)
	drops := func(name string) bool {
		if !slices.Contains(omit, name) {
			return false
		}
		if !slices.Contains(left, name) {
			left = append(left, name)
		}
		return true
	}
	b.parts(func(p *geminiPart) {
		if s := p.ThoughtSignature; s != "" && s != geminiSkipSignature && drops(omitSignature) {
			p.ThoughtSignature = ""
			if sign && p.FunctionCall != nil {
				p.ThoughtSignature = geminiSkipSignature
			}
		}
		if p.ThoughtSignature == geminiSkipSignature && drops(omitStandIn) {
			p.ThoughtSignature = ""
		}
		if p.FunctionCall != nil && p.FunctionCall.ID != "" && drops(omitCallID) {
			p.FunctionCall.ID = ""
		}
		if p.FunctionResponse != nil && p.FunctionResponse.ID != "" && drops(omitCallID) {
			p.FunctionResponse.ID = ""
		}
	})
	if geminiUnasked(r, b.GenerationConfig) {
		if drops(omitThinking) {
			b.GenerationConfig = geminiWithout(b.GenerationConfig, "thinkingConfig")
		}
	} else if geminiIncludes(b.GenerationConfig) && drops(omitIncludeThoughts) {
		b.GenerationConfig = geminiWithout(b.GenerationConfig, "thinkingConfig", "includeThoughts")
	}
	return left
}

// geminiUnasked tells whether a generationConfig says how to think though the caller did not.
func geminiUnasked(r *llm.Request, config json.RawMessage) bool {
	own := llm.Extra{}
	_ = llm.JSON.Unmarshal(geminiOwn(r.Extra, "generationConfig", "generation_config"), &own) // no object: nothing of its own
	all := llm.Extra{}
	return r.ReasoningEffort == "" && own["thinkingConfig"] == nil && own["thinking_config"] == nil &&
		len(config) > 0 && llm.JSON.Unmarshal(config, &all) == nil && all["thinkingConfig"] != nil
}

// geminiIncludes tells whether a generationConfig asks for thoughts.
func geminiIncludes(config json.RawMessage) bool {
	var c struct {
		Thinking struct {
			Include bool `json:"includeThoughts"`
		} `json:"thinkingConfig"`
	}
	return len(config) > 0 && llm.JSON.Unmarshal(config, &c) == nil && c.Thinking.Include
}

// geminiWithout is an object without the field at path; without the object around it too, where that
// is empty then.
func geminiWithout(object json.RawMessage, path ...string) json.RawMessage {
	fields := llm.Extra{}
	if llm.JSON.Unmarshal(object, &fields) != nil {
		return object
	}
	if len(path) > 1 {
		fields[path[0]] = geminiWithout(fields[path[0]], path[1:]...)
	}
	if len(path) == 1 || fields[path[0]] == nil {
		delete(fields, path[0])
	}
	if len(fields) == 0 {
		return nil
	}
	raw, err := llm.JSON.Marshal(fields)
	if err != nil {
		return object // not reachable: it was read from JSON
	}
	return raw
}

// geminiForeign tells whether a part that cannot be translated was the work of the vendor that
// answered (a "thinking" part): it is left out, under this name. What the caller sent is not.
func geminiForeign(m *llm.Message, p *llm.Part) (name string, foreign bool) {
	return "messages.content[" + p.Type + "]", m.Role == llm.RoleAssistant
}

// geminiTranscript is what a spoken answer says.
func geminiTranscript(audio json.RawMessage) string {
	var spoken struct {
		Transcript string `json:"transcript"`
	}
	if len(audio) == 0 || llm.JSON.Unmarshal(audio, &spoken) != nil {
		return ""
	}
	return spoken.Transcript
}
