// Command go prints everything that the Go library lets a program see: see
// ../../printed_test.go. The configuration comes on standard input, the routes
// to ask as arguments.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

// show prints a value in every way in which Go programs print values.
func show(what string, v any) {
	text, err := json.Marshal(v)
	fmt.Printf("%s: %v\n%+v\n%#v\n%s %v\n", what, v, v, v, text, err)
}

func showError(what string, err error) {
	for ; err != nil; err = errors.Unwrap(err) {
		show(what, err)
		fmt.Println(err.Error())
	}
}

func main() {
	// net/http itself tells the standard log what a server sent unasked,
	// whatever that is; no library can keep it from that.
	log.SetOutput(io.Discard)
	ctx := context.Background()
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m := manager.New(manager.Options{})
	watching := m.Observers().Subscribe(10000)
	a := aggregator.New(m, aggregator.Options{Provider: provider.Options{Logger: logger, Observers: m.Observers(), Getenv: os.LookupEnv}})
	configs, err := config.Parse(text, config.Options{Lenient: true, Warn: func(message string) { logger.Warn(message) }})
	show("configuration", configs)
	showError("configuration", err)
	showError("initialize", a.Initialize(ctx, configs))
	for _, route := range os.Args[1:] {
		q := &llm.Request{Model: route, Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
		q.Options.Headers = map[string]string{"X-Trace": "1"}
		r, err := a.Chat(ctx, q)
		show("response", r)
		showError("chat", err)
		s, err := a.Stream(ctx, q)
		if err == nil {
			r, err = s.Collect()
			show("collected", r)
		}
		showError("stream", err)
	}
	show("health", a.CheckHealth(ctx))
	show("report", a.Report())
	show("models", m.Models())
	for _, c := range m.Clients() {
		show("client", c)
		show("its configuration", c.Config())
	}
	show("aggregator", a.Models())
	_, err = client.New(config.Model{Provider: "p", Name: "m", APIKey: configs[0].Models[0].APIKey + "\n"}, client.Options{})
	showError("bad key", err)
	showError("close", errors.Join(a.Close(ctx), m.Close(ctx)))
	watching.Close()
	for len(watching.C()) > 0 {
		show("observation", <-watching.C())
	}
	fmt.Println("done")
}
