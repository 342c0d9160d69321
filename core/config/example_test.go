package config_test

import (
	"fmt"

	"github.com/llmagg/llmagg/core/config"
)

// A configuration names its keys by environment variables; the program hands
// over the look-up, usually os.LookupEnv.
func ExampleParse() {
	environment := map[string]string{"OPENAI_API_KEY": "sk-test", "DEEPSEEK_API_KEY": "sk-test"}
	configs, err := config.Parse([]byte(`{
		"openai": {
			"api_key": "${OPENAI_API_KEY}", "timeout": 20,
			"models": {
				"fast": {"model": "gpt-4o-mini"},
				"good": {"model": "gpt-4o", "timeout": 60}
			}
		},
		"deepseek": {"models": {"deepseek-chat": {"api_key": "${DEEPSEEK_API_KEY}"}}}
	}`), config.Options{Getenv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok }})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, provider := range configs {
		for _, m := range provider.Models {
			m = m.WithDefaults()
			fmt.Printf("%s/%s: model %s, timeout %v, %d attempts\n", m.Provider, m.Name, m.Model, m.Timeout, m.MaxRetries)
		}
	}
	// Output:
	// openai/fast: model gpt-4o-mini, timeout 20s, 3 attempts
	// openai/good: model gpt-4o, timeout 1m0s, 3 attempts
	// deepseek/deepseek-chat: model deepseek-chat, timeout 30s, 3 attempts
}

// A misspelt key is an error that names the nearest known one.
func ExampleParse_misspelt() {
	_, err := config.Parse([]byte(`{"openai": {"models": {"gpt-4o": {"api_kye": "sk-test"}}}}`), config.Options{})
	fmt.Println(err)
	// Output:
	// INVALID_ARGUMENT: model "openai/gpt-4o": unknown key "api_kye"; did you mean "api_key"?
}
