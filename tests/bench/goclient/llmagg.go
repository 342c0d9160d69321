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

// inFormat is the product in a wire format, OpenAI's if none is named, with
// everything on: two routes, so failover; breakers, retries and the trail are
// never off.
func inFormat(format string) opener {
	return func(ctx context.Context, url, ca string, concurrency int) (*contestant, error) {
		return newLLMAgg(ctx, format, url, ca, concurrency)
	}
}

func newLLMAgg(ctx context.Context, format, url, ca string, concurrency int) (*contestant, error) {
	var providers []config.Provider
	apiKey, auth, least := key, config.Auth{}, streamEvents
	if format != "" {
		least = streamWords // some formats have no event for the role or the end
	}
	if format == "bedrock" { // signed, as its SDKs do
		apiKey, auth = "", config.Auth{Type: "aws", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: key}
	}
	for _, name := range []string{"first", "second"} {
		providers = append(providers, config.Provider{Name: name, Models: []config.Model{{Provider: name, Name: model, Type: format, APIKey: apiKey, Auth: auth, Region: region(format),
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
			return checkStream(least, events, text)
		},
	}, nil
}

// region is what Bedrock's signatures name.
func region(format string) string {
	if format == "bedrock" {
		return "us-east-1"
	}
	return ""
}
