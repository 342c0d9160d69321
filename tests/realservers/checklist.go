package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/tests/contract"
)

// checklist is what is tried, in this order. Each gives words for the table;
// an error is a failure.
var checklist = []check{
	{"chat", func(v *visit) (string, error) {
		a, err := v.ask("chat", v.server.model, hello, nil)
		return said(a, err, func() error { return v.usage(a, !v.server.countsNothing) })
	}},
	{"stream", func(v *visit) (string, error) {
		a, err := v.ask("stream", v.server.model, hello, nil)
		return said(a, err, func() error { return nil })
	}},
	{"stream with usage", func(v *visit) (string, error) {
		a, err := v.ask("stream", "", hello+`, "stream_options": {"include_usage": true}`, nil)
		return said(a, err, func() error { return v.usage(a, v.server.hasUsage) })
	}},
	{"tools", func(v *visit) (string, error) { return v.tools("chat") }},
	{"tools, streamed", func(v *visit) (string, error) { return v.tools("stream") }},
	{"unknown model", func(v *visit) (string, error) {
		a, err := v.ask("chat", "no-such-model", hello, nil)
		return v.refused(a, err, v.server.checksModels, "MODEL_NOT_FOUND", "it answers any model")
	}},
	{"wrong key", wrongKey},
	{"too long a prompt", func(v *visit) (string, error) {
		if !v.server.hasLimit {
			return "it has no limit", nil
		}
		a, err := v.ask("chat", v.server.model, `"messages": [{"role": "user", "content": "`+strings.Repeat("word ", 8000)+`"}]`, nil)
		return v.refused(a, err, true, "CONTEXT_LENGTH", "")
	}},
	{"health check", health},
	{"leaving a stream", func(v *visit) (string, error) {
		a, err := v.ask("stream", v.server.model, hello, map[string]string{"leave_after": "1"})
		if err != nil {
			return "", err
		}
		if a.code != "LEFT" && a.code != "OK" {
			return "", fmt.Errorf("ended with %s: %s", a.code, a.document)
		}
		a, err = v.ask("chat", v.server.model, hello, nil)
		return said(a, err, func() error { return nil })
	}},
	{"after a dead route", func(v *visit) (string, error) {
		other, err := open(v.door, v.server, v.baseURL, right, true)
		if err != nil {
			return "", err
		}
		a, err := other.ask("stream", "", hello, nil)
		words, err := said(a, err, func() error {
			if trail := string(a.document); !strings.Contains(trail, `"UNAVAILABLE"`) {
				return fmt.Errorf("the trail lacks the dead route: %s", trail)
			}
			return nil
		})
		return words, errors.Join(err, other.close())
	}},
}

// said judges an answer in words.
func said(a *answer, err error, further func() error) (string, error) {
	if err != nil {
		return "", err
	}
	if a.code != "OK" {
		return "", fmt.Errorf("ended with %s: %s", a.code, a.document)
	}
	if a.text == "" || a.finish == "" {
		return "", fmt.Errorf("no text or no finish reason: %s", a.document)
	}
	if a.chunks > 0 && a.joined != a.text {
		return "", fmt.Errorf("the chunks give %q, the response %q", a.joined, a.text)
	}
	if err := further(); err != nil {
		return "", err
	}
	words := "OK"
	if a.chunks > 0 {
		words = "OK, " + count(a.chunks, "chunk")
	}
	if a.usage.Total > 0 {
		words += ", " + count(a.usage.Total, "token")
	}
	return words, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (v *visit) usage(a *answer, expected bool) error {
	if (a.usage.Total > 0) != expected {
		return fmt.Errorf("%d tokens of usage, expected %v: %s", a.usage.Total, expected, a.document)
	}
	return nil
}

func (v *visit) tools(verb string) (string, error) {
	model := v.server.model
	if verb == "stream" {
		model = "" // through the aggregator: its streams end with the whole response in all doors
	}
	a, err := v.ask(verb, model, hello+", "+weather, nil)
	if err != nil {
		return "", err
	}
	if !v.server.hasTools {
		_, err := said(a, nil, func() error { return nil })
		return "OK, text: it calls no tools", err
	}
	if a.code != "OK" || len(a.tools) != 1 {
		return "", fmt.Errorf("%s without one tool call: %s", a.code, a.document)
	}
	var arguments map[string]any
	call := a.tools[0].Function
	if err := json.Unmarshal([]byte(call.Arguments), &arguments); err != nil || call.Name != "get_weather" {
		return "", fmt.Errorf("call of %q with %q", call.Name, call.Arguments)
	}
	return "OK, " + call.Name + "(" + call.Arguments + ")", nil
}

func (v *visit) refused(a *answer, err error, refuses bool, code, otherwise string) (string, error) {
	if err != nil {
		return "", err
	}
	if !refuses {
		code = "OK"
	}
	if a.code != code {
		return "", fmt.Errorf("%s instead of %s: %s", a.code, code, a.document)
	}
	if !refuses {
		return "OK: " + otherwise, nil
	}
	return fmt.Sprintf("%s, HTTP %d", a.code, a.status), nil
}

func wrongKey(v *visit) (string, error) {
	other, err := open(v.door, v.server, v.baseURL, wrong, false)
	if err != nil {
		return "", err
	}
	a, err := other.ask("chat", v.server.model, hello, nil)
	words, err := v.refused(a, err, v.server.checksKeys, "AUTHENTICATION", "it checks no keys")
	return words, errors.Join(err, other.close())
}

func health(v *visit) (string, error) {
	events, err := do(v.door, contract.Command{Verb: "health", Session: v.session})
	if err != nil {
		return "", err
	}
	var alive map[string]map[string]bool
	if err := json.Unmarshal(events[len(events)-1].Data, &alive); err != nil {
		return "", err
	}
	if !alive[v.server.provider][v.server.model] {
		return "", fmt.Errorf("not healthy: %s", events[len(events)-1].Data)
	}
	if !v.server.hasModelList {
		return "alive (a 404: it has no list of models)", nil
	}
	return "alive", nil
}
