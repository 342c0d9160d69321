package manager_test

import (
	"context"
	"sync"
	"testing"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
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

// providerOn is an initialized provider whose models have the upstream names
// "up-…".
func providerOn(t *testing.T, w *faultwall.Wall, name string, models ...string) *provider.Provider {
	t.Helper()
	cfg := config.Provider{Name: name}
	for _, m := range models {
		cfg.Models = append(cfg.Models, config.Model{Name: m, Model: "up-" + m, BaseURL: w.BaseURL()})
	}
	p, err := provider.New(cfg, provider.Options{})
	require.NoError(t, err)
	require.NoError(t, p.Initialize(t.Context()))
	t.Cleanup(func() { require.NoError(t, p.Close(context.Background())) })
	return p
}

func newManager(t *testing.T) *manager.Manager {
	t.Helper()
	m := manager.New(manager.Options{})
	t.Cleanup(func() { require.NoError(t, m.Close(context.Background())) })
	return m
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
}

func TestLookUps(t *testing.T) {
	w, m := startWall(t), newManager(t)
	require.Empty(t, m.Providers())
	_, err := m.ClientByModel("a")
	require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err))
	require.ErrorContains(t, err, `no registered provider has the model "a"`)

	require.NoError(t, m.Register(providerOn(t, w, "z", "a", "b")))
	require.NoError(t, m.Register(providerOn(t, w, "y", "up-a", "b")))
	require.Equal(t, []string{"z", "y"}, m.Providers(), "in the order of registration")
	require.Equal(t, map[string][]string{"z": {"a", "b"}, "y": {"up-a", "b"}}, m.Models())

	for model, route := range map[string]string{"a": "z/a", "b": "z/b", "up-a": "y/up-a", "up-b": "z/b"} {
		c, err := m.ClientByModel(model)
		require.NoError(t, err)
		require.Equal(t, route, c.Route(), "configured names come before upstream names")
	}
	c, err := m.Client("y", "b")
	require.NoError(t, err)
	require.Equal(t, "y/b", c.Route())
	_, err = m.Client("x", "b")
	require.EqualError(t, err, "PROVIDER_NOT_FOUND (x): no such provider; registered: z, y")
	_, err = m.Client("y", "c")
	require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err))
	require.Len(t, m.Report(), 4)
	require.Equal(t, map[string]map[string]bool{"z": {"a": true, "b": true}, "y": {"up-a": true, "b": true}}, m.CheckHealth(t.Context()))
}

func TestRegisterNothing(t *testing.T) {
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(newManager(t).Register(nil)))
}

func TestADuplicateReplacesAtItsPlaceAndTheOldOneClosesWhenIdle(t *testing.T) {
	w, m := startWall(t), newManager(t)
	old := providerOn(t, w, "p", "a")
	require.NoError(t, m.Register(old))
	require.NoError(t, m.Register(providerOn(t, w, "q", "a")))
	w.Script("up-a", faultwall.Step{Hold: "answer"}, faultwall.Step{})
	c, err := m.Client("p", "a")
	require.NoError(t, err)
	errs := make(chan error, 1)
	go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 }))

	fresh := providerOn(t, w, "p", "a")
	require.NoError(t, m.Register(fresh))
	require.Equal(t, []string{"p", "q"}, m.Providers())
	found, err := m.Provider("p")
	require.NoError(t, err)
	require.Same(t, fresh, found)
	w.Release("answer")
	require.NoError(t, <-errs, "the call in flight ends well")
	_, err = c.Chat(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))

	require.NoError(t, m.Register(fresh), "the same one again")
	c, err = m.Client("p", "a")
	require.NoError(t, err)
	_, err = c.Chat(t.Context(), ask())
	require.NoError(t, err, "and it is not closed for that")
}

func TestUnregister(t *testing.T) {
	w, m := startWall(t), newManager(t)
	p := providerOn(t, w, "p", "a")
	require.NoError(t, m.Register(p))
	require.NoError(t, m.Register(providerOn(t, w, "q", "b")))
	got, err := m.Unregister("p")
	require.NoError(t, err)
	require.Same(t, p, got)
	require.Equal(t, []string{"q"}, m.Providers())
	_, err = m.Client("p", "a")
	require.Equal(t, llm.ProviderNotFound, llm.CodeOfError(err))
	_, err = m.Unregister("p")
	require.Equal(t, llm.ProviderNotFound, llm.CodeOfError(err))
	c, err := p.Client("a")
	require.NoError(t, err)
	_, err = c.Chat(t.Context(), ask())
	require.NoError(t, err, "it stays open and is the caller's again")
}

// Whoever takes a provider out gets the one that was in.
func TestUnregisterAndReplaceAtTheSameTime(t *testing.T) {
	w, m := startWall(t), newManager(t)
	for range 200 {
		first, second := providerOn(t, w, "p", "a"), providerOn(t, w, "p", "a")
		require.NoError(t, m.Register(first))
		var got *provider.Provider
		var both sync.WaitGroup
		both.Go(func() { got, _ = m.Unregister("p") })
		both.Go(func() { _ = m.Register(second) })
		both.Wait()
		if got == first {
			left, err := m.Provider("p")
			require.NoError(t, err)
			require.Same(t, second, left)
		} else {
			require.Same(t, second, got)
			require.Empty(t, m.Providers())
		}
		_, _ = m.Unregister("p")
	}
}

func TestUseAfterClose(t *testing.T) {
	w, m := startWall(t), newManager(t)
	require.NoError(t, m.Register(providerOn(t, w, "p", "a")))
	c, err := m.Client("p", "a")
	require.NoError(t, err)
	require.NoError(t, m.Close(t.Context()))
	require.NoError(t, m.Close(t.Context()), "twice")
	_, err = c.Chat(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	for name, f := range map[string]func() error{
		"client":     func() error { _, err := m.Client("p", "a"); return err },
		"by model":   func() error { _, err := m.ClientByModel("a"); return err },
		"provider":   func() error { _, err := m.Provider("p"); return err },
		"register":   func() error { return m.Register(providerOn(t, w, "q", "a")) },
		"unregister": func() error { _, err := m.Unregister("p"); return err },
	} {
		err := f()
		require.Equal(t, llm.Closed, llm.CodeOfError(err), name)
		require.ErrorContains(t, err, "closed", name)
	}
	require.Equal(t, map[string]map[string]bool{"p": {"a": false}}, m.CheckHealth(t.Context()))
}

func TestCloseEndsCallsInFlightAtAllProviders(t *testing.T) {
	w, m := startWall(t), newManager(t)
	errs := make(chan error, 2)
	for _, name := range []string{"p", "q"} {
		w.Script("up-"+name, faultwall.Step{Hold: "never"})
		require.NoError(t, m.Register(providerOn(t, w, name, name)))
		c, err := m.Client(name, name)
		require.NoError(t, err)
		go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	}
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 2 }))
	require.NoError(t, m.Close(t.Context()))
	for range 2 {
		require.Equal(t, llm.Closed, llm.CodeOfError(<-errs))
	}
}

func TestObserversHearOfEveryProvider(t *testing.T) {
	w, m := startWall(t), newManager(t)
	require.NoError(t, m.Register(providerOn(t, w, "p", "a")))
	sub := m.Observers().Subscribe(16)
	defer sub.Close()
	c, err := m.Client("p", "a")
	require.NoError(t, err)
	_, err = c.Chat(t.Context(), ask())
	require.NoError(t, err)
	first := <-sub.C()
	require.Equal(t, observe.AttemptStarted, first.Kind)
	require.Equal(t, "p", first.Provider)
	require.Equal(t, observe.AttemptEnded, (<-sub.C()).Kind)
}
