package contract

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/provider"
)

// custom is a backend as an application would write it; it does what the case
// says.
type custom struct {
	does []string

	mu                              sync.Mutex // guards what follows
	calls, running, most, cancelled int
}

func (d *goDoor) provide(c *Command) error {
	configs, err := config.Parse(c.First, config.Options{})
	if err != nil {
		return err
	}
	s := d.made(c.Session)
	backend := &custom{does: strings.Split(c.Args["does"], ",")}
	s.custom[c.Args["provider"]] = backend
	p, err := provider.NewCustom(configs[0], backend, provider.Options{})
	if err != nil {
		return err
	}
	return errors.Join(p.Initialize(context.Background()), s.manager.Register(p))
}

// told is what the verb "asked" tells.
func (b *custom) told() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return map[string]int{"calls": b.calls, "at_once": b.most, "cancelled": b.cancelled}
}

// begin gives what this call is to do.
func (b *custom) begin() (deed string, takes time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	deed = b.does[min(b.calls, len(b.does)-1)]
	b.calls++
	b.running++
	b.most = max(b.most, b.running)
	deed, seconds, _ := strings.Cut(deed, ":")
	s, _ := strconv.ParseFloat(seconds, 64)
	return deed, time.Duration(s * float64(time.Second))
}

func (b *custom) end(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	if ctx.Err() != nil {
		b.cancelled++
	}
}

// deed does what all kinds of calls have in common: it takes its time and
// fails.
func (b *custom) deed(ctx context.Context, deed string, takes time.Duration) error {
	if deed == "stubborn" {
		time.Sleep(takes) // whatever ctx says
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(takes):
	}
	switch deed {
	case "foreign", "api_error":
		return errors.New("the application's own failure")
	case "timeout":
		return context.DeadlineExceeded
	case "rate_limit":
		return &llm.Error{Code: llm.RateLimit, Message: "slow down", Status: 429}
	case "internal":
		panic("the application's own bug")
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (b *custom) Chat(ctx context.Context, x *client.Exchange) (*llm.Response, error) {
	deed, takes := b.begin()
	defer b.end(ctx)
	if err := b.deed(ctx, deed, takes); err != nil || deed == "garbage" {
		return nil, err
	}
	if deed == "break" || deed == "stall" {
		return nil, errors.New(deed + " is for streams")
	}
	r := &llm.Response{}
	if deed == "empty" {
		return r, r.UnmarshalJSON([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":""}}]}`))
	}
	err := r.UnmarshalJSON([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello from ` + x.Model + `."},"finish_reason":"stop"}]}`))
	return r, err
}

func (b *custom) Stream(ctx context.Context, x *client.Exchange) (client.ChunkReader, error) {
	deed, takes := b.begin()
	if err := b.deed(ctx, deed, takes); err != nil {
		b.end(ctx)
		return nil, err
	}
	return &customStream{custom: b, ctx: ctx, deed: deed, words: []string{"Hello", " from", " " + x.Model, "."}}, nil
}

// customStream gives one word a chunk, then the finish reason.
type customStream struct {
	custom *custom
	ctx    context.Context
	deed   string
	words  []string
	given  int
	closed bool
}

func (s *customStream) Next() (*llm.Chunk, error) {
	s.given++
	n := s.given - 1
	switch {
	case s.deed == "garbage":
		return nil, nil
	case s.deed == "break" && n == 2:
		return nil, errors.New("the application's own failure")
	case s.deed == "stall" && n == 2:
		<-s.ctx.Done()
		return nil, s.ctx.Err()
	case n > len(s.words), n == len(s.words) && s.deed == "no_finish":
		return nil, io.EOF
	}
	text := `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	if s.deed == "empty" {
		text, s.words = `{"choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"hm"}}]}`, nil
		if n > 0 {
			return nil, io.EOF
		}
	}
	if n < len(s.words) {
		text = `{"choices":[{"index":0,"delta":{"content":` + strconv.Quote(s.words[n]) + `}}]}`
	}
	chunk := &llm.Chunk{}
	return chunk, chunk.UnmarshalJSON([]byte(text))
}

func (s *customStream) Close() error {
	if !s.closed {
		s.closed = true
		s.custom.end(s.ctx)
	}
	return nil
}
