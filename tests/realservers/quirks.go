package main

import (
	"fmt"
	"net/http"
	"strings"
)

// quirk is something in which a server differs from OpenAI's own. Its contract
// case is tests/contract/quirk_SERVER_AREA.json.
type quirk struct{ area, words string }

// quirks compares what a server sends with what OpenAI sends.
func (w *wire) quirks() []quirk {
	var all []quirk
	add := func(found bool, area, format string, args ...any) {
		if found {
			all = append(all, quirk{area, fmt.Sprintf(format, args...)})
		}
	}
	chat := w.chat.object()
	add(!has(chat, "choices", "index"), "chat", "the choice has no `index`")
	add(!has(chat, "created"), "chat", "the answer has no `created`")
	add(!has(chat, "usage"), "chat", "the answer has no `usage`")
	add(has(chat, "choices", "message", "tool_calls") && pick(chat, "choices", "message", "tool_calls") == nil, "chat", "`tool_calls` is null where there are none")
	add(has(chat, "timings"), "chat", "the answer has a field of its own, `timings`")
	for name, values := range w.chat.header {
		add(strings.TrimSpace(values[0]) == "", "chat", "the header `%s` is there without a value", name)
	}
	for _, words := range streamQuirks(w.stream.events) {
		add(true, "stream", "%s", words)
	}
	for _, words := range toolQuirks(w.tools.events) {
		add(true, "tools", "%s", words)
	}
	all = append(all, w.errorQuirks()...)
	add(w.models.status == http.StatusNotFound, "health", "no list of models: `GET /models` is a 404")
	return all
}

func streamQuirks(events []string) []string {
	var all []string
	seen := map[string]bool{}
	once := func(found bool, words string) {
		if found && !seen[words] {
			seen[words] = true
			all = append(all, words)
		}
	}
	id, role, usage := any(nil), false, false
	for i, data := range events {
		if data == "[DONE]" {
			continue
		}
		chunk := object(data)
		once(i > 0 && chunk["id"] != id, "each chunk has another `id`")
		id = chunk["id"]
		usage = usage || chunk["usage"] != nil
		role = role || pick(chunk, "choices", "delta", "role") != nil
		once(has(chunk, "choices", "delta", "role") && pick(chunk, "choices", "delta", "role") == nil, "`role` is null after the first chunk")
		once(has(chunk, "choices", "delta", "content") && pick(chunk, "choices", "delta", "content") == nil, "`content` is null in chunks without text")
		once(!has(chunk, "created"), "the chunks have no `created`")
		text, _ := pick(chunk, "choices", "delta", "content").(string)
		finish := pick(chunk, "choices", "finish_reason")
		once(text != "" && finish != nil, "the last piece of text and `finish_reason` come in one chunk")
		once(has(chunk, "timings"), "a chunk has a field of its own, `timings`")
	}
	once(!role, "no chunk has a `role`")
	once(!usage, "no usage, though `include_usage` asks for it")
	once(len(events) == 0 || events[len(events)-1] != "[DONE]", "no `[DONE]`")
	once(len(events) == 2, "the whole answer is one chunk")
	return all
}

func toolQuirks(events []string) []string {
	calls, finish := 0, false
	whole := false
	for _, data := range events {
		chunk := object(data)
		if list, _ := pick(chunk, "choices", "delta", "tool_calls").([]any); len(list) > 0 {
			calls++
			arguments, _ := pick(list, "function", "arguments").(string)
			whole = whole || pick(list, "function", "name") != nil && arguments != ""
		}
		finish = finish || pick(chunk, "choices", "finish_reason") != nil
	}
	if calls == 0 {
		return nil
	}
	var all []string
	if whole {
		all = append(all, "name and arguments of a tool call come in one delta")
	}
	if !finish {
		all = append(all, "a stream with a tool call has no `finish_reason`, only `[DONE]`")
	}
	return all
}

func (w *wire) errorQuirks() []quirk {
	var all []quirk
	for what, x := range map[string]*exchange{"an unknown model": &w.badModel, "a wrong key": &w.badKey, "a malformed request": &w.malformed} {
		if x.status < 400 {
			continue
		}
		body := x.object()
		switch {
		case len(body) == 0:
			all = append(all, quirk{"errors", fmt.Sprintf("%s gives HTTP %d and a body that is no JSON: `%s`", what, x.status, clip(x.body))})
		case !has(body, "error", "message"):
			all = append(all, quirk{"errors", fmt.Sprintf("%s gives HTTP %d and a body without `error.message`: `%s`", what, x.status, clip(x.body))})
		}
		if _, number := pick(body, "error", "code").(float64); number {
			all = append(all, quirk{"errors", fmt.Sprintf("%s gives an error whose `code` is a number", what)})
		}
		if x.status >= 500 {
			all = append(all, quirk{"errors", fmt.Sprintf("%s gives HTTP %d, as if the server were at fault", what, x.status)})
		}
	}
	return all
}

func clip(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 120 {
		return text[:120] + "…"
	}
	return text
}
