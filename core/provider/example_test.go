package provider_test

import (
	"context"
	"fmt"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/provider"
)

// A provider makes the clients of one vendor's models.
func Example() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()

	ctx := context.Background()
	p, err := provider.New(config.Provider{Name: "deepseek", Models: []config.Model{
		{Name: "chat", Model: "deepseek-chat", APIKey: "sk-test", BaseURL: wall.BaseURL()},
		{Name: "coder", Model: "deepseek-coder", APIKey: "sk-test", BaseURL: wall.BaseURL()},
	}}, provider.Options{})
	if err != nil {
		panic(err)
	}
	defer p.Close(ctx)
	if err := p.Initialize(ctx); err != nil {
		panic(err)
	}
	fmt.Println(p.Name(), p.Models(), p.CheckHealth(ctx))

	c, err := p.Client("coder")
	if err != nil {
		panic(err)
	}
	answer, err := c.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	fmt.Println(answer.Text(), err)
	// Output:
	// deepseek [chat coder] map[chat:true coder:true]
	// Hello from deepseek-coder. <nil>
}
