package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// contestant makes one call, or one whole stream, and looks at what came.
type contestant struct {
	chat, stream func(context.Context) error
}

// opener makes a contestant once; all goroutines use it.
type opener func(ctx context.Context, url, ca string, concurrency int) (*contestant, error)

// contestants by name.
var contestants = map[string]opener{
	"raw":       newRaw,
	"go-openai": newGoOpenAI,
	"openai-go": newOpenAIGo,
	"llmagg":    inFormat(""),

	"llmagg-anthropic": inFormat("anthropic"),
	"llmagg-azure":     inFormat("azure"),
	"llmagg-bedrock":   inFormat("bedrock"),
	"llmagg-gemini":    inFormat("gemini"),
	"llmagg-ollama":    inFormat("ollama"),
	"llmagg-responses": inFormat("responses"),
}

// The request of every contestant, and what a right answer is.
const (
	model  = "bench-1"
	key    = "bench-key"
	system = "You are a concise assistant."
	prompt = "Explain in a few sentences what a circuit breaker does for a service that calls others."

	answerBytes  = 318 // of the completion's text
	streamEvents = 202
	streamWords  = 200
)

func checkAnswer(text string) error {
	if len(text) != answerBytes {
		return fmt.Errorf("an answer of %d bytes instead of %d", len(text), answerBytes)
	}
	return nil
}

// checkStream wants as many events as the server sends, and some text from
// them.
func checkStream(least, events, text int) error {
	if events < least || events > streamEvents+8 || text < least {
		return fmt.Errorf("a stream of %d events with %d bytes of text instead of %d events", events, text, least)
	}
	return nil
}

// httpClient is what the peers get: as many kept connections as calls at once,
// and HTTP/2 where the server offers it.
func httpClient(ca string, concurrency int) (*http.Client, error) {
	t := &http.Transport{MaxIdleConnsPerHost: concurrency, ForceAttemptHTTP2: true}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificate in " + ca)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: t}, nil
}
