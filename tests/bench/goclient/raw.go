package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	jsoniter "github.com/json-iterator/go"
)

// raw is what one writes by hand: net/http and json-iterator, no retries.
type raw struct {
	http *http.Client
	url  string
}

var rawJSON = jsoniter.ConfigCompatibleWithStandardLibrary

type rawMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type rawRequest struct {
	Model    string       `json:"model"`
	Messages []rawMessage `json:"messages"`
	Stream   bool         `json:"stream,omitempty"`
}

// rawResponse is a completion or, by its delta, an event of a stream.
type rawResponse struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Model   string `json:"model"`
	Choices []struct {
		Index        int        `json:"index"`
		Message      rawMessage `json:"message"`
		Delta        rawMessage `json:"delta"`
		FinishReason string     `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		TotalTokens      int `json:"total_tokens"`
	} `json:"usage"`
}

func newRaw(_ context.Context, url, ca string, concurrency int) (*contestant, error) {
	client, err := httpClient(ca, concurrency)
	if err != nil {
		return nil, err
	}
	r := &raw{http: client, url: url + "/chat/completions"}
	return &contestant{chat: r.chat, stream: r.stream}, nil
}

func (r *raw) post(ctx context.Context, stream bool) (*http.Response, error) {
	body, err := rawJSON.Marshal(rawRequest{Model: model, Messages: []rawMessage{{"system", system}, {"user", prompt}}, Stream: stream})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // the status is the error
		return nil, fmt.Errorf("status %s", resp.Status)
	}
	return resp, nil
}

func (r *raw) chat(ctx context.Context) error {
	resp, err := r.post(ctx, false)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer rawResponse
	if err := rawJSON.Unmarshal(data, &answer); err != nil {
		return err
	}
	if len(answer.Choices) == 0 {
		return errors.New("no choices")
	}
	return checkAnswer(answer.Choices[0].Message.Content)
}

func (r *raw) stream(ctx context.Context) error {
	resp, err := r.post(ctx, true)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	events, text := 0, 0
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok || bytes.Equal(data, []byte("[DONE]")) {
			continue
		}
		var event rawResponse
		if err := rawJSON.Unmarshal(data, &event); err != nil {
			return err
		}
		events++
		for _, c := range event.Choices {
			text += len(c.Delta.Content)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return checkStream(streamEvents, events, text)
}
