package aggregator_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/stretchr/testify/require"
)

func empty(t *testing.T, o aggregator.Options) (*aggregator.Aggregator, *manager.Manager) {
	t.Helper()
	m := manager.New(manager.Options{})
	a := aggregator.New(m, o)
	t.Cleanup(func() {
		require.NoError(t, a.Close(context.Background()))
		require.NoError(t, m.Close(context.Background()))
	})
	return a, m
}

func parse(t *testing.T, text string) []config.Provider {
	t.Helper()
	configs, err := config.Parse([]byte(text), config.Options{})
	require.NoError(t, err)
	return configs
}

func TestAnEmptyAggregatorIsNotInitialized(t *testing.T) {
	for _, o := range []aggregator.Options{{}, {Models: []string{"gpt"}}} {
		a, m := empty(t, o)
		if len(o.Models) == 0 {
			require.Empty(t, a.Models())
		}
		require.Empty(t, a.CheckHealth(t.Context()))
		for _, call := range []func() error{
			func() error { _, err := a.Chat(t.Context(), ask()); return err },
			func() error { _, err := a.Stream(t.Context(), ask()); return err },
			func() error { _, err := a.GenerateResponse(t.Context(), ask().Messages); return err },
			func() error { q := ask(); q.Model = "gpt"; _, err := a.Chat(t.Context(), q); return err },
		} {
			err := call()
			require.Equal(t, llm.NotInitialized, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, "with a configuration")
		}
		named := ask()
		for name, form := range map[string]string{"m": `write it as "VENDOR/m"`, "/m": `write it as "VENDOR/m"`, "m/": `"VENDOR/m"`, "gpt": `write it as "openai/gpt"`, "openai:gpt": `write it as "openai/gpt"`} {
			named.Model = name
			_, err := a.Chat(t.Context(), named)
			require.ErrorContains(t, err, form)
		}
		for _, name := range []string{"anthropic", "anthropic/"} {
			named.Model = name
			_, err := a.Chat(t.Context(), named)
			require.Equal(t, llm.NotInitialized, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, `names a vendor and none of its models; write it as "anthropic/MODEL"`)
		}
		require.Same(t, m, a.Manager())
		p, err := ask().Payload()
		require.NoError(t, err)
		_, err = a.ChatRoutes(t.Context(), nil, p)
		require.Equal(t, llm.NotInitialized, llm.CodeOfError(err))
	}
}

func TestUnknownModels(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`, "b": `[{}]`}, "")
	for model, want := range map[string]string{
		"c":        "MODEL_NOT_FOUND: no registered provider has the model \"c\" (registered: wall/a, wall/b)",
		"wall/c":   "MODEL_NOT_FOUND: no registered provider has the model \"wall/c\"; did you mean \"wall/a\"? (registered: wall/a, wall/b)",
		"nobody/a": "PROVIDER_NOT_FOUND (nobody/a): no provider \"nobody\" is registered (model \"nobody/a\"); did you mean \"wall/a\"? (registered: wall/a, wall/b)",
	} {
		q := ask()
		q.Model = model
		_, err := w.Chat(t.Context(), q)
		require.EqualError(t, err, want)
		_, err = w.Stream(t.Context(), q)
		require.EqualError(t, err, want)
	}
	require.Empty(t, w.wall.Seen().Requests)
	a := aggregator.New(w.manager, aggregator.Options{Models: []string{"nobody", "b"}})
	defer func() { require.NoError(t, a.Close(context.Background())) }()
	_, err := a.Chat(t.Context(), ask())
	require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err), "a back-up that does not exist is told before it is needed")
	require.Equal(t, []string{"nobody", "b"}, a.Models())
}

func TestBadRequestsLeaveTheAggregatorUsable(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`}, "")
	for _, q := range []*llm.Request{nil, {}, {Messages: []llm.Message{{Role: "x"}}}} {
		_, err := w.Chat(t.Context(), q)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
		_, err = w.Stream(t.Context(), q)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	}
	_, err := w.GenerateResponse(t.Context(), nil)
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	text, err := w.GenerateResponse(t.Context(), ask().Messages)
	require.NoError(t, err)
	require.Equal(t, "Hello from a.", text)
}

// Nothing is registered when one configuration is wrong.
func TestInitializeIsAllOrNothing(t *testing.T) {
	a, m := empty(t, aggregator.Options{})
	err := a.Initialize(t.Context(), parse(t, `{"good":{"models":{"a":{"base_url":"http://127.0.0.1:1"}}},"bad":{"models":{"b":{"base_url":"ftp://h"}}}}`))
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	require.ErrorContains(t, err, `bad/b: base_url begins neither with`)
	require.Empty(t, m.Providers())
	require.NoError(t, a.Initialize(t.Context(), parse(t, `{"good":{"models":{"a":{"base_url":"http://127.0.0.1:1"}}}}`)))
	require.Equal(t, []string{"a"}, a.Models())
}

func TestInitializeOnAClosedManager(t *testing.T) {
	a, m := empty(t, aggregator.Options{})
	require.NoError(t, m.Close(t.Context()))
	err := a.Initialize(t.Context(), parse(t, `{"p":{"models":{"a":{"base_url":"http://127.0.0.1:1"}}}}`))
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
}

func TestUseAfterClose(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`}, "")
	require.NoError(t, w.Close(t.Context()))
	require.NoError(t, w.Close(t.Context()), "twice")
	_, err := w.Chat(t.Context(), ask())
	require.EqualError(t, err, "CLOSED: the aggregator is closed")
	_, err = w.Stream(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.Equal(t, llm.Closed, llm.CodeOfError(w.Initialize(t.Context(), nil)))
	c, err := w.manager.Client("wall", "a")
	require.NoError(t, err)
	_, err = c.Chat(t.Context(), ask())
	require.NoError(t, err, "the manager is not the aggregator's")
}

func TestCloseEndsStreamsThatNobodyReads(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"forever":true,"delay_event_s":0.005}]`}, "")
	s, err := w.Stream(t.Context(), ask())
	require.NoError(t, err)
	require.NoError(t, w.Close(t.Context()))
	<-s.Done()
	_, err = s.Next()
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.NoError(t, w.wall.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.Disconnects == 1 }))
}

// A provider may be replaced at any moment: no call notices.
func TestReplacingAProviderFailsNoCall(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503},{"status":503},{}]`, "b": `[{}]`}, `,"max_retries":1,"breaker":{"failures":1000000,"min_requests":1000000}`)
	configs := parse(t, `{"wall":{"base_url":"`+w.wall.BaseURL()+`","max_retries":1,"models":{"a":{},"b":{}}}}`)
	var over atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !over.Load() {
				if _, err := w.Chat(context.Background(), ask()); err != nil {
					t.Errorf("%v", err)
					return
				}
				s, err := w.Stream(context.Background(), ask())
				if err == nil {
					_, err = s.Collect()
				}
				if err != nil {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	for range 100 {
		require.NoError(t, w.Initialize(t.Context(), configs))
		time.Sleep(time.Millisecond) // so that calls begin between two registrations
	}
	over.Store(true)
	all.Wait()
}

// What a call leaves unset is the aggregator's.
func TestDefaultsOfCalls(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":400}]`, "b": `[{}]`}, "")
	a := aggregator.New(w.manager, aggregator.Options{Call: llm.CallOptions{StopOnBadRequest: true, Headers: map[string]string{"X-Team": "blue"}}})
	defer func() { require.NoError(t, a.Close(context.Background())) }()
	_, err := a.Chat(t.Context(), ask())
	require.Equal(t, llm.BadRequest, llm.CodeOfError(err))
	require.Equal(t, "blue", w.wall.Seen().Requests[0].Headers["x-team"])
	q := ask()
	q.Options.Headers = map[string]string{"X-Team": "red"}
	_, _ = a.Chat(t.Context(), q)
	require.Equal(t, "red", w.wall.Seen().Requests[1].Headers["x-team"])
	q = ask()
	q.Options.Decided = llm.DecideBadRequest
	_, err = a.Chat(t.Context(), q)
	require.NoError(t, err)
}

// Streams ask for usage unless a caller in Go says no.
func TestUsageOfStreams(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"text":"one two"}]`}, "")
	a := aggregator.New(w.manager, aggregator.Options{})
	defer func() { require.NoError(t, a.Close(context.Background())) }()
	for _, c := range []struct {
		options *llm.StreamOptions
		decided llm.Decisions
		usage   bool
	}{{nil, 0, true}, {nil, llm.DecideUsage, false}, {&llm.StreamOptions{}, 0, false}, {&llm.StreamOptions{IncludeUsage: true}, llm.DecideUsage, true}} {
		q := ask()
		q.StreamOptions, q.Options.Decided = c.options, c.decided
		s, err := a.Stream(t.Context(), q)
		require.NoError(t, err)
		r, err := s.Collect()
		require.NoError(t, err)
		require.Equal(t, c.usage, r.Usage != nil, "%+v", c)
	}
}
