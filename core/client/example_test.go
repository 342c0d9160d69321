package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
)

// A client is one model at one provider, usable by itself.
func ExampleClient_Chat() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	wall.Script("gpt-4o", faultwall.Step{Status: 503}, faultwall.Step{Text: faultwall.Set("Hello!")})

	ctx := context.Background()
	c, err := client.New(config.Model{Provider: "openai", Name: "gpt-4o", APIKey: "sk-test", BaseURL: wall.BaseURL()}, client.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	answer, err := c.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "Say hello"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Text())
	for _, a := range answer.Attempts {
		fmt.Println(a.Route(), a.Code, a.Status)
	}
	// Output:
	// Hello!
	// openai/gpt-4o UNAVAILABLE 503
	// openai/gpt-4o OK 200
}

// A stream is read in a loop; leaving the loop closes it.
func ExampleClient_Stream() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	wall.Script("gpt-4o", faultwall.Step{Text: faultwall.Set("one two three")})

	ctx := context.Background()
	c, err := client.New(config.Model{Provider: "openai", Name: "gpt-4o", APIKey: "sk-test", BaseURL: wall.BaseURL()}, client.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	stream, err := c.Stream(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "Count"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range stream.Events() {
		if err != nil {
			fmt.Println(err) // an *llm.Error with the partial text
			return
		}
		switch event.Kind {
		case llm.EventChunk:
			fmt.Printf("%q ", event.Chunk.Text())
		case llm.EventDone:
			fmt.Printf("and that was %q\n", event.Response.Text())
		}
	}
	// Output:
	// "" "one" " two" " three" "" and that was "one two three"
}

// parrot is a model of one's own: it repeats the last message.
type parrot struct{}

func (parrot) Chat(_ context.Context, x *client.Exchange) (*llm.Response, error) {
	request, err := x.Payload.Request()
	if err != nil {
		return nil, err
	}
	last := request.Messages[len(request.Messages)-1].Content
	return &llm.Response{Model: x.Model, Choices: []llm.Choice{{FinishReason: "stop",
		Message: llm.Message{Role: llm.RoleAssistant, Content: last}}}}, nil
}

func (p parrot) Stream(ctx context.Context, x *client.Exchange) (client.ChunkReader, error) {
	answer, err := p.Chat(ctx, x)
	if err != nil {
		return nil, err
	}
	return &oneChunk{answer.AsChunk()}, nil
}

type oneChunk struct{ chunk *llm.Chunk }

func (o *oneChunk) Next() (*llm.Chunk, error) {
	c := o.chunk
	if c == nil {
		return nil, io.EOF
	}
	o.chunk = nil
	return c, nil
}

func (o *oneChunk) Close() error { return nil }

// A backend of one's own has deadlines, retries and a breaker like any other.
func ExampleNewCustom() {
	ctx := context.Background()
	c, err := client.NewCustom(config.Model{Provider: "zoo", Name: "parrot"}, parrot{}, client.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	answer, err := c.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "Polly!"}}})
	fmt.Println(answer.Text(), err)
	// Output:
	// Polly! <nil>
}

// Errors say what happened, where, and what was tried.
func ExampleClient_Chat_error() {
	wall, err := faultwall.Start(faultwall.Script{RequireKey: "sk-right"}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	ctx := context.Background()
	c, err := client.New(config.Model{Provider: "openai", Name: "gpt-4o", APIKey: "sk-wrong", BaseURL: wall.BaseURL()}, client.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	_, err = c.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	var failed *llm.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.Status, failed.Provider, failed.Model, len(failed.Attempts))
	}
	fmt.Println(errors.Is(err, &llm.Error{Code: llm.Authentication}))
	// Output:
	// AUTHENTICATION 401 openai gpt-4o 1
	// true
}
