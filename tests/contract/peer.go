package contract

import (
	"context"
	"os"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

// chats makes n chats, which may fail, as another process would that has this
// configuration: with a manager, and a membership in a fleet, of its own.
func chats(configuration []byte, n int) error {
	configs, err := config.Parse(configuration, config.Options{Getenv: os.LookupEnv})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), patience/2)
	defer stop()
	m := manager.New(manager.Options{})
	defer func() { _ = m.Close(ctx) }()
	a := aggregator.New(m, aggregator.Options{Provider: client.Options{Getenv: os.LookupEnv}})
	defer func() { _ = a.Close(ctx) }()
	if err := a.Initialize(ctx, configs); err != nil {
		return err
	}
	for range n {
		_, _ = a.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	}
	return nil
}
