// Command failover asks a model that fails, gets its answer from the next one,
// and prints the trail of attempts and the health of the routes.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

func main() {
	log.SetFlags(0)
	if os.Getenv("OPENAI_API_KEY") == "" {
		wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
		if err != nil {
			log.Fatal(err)
		}
		defer wall.Close()
		wall.Script("no-such-model", faultwall.Step{Status: 404})
		os.Setenv("OPENAI_API_KEY", "sk-local")
		os.Setenv("OPENAI_BASE_URL", wall.BaseURL())
		fmt.Println("OPENAI_API_KEY is not set: asking a local test server at", wall.BaseURL())
	}
	os.Setenv("OPENAI_BASE_URL", cmp.Or(os.Getenv("OPENAI_BASE_URL"), "https://api.openai.com/v1"))
	configs, err := config.Parse([]byte(`{"openai": {
		"api_key": "${OPENAI_API_KEY}", "base_url": "${OPENAI_BASE_URL}",
		"models": {"no-such-model": {}, "gpt-4o-mini": {}}
	}}`), config.Options{Getenv: os.LookupEnv})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	m := manager.New(manager.Options{})
	defer m.Close(ctx)
	a := aggregator.New(m, aggregator.Options{Models: []string{"no-such-model", "gpt-4o-mini"}})
	if err := a.Initialize(ctx, configs); err != nil {
		log.Fatal(err)
	}
	answer, err := a.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "Who are you?"}}})
	if err != nil {
		log.Fatal(err) // names every attempt
	}
	fmt.Println(answer.Text())
	for i := range answer.Attempts {
		fmt.Printf("  %d. %s\n", i+1, answer.Attempts[i].String())
	}
	fmt.Println("health:", a.CheckHealth(ctx))
}
