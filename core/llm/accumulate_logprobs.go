package llm

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// logprobList is a list with an entry for each token, under its name: "content"
// and "refusal", or "tokens" and its like of old completions; "" where the list
// stands alone. Each piece has tokens of its own, also where they are alike.
type logprobList struct {
	name  string
	items []json.RawMessage
}

func (p *partialChoice) addLogprobs(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	r := newReader(raw) // lenient: what cannot be read is left out
	if r.Next() == '[' {
		p.addLogprobList(&r, "")
		return
	}
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		if r.Next() == '[' {
			p.addLogprobList(&r, name)
		} else if from := r.Span(); r.Err == nil {
			p.otherLogprobs.addField(jointPlace{name: name}, r.Keep(r.Data[from:r.Pos]))
		}
	}
}

// addLogprobList appends the elements of an array as they stand.
func (p *partialChoice) addLogprobList(r *reader, name string) {
	at := slices.IndexFunc(p.logprobLists, func(l logprobList) bool { return l.name == name })
	if at < 0 {
		at = len(p.logprobLists)
		p.logprobLists = append(p.logprobLists, logprobList{name, []json.RawMessage{}})
	}
	to := &p.logprobLists[at].items
	for more := r.Array(); more; more = r.NextItem() {
		if from := r.Span(); r.Err == nil {
			*to = append(*to, r.Keep(r.Data[from:r.Pos]))
		}
	}
}

func (p *partialChoice) logprobs() json.RawMessage {
	if p.logprobLists == nil && p.otherLogprobs == nil {
		return nil
	}
	raw, err := jsontext.Encode(nil, func(w *jsontext.Writer) {
		write := func(item *json.RawMessage, w *jsontext.Writer) { w.Raw(*item) }
		if len(p.logprobLists) == 1 && p.logprobLists[0].name == "" {
			jsontext.WriteList(w, p.logprobLists[0].items, write)
			return
		}
		o, others := w.Object(), p.otherLogprobs.extra()
		for _, list := range p.logprobLists {
			if delete(others, list.name); list.name != "" { // null, before the first list
				jsontext.WriteList(o.Field(list.name), list.items, write)
			}
		}
		o.Extra(others)
		o.End()
	})
	if err != nil {
		return nil
	}
	return raw
}
