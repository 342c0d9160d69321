package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// wire is what a server sends, seen without the library.
type wire struct {
	chat, stream, tools, badModel, badKey, malformed, models exchange
}

type exchange struct {
	status int
	header http.Header
	body   string
	events []string // the data of each event, [DONE] included
}

// look asks a server that speaks OpenAI's protocol, by hand.
func look(ctx context.Context, s *server, baseURL string) (*wire, error) {
	w := &wire{}
	plain := fmt.Sprintf(`{"model": %q, %s}`, s.model, hello)
	streamed := fmt.Sprintf(`{"model": %q, "stream": true, "stream_options": {"include_usage": true}, %s`, s.model, hello)
	for _, one := range []struct {
		to                      *exchange
		method, path, key, body string
	}{
		{&w.chat, "POST", "/chat/completions", right, plain},
		{&w.stream, "POST", "/chat/completions", right, streamed + "}"},
		{&w.tools, "POST", "/chat/completions", right, streamed + ", " + weather + "}"},
		{&w.badModel, "POST", "/chat/completions", right, fmt.Sprintf(`{"model": "no-such-model", %s}`, hello)},
		{&w.badKey, "POST", "/chat/completions", wrong, plain},
		{&w.malformed, "POST", "/chat/completions", right, fmt.Sprintf(`{"model": %q, %s, "n": "many"}`, s.model, strings.Replace(hello, `"temperature": 0`, `"temperature": "hot"`, 1))},
		{&w.models, "GET", "/models", right, ""},
	} {
		if err := one.to.make(ctx, one.method, baseURL+one.path, one.key, one.body); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (x *exchange) make(ctx context.Context, method, url, key, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Close = true // servers close idle connections after 5 s: a POST by hand would meet that
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	x.status, x.header, x.body = response.StatusCode, response.Header, string(text)
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		lines := bufio.NewScanner(strings.NewReader(x.body))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				x.events = append(x.events, strings.TrimSpace(data))
			}
		}
		return lines.Err()
	}
	return nil
}

// object is the body as a JSON object; empty if it is none.
func (x *exchange) object() map[string]any { return object(x.body) }

func object(text string) map[string]any {
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return map[string]any{}
	}
	return o
}

// pick follows keys through objects and first items of lists.
func pick(v any, path ...string) any {
	for _, key := range path {
		if list, ok := v.([]any); ok {
			if len(list) == 0 {
				return nil
			}
			v = list[0]
		}
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[key]
	}
	return v
}

// has says whether the last key is there, if only with null.
func has(v any, path ...string) bool {
	last := len(path) - 1
	parent := pick(v, path[:last]...)
	if list, ok := parent.([]any); ok && len(list) > 0 {
		parent = list[0]
	}
	o, _ := parent.(map[string]any)
	_, there := o[path[last]]
	return there
}
