package llm

import "encoding/json"

func (p *partialChoice) addLogprobs(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	r := newReader(raw) // lenient: what cannot be read is left out
	for more := r.Object(); more; more = r.NextField() {
		switch name := string(r.Key); {
		case name == "content" && r.Next() == '[':
			p.logContent = r.items(p.logContent)
		case name == "refusal" && r.Next() == '[':
			p.logRefusal = r.items(p.logRefusal)
		default:
			if from := r.Span(); r.Err == nil {
				p.otherLogprobs.addField(jointPlace{name: name}, r.Keep(r.Data[from:r.Pos]))
			}
		}
	}
}

// items appends the elements of an array as they stand.
func (r *reader) items(to []json.RawMessage) []json.RawMessage {
	for more := r.Array(); more; more = r.NextItem() {
		if from := r.Span(); r.Err == nil {
			to = append(to, r.Keep(r.Data[from:r.Pos]))
		}
	}
	return to
}
