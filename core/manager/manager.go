// Package manager is the registry of providers: it finds clients by provider
// and model, checks their health, and closes them.
package manager

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/internal/parallel"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/limit"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/meter"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/provider"
)

// Options configure a manager. The zero value works.
type Options struct {
	// Observers receive the observations of all routes; by default the manager
	// makes its own, see [Manager.Observers].
	Observers *observe.Observers
	// Budget, if set, bounds what the calls of all aggregators over the manager
	// cost together.
	Budget *llm.Budget
}

// Manager holds providers by name, in the order of their registration. It is
// safe for concurrent use.
type Manager struct {
	observers *observe.Observers
	hedges    *limit.Hedges
	budget    *llm.Budget

	mu        sync.RWMutex // guards what follows
	providers map[string]*provider.Provider
	order     []string
	closed    bool
	sharing   Sharing // nil outside of a fleet

	counting atomic.Bool // the totals of routes that are registered from now on

	catalog atomic.Pointer[Catalog] // the latest; stored under mu, nil when the providers have changed
}

// New makes an empty manager.
func New(o Options) *Manager {
	m := &Manager{observers: o.Observers, hedges: limit.NewHedges(), budget: o.Budget, providers: map[string]*provider.Provider{}}
	m.observers = cmp.Or(m.observers, &observe.Observers{})
	return m
}

// Observers are those of all routes of the manager; subscribe there.
func (m *Manager) Observers() *observe.Observers { return m.observers }

// Hedges is the limit of hedges (S9) that all aggregators over the manager's
// routes share, so that an aggregator made for each request gets no extra
// hedges.
func (m *Manager) Hedges() *limit.Hedges { return m.hedges }

// Budget is what the calls of all aggregators over the manager may cost
// together; nil for no bound.
func (m *Manager) Budget() *llm.Budget { return m.budget }

// Register adds a provider. It replaces a provider of the same name, at the
// same place, which closes as soon as its calls have ended. Error: CLOSED.
func (m *Manager) Register(p *provider.Provider) error {
	if p == nil {
		return llm.Errorf(llm.InvalidArgument, "the provider is nil")
	}
	p.Observe(m.observers)
	if m.counting.Load() {
		p.StartTotals()
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return closedError()
	}
	old := m.providers[p.Name()]
	m.providers[p.Name()] = p
	m.catalog.Store(nil)
	if old == nil {
		m.order = append(m.order, p.Name())
	}
	sharing := m.sharing
	m.mu.Unlock()
	if sharing != nil {
		for _, c := range p.Clients() {
			sharing.Attach(c)
		}
	}
	if old != nil && old != p {
		old.Retire()
	}
	return nil
}

// Unregister removes a provider. It stays open; the caller owns it again.
// Errors: PROVIDER_NOT_FOUND, CLOSED.
func (m *Manager) Unregister(name string) (*provider.Provider, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.find(name)
	if err != nil {
		return nil, err
	}
	delete(m.providers, name)
	m.catalog.Store(nil)
	m.order = slices.DeleteFunc(m.order, func(n string) bool { return n == name })
	return p, nil
}

func closedError() error { return llm.Errorf(llm.Closed, "the manager is closed") }

// Provider finds a provider. Errors: PROVIDER_NOT_FOUND, CLOSED.
func (m *Manager) Provider(name string) (*provider.Provider, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.find(name)
}

// find is Provider for a caller that holds mu.
func (m *Manager) find(name string) (*provider.Provider, error) {
	if m.closed {
		return nil, closedError()
	}
	if p := m.providers[name]; p != nil {
		return p, nil
	}
	message := "no such provider; registered: " + strings.Join(m.order, ", ")
	if len(m.order) == 0 {
		message = "no such provider; no provider is registered"
	}
	return nil, &llm.Error{Code: llm.ProviderNotFound, Provider: name, Message: message}
}

// Client finds the client of a provider's model. Errors: PROVIDER_NOT_FOUND,
// MODEL_NOT_FOUND, CLOSED.
func (m *Manager) Client(providerName, model string) (*client.Client, error) {
	p, err := m.Provider(providerName)
	if err != nil {
		return nil, err
	}
	return p.Client(model)
}

// ClientByModel finds the first client of a model, in the order of
// registration: by the name under which it was configured first, then by the
// upstream name. Errors: MODEL_NOT_FOUND, CLOSED.
func (m *Manager) ClientByModel(model string) (*client.Client, error) {
	m.mu.RLock()
	closed := m.closed
	m.mu.RUnlock()
	if closed {
		return nil, closedError()
	}
	clients := m.Clients()
	for _, c := range clients {
		if c.Name() == model {
			return c, nil
		}
	}
	for _, c := range clients {
		if c.Model() == model {
			return c, nil
		}
	}
	return nil, &llm.Error{Code: llm.ModelNotFound, Model: model, Message: "no registered provider has the model " + shown.Name(model)}
}

// Clients lists the clients of all providers, in the order of registration.
func (m *Manager) Clients() []*client.Client { return slices.Clone(m.Catalog().Clients()) }

func (m *Manager) list() []*provider.Provider {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]*provider.Provider, 0, len(m.order))
	for _, name := range m.order {
		list = append(list, m.providers[name])
	}
	return list
}

// Providers lists the names of the providers in the order of registration.
func (m *Manager) Providers() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.order)
}

// Models lists the models of each provider that are switched on.
func (m *Manager) Models() map[string][]string {
	models := map[string][]string{}
	for _, p := range m.list() {
		models[p.Name()] = p.Models()
	}
	return models
}

// CheckHealth checks every route at the same time; see client.CheckHealth.
func (m *Manager) CheckHealth(ctx context.Context) map[string]map[string]bool {
	providers := m.list()
	results := parallel.Map(providers, func(p *provider.Provider) map[string]bool { return p.CheckHealth(ctx) })
	health := make(map[string]map[string]bool, len(providers))
	for i, p := range providers {
		health[p.Name()] = results[i]
	}
	return health
}

// Report returns the state of each route; it sends no request. Totals are
// counted from the first report on, and of routes that are registered later
// from their registration on.
func (m *Manager) Report() []llm.RouteReport {
	m.counting.Store(true)
	reports := []llm.RouteReport{}
	for _, p := range m.list() {
		reports = append(reports, p.Report()...)
	}
	return reports
}

// Metrics is the report as a page of Prometheus's text format 0.0.4.
func (m *Manager) Metrics() []byte { return meter.Text(m.Report()) }

// Close closes all providers at the same time: their calls end with CLOSED. It
// waits until they have ended. If ctx ends first, Close returns its error. A
// second Close waits in the same way.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	sharing := m.sharing
	m.sharing = nil
	m.mu.Unlock()
	if sharing != nil {
		sharing.Leave()
	}
	return cmp.Or(parallel.Map(m.list(), func(p *provider.Provider) error { return p.Close(ctx) })...)
}

// Catalog is what a manager had registered at one moment. It never changes.
type Catalog struct {
	providers []*provider.Provider
	changes   []uint64 // of each provider, before its clients were listed
	clients   []*client.Client
}

// Clients lists the clients of all providers, in the order of registration.
// The list is shared: it must not be changed.
func (c *Catalog) Clients() []*client.Client { return c.clients }

// current tells whether the providers still have these clients.
func (c *Catalog) current() bool {
	for i, p := range c.providers {
		if p.Changes() != c.changes[i] {
			return false
		}
	}
	return true
}

// Catalog is what is registered now: the same pointer as before where nothing
// has changed, so that callers can keep what they made of it.
func (m *Manager) Catalog() *Catalog {
	if c := m.catalog.Load(); c != nil && c.current() {
		return c
	}
	m.mu.RLock() // whoever changes the providers waits, and forgets this catalog
	defer m.mu.RUnlock()
	c := &Catalog{clients: []*client.Client{}}
	for _, name := range m.order {
		p := m.providers[name]
		c.providers = append(c.providers, p)
		c.changes = append(c.changes, p.Changes())
		c.clients = append(c.clients, p.Clients()...)
	}
	m.catalog.Store(c)
	return c
}

// Sharing is the membership of a manager's routes in a fleet (core/fleet).
type Sharing interface {
	// Attach makes a route a member.
	Attach(c *client.Client)
	// Leave ends the membership.
	Leave()
}

// Share makes the manager's routes, and those that are registered later,
// members of a fleet until the manager closes. An earlier membership ends; nil
// only ends it.
// Error: CLOSED.
func (m *Manager) Share(s Sharing) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return closedError()
	}
	before := m.sharing
	m.sharing = s
	m.mu.Unlock()
	if before != nil {
		before.Leave()
	}
	if s == nil {
		return nil
	}
	for _, c := range m.Clients() {
		s.Attach(c)
	}
	return nil
}

// Sharing is what Share was given last, nil before.
func (m *Manager) Sharing() Sharing {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.sharing
}
