// Command stream prints an answer as it arrives.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
)

func main() {
	log.SetFlags(0)
	model := cmp.Or(os.Getenv("OPENAI_MODEL"), "gpt-4o-mini")
	key, baseURL := os.Getenv("OPENAI_API_KEY"), os.Getenv("OPENAI_BASE_URL")
	if key == "" {
		wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
		if err != nil {
			log.Fatal(err)
		}
		defer wall.Close()
		wall.Script(model, faultwall.Step{Text: faultwall.Set("Streams arrive word by word."), DelayEventS: 0.05})
		key, baseURL = "sk-local", wall.BaseURL()
		fmt.Println("OPENAI_API_KEY is not set: asking a local test server at", baseURL)
	}

	ctx := context.Background()
	c, err := client.New(config.Model{Provider: "openai", Name: model, APIKey: key, BaseURL: baseURL},
		client.Options{Getenv: os.LookupEnv})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	stream, err := c.Stream(ctx, &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Content: "Write one sentence about streams."},
	}})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range stream.Events() { // leaving the loop closes the stream
		if err != nil {
			log.Fatal(err) // an *llm.Error: its Partial is the text so far
		}
		switch event.Kind {
		case llm.EventChunk:
			fmt.Print(event.Chunk.Text())
		case llm.EventDone:
			fmt.Printf("\n(first token after %v)\n", event.Response.Attempts[0].FirstToken)
		}
	}
}
