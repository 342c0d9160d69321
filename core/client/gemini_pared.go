package client

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

// What a body for Gemini can leave out where the server refuses it. Signatures of other
// servers' thoughts are refused as corrupted; ids, signatures and includeThoughts are unknown to
// relays and to older versions of the API.
const (
	omitSignature       = "contents.parts.thoughtSignature"
	omitStandIn         = "contents.parts.thoughtSignature (stand-in)" // geminiSkipSignature
	omitCallID          = "contents.parts.functionCall.id"
	omitIncludeThoughts = "generationConfig.thinkingConfig.includeThoughts"
)

// suspects are what the translation adds, and what another answer has brought.
func (w *geminiWire) suspects(x *Exchange) (s []suspect) {
	r, err := x.Payload.Request()
	if err != nil {
		return nil
	}
	r.Model = x.Model
	body, _, err := geminiBodyOf(r)
	if err != nil {
		return nil
	}
	signature := []string{"thoughtsignature", "signature", "signatures"}
	body.parts(func(p *geminiPart) {
		switch p.ThoughtSignature {
		case "":
		case geminiSkipSignature:
			s = withSuspect(s, suspect{name: omitStandIn, words: signature})
		default:
			s = withSuspect(s, suspect{name: omitSignature, words: signature, history: true})
			if p.FunctionCall != nil && slices.Contains(x.asking.omit, omitSignature) {
				s = withSuspect(s, suspect{name: omitStandIn, words: signature})
			}
		}
		if p.FunctionCall != nil && p.FunctionCall.ID != "" || p.FunctionResponse != nil && p.FunctionResponse.ID != "" {
			s = withSuspect(s, suspect{name: omitCallID, words: []string{"id"}, history: true})
		}
	})
	if r.ReasoningEffort != "" && geminiIncludes(body.GenerationConfig) {
		s = withSuspect(s, suspect{name: omitIncludeThoughts, words: []string{"includethoughts", "thinkingconfig"}})
	}
	if !slices.ContainsFunc(s, func(s suspect) bool { return s.name == omitSignature && !slices.Contains(x.asking.omit, omitSignature) }) {
		return s
	}
	// A real signature first: without it the stand-in may do.
	return slices.DeleteFunc(s, func(s suspect) bool { return s.name == omitStandIn })
}

func withSuspect(list []suspect, s suspect) []suspect {
	if slices.ContainsFunc(list, func(other suspect) bool { return other.name == s.name }) {
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
func (b *geminiBody) pare(omit []string, sign bool) (left []string) {
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
	if geminiIncludes(b.GenerationConfig) && drops(omitIncludeThoughts) {
		b.GenerationConfig = geminiWithoutThoughts(b.GenerationConfig)
	}
	return left
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

func geminiWithoutThoughts(config json.RawMessage) json.RawMessage {
	all, thinking := llm.Extra{}, llm.Extra{}
	if llm.JSON.Unmarshal(config, &all) != nil || llm.JSON.Unmarshal(all["thinkingConfig"], &thinking) != nil {
		return config
	}
	delete(thinking, "includeThoughts")
	raw, err := llm.JSON.Marshal(thinking)
	if err != nil {
		return config
	}
	all["thinkingConfig"] = raw
	if raw, err = llm.JSON.Marshal(all); err != nil {
		return config
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
