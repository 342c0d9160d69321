package llmagg_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/faultwall"
)

// local is a configuration whose models a local test server plays: first fails
// with HTTP 503, second answers.
func local(text string) (llmagg.Config, func()) {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	wall.Script("first", faultwall.Step{Status: 503})
	wall.Script("second", faultwall.Step{Text: faultwall.Set(text)})
	return llmagg.JSON(`{"openai": {"api_key": "sk-test", "base_url": "` + wall.BaseURL() + `", "models": {"first": {}, "second": {}}}}`), wall.Close
}

func ExampleNew() {
	config, stop := local("Hello, Ada!") // for example llmagg.Models{"openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"}
	defer stop()

	llm, err := llmagg.New(config)
	if err != nil {
		panic(err)
	}
	defer llm.Close()
	text, err := llm.Ask(context.Background(), "Say hello to Ada.")
	if err != nil {
		panic(err)
	}
	fmt.Println(text)
	// Output: Hello, Ada!
}

func ExampleAggregator_Texts() {
	config, stop := local("One, two, three.")
	defer stop()
	llm, err := llmagg.New(config)
	if err != nil {
		panic(err)
	}
	defer llm.Close()

	for text, err := range llm.Texts(context.Background(), &llmagg.Request{Messages: []llmagg.Message{llmagg.User("Count to three.")}}) {
		if err != nil {
			var e *llmagg.Error
			if errors.As(err, &e) && e.Code == llmagg.StreamInterrupted {
				fmt.Println("it broke off after", e.Partial)
			}
			panic(err)
		}
		fmt.Print(text)
	}
	// Output: One, two, three.
}

func ExampleParse() {
	config, stop := local(`{"name": "Ulm", "people": 128928}`)
	defer stop()
	llm, err := llmagg.New(config, llmagg.WithModels("second"))
	if err != nil {
		panic(err)
	}
	defer llm.Close()

	type City struct {
		Name   string `json:"name"`
		People int    `json:"people" description:"who live there"`
	}
	city, err := llmagg.Parse[City](context.Background(), llm, &llmagg.Request{Messages: []llmagg.Message{llmagg.User("Name a city on the Danube.")}})
	if err != nil {
		panic(err)
	}
	fmt.Println(city.Value.Name, city.Value.People)
	// Output: Ulm 128928
}

func ExampleAggregator_RunTools() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	wall.Script("m", faultwall.Step{ToolCalls: []faultwall.ToolCall{{Name: "weather", Arguments: map[string]any{"city": "Ulm"}}}},
		faultwall.Step{Text: faultwall.Set("Yes, it rains in Ulm.")})
	llm, err := llmagg.New(llmagg.JSON(`{"openai": {"models": {"m": {"api_key": "sk-test", "base_url": "` + wall.BaseURL() + `"}}}}`))
	if err != nil {
		panic(err)
	}
	defer llm.Close()

	type place struct {
		City string `json:"city"`
	}
	weather := llmagg.NewTool("weather", "The weather in a city.", func(_ context.Context, p place) (string, error) {
		return "It rains in " + p.City + ".", nil
	})
	run, err := llm.RunTools(context.Background(), &llmagg.Request{Messages: []llmagg.Message{llmagg.User("Is it raining in Ulm?")}},
		[]*llmagg.Tool{weather}, llmagg.RunOptions{MaxRounds: 5})
	if err != nil {
		panic(err)
	}
	fmt.Println(run.Text())
	// Output: Yes, it rains in Ulm.
}
