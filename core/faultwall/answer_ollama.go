package faultwall

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

// ollama is the wire format of Ollama's own chat API, as documented in its API
// documentation ("Generate a chat completion"): objects, one a line in streams,
// the last of which has "done": true.
type ollama struct{}

var _ dialect = ollama{}

// ollamaTime is a fixed time, so that answers are the same in every run.
const ollamaTime = "2023-11-14T22:13:20.5Z"

type ollamaAnswer struct {
	Model   string         `json:"model"`
	Created string         `json:"created_at"`
	Message *ollamaMessage `json:"message"`
	Done    bool           `json:"done"`
	Reason  string         `json:"done_reason,omitempty"`

	Prompt json.RawMessage `json:"prompt_eval_count,omitempty"`
	Answer json.RawMessage `json:"eval_count,omitempty"`
	Total  int64           `json:"total_duration,omitempty"` // nanoseconds
}

type ollamaMessage struct {
	Role     string       `json:"role"`
	Content  string       `json:"content"`
	Thinking string       `json:"thinking,omitempty"`
	Calls    []ollamaCall `json:"tool_calls,omitempty"`
}

type ollamaCall struct {
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

func ollamaCalls(calls []ToolCall) []ollamaCall {
	all := make([]ollamaCall, len(calls))
	for i := range calls {
		all[i].Function.Name, all[i].Function.Arguments = calls[i].Name, argumentsObject(calls[i].arguments())
	}
	return all
}

// line is one object of a stream.
func (ollama) line(a *content, m ollamaMessage) ollamaAnswer {
	m.Role = "assistant"
	return ollamaAnswer{Model: a.model, Created: ollamaTime, Message: &m}
}

// ends makes a line the last one.
func (o ollama) ends(a *content, line ollamaAnswer, usage json.RawMessage) ollamaAnswer {
	line.Done, line.Total = true, 1_500_000
	if line.Reason = a.finish; line.Reason == "tool_calls" {
		line.Reason = "stop"
	}
	var counts map[string]json.RawMessage
	if llm.JSON.Unmarshal(usage, &counts) == nil {
		line.Prompt, line.Answer = counts["prompt_tokens"], counts["completion_tokens"]
	}
	return line
}

func (o ollama) whole(a *content) any {
	line := o.line(a, ollamaMessage{Content: a.text + a.refusal, Thinking: a.reasoning, Calls: ollamaCalls(a.calls)})
	return withExtra(o.ends(a, line, a.usage), a.extra)
}

func (o ollama) chunk(a *content, d delta) any {
	m := ollamaMessage{Content: d.said()}
	if d.reasoning != nil {
		m.Thinking = *d.reasoning
	}
	if c := d.call; c != nil {
		m.Calls = make([]ollamaCall, 1)
		m.Calls[0].Function.Name, m.Calls[0].Function.Arguments = c.Name, argumentsObject(c.Arguments)
	}
	line := o.line(a, m)
	if d.finish != "" {
		ended := *a
		ended.finish = d.finish
		line = o.ends(&ended, line, d.usage)
	}
	return withExtra(line, a.extra)
}

// deltas: thoughts, text, each call whole, and the end by itself.
func (ollama) deltas(_ *call, s *Step, a *content) []delta {
	all := s.pieces(a, 1)
	if a.finish == "" || !s.ends() {
		return all
	}
	return append(all, delta{finish: a.finish, usage: a.usage})
}

func (ollama) failure(status int, model string) any {
	message := statusText(status)
	if status == http.StatusNotFound {
		message = "model '" + model + "' not found"
	}
	return object("error", message)
}

func (ollama) list(models []string) any {
	all := []any{}
	for _, name := range slices.Sorted(slices.Values(models)) {
		all = append(all, object("name", name, "model", name, "modified_at", ollamaTime, "size", 1, "digest", "wall", "details", map[string]any{}))
	}
	return object("models", all)
}

// readOllama is readOpenAI, but for streams, which are the default. What Ollama
// cannot read is refused as it does.
func (c *call) readOllama(r *http.Request) *Step {
	refusal := c.readOpenAI(r)
	c.dialect, c.lines = ollama{}, true
	if refusal != nil {
		if refusal.Body != nil {
			refusal.Body = object("error", "invalid JSON")
		}
		return refusal
	}
	var fields struct {
		Stream   *bool `json:"stream"`
		Messages []struct {
			Role      string       `json:"role"`
			Content   string       `json:"content"`
			Thinking  string       `json:"thinking"`
			Images    [][]byte     `json:"images"`
			ToolCalls []ollamaCall `json:"tool_calls"`
		} `json:"messages"`
		Options map[string]any `json:"options"`
	}
	if err := llm.JSON.Unmarshal(c.body, &fields); err != nil {
		return &Step{Status: http.StatusBadRequest, Body: object("error", err.Error())}
	}
	for _, m := range fields.Messages {
		for _, made := range m.ToolCalls {
			if args := made.Function.Arguments; len(args) == 0 || args[0] != '{' {
				return &Step{Status: http.StatusBadRequest, Body: object("error", "json: cannot unmarshal arguments of a tool call into an object")}
			}
		}
	}
	c.stream = fields.Stream == nil || *fields.Stream
	c.includeUsage = true
	return nil
}
