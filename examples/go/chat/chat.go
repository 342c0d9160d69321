// Command chat asks one model one question: the least that it takes.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
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

	ctx := context.Background()
	c, err := client.New(config.Model{
		Provider: "openai", Name: cmp.Or(os.Getenv("OPENAI_MODEL"), "gpt-4o-mini"), APIKey: key, BaseURL: baseURL,
	}, client.Options{Getenv: os.LookupEnv})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	answer, err := c.Chat(ctx, &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleSystem, Content: "You are a helpful assistant."},
		{Role: llm.RoleUser, Content: "Say hello in one sentence."},
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
