package main

import (
	"context"
	"errors"
	"io"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	goopenai "github.com/sashabaranov/go-openai"
)

func newGoOpenAI(_ context.Context, url, ca string, concurrency int) (*contestant, error) {
	client, err := httpClient(ca, concurrency)
	if err != nil {
		return nil, err
	}
	cfg := goopenai.DefaultConfig(key)
	cfg.BaseURL, cfg.HTTPClient = url, client
	c := goopenai.NewClientWithConfig(cfg)
	request := func() goopenai.ChatCompletionRequest {
		return goopenai.ChatCompletionRequest{Model: model, Messages: []goopenai.ChatCompletionMessage{
			{Role: goopenai.ChatMessageRoleSystem, Content: system}, {Role: goopenai.ChatMessageRoleUser, Content: prompt}}}
	}
	return &contestant{
		chat: func(ctx context.Context) error {
			answer, err := c.CreateChatCompletion(ctx, request())
			if err != nil {
				return err
			}
			if len(answer.Choices) == 0 {
				return errors.New("no choices")
			}
			return checkAnswer(answer.Choices[0].Message.Content)
		},
		stream: func(ctx context.Context) error {
			s, err := c.CreateChatCompletionStream(ctx, request())
			if err != nil {
				return err
			}
			defer s.Close()
			events, text := 0, 0
			for {
				event, err := s.Recv()
				if errors.Is(err, io.EOF) {
					return checkStream(streamEvents, events, text)
				}
				if err != nil {
					return err
				}
				events++
				for _, choice := range event.Choices {
					text += len(choice.Delta.Content)
				}
			}
		},
	}, nil
}

func newOpenAIGo(_ context.Context, url, ca string, concurrency int) (*contestant, error) {
	client, err := httpClient(ca, concurrency)
	if err != nil {
		return nil, err
	}
	c := openaigo.NewClient(option.WithAPIKey(key), option.WithBaseURL(url), option.WithHTTPClient(client))
	params := func() openaigo.ChatCompletionNewParams {
		return openaigo.ChatCompletionNewParams{Model: model, Messages: []openaigo.ChatCompletionMessageParamUnion{
			openaigo.SystemMessage(system), openaigo.UserMessage(prompt)}}
	}
	return &contestant{
		chat: func(ctx context.Context) error {
			answer, err := c.Chat.Completions.New(ctx, params())
			if err != nil {
				return err
			}
			if len(answer.Choices) == 0 {
				return errors.New("no choices")
			}
			return checkAnswer(answer.Choices[0].Message.Content)
		},
		stream: func(ctx context.Context) error {
			s := c.Chat.Completions.NewStreaming(ctx, params())
			defer s.Close()
			events, text := 0, 0
			for s.Next() {
				events++
				for _, choice := range s.Current().Choices {
					text += len(choice.Delta.Content)
				}
			}
			if err := s.Err(); err != nil {
				return err
			}
			return checkStream(streamEvents, events, text)
		},
	}, nil
}
