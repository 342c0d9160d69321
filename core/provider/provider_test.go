package provider_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/provider"
	"github.com/stretchr/testify/require"
)

func startWall(t *testing.T) *faultwall.Wall {
	t.Helper()
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// configOf is a provider "p" with the given models on the wall.
func configOf(w *faultwall.Wall, names ...string) config.Provider {
	cfg := config.Provider{Name: "p"}
	for _, name := range names {
		cfg.Models = append(cfg.Models, config.Model{Name: name, Model: "up-" + name, BaseURL: w.BaseURL(), APIKey: "sk-secret-key"})
	}
	return cfg
}

func ready(t *testing.T, cfg config.Provider) *provider.Provider {
	t.Helper()
	p, err := provider.New(cfg, provider.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(context.Background())) })
	require.NoError(t, p.Initialize(t.Context()))
	return p
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
}

func TestNewRefusesBadConfigurationsAndNamesTheModel(t *testing.T) {
	good := config.Model{Name: "m", BaseURL: "http://127.0.0.1:1"}
	for name, c := range map[string]struct {
		cfg  config.Provider
		says string
	}{
		"no name":              {config.Provider{Models: []config.Model{good}}, `provider name "" is not valid; expected a name without a slash`},
		"slash":                {config.Provider{Name: "a/b", Models: []config.Model{good}}, `provider name "a/b"`},
		"no models":            {config.Provider{Name: "p"}, `provider "p" has no models`},
		"two of a name":        {config.Provider{Name: "p", Models: []config.Model{good, good}}, `provider "p" has two models named "m"`},
		"no key":               {config.Provider{Name: "openai", Models: []config.Model{{Name: "gpt"}}}, "model openai/gpt has no api_key; openai needs one"},
		"misspelt vendor":      {config.Provider{Name: "opena1", Models: []config.Model{{Name: "m", APIKey: "k"}}}, `OpenAI-compatible API; did you mean "openai"?`},
		"file of no authority": {config.Provider{Name: "openai", Models: []config.Model{{Name: "m", APIKey: "k", CAFile: "/nope"}}}, `openai/m: ca_file cannot be read`},
		"unknown vendor":       {config.Provider{Name: "acme", Models: []config.Model{{Name: "m", APIKey: "k"}}}, `provider "acme" has no base_url, and no vendor has this name`},
		"no near vendor":       {config.Provider{Name: "mine", Models: []config.Model{{Name: "m", APIKey: "k"}}}, `no vendor has this name; write "like" with the name of a vendor, or set the base_url of an OpenAI-compatible API; the vendors are`},
		"no scheme":            {config.Provider{Name: "p", Models: []config.Model{{Name: "m", BaseURL: "localhost:80/v1"}}}, `p/m: base_url begins neither with http:// nor with https://; write "http://localhost:80/v1"`},
		"ftp":                  {config.Provider{Name: "p", Models: []config.Model{{Name: "m", BaseURL: "ftp://h/v1"}}}, `p/m: base_url begins neither with http:// nor with https://; write "http://h/v1"`},
		"credentials":          {config.Provider{Name: "p", Models: []config.Model{{Name: "m", BaseURL: "https://u:pw-secret@h"}}}, "p/m: base_url holds credentials"},
		"negative time":        {config.Provider{Name: "p", Models: []config.Model{{Name: "m", BaseURL: "http://h", Timeout: -1}}}, "p/m: timeout is -1ns"},
		"concurrency":          {config.Provider{Name: "p", Models: []config.Model{{Name: "m", BaseURL: "http://h", MaxConcurrentCalls: -1}}}, "p/m: max_concurrent_calls is -1"},
		"the second":           {config.Provider{Name: "p", Models: []config.Model{good, {Name: "n"}}}, `provider "p" has no base_url`},
		"provider's type":      {config.Provider{Name: "p", Type: "soap", Models: []config.Model{good}}, `p/m: unknown type "soap"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := provider.New(c.cfg, provider.Options{})
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	_, err := provider.NewCustom(config.Provider{Name: "p", Models: []config.Model{good}}, nil, provider.Options{})
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	require.ErrorContains(t, err, "needs a backend")
}

// Two programs may share one configuration; making a provider of it does not
// write into it.
func TestNewLeavesTheCallersConfigurationAlone(t *testing.T) {
	w := startWall(t)
	cfg := configOf(w, "a")
	cfg.Type = "openai"
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			p, err := provider.New(cfg, provider.Options{})
			if err != nil || p.Config().Models[0].Provider != "p" {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	require.Empty(t, cfg.Models[0].Provider)
	require.Empty(t, cfg.Models[0].Type)
	p := ready(t, cfg)
	p.Config().Models[0].Name = "changed"
	require.Equal(t, "a", p.Config().Models[0].Name)
}

func TestModelsAreFoundByEitherName(t *testing.T) {
	p := ready(t, configOf(startWall(t), "a", "b"))
	require.Equal(t, "p", p.Name())
	require.Equal(t, []string{"a", "b"}, p.Models())
	byName, err := p.Client("b")
	require.NoError(t, err)
	byModel, err := p.Client("up-b")
	require.NoError(t, err)
	require.Same(t, byName, byModel)
	_, err = p.Client("c")
	require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err))
	require.EqualError(t, err, "MODEL_NOT_FOUND (p/c): the provider has no such model; it has: a, b")
	require.NoError(t, p.Initialize(t.Context()))
	again, err := p.Client("b")
	require.NoError(t, err)
	require.Same(t, byName, again, "a second Initialize makes nothing new")
}

func TestNothingIsFoundBeforeInitialize(t *testing.T) {
	p, err := provider.New(configOf(startWall(t), "a"), provider.Options{})
	require.NoError(t, err)
	require.Empty(t, p.Models())
	_, err = p.Client("a")
	require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err))
	require.ErrorContains(t, err, "initialize it first")
	require.NoError(t, p.Close(t.Context()))
}

// A model that could not be made keeps its place among the others once it can.
func TestInitializeAgainAfterAFailure(t *testing.T) {
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{TLS: true})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	file := filepath.Join(t.TempDir(), "roots.pem")
	write := func() { require.NoError(t, os.WriteFile(file, w.CACertPEM(), 0o600)) }
	write()
	cfg := configOf(w, "a", "b")
	cfg.Models[0].CAFile = file
	var log strings.Builder
	p, err := provider.New(cfg, provider.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(context.Background())) })
	require.NoError(t, os.Remove(file))
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(p.Initialize(t.Context())))
	require.Equal(t, []string{"b"}, p.Models(), "the others are there")
	require.Contains(t, log.String(), "model=a")
	write()
	require.NoError(t, p.Initialize(t.Context()))
	require.Equal(t, []string{"a", "b"}, p.Models())
	c, err := p.Client("a")
	require.NoError(t, err)
	_, err = c.Chat(t.Context(), ask())
	require.NoError(t, err)
}

func TestAModelThatIsSwitchedOffIsNotListed(t *testing.T) {
	p := ready(t, configOf(startWall(t), "a", "b"))
	c, err := p.Client("a")
	require.NoError(t, err)
	c.SetAvailable(false)
	require.Equal(t, []string{"b"}, p.Models())
	require.Len(t, p.Clients(), 2)
	c.SetAvailable(true)
	require.Equal(t, []string{"a", "b"}, p.Models())
}

func TestHealthAndReport(t *testing.T) {
	w := startWall(t)
	p := ready(t, configOf(w, "a", "b"))
	require.Equal(t, map[string]bool{"a": true, "b": true}, p.CheckHealth(t.Context()))
	w.Kill()
	require.Equal(t, map[string]bool{"a": false, "b": false}, p.CheckHealth(t.Context()))
	reports := p.Report()
	require.Len(t, reports, 2)
	require.Equal(t, "closed", reports[0].Circuit, "a check tells the breaker nothing")
}

func TestUseAfterClose(t *testing.T) {
	p := ready(t, configOf(startWall(t), "a"))
	c, err := p.Client("a")
	require.NoError(t, err)
	require.NoError(t, p.Close(t.Context()))
	require.NoError(t, p.Close(t.Context()), "twice")
	_, err = p.Client("a")
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.ErrorContains(t, err, `the provider "p" is closed`)
	require.Equal(t, llm.Closed, llm.CodeOfError(p.Initialize(t.Context())))
	_, err = c.Chat(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.Equal(t, map[string]bool{"a": false}, p.CheckHealth(t.Context()))
}

func TestCloseEndsCallsInFlight(t *testing.T) {
	w := startWall(t)
	w.Script("up-a", faultwall.Step{Hold: "never"})
	p := ready(t, configOf(w, "a"))
	c, err := p.Client("a")
	require.NoError(t, err)
	errs := make(chan error, 2)
	for range 2 {
		go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	}
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 2 }))
	require.NoError(t, p.Close(t.Context()))
	for range 2 {
		require.Equal(t, llm.Closed, llm.CodeOfError(<-errs))
	}
	require.Zero(t, c.Report().InFlight)
}

func TestRetireWaitsForTheCalls(t *testing.T) {
	w := startWall(t)
	w.Script("up-a", faultwall.Step{Hold: "answer"})
	p := ready(t, configOf(w, "a"))
	c, err := p.Client("a")
	require.NoError(t, err)
	errs := make(chan error, 1)
	go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 }))
	p.Retire()
	_, err = p.Client("a")
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	w.Release("answer")
	require.NoError(t, <-errs)
	_, err = c.Chat(context.Background(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
}

// stubborn is a backend that does not listen to its context.
type stubborn struct {
	began   chan struct{}
	release chan struct{}
}

func (s stubborn) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	s.began <- struct{}{}
	<-s.release
	return nil, errors.New("too late")
}

func (s stubborn) Stream(ctx context.Context, x *client.Exchange) (client.ChunkReader, error) {
	_, err := s.Chat(ctx, x)
	return nil, err
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	backend := stubborn{make(chan struct{}), make(chan struct{})}
	p, err := provider.NewCustom(config.Provider{Name: "p", Models: []config.Model{{Name: "a"}}}, backend, provider.Options{})
	require.NoError(t, err)
	require.NoError(t, p.Initialize(t.Context()))
	c, err := p.Client("a")
	require.NoError(t, err)
	require.True(t, c.Custom())
	errs := make(chan error, 1)
	go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	<-backend.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.Close(ctx), context.Canceled)
	close(backend.release)
	require.Equal(t, llm.Closed, llm.CodeOfError(<-errs))
	require.NoError(t, p.Close(t.Context()), "now it is over")
}
