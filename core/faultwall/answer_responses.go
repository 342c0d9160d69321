package faultwall

import (
	"encoding/json"
	"maps"
)

// responses is the wire format of OpenAI's Responses API, as documented in its
// reference ("Responses", "Streaming events"). Its errors and its list of
// models are those of OpenAI's other API.
type responses struct{ openAI }

var _ dialect = responses{}

type responsesAnswer struct {
	ID         string          `json:"id"`
	Object     string          `json:"object"`
	Created    int64           `json:"created_at"`
	Status     string          `json:"status"`
	Error      any             `json:"error"`
	Incomplete any             `json:"incomplete_details"`
	Model      string          `json:"model"`
	Output     []responsesItem `json:"output"`
	Parallel   bool            `json:"parallel_tool_calls"`
	ToolChoice string          `json:"tool_choice"`
	Tools      []any           `json:"tools"`
	Usage      any             `json:"usage"`
}

type responsesItem struct {
	ID        string           `json:"id"`
	Type      string           `json:"type"`
	Status    string           `json:"status,omitempty"`
	Role      string           `json:"role,omitempty"`
	Content   *[]responsesPart `json:"content,omitempty"`
	Summary   *[]responsesPart `json:"summary,omitempty"`
	Encrypted string           `json:"encrypted_content,omitempty"`
	CallID    string           `json:"call_id,omitempty"`
	Name      string           `json:"name,omitempty"`
	Arguments *string          `json:"arguments,omitempty"`
}

type responsesPart struct {
	Type        string  `json:"type"`
	Text        *string `json:"text,omitempty"`
	Refusal     *string `json:"refusal,omitempty"`
	Annotations *[]any  `json:"annotations,omitempty"`
}

// responsesEncrypted is the encrypted content of the wall's thoughts.
const responsesEncrypted = "d2FsbC1lbmNyeXB0ZWQ="

func (responses) whole(a *content) any {
	r := responsesHead(a, responsesItems(a))
	r.Usage = responsesUsage(a.usage)
	r.Status, r.Incomplete = responsesStatus(a.finish)
	return withExtra(r, a.extra)
}

func responsesHead(a *content, output []responsesItem) responsesAnswer {
	return responsesAnswer{ID: "resp_" + a.id, Object: "response", Created: created, Status: "in_progress", Model: a.model, Output: output,
		Parallel: true, ToolChoice: "auto", Tools: []any{}}
}

// responsesStatus translates OpenAI's finish reasons: those that end an answer
// early are the details of an incomplete one.
func responsesStatus(finish string) (status string, details any) {
	switch finish {
	case "stop", "tool_calls":
		return "completed", nil
	case "":
		return "in_progress", nil
	case "length":
		finish = "max_output_tokens"
	}
	return "incomplete", object("reason", finish)
}

// responsesItems are the items of an answer: thoughts, a message, calls.
func responsesItems(a *content) []responsesItem {
	items := []responsesItem{}
	if a.reasoning != "" {
		items = append(items, responsesItem{ID: "rs_" + a.id, Type: "reasoning", Summary: &[]responsesPart{{Type: "summary_text", Text: &a.reasoning}}, Encrypted: responsesEncrypted})
	}
	var parts []responsesPart
	if a.text != "" || a.refusal == "" && len(a.calls) == 0 {
		parts = append(parts, responsesPart{Type: "output_text", Text: &a.text, Annotations: &[]any{}})
	}
	if a.refusal != "" {
		parts = append(parts, responsesPart{Type: "refusal", Refusal: &a.refusal})
	}
	if len(parts) > 0 {
		items = append(items, responsesItem{ID: "msg_" + a.id, Type: "message", Status: "completed", Role: "assistant", Content: &parts})
	}
	for n := range a.calls {
		id, arguments := callID(&a.calls[n], n, "call"), a.calls[n].arguments()
		items = append(items, responsesItem{ID: "fc_" + a.id + "_" + id, Type: "function_call", Status: "completed", CallID: id, Name: a.calls[n].Name, Arguments: &arguments})
	}
	return items
}

// responsesUsage renames OpenAI's fields; a usage without them stays as it is.
func responsesUsage(usage json.RawMessage) any {
	fields, _ := renamed(usage, map[string]string{"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens",
		"prompt_tokens_details": "input_tokens_details", "completion_tokens_details": "output_tokens_details"}).(map[string]json.RawMessage)
	if fields == nil {
		return nil
	}
	for name, empty := range map[string]string{"input_tokens_details": `{"cached_tokens":0}`, "output_tokens_details": `{"reasoning_tokens":0}`} {
		if _, ok := fields[name]; !ok {
			fields[name] = json.RawMessage(empty)
		}
	}
	return fields
}

// chunk is an event that a script describes: it has no number, since it stands
// for itself.
func (responses) chunk(a *content, d delta) any {
	at := object("output_index", d.choice, "content_index", 0, "item_id", "msg_"+a.id)
	event := func(kind string, fields map[string]any) any {
		at["type"] = "response." + kind
		maps.Copy(at, fields)
		return withExtra(at, a.extra)
	}
	switch c := d.call; {
	case d.finish != "" || d.bare:
		r := responsesHead(a, []responsesItem{})
		r.Usage = responsesUsage(d.usage)
		r.Status, r.Incomplete = responsesStatus(d.finish)
		if d.bare {
			r.Status = "completed"
		}
		return withExtra(object("type", "response."+r.Status, "response", r), a.extra)
	case c != nil && c.ID != "":
		return event("output_item.added", object("output_index", c.Index, "item", responsesItem{ID: "fc_" + c.ID, Type: "function_call", CallID: c.ID, Name: c.Name, Arguments: &c.Arguments}))
	case c != nil:
		return event("function_call_arguments.delta", object("output_index", c.Index, "item_id", "", "delta", c.Arguments))
	case d.refusal != nil:
		return event("refusal.delta", object("delta", *d.refusal))
	case d.reasoning != nil:
		return event("reasoning_summary_text.delta", object("item_id", "rs_"+a.id, "summary_index", 0, "delta", *d.reasoning))
	case d.text != nil:
		return event("output_text.delta", object("delta", *d.text, "logprobs", []any{}))
	}
	return withExtra(object("type", "response.created", "response", responsesHead(a, []responsesItem{})), a.extra)
}

// responsesStream numbers the events of a healthy stream.
type responsesStream struct {
	a   *content
	s   *Step
	all []delta
}

func (w *responsesStream) put(kind string, fields map[string]any) {
	event := object("type", "response."+kind, "sequence_number", len(w.all))
	maps.Copy(event, fields)
	w.all = append(w.all, delta{name: "response." + kind, event: withExtra(event, w.a.extra)})
}

// deltas: the answer as it begins, each item with its pieces, the whole answer.
func (responses) deltas(_ *call, s *Step, a *content) []delta {
	w := &responsesStream{a: a, s: s}
	items := responsesItems(a)
	begun := responsesHead(a, []responsesItem{})
	w.put("created", object("response", begun))
	w.put("in_progress", object("response", begun))
	for place, item := range items {
		w.item(place, item)
	}
	if a.finish == "" || !s.ends() {
		return w.all
	}
	ended := responsesHead(a, items)
	ended.Status, ended.Incomplete = responsesStatus(a.finish)
	ended.Usage = responsesUsage(a.usage)
	w.put(ended.Status, object("response", withExtra(ended, a.extra)))
	return w.all
}

// item is the events of one item.
func (w *responsesStream) item(place int, item responsesItem) {
	empty, begun := "", item
	if begun.Status != "" {
		begun.Status = "in_progress"
	}
	at := func(more map[string]any) map[string]any {
		more["output_index"], more["item_id"] = place, item.ID
		return more
	}
	begin := func() { w.put("output_item.added", object("output_index", place, "item", begun)) }
	switch item.Type {
	case "reasoning":
		begun.Summary = &[]responsesPart{}
		begin()
		text := *(*item.Summary)[0].Text
		w.put("reasoning_summary_part.added", at(object("summary_index", 0, "part", responsesPart{Type: "summary_text", Text: &empty})))
		for _, piece := range w.s.split(text) {
			w.put("reasoning_summary_text.delta", at(object("summary_index", 0, "delta", piece)))
		}
		w.put("reasoning_summary_text.done", at(object("summary_index", 0, "text", text)))
		w.put("reasoning_summary_part.done", at(object("summary_index", 0, "part", (*item.Summary)[0])))
	case "message":
		begun.Content = &[]responsesPart{}
		begin()
		for n, part := range *item.Content {
			w.part(n, part, at)
		}
	case "function_call":
		begun.Arguments = &empty
		begin()
		for _, piece := range w.s.split(*item.Arguments) {
			w.put("function_call_arguments.delta", at(object("delta", piece)))
		}
		w.put("function_call_arguments.done", at(object("arguments", *item.Arguments, "name", item.Name)))
	}
	w.put("output_item.done", object("output_index", place, "item", item))
}

// part is the events of one part of a message.
func (w *responsesStream) part(n int, part responsesPart, at func(map[string]any) map[string]any) {
	begun, kind, key := part, "output_text", "text"
	text, empty := part.Text, ""
	if part.Type == "refusal" {
		text, begun.Refusal, kind, key = part.Refusal, &empty, "refusal", "refusal"
	} else {
		begun.Text = &empty
	}
	with := func(fields map[string]any) map[string]any {
		fields["content_index"] = n
		if kind == "output_text" && fields["part"] == nil {
			fields["logprobs"] = []any{}
		}
		return at(fields)
	}
	w.put("content_part.added", with(object("part", begun)))
	for _, piece := range w.s.split(*text) {
		w.put(kind+".delta", with(object("delta", piece)))
	}
	w.put(kind+".done", with(object(key, *text)))
	w.put("content_part.done", with(object("part", part)))
}
