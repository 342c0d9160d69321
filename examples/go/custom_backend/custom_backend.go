// Command custom_backend puts a model of one's own before one reached by HTTP.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

type faq map[string]string

func (f faq) Chat(_ context.Context, x *client.Exchange) (*llm.Response, error) {
	request, err := x.Payload.Request()
	if err != nil {
		return nil, err
	}
	if answer, ok := f[request.Messages[len(request.Messages)-1].Content]; ok {
		return &llm.Response{Choices: []llm.Choice{{Message: llm.Message{Role: llm.RoleAssistant, Content: answer}}}}, nil
	}
	return nil, llm.Errorf(llm.BadRequest, "not a frequent question") // goes to the next model
}

func (f faq) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return nil, llm.Errorf(llm.BadRequest, "the list of questions does not stream")
}

func main() {
	own := must(client.NewCustom(config.Model{Provider: "own", Name: "faq"}, faq{"When are you open?": "From nine to five."}, client.Options{}))
	defer own.Close(context.Background())
	cfg := config.Model{Provider: "openai", Name: "gpt-4o-mini", APIKey: os.Getenv("OPENAI_API_KEY"), BaseURL: os.Getenv("OPENAI_BASE_URL")}
	if cfg.APIKey == "" {
		wall := must(faultwall.Start(faultwall.Script{}, faultwall.Options{}))
		defer wall.Close()
		cfg.BaseURL = wall.BaseURL()
		fmt.Println("OPENAI_API_KEY is not set: asking a local test server at", cfg.BaseURL)
	}
	vendor := must(client.New(cfg, client.Options{Getenv: os.LookupEnv}))
	defer vendor.Close(context.Background())
	a := aggregator.New(manager.New(manager.Options{}), aggregator.Options{})
	for _, question := range []string{"When are you open?", "What is a breaker?"} {
		request := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: question}}}
		answer := must(a.ChatRoutes(context.Background(), []*client.Client{own, vendor}, must(request.Payload())))
		fmt.Println(question, "-", answer.Text())
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
