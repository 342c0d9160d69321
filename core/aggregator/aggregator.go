// Package aggregator makes one call over many routes: in order, failing over
// by what breakers and servers say, hedging where asked to, and handing a
// stream over from one route to another.
//
//	aggregator.go  Aggregator: initialization, names, health, closing
//	resolve.go     which routes a list of model names means
//	call.go        the walk over the routes for one call
//	hedge.go       a second route beside a slow one
package aggregator

import (
	"context"
	"slices"
	"sync"

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
	hedges  hedgeBudget

	life context.Context // ends when the aggregator closes
	die  context.CancelCauseFunc

	mu     sync.Mutex // guards what follows
	closed bool
	calls  sync.WaitGroup // Add only under mu, while not closed
}

// New makes an aggregator over m, which it does not own: closing the
// aggregator leaves the manager open.
func New(m *manager.Manager, o Options) *Aggregator {
	a := &Aggregator{manager: m, options: o}
	a.life, a.die = context.WithCancelCause(context.Background())
	return a
}

// Manager is the aggregator's registry.
func (a *Aggregator) Manager() *manager.Manager { return a.manager }

// Initialize makes a provider of each configuration, initializes it and
// registers it with the manager, replacing one of the same name. Nothing is
// registered if one configuration is wrong (INVALID_ARGUMENT).
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
	catalog, _ := a.catalog()
	return namesOf(catalog)
}

func (a *Aggregator) catalog() ([]CatalogEntry, []*client.Client) {
	clients := a.manager.Clients()
	catalog := make([]CatalogEntry, len(clients))
	for i, c := range clients {
		catalog[i] = CatalogEntry{Provider: c.Provider(), Name: c.Name(), Model: c.Model()}
	}
	return catalog, clients
}

// routes resolves the model that the request names, else the aggregator's.
func (a *Aggregator) routes(p *llm.Payload) ([]*client.Client, error) {
	if a.isClosed() {
		return nil, closedError()
	}
	catalog, clients := a.catalog()
	models := a.options.Models
	if p.Model != "" {
		models = []string{p.Model}
	}
	found, err := Resolve(catalog, models)
	if err != nil {
		return nil, err
	}
	routes := make([]*client.Client, len(found))
	for i, at := range found {
		routes[i] = clients[at]
	}
	return routes, nil
}

// Chat asks the routes in order for a whole answer. A request that names a
// model is for the routes which [Resolve] finds for that name; otherwise
// Options.Models count. A request with Stream set
// is streamed and accumulated. The *llm.Error carries the trail: ALL_FAILED
// when no route was left, else as the design's E3 says.
func (a *Aggregator) Chat(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return a.ChatPayload(ctx, p)
}

// ChatPayload is Chat for a request that has been checked already.
func (a *Aggregator) ChatPayload(ctx context.Context, p *llm.Payload) (*llm.Response, error) {
	routes, release, err := a.resolved(p)
	if err != nil {
		return nil, err
	}
	defer release()
	return a.ChatRoutes(ctx, routes, p)
}

// Stream asks the routes in order for a streamed answer and returns at its
// first token. ctx bounds the whole stream.
func (a *Aggregator) Stream(ctx context.Context, r *llm.Request) (*client.Stream, error) {
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return a.StreamPayload(ctx, p)
}

// StreamPayload is Stream for a request that has been checked already.
func (a *Aggregator) StreamPayload(ctx context.Context, p *llm.Payload) (*client.Stream, error) {
	routes, release, err := a.resolved(p)
	if err != nil {
		return nil, err
	}
	defer release() // the stream holds them by itself
	return a.StreamRoutes(ctx, routes, p)
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
	first := !a.closed
	a.closed = true
	a.mu.Unlock()
	if first {
		a.die(closedError())
	}
	done := make(chan struct{})
	go func() { // ends when the last call has ended, which die brings about
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
