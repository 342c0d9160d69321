package manager_test

import (
	"context"
	"fmt"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

// A manager finds clients by provider and model, or by model alone.
func Example() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	configs, err := config.Parse([]byte(`{
		"openai": {"api_key": "sk-test", "base_url": "`+wall.BaseURL()+`", "models": {"gpt-4o": {}}},
		"deepseek": {"api_key": "sk-test", "base_url": "`+wall.BaseURL()+`", "models": {"deepseek-chat": {}}}
	}`), config.Options{})
	if err != nil {
		panic(err)
	}

	ctx := context.Background()
	m := manager.New(manager.Options{})
	defer m.Close(ctx)
	for _, cfg := range configs {
		p, err := provider.New(cfg, provider.Options{})
		if err != nil {
			panic(err)
		}
		if err := p.Initialize(ctx); err != nil {
			panic(err)
		}
		if err := m.Register(p); err != nil {
			panic(err)
		}
	}
	fmt.Println(m.Providers(), m.Models())
	fmt.Println(m.CheckHealth(ctx))

	c, err := m.ClientByModel("deepseek-chat")
	if err != nil {
		panic(err)
	}
	answer, err := c.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	fmt.Println(c.Route(), answer.Text(), err)

	_, err = m.Client("openai", "gpt-5")
	fmt.Println(err)
	// Output:
	// [openai deepseek] map[deepseek:[deepseek-chat] openai:[gpt-4o]]
	// map[deepseek:map[deepseek-chat:true] openai:map[gpt-4o:true]]
	// deepseek/deepseek-chat Hello from deepseek-chat. <nil>
	// MODEL_NOT_FOUND (openai/gpt-5): the provider has no such model; it has: gpt-4o
}
