// Command stream prints an answer as it arrives.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/faultwall"
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

	settings := llmagg.Map{"api_key": key}
	if baseURL != "" {
		settings["base_url"] = baseURL
	}
	llm, err := llmagg.New(llmagg.Map{"openai": llmagg.Map{"models": llmagg.Map{model: settings}}})
	if err != nil {
		log.Fatal(err)
	}
	defer llm.Close()

	request := &llmagg.Request{Messages: []llmagg.Message{llmagg.User("Write one sentence about streams.")}}
	for event, err := range llm.Events(context.Background(), request) { // leaving the loop ends the call
		if err != nil {
			log.Fatal(err) // an *llmagg.Error: its Partial is the text so far
		}
		switch event.Kind {
		case llmagg.EventChunk:
			fmt.Print(event.Chunk.Text())
		case llmagg.EventDone:
			fmt.Printf("\n(first token after %v)\n", event.Response.Attempts[0].FirstToken)
		}
	}
}
