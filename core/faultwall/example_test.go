package faultwall_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
)

// A model that fails twice and then answers.
func Example() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	defer http.DefaultClient.CloseIdleConnections()
	wall.Script("gpt-a", faultwall.Step{Status: 503, Times: 2}, faultwall.Step{Text: faultwall.Set("At last.")})

	for range 3 {
		response, err := http.Post(wall.BaseURL()+"/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-a"}`))
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		fmt.Println(response.Status)
	}
	fmt.Println(wall.Seen().Models["gpt-a"].Requests, "requests")
	// Output:
	// 503 Service Unavailable
	// 503 Service Unavailable
	// 200 OK
	// 3 requests
}

// A stream that is cut after two of its events, scripted in JSON.
func ExampleParseScript() {
	script, err := faultwall.ParseScript([]byte(`{"models": {"gpt-a": {"steps": [
		{"text": "Hello there", "cut": {"how": "close", "after_events": 2}}
	]}}}`))
	if err != nil {
		panic(err)
	}
	wall, err := faultwall.Start(script, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()

	response, err := http.Post(wall.BaseURL()+"/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-a","stream":true}`))
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	events := 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
		}
	}
	fmt.Println(events, "events, then", lines.Err())

	_, err = faultwall.ParseScript([]byte(`{"models": {"gpt-a": {"steps": [{"statsu": 503}]}}}`))
	fmt.Println(err)
	// Output:
	// 2 events, then unexpected EOF
	// faultwall: script: models.gpt-a.steps[0]: unknown key "statsu"; did you mean "status"?
}

// Waiting for what the wall sees instead of sleeping: a client that gives up.
func ExampleWall_Wait() {
	wall, err := faultwall.Start(faultwall.MustScript(`{"default": {"steps": [{"cut": {"how": "silence", "at": "before_headers"}}]}}`), faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, wall.BaseURL()+"/chat/completions", strings.NewReader(`{"model":"gpt-a"}`))
	if err != nil {
		panic(err)
	}
	_, err = http.DefaultClient.Do(request)
	fmt.Println("the client gave up:", err != nil)

	err = wall.Wait(context.Background(), func(seen faultwall.Seen) bool {
		return len(seen.Requests) == 1 && seen.Requests[0].Disconnected
	})
	fmt.Println("the wall saw it leave:", err == nil)
	// Output:
	// the client gave up: true
	// the wall saw it leave: true
}
