package main

import (
	"context"
	"errors"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

// newLLMAgg is the product with everything on: two routes, so failover;
// breakers, retries and the trail are never off.
func newLLMAgg(ctx context.Context, url, ca string, concurrency int) (*contestant, error) {
	var providers []config.Provider
	for _, name := range []string{"first", "second"} {
		providers = append(providers, config.Provider{Name: name, Models: []config.Model{{Provider: name, Name: model, APIKey: key,
			BaseURL: url, CAFile: ca, MaxConcurrentCalls: max(concurrency, config.DefaultMaxConcurrent), Timeout: 30 * time.Second}}})
	}
	a := aggregator.New(manager.New(manager.Options{}), aggregator.Options{})
	if err := a.Initialize(ctx, providers); err != nil {
		return nil, err
	}
	request := func() *llm.Request {
		return &llm.Request{Messages: []llm.Message{{Role: llm.RoleSystem, Content: system}, {Role: llm.RoleUser, Content: prompt}}}
	}
	return &contestant{
		chat: func(ctx context.Context) error {
			answer, err := a.Chat(ctx, request())
			if err != nil {
				return err
			}
			if len(answer.Attempts) != 1 {
				return errors.New("more than one attempt")
			}
			return checkAnswer(answer.Text())
		},
		stream: func(ctx context.Context) error {
			s, err := a.Stream(ctx, request())
			if err != nil {
				return err
			}
			events, text := 0, 0
			for e, err := range s.Events() {
				if err != nil {
					return err
				}
				if e.Kind == llm.EventChunk {
					events++
					text += len(e.Chunk.Text())
				}
			}
			return checkStream(events, text)
		},
	}, nil
}
