package faultwall

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// openAI is the wire format of OpenAI's chat completions, as documented in
// OpenAI's API reference ("The chat completion object", "The chat completion
// chunk object") and spoken by all compatible servers.
type openAI struct{}

var _ dialect = openAI{}

// created is a fixed time, so that answers are the same in every run.
const created = 1700000000

type openAIAnswer struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []openAIChoice  `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

type openAIChoice struct {
	Index   int            `json:"index"`
	Message *openAIMessage `json:"message,omitempty"`
	Delta   *openAIMessage `json:"delta,omitempty"`
	Finish  *string        `json:"finish_reason"`
}

type openAIMessage struct {
	Role      string           `json:"role,omitempty"`
	Content   *string          `json:"content,omitempty"`
	Reasoning *string          `json:"reasoning_content,omitempty"`
	Refusal   *string          `json:"refusal,omitempty"`
	ToolCalls []openAIToolCall `json:"tool_calls,omitempty"`
}

type openAIToolCall struct {
	Index    *int           `json:"index,omitempty"`
	ID       string         `json:"id,omitempty"`
	Type     string         `json:"type,omitempty"`
	Function openAIFunction `json:"function"`
}

type openAIFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

func (openAI) whole(a *content) any {
	answer := openAIAnswer{ID: "chatcmpl-" + a.id, Object: "chat.completion", Created: created, Model: a.model, Usage: a.usage}
	for i := range a.choices {
		message := openAIMessage{Role: "assistant"}
		if a.text != "" || len(a.calls) == 0 && a.refusal == "" {
			message.Content = &a.text
		}
		if a.reasoning != "" {
			message.Reasoning = &a.reasoning
		}
		if a.refusal != "" {
			message.Refusal = &a.refusal
		}
		for n := range a.calls {
			c := &a.calls[n]
			message.ToolCalls = append(message.ToolCalls, openAIToolCall{
				ID: callID(c, n, "call"), Type: "function",
				Function: openAIFunction{Name: c.Name, Arguments: c.arguments()},
			})
		}
		answer.Choices = append(answer.Choices, openAIChoice{Index: i, Message: &message, Finish: orNil(a.finish)})
	}
	return withExtra(answer, a.extra)
}

func (openAI) chunk(a *content, d delta) any {
	answer := openAIAnswer{
		ID: "chatcmpl-" + a.id, Object: "chat.completion.chunk", Created: created, Model: a.model,
		Choices: []openAIChoice{}, Usage: d.usage,
	}
	if d.usage == nil && d.asked {
		answer.Usage = json.RawMessage("null")
	}
	if !d.bare {
		message := openAIMessage{Role: d.role, Content: d.text, Reasoning: d.reasoning, Refusal: d.refusal}
		if c := d.call; c != nil {
			piece := openAIToolCall{Index: &c.Index, ID: c.ID, Function: openAIFunction{Name: c.Name, Arguments: c.Arguments}}
			if c.ID != "" {
				piece.Type = "function"
			}
			message.ToolCalls = []openAIToolCall{piece}
		}
		answer.Choices = append(answer.Choices, openAIChoice{Index: d.choice, Delta: &message, Finish: orNil(d.finish)})
	}
	return withExtra(answer, a.extra)
}

// deltas: a role chunk, reasoning, text, refusal and tool calls in pieces, the
// finish reason by itself, usage where Step.UsageChunk wants it.
func (openAI) deltas(c *call, s *Step, a *content) []delta {
	wanted := s.UsageChunk
	if wanted == "" && !c.includeUsage || a.usage == nil {
		wanted = UsageNone
	}
	var all []delta
	each := func(d delta) {
		d.asked = c.includeUsage
		for i := range a.choices {
			d.choice = i
			all = append(all, d)
		}
	}
	empty := ""
	each(delta{role: "assistant", text: &empty})
	for _, piece := range s.split(a.reasoning) {
		each(delta{reasoning: &piece})
	}
	for _, piece := range s.split(a.text) {
		each(delta{text: &piece})
	}
	for _, piece := range s.split(a.refusal) {
		each(delta{refusal: &piece})
	}
	for _, piece := range s.callPieces(a.calls) {
		each(delta{call: &piece})
	}
	if a.finish != "" {
		last := delta{finish: a.finish}
		if wanted == UsageFinish {
			last.usage = a.usage
		}
		each(last)
	}
	switch wanted {
	case UsageEmptyDelta:
		all = append(all, delta{usage: a.usage, asked: c.includeUsage})
	case UsageOwn, "":
		all = append(all, delta{usage: a.usage, bare: true})
	}
	return all
}

// callPieces cuts tool calls into the pieces of a stream: the first piece of a
// call has its id and name, the others parts of its arguments.
func (s *Step) callPieces(calls []ToolCall) []ToolCallDelta {
	queues := make([][]ToolCallDelta, len(calls))
	for i := range calls {
		queues[i] = []ToolCallDelta{{Index: i, ID: callID(&calls[i], i, "call"), Name: calls[i].Name}}
		for _, piece := range s.split(calls[i].arguments()) {
			queues[i] = append(queues[i], ToolCallDelta{Index: i, Arguments: piece})
		}
	}
	var all []ToolCallDelta
	if !s.Interleave {
		for _, queue := range queues {
			all = append(all, queue...)
		}
		return all
	}
	for left := true; left; {
		left = false
		for i, queue := range queues {
			if len(queue) > 0 {
				all = append(all, queue[0])
				queues[i] = queue[1:]
				left = true
			}
		}
	}
	return all
}

// openAIErrors: type and code that OpenAI (402: DeepSeek) sends with a status.
const openAIErrors = "400|Invalid request.|invalid_request_error|\n" +
	"401|Incorrect API key provided.|invalid_request_error|invalid_api_key\n" +
	"402|Insufficient Balance|unknown_error|invalid_request_error\n" +
	"403|You are not allowed to use this model.|permission_error|permission_denied\n" +
	"404|The model `%s` does not exist or you do not have access to it.|invalid_request_error|model_not_found\n" +
	"429|Rate limit reached for %s.|requests|rate_limit_exceeded\n" +
	"500|The server had an error while processing your request.|server_error|\n" +
	"503|The server is overloaded or not ready yet.|server_error|service_unavailable\n"

func (openAI) failure(status int, model string) any {
	known := failureOf(openAIErrors, status)
	if known.status == 0 {
		kind := "invalid_request_error"
		if status >= 500 {
			kind = "server_error"
		}
		known.message, known.kind = statusText(status)+".", kind
	}
	message := known.message
	if status == http.StatusNotFound || status == http.StatusTooManyRequests {
		message = fmt.Sprintf(message, model)
	}
	return object("error", object(
		"message", message, "type", known.kind, "param", nil, "code", orNil(known.code),
	))
}

func (openAI) list(models []string) any {
	data := make([]map[string]any, 0, len(models))
	for _, name := range models {
		data = append(data, object("id", name, "object", "model", "created", created, "owned_by", "faultwall"))
	}
	return object("object", "list", "data", data)
}

// failure is what a vendor says with a status.
type failure struct {
	status              int
	message, kind, code string
}

// failureOf is a vendor's failure of a status, of lines with the status, the
// message, the kind and the code between bars; its status is 0 if the vendor
// has none.
func failureOf(all string, status int) (f failure) {
	for line := range strings.SplitSeq(all, "\n") {
		if w := strings.Split(line, "|"); w[0] == strconv.Itoa(status) {
			f = failure{status, w[1], w[2], w[3]}
		}
	}
	return f
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return fmt.Sprintf("Status %d", status)
}
