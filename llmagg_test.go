package llmagg_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/faultwall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var hi = []llmagg.Message{llmagg.User("hi")}

func startWall(t *testing.T, script string) *faultwall.Wall {
	t.Helper()
	var s faultwall.Script
	require.NoError(t, json.Unmarshal([]byte(script), &s))
	wall, err := faultwall.Start(s, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	return wall
}

// over is an aggregator over the wall's models a and b; a million of their
// tokens costs a million.
func over(t *testing.T, wall *faultwall.Wall, options ...llmagg.Option) *llmagg.Aggregator {
	t.Helper()
	model := llmagg.Map{"base_url": wall.BaseURL(), "api_key": "sk-test", "price": llmagg.Map{"input": 1e6, "output": 1e6},
		"retry": llmagg.Map{"backoff_s": 0.001}}
	a, err := llmagg.New(llmagg.Map{"openai": llmagg.Map{"models": llmagg.Map{"a": model, "b": model}}}, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

func TestEachKindOfConfiguration(t *testing.T) {
	wall := startWall(t, `{}`)
	text := `{"openai": {"models": {"a": {"api_key": "sk-1", "base_url": "` + wall.BaseURL() + `"}}}}`
	file := filepath.Join(t.TempDir(), "llm.json")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	env := func(vars map[string]string) llmagg.Option {
		return llmagg.WithEnvironment(func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	}
	var m llmagg.Map
	require.NoError(t, json.Unmarshal([]byte(text), &m))
	for name, c := range map[string]struct {
		config llmagg.Config
		vars   map[string]string
		model  string
	}{
		"JSON":             {llmagg.JSON(text), nil, "a"},
		"file":             {llmagg.File(file), nil, "a"},
		"map":              {m, nil, "a"},
		"LLMAGG_CONFIG":    {llmagg.Environment{}, map[string]string{"LLMAGG_CONFIG": file}, "a"},
		"a file at home":   {llmagg.Environment{}, map[string]string{"LLMAGG_CONFIG": "~/" + filepath.Base(file), "HOME": filepath.Dir(file)}, "a"},
		"a key":            {llmagg.Environment{}, map[string]string{"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": wall.BaseURL()}, "gpt-4o-mini"},
		"a key and a name": {llmagg.Environment{}, map[string]string{"OPENAI_API_KEY": "sk-1", "OPENAI_MODEL": "x", "OPENAI_BASE_URL": wall.BaseURL()}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := llmagg.New(c.config, env(c.vars))
			require.NoError(t, err)
			defer a.Close()
			answer, err := a.Ask(t.Context(), "hi")
			require.NoError(t, err)
			require.Equal(t, "Hello from "+c.model+".", answer)
		})
	}
	a, err := llmagg.New(llmagg.Models{"openai/gpt-4o", "groq/x"}, env(map[string]string{"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}))
	require.NoError(t, err)
	defer a.Close()
	require.Equal(t, []string{"openai/gpt-4o", "groq/x"}, a.Models())
	for _, c := range []llmagg.Config{nil, llmagg.Models{}, llmagg.JSON("{"), llmagg.File("no such file"), llmagg.Environment{}, llmagg.Map{"x": func() {}}} {
		_, err := llmagg.New(c, env(nil))
		var e *llmagg.Error
		require.ErrorAs(t, err, &e)
	}
	_, err = llmagg.New(llmagg.Environment{}, env(nil))
	require.ErrorContains(t, err, "LLMAGG_MODELS")
	_, err = llmagg.New(llmagg.Environment{}, env(map[string]string{"OPENAI_API_KEY": "k", "LLMAGG_MODELS": "openai/a openai/b"}))
	require.ErrorContains(t, err, `LLMAGG_MODELS has a blank in the entry "openai/a openai/b"; separate models by commas`)
	_, err = llmagg.New(llmagg.Environment{}, env(map[string]string{"OPENAI_API_KEY": "k", "LLMAGG_MODELS": "openai/a sk-proj-abcDEF0123456789abcDEF/x"}))
	require.ErrorContains(t, err, "has a blank in the entry of 41 bytes (it looks like a credential and is not shown); separate models by commas")
}

// Whatever is wrong with a configuration in a file, the error says in which.
func TestErrorsNameTheFile(t *testing.T) {
	t.Chdir(t.TempDir()) // a long path is taken for a key, and not shown
	file := "llm.json"
	env := llmagg.WithEnvironment(func(name string) (string, bool) {
		v, ok := map[string]string{"LLMAGG_CONFIG": file}[name]
		return v, ok
	})
	for text, says := range map[string]string{
		"": " is empty", "{}": " has no providers", "{": " is not valid JSON",
		`{"p": {}}`:               "no \"models\"",
		`{"p": {"models": {}}}`:   "is empty",
		`{"p": {"models": null}}`: "no \"models\"",
		`{"p": {"type": "opnai", "models": {"m": {"api_key": "k"}}}}`:                     "type",
		`{"p": {"models": {"m": {"type": "opnai", "api_key": "k"}}}}`:                     "type",
		`{"p": {"models": {"m": {"like": "nobody", "api_key": "k"}}}}`:                    "nobody",
		`{"openai": {"models": {"m": {"api_key": "k", "ca_file": "no such file"}}}}`:      "no such file",
		`{"openai": {"models": {"m": {}}}}`:                                               "api_key",
		`{"p": {"models": {"m": {"api_key": "${NO_SUCH}"}}}}`:                             "NO_SUCH",
		`{"fleet": {"url": "gopher://x"}, "openai": {"models": {"m": {"api_key": "k"}}}}`: "fleet",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		for _, c := range []llmagg.Config{llmagg.File(file), llmagg.Environment{}} {
			_, err := llmagg.New(c, env)
			require.ErrorContains(t, err, "the configuration file "+strconv.Quote(file))
			require.ErrorContains(t, err, says)
		}
	}
	require.NoError(t, os.WriteFile(file, []byte(`{"openai": {"models": {"m": {"api_key": "k"}}}}`), 0o600))
	_, err := llmagg.New(llmagg.File(file), env, llmagg.WithModels("nobody/x"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), file) // it is the list that is wrong
}

// What a program forgot is an error of each call, never a panic deep inside.
func TestNothingIsNil(t *testing.T) {
	wall := startWall(t, `{}`)
	a := over(t, wall, llmagg.WithModels("a"))
	type answer struct{ N int }
	var none context.Context
	asked := &llmagg.Request{Messages: hi}
	tools := []*llmagg.Tool{llmagg.NewTool("n", "", func(context.Context, answer) (string, error) { return "", nil })}
	for _, c := range []struct {
		a    *llmagg.Aggregator
		ctx  context.Context
		r    *llmagg.Request
		says string
	}{
		{a, t.Context(), nil, "the request is nil; pass a *Request"},
		{a, none, asked, "the context is nil; pass context.Background()"},
		{nil, t.Context(), asked, "not made by llmagg.New"},
		{&llmagg.Aggregator{}, t.Context(), asked, "not made by llmagg.New"},
	} {
		_, err := c.a.Chat(c.ctx, c.r)
		require.ErrorContains(t, err, c.says)
		_, err = c.a.Stream(c.ctx, c.r)
		require.ErrorContains(t, err, c.says)
		for _, err := range c.a.Texts(c.ctx, c.r) {
			require.ErrorContains(t, err, c.says)
		}
		for _, err := range c.a.Events(c.ctx, c.r) {
			require.ErrorContains(t, err, c.says)
		}
		_, err = c.a.RunTools(c.ctx, c.r, tools, llmagg.RunOptions{})
		require.ErrorContains(t, err, c.says)
		_, err = llmagg.Parse[answer](c.ctx, c.a, c.r)
		require.ErrorContains(t, err, c.says)
	}
	_, err := llmagg.New(llmagg.Environment{}, llmagg.WithEnvironment(nil))
	require.ErrorContains(t, err, "no configuration was found")
	_, err = a.Embed(t.Context(), nil)
	require.ErrorContains(t, err, "the request is nil; pass an *EmbeddingRequest")
	// As "defer llm.Close()" does before err is looked at.
	refused, err := llmagg.New(nil)
	require.Error(t, err)
	require.NoError(t, refused.Close())
	stream, err := a.Stream(t.Context(), nil)
	require.Error(t, err)
	require.NoError(t, stream.Close())
	_, err = a.Rerank(t.Context(), nil)
	require.ErrorContains(t, err, "the request is nil; pass a *RerankRequest")
	_, err = a.RunTools(t.Context(), asked, []*llmagg.Tool{nil}, llmagg.RunOptions{})
	require.ErrorContains(t, err, "a tool is nil")
	_, err = a.RunTools(t.Context(), asked, []*llmagg.Tool{{}}, llmagg.RunOptions{})
	require.ErrorContains(t, err, "a tool was not made by NewTool")
	require.Panics(t, func() { a.Observe(nil) })
	_, err = llmagg.New(llmagg.Models{"gpt-4o-mini"})
	require.ErrorContains(t, err, `write it as "openai/gpt-4o-mini"`)
}

func TestStreamsAreSequences(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"text": "one two three"}, {"text": "one two three"}, {"text": "one two three", "cut": {"how": "clean", "after_events": 2}}, {"status": 400}]}}}`)
	a := over(t, wall, llmagg.WithModels("a"))
	r := &llmagg.Request{Messages: hi}
	var text strings.Builder
	var last llmagg.Event
	for event, err := range a.Events(t.Context(), r) {
		require.NoError(t, err)
		last = event
	}
	require.Equal(t, llmagg.EventDone, last.Kind)
	require.Equal(t, "one two three", last.Response.Text())
	require.NotZero(t, last.Response.CallID)
	for piece, err := range a.Texts(t.Context(), r) {
		require.NoError(t, err)
		text.WriteString(piece)
	}
	require.Equal(t, "one two three", text.String())
	var failed error
	for _, err := range a.Texts(t.Context(), r) {
		failed = err
	}
	require.ErrorIs(t, failed, &llmagg.Error{Code: llmagg.StreamInterrupted})
	for _, err := range a.Texts(t.Context(), r) {
		failed = err
	}
	require.ErrorIs(t, failed, &llmagg.Error{Code: llmagg.AllFailed})
	for range a.Texts(t.Context(), r) {
		break // which ends the call
	}
}

type countingTripper struct {
	next http.RoundTripper
	n    *atomic.Int32
}

func (c countingTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	r.Header.Set("X-Mine", "yes")
	return c.next.RoundTrip(r)
}

func TestRoundTripperSeesEachAttempt(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"status": 503}]}}}`)
	var n atomic.Int32
	a := over(t, wall, llmagg.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper { return countingTripper{next, &n} }))
	r, err := a.Chat(t.Context(), &llmagg.Request{Messages: hi})
	require.NoError(t, err)
	require.EqualValues(t, len(r.Attempts), n.Load())
	seen := wall.Seen().Requests
	require.Len(t, seen, 3)
	require.Equal(t, "yes", seen[1].Headers["x-mine"])
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnEmptyTextAsksNothing(t *testing.T) {
	wall := startWall(t, `{}`)
	a := over(t, wall, llmagg.WithModels("a"))
	for _, text := range []string{"", " \n"} {
		_, err := a.Ask(t.Context(), text)
		require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.InvalidArgument})
		require.ErrorContains(t, err, "pass a question")
	}
	_, err := a.Chat(t.Context(), &llmagg.Request{Messages: []llmagg.Message{llmagg.User("")}})
	require.NoError(t, err, "an empty message of the caller's own is sent")
}

func TestRoundTripperMayAnswerOrFail(t *testing.T) {
	wall := startWall(t, `{}`)
	with := func(f trip) error {
		a := over(t, wall, llmagg.WithModels("a"), llmagg.WithRoundTripper(func(http.RoundTripper) http.RoundTripper { return f }))
		_, err := a.Ask(t.Context(), "hi")
		return err
	}
	mine := errors.New("no network today")
	require.ErrorIs(t, with(func(*http.Request) (*http.Response, error) { return nil, mine }), mine)
	require.ErrorContains(t, with(func(*http.Request) (*http.Response, error) { return nil, nil }), "neither an answer")
	require.NoError(t, with(func(*http.Request) (*http.Response, error) {
		return faultwallAnswer("mine"), nil
	}))
	_, err := llmagg.New(llmagg.JSON(`{"openai": {"models": {"a": {"api_key": "k"}}}}`), llmagg.WithRoundTripper(func(http.RoundTripper) http.RoundTripper { return nil }))
	require.ErrorContains(t, err, "RoundTripper returned nil")
}

func TestMiddlewareIsAroundCalls(t *testing.T) {
	wall := startWall(t, `{}`)
	var order []string
	named := func(name string) llmagg.Middleware {
		return llmagg.Middleware{Chat: func(next llmagg.ChatFunc) llmagg.ChatFunc {
			return func(ctx context.Context, r *llmagg.Request) (*llmagg.Response, error) {
				order = append(order, name)
				return next(ctx, r)
			}
		}, Stream: func(next llmagg.StreamFunc) llmagg.StreamFunc {
			return func(ctx context.Context, r *llmagg.Request) (*llmagg.Stream, error) {
				order = append(order, name+" stream")
				return next(ctx, r)
			}
		}}
	}
	a := over(t, wall, llmagg.WithMiddleware(named("outer"), named("inner"), llmagg.Middleware{}))
	_, err := a.Ask(t.Context(), "hi")
	require.NoError(t, err)
	for range a.Texts(t.Context(), &llmagg.Request{Messages: hi}) {
	}
	require.Equal(t, []string{"outer", "inner", "outer stream", "inner stream"}, order)
}

// What New is given is refused by New, not by a call, and not by nobody.
func TestWhatNoCallCouldUseIsRefusedAtOnce(t *testing.T) {
	models := llmagg.Models{"ollama/a"}
	with := func(o llmagg.CallOptions) []llmagg.Option { return []llmagg.Option{llmagg.WithCallOptions(o)} }
	around := func(m llmagg.Middleware) []llmagg.Option { return []llmagg.Option{llmagg.WithMiddleware(m)} }
	for says, c := range map[string]struct {
		config  llmagg.Config
		options []llmagg.Option
	}{
		"the configuration has no providers": {llmagg.JSON("{}"), nil},
		"models[1] is empty":                 {llmagg.Models{"ollama/a", ""}, nil},
		"models[0] is empty":                 {models, []llmagg.Option{llmagg.WithModels("")}},
		"\"models\" is an empty list; leave": {models, []llmagg.Option{llmagg.WithModels()}},
		"WithModels and WithGroups both say": {models, []llmagg.Option{llmagg.WithModels("a"), llmagg.WithGroups([]string{"a"})}},
		"leave one of them out":              {models, []llmagg.Option{llmagg.WithGroups([]string{"a"}), llmagg.WithModels("a")}},
		"configuration has no providers":     {llmagg.Map{}, nil},
		"options[1] of llmagg.New is nil":    {models, []llmagg.Option{llmagg.WithCache(nil), nil}},
		"the cache was not made by NewCache": {models, []llmagg.Option{llmagg.WithCache(&llmagg.Cache{})}},
		"the cache's TTL is -1s":             {models, []llmagg.Option{llmagg.WithCache(llmagg.NewCache(llmagg.CacheOptions{TTL: -time.Second}))}},
		`option "deadline" is -1s`:           {models, with(llmagg.CallOptions{Deadline: -time.Second})},
		`did you mean "restart"?`:            {models, with(llmagg.CallOptions{OnInterrupt: "restrat"})},
		"the Chat function of a middleware":  {models, around(llmagg.Middleware{Chat: func(llmagg.ChatFunc) llmagg.ChatFunc { return nil }})},
		"the Stream function of a middlewar": {models, around(llmagg.Middleware{Stream: func(llmagg.StreamFunc) llmagg.StreamFunc { return nil }})},
	} {
		_, err := llmagg.New(c.config, c.options...)
		require.ErrorContains(t, err, says)
		require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.InvalidArgument})
	}
	_, err := llmagg.New(models, llmagg.WithModels("a", "openai/b"))
	require.ErrorContains(t, err, `"openai/b" is not among those of llmagg.Models (ollama/a)`)
	require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.ModelNotFound})
	a := over(t, startWall(t, `{}`), llmagg.WithModels("a"))
	late := &llmagg.Request{Messages: hi, Options: llmagg.CallOptions{Deadline: -1}}
	_, err = llmagg.Parse[int](t.Context(), a, late)
	require.ErrorContains(t, err, `option "deadline" is -1ns`)
	tool := llmagg.NewTool("n", "", func(context.Context, struct{}) (string, error) { return "", nil })
	_, err = a.RunTools(t.Context(), late, []*llmagg.Tool{tool}, llmagg.RunOptions{})
	require.ErrorContains(t, err, `option "deadline" is -1ns`)
}

// A middleware's own errors are errors of the call, and nothing is one, too.
func TestWhatMiddlewareReturns(t *testing.T) {
	wall, own := startWall(t, `{}`), errors.New("closed on Sundays")
	for _, c := range []struct {
		err  error
		code llmagg.Code
		says string
	}{
		{own, llmagg.Internal, "a middleware failed: closed on Sundays"},
		{context.Canceled, llmagg.Canceled, "a middleware ended the call"},
		{context.DeadlineExceeded, llmagg.Timeout, "a middleware ended the call"},
		{&llmagg.Error{Code: llmagg.Quota, Message: "spent"}, llmagg.Quota, "spent"},
		{nil, llmagg.Internal, "a middleware returned neither"},
	} {
		a := over(t, wall, llmagg.WithMiddleware(llmagg.Middleware{
			Chat: func(llmagg.ChatFunc) llmagg.ChatFunc {
				return func(context.Context, *llmagg.Request) (*llmagg.Response, error) { return nil, c.err }
			},
			Stream: func(llmagg.StreamFunc) llmagg.StreamFunc {
				return func(context.Context, *llmagg.Request) (*llmagg.Stream, error) { return nil, c.err }
			},
		}))
		asked := &llmagg.Request{Messages: hi}
		_, chat := a.Ask(t.Context(), "hi")
		_, parse := llmagg.Parse[int](t.Context(), a, asked)
		_, stream := a.Stream(t.Context(), asked)
		var texts error
		for _, err := range a.Texts(t.Context(), asked) {
			texts = err
		}
		for _, err := range []error{chat, parse, stream, texts} {
			var failed *llmagg.Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, c.code, failed.Code)
			require.ErrorContains(t, err, c.says)
			if c.err != nil && !errors.As(c.err, &failed) {
				require.ErrorIs(t, err, c.err)
			}
		}
	}
}

func TestCloseEndsCalls(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"delay_body_s": 30}]}}}`)
	a := over(t, wall, llmagg.WithModels("a"))
	failed := make(chan error, 1)
	go func() { _, err := a.Ask(context.Background(), "hi"); failed <- err }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, wall.Wait(ctx, func(s faultwall.Seen) bool { return len(s.Requests) == 1 }))
	require.NoError(t, a.Close())
	require.ErrorIs(t, <-failed, &llmagg.Error{Code: llmagg.Closed})
}
