package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
)

// goDoor calls the Go library in this process.
type goDoor struct {
	mu       sync.Mutex // guards what follows
	sessions map[uint64]*goSession
	cancels  map[uint64]context.CancelFunc
}

type goSession struct {
	manager    *manager.Manager
	aggregator *aggregator.Aggregator
	custom     map[string]*custom    // by provider
	observing  *observe.Subscription // nil: nobody observes
}

// NewGoDoor makes the Go door.
func NewGoDoor() Door {
	return &goDoor{sessions: map[uint64]*goSession{}, cancels: map[uint64]context.CancelFunc{}}
}

func (d *goDoor) Name() string { return "go" }

// Stop waits until nothing of the library runs any more. It looks again and
// again, since nothing tells when a goroutine has ended.
func (d *goDoor) Stop() error {
	var left string
	for begun := time.Now(); time.Since(begun) < 3*time.Second; time.Sleep(20 * time.Millisecond) {
		if left = goroutinesOfTheLibrary(); left == "" {
			return nil
		}
	}
	return errors.New("goroutines are left:\n" + left)
}

// goroutinesOfTheLibrary shows the stacks that the wall has no part in.
func goroutinesOfTheLibrary() string {
	buffer := make([]byte, 1<<20)
	var left []string
	for _, stack := range strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		for _, frame := range []string{"/core/client", "/core/aggregator", "/core/manager", "/core/provider", "net/http.(*persistConn)", "net/http.(*Transport)"} {
			if strings.Contains(stack, frame) && !strings.Contains(stack, "/core/faultwall") {
				left = append(left, stack)
				break
			}
		}
	}
	return strings.Join(left, "\n\n")
}

func (d *goDoor) session(id uint64) *goSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sessions[id]
}

func (d *goDoor) Do(c Command, on func(Event)) {
	ctx, cancel := context.WithCancel(context.Background())
	d.mu.Lock()
	d.cancels[c.ID] = cancel
	d.mu.Unlock()
	go func() {
		event := d.perform(ctx, &c, on)
		d.mu.Lock()
		delete(d.cancels, c.ID)
		d.mu.Unlock()
		cancel()
		event.At = time.Now()
		on(event)
	}()
}

// perform gives the terminal event.
func (d *goDoor) perform(ctx context.Context, c *Command, on func(Event)) Event {
	s := d.session(c.Session)
	switch c.Verb {
	case "provide":
		return result(nil, d.provide(c))
	case "open":
		return result(nil, d.open(c))
	case "close":
		d.mu.Lock()
		delete(d.sessions, c.Session)
		d.mu.Unlock()
		return result(nil, errors.Join(s.aggregator.Close(ctx), s.manager.Close(ctx)))
	case "cancel":
		of, _ := strconv.ParseUint(c.Args["of"], 10, 64)
		d.mu.Lock()
		cancel := d.cancels[of]
		d.mu.Unlock()
		if cancel != nil {
			cancel()
		}
		return result(nil, nil)
	case "setenv":
		value, set := c.Args["value"]
		if !set {
			return result(nil, os.Unsetenv(c.Args["name"]))
		}
		return result(nil, os.Setenv(c.Args["name"], value))
	case "budget":
		return result(nil, budgets.Set(c.Args["what"], c.First))
	case "available":
		provider, model, _ := c.route()
		route, err := s.manager.Client(provider, model)
		if err == nil {
			route.SetAvailable(c.Args["on"] == "1")
		}
		return result(nil, err)
	case "health":
		return result(s.aggregator.CheckHealth(ctx), nil)
	case "report":
		return result(s.aggregator.Report(), nil)
	case "fleet":
		if m := fleet.Of(s.manager); m != nil {
			return result(m.Report(), nil)
		}
		return result(nil, nil)
	case "models":
		return result(s.aggregator.Models(), nil)
	case "asked":
		return result(s.custom[c.Args["route"]].told(), nil)
	case "observe":
		s.observing = s.manager.Observers().Subscribe(1000)
		return result(nil, nil)
	case "observed":
		return result(s.observed(), nil)
	case "chat", "stream":
		return s.call(ctx, c, on)
	case "embed":
		return s.embed(ctx, c)
	case "rerank":
		return s.rerank(ctx, c)
	}
	return result(nil, fmt.Errorf("unknown verb %q", c.Verb))
}

func result(v any, err error) Event {
	if err != nil {
		data, failed := llm.AsError(err).MarshalJSON()
		if failed != nil {
			data = []byte(strconv.Quote(failed.Error()))
		}
		return Event{Kind: "error", Data: data}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return result(nil, err)
	}
	return Event{Kind: "done", Data: data}
}

func (d *goDoor) open(c *Command) error {
	configs, err := config.Parse(c.First, config.Options{Getenv: os.LookupEnv})
	if err != nil {
		return err
	}
	models, groups, call, err := llm.ParseAggregatorOptions(c.Second)
	if err == nil {
		err = budgets.Named(&call)
	}
	if err != nil {
		return err
	}
	s := d.made(c.Session)
	kept := cacheOf(&call)
	s.aggregator = aggregator.New(s.manager, aggregator.Options{Cache: kept, Models: models, Groups: groups, Call: call, Provider: client.Options{Getenv: os.LookupEnv, Tokens: (&functions{asked: map[string]int{}}).credential()}})
	return s.aggregator.Initialize(context.Background(), configs)
}

// made is the session of this number, which is made if there is none.
func (d *goDoor) made(id uint64) *goSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[id]
	if s == nil {
		s = &goSession{manager: manager.New(manager.Options{}), custom: map[string]*custom{}}
		d.sessions[id] = s
	}
	return s
}

// observed ends observing and gives what was observed.
func (s *goSession) observed() []observe.Observation {
	s.observing.Close()
	all := []observe.Observation{}
	for o := range s.observing.C() { // Close has closed it
		all = append(all, o)
	}
	return all
}

// asker is what an aggregator and a client have in common.
type asker interface {
	Chat(ctx context.Context, r *llm.Request) (*llm.Response, error)
	ChatPayload(ctx context.Context, p *llm.Payload) (*llm.Response, error)
	Stream(ctx context.Context, r *llm.Request) (*client.Stream, error)
	StreamPayload(ctx context.Context, p *llm.Payload) (*client.Stream, error)
}

func (s *goSession) call(ctx context.Context, c *Command, on func(Event)) Event {
	var to asker = s.aggregator
	if provider, model, direct := c.route(); direct {
		route, err := s.manager.Client(provider, model)
		if err != nil {
			return result(nil, err)
		}
		to = route
	}
	r, p, err := request(c)
	if err != nil {
		return result(nil, err)
	}
	if c.Verb == "chat" {
		var response *llm.Response
		if r != nil {
			response, err = to.Chat(ctx, r)
		} else {
			response, err = to.ChatPayload(ctx, p)
		}
		return result(response, err)
	}
	var stream *client.Stream
	if r != nil {
		stream, err = to.Stream(ctx, r)
	} else {
		stream, err = to.StreamPayload(ctx, p)
	}
	if err != nil {
		return result(nil, err)
	}
	return read(stream, c, on)
}

func (s *goSession) embed(ctx context.Context, c *Command) Event {
	options, err := callOptions(c)
	if err != nil {
		return result(nil, err)
	}
	request, err := llm.ParseEmbedding(c.First, options)
	if err != nil {
		return result(nil, err)
	}
	r, err := s.aggregator.Embed(ctx, request)
	if err != nil {
		return result(nil, err)
	}
	document := map[string]any{"embeddings": widened(r.Vectors), "model": r.Model, "usage": r.Usage, "id_of_call": r.CallID, "attempts": r.Attempts}
	if r.Cost != nil {
		document["cost"] = r.Cost
	}
	return result(document, nil)
}

func (s *goSession) rerank(ctx context.Context, c *Command) Event {
	options, err := callOptions(c)
	if err != nil {
		return result(nil, err)
	}
	request, err := llm.ParseRerank(c.First, options)
	if err != nil {
		return result(nil, err)
	}
	r, err := s.aggregator.Rerank(ctx, request)
	if err != nil {
		return result(nil, err)
	}
	data, err := r.AppendJSON(nil)
	return result(json.RawMessage(data), err)
}

// widened are numbers as JSON has them without loss.
func widened(vectors [][]float32) [][]float64 {
	wide := make([][]float64, len(vectors))
	for i, v := range vectors {
		for _, x := range v {
			wide[i] = append(wide[i], float64(x))
		}
	}
	return wide
}

// request is the request as an application would make it: a struct, or with
// "raw" a payload of JSON text.
func request(c *Command) (*llm.Request, *llm.Payload, error) {
	options, err := callOptions(c)
	if err != nil {
		return nil, nil, err
	}
	text := string(c.First)
	if c.Args["raw"] != "" && !strings.Contains(text, "NaN") {
		p, err := llm.OwnRequest(c.First, llm.CallOptions{})
		if err != nil {
			return nil, nil, err
		}
		return nil, p.WithOptions(options), nil
	}
	r := &llm.Request{}
	if err := r.UnmarshalJSON([]byte(strings.ReplaceAll(text, "NaN", "null"))); err != nil {
		return nil, nil, llm.Errorf(llm.InvalidArgument, "the request cannot be read: %v", err)
	}
	if strings.Contains(text, "NaN") {
		nan := math.NaN()
		r.Temperature = &nan
	}
	r.Options = options
	return r, nil, nil
}

func read(stream *client.Stream, c *Command, on func(Event)) Event {
	leave, _ := strconv.Atoi(c.Args["leave_after"])
	pause, _ := strconv.Atoi(c.Args["pause_after"])
	seconds, _ := strconv.ParseFloat(c.Args["pause_s"], 64)
	chunks := 0
	for event, err := range stream.Events() {
		if err != nil {
			return result(nil, err)
		}
		switch event.Kind {
		case llm.EventChunk:
			on(told("chunk", event.Chunk))
			if chunks++; chunks == leave {
				return leaving(stream)
			}
			if chunks == pause {
				time.Sleep(time.Duration(seconds * float64(time.Second))) // a reader that pauses
			}
		case llm.EventRestart:
			on(told("restart", event.Restart))
		case llm.EventDone:
			return result(event.Response, nil)
		}
	}
	return result(nil, errors.New("the stream ended without its Done event"))
}

// leaving closes the stream as leaving its loop does, and tells its trail.
func leaving(stream *client.Stream) Event {
	_ = stream.Close() // always nil
	event := result(stream.Response(), nil)
	event.Kind = "left"
	return event
}

func told(kind string, v any) Event {
	event := result(v, nil)
	return Event{Kind: kind, Data: event.Data, At: time.Now()}
}
