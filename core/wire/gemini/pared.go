package gemini

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// What a body for Gemini can leave out where the server refuses it. Signatures
// of other servers' thoughts are refused as corrupted; ids, signatures and
// includeThoughts are unknown to relays and to older versions of the API.
const (
	omitSignature       = "contents.parts.thoughtSignature"
	omitStandIn         = "contents.parts.thoughtSignature (stand-in)" // skipSignature
	omitCallID          = "contents.parts.functionCall.id"
	omitIncludeThoughts = "generationConfig.thinkingConfig.includeThoughts"
	omitThinking        = "generationConfig.thinkingConfig" // where the caller asked for nothing of the kind
)

// Suspects are what the translation adds, and what another answer has brought.
func (w *format) Suspects(c *wire.Call) (s []wire.Suspect) {
	r, err := c.Payload.Request()
	if err != nil {
		return nil
	}
	r.Model = c.Model
	body, err := bodyOf(r, &wire.Call{})
	if err != nil {
		return nil
	}
	signature := []string{"thoughtsignature", "signature", "signatures"}
	body.parts(func(p *sentPart) {
		switch p.ThoughtSignature {
		case "":
		case skipSignature:
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
	if body.SystemInstruction != nil {
		s = append(s, wire.Suspect{Name: wire.OmitSystem, Words: []string{"instruction", "systeminstruction"}, Named: true})
	}
	switch {
	case unasked(r, body.GenerationConfig):
		s = withSuspect(s, wire.Suspect{Name: omitThinking, Words: []string{"thinkingconfig", "thinkingbudget", "thinking", "budget"}})
	case r.ReasoningEffort != "" && includes(body.GenerationConfig):
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

func (b *requestBody) parts(f func(p *sentPart)) {
	for i := range b.Contents {
		for j := range b.Contents[i].Parts {
			f(&b.Contents[i].Parts[j])
		}
	}
}

// pare leaves out what omit names, and tells what of it there was.
func (b *requestBody) pare(r *llm.Request, omit []string) (left []string) {
	sign := needsSignatures(r.Model)
	drops := func(name string) bool {
		if !slices.Contains(omit, name) {
			return false
		}
		if !slices.Contains(left, name) {
			left = append(left, name)
		}
		return true
	}
	b.parts(func(p *sentPart) {
		if s := p.ThoughtSignature; s != "" && s != skipSignature && drops(omitSignature) {
			p.ThoughtSignature = ""
			if sign && p.FunctionCall != nil {
				p.ThoughtSignature = skipSignature
			}
		}
		if p.ThoughtSignature == skipSignature && drops(omitStandIn) {
			p.ThoughtSignature = ""
		}
		if p.FunctionCall != nil && p.FunctionCall.ID != "" && drops(omitCallID) {
			p.FunctionCall.ID = ""
		}
		if p.FunctionResponse != nil && p.FunctionResponse.ID != "" && drops(omitCallID) {
			p.FunctionResponse.ID = ""
		}
	})
	if unasked(r, b.GenerationConfig) {
		if drops(omitThinking) {
			b.GenerationConfig = without(b.GenerationConfig, "thinkingConfig")
		}
	} else if includes(b.GenerationConfig) && drops(omitIncludeThoughts) {
		b.GenerationConfig = without(b.GenerationConfig, "thinkingConfig", "includeThoughts")
	}
	return left
}

// unasked tells whether a generationConfig says how to think though the caller
// did not.
func unasked(r *llm.Request, config json.RawMessage) bool {
	own := llm.Extra{}
	_ = llm.JSON.Unmarshal(ownField(r.Extra, "generationConfig", "generation_config"), &own) // no object: nothing of its own
	all := llm.Extra{}
	return r.ReasoningEffort == "" && own["thinkingConfig"] == nil && own["thinking_config"] == nil &&
		len(config) > 0 && llm.JSON.Unmarshal(config, &all) == nil && all["thinkingConfig"] != nil
}

// includes tells whether a generationConfig asks for thoughts.
func includes(config json.RawMessage) bool {
	var c struct {
		Thinking struct {
			Include bool `json:"includeThoughts"`
		} `json:"thinkingConfig"`
	}
	return len(config) > 0 && llm.JSON.Unmarshal(config, &c) == nil && c.Thinking.Include
}

// without is an object without the field at path; without the object around it
// too, where that is empty then.
func without(object json.RawMessage, path ...string) json.RawMessage {
	fields := llm.Extra{}
	if llm.JSON.Unmarshal(object, &fields) != nil {
		return object
	}
	if len(path) > 1 {
		fields[path[0]] = without(fields[path[0]], path[1:]...)
	}
	if len(path) == 1 || fields[path[0]] == nil {
		delete(fields, path[0])
	}
	if len(fields) == 0 {
		return nil
	}
	return llm.JSONOf(fields)
}

// transcriptOf is what a spoken answer says.
func transcriptOf(audio json.RawMessage) string {
	var spoken struct {
		Transcript string `json:"transcript"`
	}
	if len(audio) == 0 || llm.JSON.Unmarshal(audio, &spoken) != nil {
		return ""
	}
	return spoken.Transcript
}
