package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/tests/contract"
)

const patience = 60 * time.Second

// check is one thing that is tried at every server through every door.
type check struct {
	name string
	run  func(v *visit) (string, error)
}

// visit is a session of one door at one server.
type visit struct {
	door    contract.Door
	server  *server
	baseURL string
	session uint64
}

// answer is what a call came to.
type answer struct {
	events []contract.Event
	code   string // "OK", "LEFT", or the error's
	status int
	text   string
	finish string
	joined string // the chunks' texts
	chunks int
	tools  []toolCall
	usage  struct {
		Total int `json:"total_tokens"`
	}
	document json.RawMessage
}

type toolCall struct {
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

var numbers atomic.Uint64

// do carries out one command and waits for its end.
func do(door contract.Door, c contract.Command) ([]contract.Event, error) {
	c.ID = numbers.Add(1)
	events := make(chan contract.Event, 100_000)
	door.Do(c, func(e contract.Event) { events <- e })
	var all []contract.Event
	for limit := time.After(patience); ; {
		select {
		case e := <-events:
			all = append(all, e)
			if e.Kind != "chunk" && e.Kind != "restart" {
				return all, nil
			}
		case <-limit:
			return all, fmt.Errorf("%s did not end within %v", c.Verb, patience)
		}
	}
}

// open opens a session with one model, after a route that leads nowhere if
// dead.
func open(door contract.Door, s *server, baseURL, key string, dead bool) (*visit, error) {
	model := map[string]any{"api_key": key, "base_url": baseURL, "timeout": 20, "max_retries": 1}
	if s.format != "" {
		model["type"] = s.format
	}
	if s.apiVersion != "" {
		model["api_version"] = s.apiVersion
	}
	config := map[string]any{s.provider: map[string]any{"models": map[string]any{s.model: model, "no-such-model": model}}}
	options := map[string]any{"models": []string{s.model}}
	if dead {
		config["nowhere"] = map[string]any{"models": map[string]any{"dead": map[string]any{"api_key": key, "base_url": "http://127.0.0.1:1/v1", "max_retries": 1}}}
		options["models"] = []string{"nowhere/dead", s.model}
	}
	first, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	second, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	v := &visit{door: door, server: s, baseURL: baseURL, session: numbers.Add(1)}
	events, err := do(door, contract.Command{Verb: "open", Session: v.session, First: first, Second: second})
	if err == nil && events[len(events)-1].Kind != "done" {
		err = fmt.Errorf("the session does not open: %s", events[len(events)-1].Data)
	}
	return v, err
}

func (v *visit) close() error {
	_, err := do(v.door, contract.Command{Verb: "close", Session: v.session})
	return err
}

const (
	hello   = `"messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 24, "temperature": 0`
	weather = `"tools": [{"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters":
		{"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo"]}}, "required": ["city"]}}}]`
)

// ask makes a call: on the model's own client, or through the aggregator if
// model is "".
func (v *visit) ask(verb, model, request string, args map[string]string) (*answer, error) {
	all := map[string]string{}
	for k, value := range args {
		all[k] = value
	}
	if model != "" {
		all["route"] = v.server.provider + "/" + model
	}
	events, err := do(v.door, contract.Command{Verb: verb, Session: v.session, Args: all, First: []byte("{" + request + "}")})
	if err != nil {
		return nil, err
	}
	return understand(events)
}

func understand(events []contract.Event) (*answer, error) {
	a := &answer{events: events}
	for i := range events {
		e := &events[i]
		if e.Kind != "chunk" {
			continue
		}
		a.chunks++
		var chunk struct {
			Choices []struct {
				FinishReason string `json:"finish_reason"`
				Delta        struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal(e.Data, &chunk); err != nil {
			return nil, fmt.Errorf("a chunk that is no chunk: %w", err)
		}
		for _, c := range chunk.Choices {
			a.joined += c.Delta.Content
			a.finish = cmp.Or(c.FinishReason, a.finish)
		}
	}
	last := events[len(events)-1]
	a.document = last.Data
	switch last.Kind {
	case "done":
		a.code = "OK"
		return a, a.readResponse()
	case "left":
		a.code = "LEFT"
		return a, nil
	}
	var failure struct {
		Name   string `json:"name"`
		Status int    `json:"status"`
	}
	if err := json.Unmarshal(last.Data, &failure); err != nil {
		return nil, err
	}
	a.code, a.status = failure.Name, failure.Status
	if strings.Contains(string(last.Data), right) || strings.Contains(string(last.Data), wrong) {
		return a, fmt.Errorf("the error shows the key: %s", last.Data)
	}
	return a, nil
}

func (a *answer) readResponse() error {
	var response struct {
		Choices []struct {
			Message struct {
				Content   *string    `json:"content"`
				ToolCalls []toolCall `json:"tool_calls"`
			} `json:"message"`
			FinishReason string `json:"finish_reason"`
		} `json:"choices"`
		Usage *struct {
			Total int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(a.document, &response); err != nil {
		return err
	}
	if len(response.Choices) == 0 { // Python's chat_completion_stream gives chunks only
		a.text = a.joined
		return nil
	}
	choice := response.Choices[0]
	if choice.Message.Content != nil {
		a.text = *choice.Message.Content
	}
	a.tools, a.finish = choice.Message.ToolCalls, choice.FinishReason
	if response.Usage != nil {
		a.usage.Total = response.Usage.Total
	}
	return nil
}
