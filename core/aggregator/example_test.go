package aggregator_test

import (
	"context"
	"fmt"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

// twoModels is an aggregator over gpt-4o and deepseek-chat, both served by the
// wall.
func twoModels(ctx context.Context, wall *faultwall.Wall) (a *aggregator.Aggregator, closeAll func()) {
	configs, err := config.Parse([]byte(`{
		"openai": {"api_key": "sk-test", "base_url": "`+wall.BaseURL()+`", "models": {"gpt-4o": {}}},
		"deepseek": {"api_key": "sk-test", "base_url": "`+wall.BaseURL()+`", "models": {"deepseek-chat": {}}}
	}`), config.Options{})
	if err != nil {
		panic(err)
	}
	m := manager.New(manager.Options{})
	a = aggregator.New(m, aggregator.Options{Models: []string{"gpt-4o", "deepseek-chat"}})
	if err := a.Initialize(ctx, configs); err != nil {
		panic(err)
	}
	return a, func() {
		_ = a.Close(ctx)
		_ = m.Close(ctx)
	}
}

// The first model refuses the key, the second one answers.
func ExampleAggregator_Chat() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	wall.Script("gpt-4o", faultwall.Step{Status: 401})

	ctx := context.Background()
	a, closeAll := twoModels(ctx, wall)
	defer closeAll()
	answer, err := a.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Text())
	for _, attempt := range answer.Attempts {
		fmt.Println(attempt.Route(), attempt.Code)
	}
	// Output:
	// Hello from deepseek-chat.
	// openai/gpt-4o AUTHENTICATION
	// deepseek/deepseek-chat OK
}

// For messages alone and the text of the answer.
func ExampleAggregator_GenerateResponse() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()

	ctx := context.Background()
	a, closeAll := twoModels(ctx, wall)
	defer closeAll()
	text, err := a.GenerateResponse(ctx, []llm.Message{
		{Role: llm.RoleSystem, Content: "You are brief."},
		{Role: llm.RoleUser, Content: "hi"},
	})
	fmt.Println(text, err)
	// Output:
	// Hello from gpt-4o. <nil>
}

// A stream that breaks off begins again on the next model: a restart says so,
// and what came before it is void.
func ExampleAggregator_Stream() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	wall.Script("gpt-4o", faultwall.Step{Text: faultwall.Set("one two three"),
		Cut: &faultwall.Cut{How: faultwall.CutReset, AfterEvents: faultwall.Set(3)}})
	wall.Script("deepseek-chat", faultwall.Step{Text: faultwall.Set("uno due tre")})

	ctx := context.Background()
	a, closeAll := twoModels(ctx, wall)
	defer closeAll()
	request := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "Count"}}}
	request.Options.OnInterrupt = llm.InterruptRestart
	stream, err := a.Stream(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	text := ""
	for event, err := range stream.Events() {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch event.Kind {
		case llm.EventChunk:
			text += event.Chunk.Text()
		case llm.EventRestart:
			fmt.Println(event.Restart.From, "broke off, again from", event.Restart.To)
			text = ""
		case llm.EventDone:
			fmt.Println(text)
		}
	}
	// Output:
	// openai/gpt-4o broke off, again from deepseek/deepseek-chat
	// uno due tre
}
