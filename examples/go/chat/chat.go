// Command chat asks one model one question: the least that it takes.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/faultwall"
)

func main() {
	log.SetFlags(0)
	key, baseURL := os.Getenv("OPENAI_API_KEY"), os.Getenv("OPENAI_BASE_URL")
	if key == "" {
		wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
		if err != nil {
			log.Fatal(err)
		}
		defer wall.Close()
		key, baseURL = "sk-local", wall.BaseURL()
		fmt.Println("OPENAI_API_KEY is not set: asking a local test server at", baseURL)
	}

	model := llmagg.Map{"api_key": key}
	if baseURL != "" {
		model["base_url"] = baseURL
	}
	llm, err := llmagg.New(llmagg.Map{"openai": llmagg.Map{"models": llmagg.Map{cmp.Or(os.Getenv("OPENAI_MODEL"), "gpt-4o-mini"): model}}})
	if err != nil {
		log.Fatal(err)
	}
	defer llm.Close()

	answer, err := llm.Chat(context.Background(), &llmagg.Request{Messages: []llmagg.Message{
		llmagg.System("You are a helpful assistant."), llmagg.User("Say hello in one sentence."),
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text())
	tokens := "unknown"
	if answer.Usage != nil { // some servers send none
		tokens = strconv.Itoa(answer.Usage.TotalTokens)
	}
	fmt.Printf("(tokens: %s, %s)\n", tokens, answer.Attempts[0].String())
}
