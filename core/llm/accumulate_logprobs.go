package llm

import "encoding/json"

func (p *partialChoice) addLogprobs(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	r := newReader(raw) // lenient: what cannot be read is left out
	for more := r.object(); more; more = r.nextField() {
		switch name := string(r.key); {
		case name == "content" && r.next() == '[':
			p.logContent = r.items(p.logContent)
		case name == "refusal" && r.next() == '[':
			p.logRefusal = r.items(p.logRefusal)
		default:
			if from := r.Field(); r.err == nil {
				p.otherLogprobs.addField(jointPlace{name: name}, r.keep(r.Data[from:r.Pos]))
			}
		}
	}
}

// items appends the elements of an array as they stand.
func (r *reader) items(to []json.RawMessage) []json.RawMessage {
	for more := r.array(); more; more = r.nextItem() {
		if from := r.Field(); r.err == nil {
			to = append(to, r.keep(r.Data[from:r.Pos]))
		}
	}
	return to
}
