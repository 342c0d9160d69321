// Package aggregator makes one call over many routes: in order, failing over
// by what breakers and servers say, hedging where asked to, and handing a
// stream over from one route to another.
//
//	aggregator.go  Aggregator: initialization, names, health, closing
//	resolve.go     which routes a list of model names means
//	call.go        Chat and Stream over routes
//	walk.go        one call's way over its routes
//	hedge.go       a second route beside a slow one
package aggregator

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

// Options configure an aggregator. The zero value works.
type Options struct {
	// Models are tried in this order; see [Resolve]. Empty means every
	// registered model, in the order of registration.
	Models []string
	// Call holds defaults for calls that set nothing themselves.
	Call llm.CallOptions
	// Provider is for the providers that Initialize makes.
	Provider provider.Options
}

// Aggregator makes calls over the routes of a manager. It is safe for
// concurrent use.
type Aggregator struct {
	manager *manager.Manager
	options Options

	known atomic.Pointer[resolved] // what names mean in the latest catalog

	mu      sync.Mutex // guards what follows
	closed  bool
	found   map[string]bool   // names of options.Models that meant a route once
	leftOut map[string]string // names that a configuration could not give: why
	walks   *walk             // the youngest of the calls under way
	calls   sync.WaitGroup    // Add only under mu, while not closed
}

// New makes an aggregator over m, which it does not own: closing the
// aggregator leaves the manager open.
func New(m *manager.Manager, o Options) *Aggregator {
	o.Models = slices.Clone(o.Models)
	return &Aggregator{manager: m, options: o}
}

// Manager is the aggregator's registry.
func (a *Aggregator) Manager() *manager.Manager { return a.manager }

// Initialize makes a provider of each configuration, initializes it and
// registers it with the manager, replacing one of the same name. Nothing is
// registered if one configuration is wrong (INVALID_ARGUMENT), or if neither
// they nor the manager have one of Options.Models (MODEL_NOT_FOUND,
// PROVIDER_NOT_FOUND).
func (a *Aggregator) Initialize(ctx context.Context, configs []llm.ProviderConfig) error {
	if a.isClosed() {
		return closedError()
	}
	providers := make([]*provider.Provider, 0, len(configs))
	var failed error
	for _, cfg := range configs {
		p, err := provider.New(cfg, a.options.Provider)
		if err != nil {
			failed = err
			break
		}
		providers = append(providers, p)
		if failed = p.Initialize(ctx); failed != nil {
			break
		}
	}
	if failed == nil {
		a.leave(configs)
		failed = a.checkModels(providers)
	}
	for _, p := range providers {
		if failed == nil {
			failed = a.manager.Register(p)
		}
		if failed != nil {
			p.Retire() // nobody else has it
		}
	}
	return failed
}

func (a *Aggregator) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

func closedError() *llm.Error { return llm.Errorf(llm.Closed, "the aggregator is closed") }

// Models lists the names of the models that calls are made on, each once.
func (a *Aggregator) Models() []string {
	if len(a.options.Models) > 0 {
		return slices.Clone(a.options.Models)
	}
	return namesOf(entriesOf(a.manager.Catalog().Clients()))
}

// Chat asks the routes in order for a whole answer. A request that names a
// model is for the routes which [Resolve] finds for that name; otherwise
// Options.Models count. A request with Stream set
// is streamed and accumulated. The *llm.Error carries the trail: ALL_FAILED
// when no route was left, else as E3 of docs/promises.md says.
func (a *Aggregator) Chat(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	p, err := a.own(r)
	if err != nil {
		return nil, err
	}
	return a.chat(ctx, nil, p)
}

// ChatPayload is Chat for a request that has been checked already.
func (a *Aggregator) ChatPayload(ctx context.Context, p *llm.Payload) (*llm.Response, error) {
	return a.chat(ctx, nil, a.complete(p))
}

// Stream asks the routes in order for a streamed answer and returns at its
// first token. ctx bounds the whole stream.
func (a *Aggregator) Stream(ctx context.Context, r *llm.Request) (*client.Stream, error) {
	p, err := a.own(r)
	if err != nil {
		return nil, err
	}
	return a.stream(ctx, nil, p, false)
}

// StreamPayload is Stream for a request that has been checked already.
func (a *Aggregator) StreamPayload(ctx context.Context, p *llm.Payload) (*client.Stream, error) {
	return a.stream(ctx, nil, a.complete(p), false)
}

// GenerateResponse is Chat with messages alone, for the text of the answer.
func (a *Aggregator) GenerateResponse(ctx context.Context, messages []llm.Message) (string, error) {
	r, err := a.Chat(ctx, &llm.Request{Messages: messages})
	if err != nil {
		return "", err
	}
	return r.Text(), nil
}

// CheckHealth asks every route of the manager at the same time.
func (a *Aggregator) CheckHealth(ctx context.Context) map[string]map[string]bool {
	return a.manager.CheckHealth(ctx)
}

// Report tells what is known of each route of the manager.
func (a *Aggregator) Report() []llm.RouteReport { return a.manager.Report() }

// Close ends the aggregator's calls with CLOSED and waits for them, or for the
// end of ctx, whose error it returns. The manager stays open.
func (a *Aggregator) Close(ctx context.Context) error {
	a.mu.Lock()
	var under []*client.Scope
	for w := a.walks; !a.closed && w != nil; w = w.older {
		under = append(under, w.scope)
	}
	a.closed = true
	a.mu.Unlock()
	for _, scope := range under {
		scope.End(closedError())
	}
	done := make(chan struct{})
	go func() { // ends when the last call has ended, which the end of its scope brings about
		a.calls.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
