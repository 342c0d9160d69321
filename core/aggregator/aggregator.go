// Package aggregator makes one call over several routes: in order, with
// failover, hedging, and restart of a stream on another route.
//
//	aggregator.go  Aggregator: initialization, names, health, closing
//	resolve.go     which routes a list of model names means
//	call.go        Chat and Stream over routes
//	cached.go      Chat and Stream with a cache before them
//	arrange.go     the order of a call's routes
//	loop.go        one call's way over its routes
//	hedge.go       a second route beside a slow one
package aggregator

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

// Options configure an aggregator. The zero value works.
type Options struct {
	// Models are tried in this order; see [Resolve]. Empty means every
	// registered model, in the order of registration.
	Models []string
	// Groups are the sizes of consecutive groups of Models: [2, 1] makes a group
	// of the first two. Call.Strategy orders the routes of a group; all routes of
	// a group are asked before those of the next. Empty means one group.
	Groups []int
	// Order, if set, chooses the order of the routes of a call: it returns places
	// in routes, and the others follow. It is instead of Call.Strategy, runs in
	// the goroutine of each call, and must not keep or change routes.
	Order func(ctx context.Context, routes []*client.Client, p *llm.Payload) []int
	// Call holds defaults for the calls' options. If they are wrong, Initialize
	// and every call say so (INVALID_ARGUMENT).
	Call llm.CallOptions
	// Cache, if set, gives the answers of equal requests. Aggregators may share
	// it. See [llm.CacheMode].
	Cache *cache.Cache
	// CacheNamed finds the caches that calls name in [llm.CallOptions].CacheName.
	CacheNamed func(name string) *cache.Cache
	// Provider configures the providers that Initialize makes.
	Provider provider.Options
}

// Aggregator makes calls over the routes of a manager. It is safe for
// concurrent use.
type Aggregator struct {
	manager *manager.Manager
	options Options
	unset   bool  // options.Call sets nothing
	wrong   error // of options.Call: no call is made with it

	known atomic.Pointer[resolved] // what names mean in the latest catalog

	mu      sync.Mutex // guards what follows
	closed  bool
	bulk    config.Bulk       // of the latest configuration
	found   map[string]bool   // names of options.Models that meant a route once
	leftOut map[string]string // names that a configuration could not give: why
	loops   *routeLoop        // the youngest of the calls under way
	calls   sync.WaitGroup    // Add only under mu, while not closed
}

// New makes an aggregator over m, which it does not own: closing the
// aggregator leaves the manager open.
func New(m *manager.Manager, o Options) *Aggregator {
	o.Models, o.Groups = slices.Clone(o.Models), slices.Clone(o.Groups)
	return &Aggregator{manager: m, options: o, unset: reflect.ValueOf(o.Call).IsZero(), wrong: o.Call.Check()}
}

// Manager is the aggregator's registry.
func (a *Aggregator) Manager() *manager.Manager { return a.manager }

// Initialize makes a provider of each configuration, initializes it and
// registers it with the manager, replacing a provider of the same name. A model
// of Options.Models that is written as "vendor/model" needs no configuration
// where the environment holds the vendor's key (docs/vendors.md). Nothing is
// registered if a configuration or Options.Call is wrong (INVALID_ARGUMENT), or
// if no provider has a model of Options.Models (MODEL_NOT_FOUND,
// PROVIDER_NOT_FOUND).
func (a *Aggregator) Initialize(ctx context.Context, configs []config.Provider) error {
	if a.isClosed() {
		return closedError()
	}
	if a.wrong != nil {
		return a.wrong
	}
	joins, bulk := besideOf(configs)
	if err := fleet.Check(joins); err != nil {
		return err
	}
	providers, failed := a.make(ctx, configs)
	if failed == nil {
		a.leave(configs)
		var named []*provider.Provider
		named, failed = a.makeNamed(ctx, providers)
		providers = append(providers, named...)
	}
	if failed == nil {
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
	if failed == nil {
		failed = fleet.JoinConfigured(a.manager, joins, a.options.Provider.Logger)
	}
	if failed == nil && len(configs) > 0 {
		a.mu.Lock()
		a.bulk = bulk
		a.mu.Unlock()
	}
	return failed
}

// besideOf gives the fleet of a configuration, nil without one, and what it
// says of jobs of many rows.
func besideOf(configs []config.Provider) (f *config.Fleet, b config.Bulk) {
	for i := range configs {
		f = cmp.Or(f, configs[i].Fleet)
		if configs[i].Bulk != nil {
			b = *configs[i].Bulk
		}
	}
	return f, b
}

// RefusesBulk tells whether Options.Call says that calls are none of many
// (DecideBulk without Bulk), which holds for the rows of a job, too.
func (a *Aggregator) RefusesBulk() bool {
	return a.options.Call.Decided&llm.DecideBulk != 0 && !a.options.Call.Bulk
}

// Bulk is what the latest configuration of Initialize says of jobs of many rows
// (core/bulk).
func (a *Aggregator) Bulk() config.Bulk {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bulk
}

// make makes and initializes the providers of configurations; those that were
// made before a failure come with it.
func (a *Aggregator) make(ctx context.Context, configs []config.Provider) (providers []*provider.Provider, err error) {
	for _, cfg := range configs {
		p, err := provider.New(cfg, a.options.Provider)
		if err != nil {
			return providers, err
		}
		providers = append(providers, p)
		if err := p.Initialize(ctx); err != nil {
			return providers, err
		}
	}
	return providers, nil
}

// makeNamed makes the providers of vendors that Options.Models names and that
// neither the manager nor the new providers have. A vendor whose key is missing
// is left out, with a warning, where another model can be used.
func (a *Aggregator) makeNamed(ctx context.Context, given []*provider.Provider) (made []*provider.Provider, err error) {
	clients := a.clientsWith(given)
	known := indexOf(entriesOf(clients))
	configs := provider.Named(a.options.Models, func(name, provider string) bool {
		return known.find(name) != nil || slices.ContainsFunc(clients, func(c *client.Client) bool { return c.Provider() == provider })
	}, len(clients) == 0)
	var lacking []config.LeftOut
	for _, cfg := range configs {
		one, err := a.make(ctx, []config.Provider{cfg})
		made = append(made, one...)
		switch {
		case err == nil:
			continue
		case !provider.LacksKey(cfg, a.options.Provider):
			return made, err
		}
		reason := llm.AsError(err).Message
		lacking = append(lacking, config.LeftOut{Provider: cfg.Name, Reason: reason})
		if l := a.options.Provider.Logger; l != nil {
			l.Warn("a model is left out", "provider", cfg.Name, "error_owner", llm.AsError(err).Owner(), "error", reason)
		}
		for _, m := range cfg.Models {
			cfg.LeftOut = append(cfg.LeftOut, config.LeftOut{Provider: cfg.Name, Name: m.Name, Reason: reason})
		}
		a.leave([]config.Provider{cfg})
	}
	if len(clients) > 0 || len(made) > 0 {
		return made, nil
	}
	return made, config.NoneUsable(lacking)
}

func (a *Aggregator) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

func closedError() *llm.Error { return llm.Errorf(llm.Closed, "the aggregator is closed") }

// Models lists the names of the models that calls use, each once.
func (a *Aggregator) Models() []string {
	if len(a.options.Models) > 0 {
		return slices.Clone(a.options.Models)
	}
	return namesOf(entriesOf(a.manager.Catalog().Clients()))
}

// Chat asks the routes in order for a whole answer. A request with a model uses
// the routes that [Resolve] finds for that name; otherwise Options.Models
// decides. A request with Stream set is streamed and accumulated. The
// *llm.Error lists the attempts. It is ALL_FAILED if all routes failed;
// otherwise see E3 in docs/promises.md.
func (a *Aggregator) Chat(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	p, err := a.own(r)
	if err != nil {
		return nil, err
	}
	return a.chat(ctx, nil, p)
}

// ChatPayload is Chat with a request that is already checked.
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
	return a.stream(ctx, nil, p)
}

// StreamPayload is Stream with a request that is already checked.
func (a *Aggregator) StreamPayload(ctx context.Context, p *llm.Payload) (*client.Stream, error) {
	return a.stream(ctx, nil, a.complete(p))
}

// GenerateResponse is Chat with messages only; it returns the text of the
// answer.
func (a *Aggregator) GenerateResponse(ctx context.Context, messages []llm.Message) (string, error) {
	r, err := a.Chat(ctx, &llm.Request{Messages: messages})
	if err != nil {
		return "", err
	}
	return r.Text(), nil
}

// CheckHealth checks every route of the manager, all at the same time.
func (a *Aggregator) CheckHealth(ctx context.Context) map[string]map[string]bool {
	return a.manager.CheckHealth(ctx)
}

// Report returns the state of each route of the manager.
func (a *Aggregator) Report() []llm.RouteReport { return a.manager.Report() }

// Close ends the aggregator's calls with CLOSED and waits until they have
// ended. If ctx ends first, Close returns its error. The manager stays open.
func (a *Aggregator) Close(ctx context.Context) error {
	a.mu.Lock()
	var under []*callstate.Scope
	for w := a.loops; !a.closed && w != nil; w = w.older {
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
