// Package provider is one vendor with its models: it makes a [client.Client]
// for each configured model and keeps them under the names by which the
// models were configured.
package provider

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/internal/parallel"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/vendor"
)

// Options apply to every client of the provider.
type Options = client.Options

// Provider holds a vendor's clients. It is safe for concurrent use.
type Provider struct {
	cfg     config.Provider
	options Options
	create  func(config.Model) (*client.Client, error)

	mu      sync.Mutex // guards what follows
	clients map[string]*client.Client
	watch   *observe.Observers
	closed  bool

	changes atomic.Uint64 // how often clients has changed
}

// New makes a provider whose models are reached over HTTP. Its clients are
// made by Initialize. The configuration is checked at once: the error is
// INVALID_ARGUMENT and names the model.
func New(cfg config.Provider, o Options) (*Provider, error) {
	return build(cfg, o, func(m config.Model) (*client.Client, error) { return client.New(m, o) })
}

// NewCustom makes a provider whose attempts backend performs.
func NewCustom(cfg config.Provider, backend client.Backend, o Options) (*Provider, error) {
	return build(cfg, o, func(m config.Model) (*client.Client, error) { return client.NewCustom(m, backend, o) })
}

func build(cfg config.Provider, o Options, create func(config.Model) (*client.Client, error)) (*Provider, error) {
	if cfg.Name == "" || strings.Contains(cfg.Name, "/") {
		return nil, llm.Errorf(llm.InvalidArgument, "the provider name %q is not valid; expected a name without a slash", cfg.Name)
	}
	if len(cfg.Models) == 0 {
		return nil, llm.Errorf(llm.InvalidArgument, "provider %q has no models", cfg.Name)
	}
	cfg.Models = slices.Clone(cfg.Models) // the caller's may be shared
	p := &Provider{cfg: cfg, options: o, create: create, clients: map[string]*client.Client{}, watch: o.Observers}
	seen := map[string]bool{}
	for i := range p.cfg.Models {
		m := &p.cfg.Models[i]
		m.Provider = cfg.Name
		m.Type = cmp.Or(m.Type, cfg.Type)
		if seen[m.Name] {
			return nil, llm.Errorf(llm.InvalidArgument, "provider %q has two models named %q", cfg.Name, m.Name)
		}
		seen[m.Name] = true
		// A client made and closed at once is the whole check: nothing is
		// connected before the first call.
		c, err := create(*m)
		if err != nil {
			return nil, err
		}
		c.Retire()
	}
	return p, nil
}

// Name is the provider's name.
func (p *Provider) Name() string { return p.cfg.Name }

// Config is a copy of the configuration, with its keys.
func (p *Provider) Config() config.Provider {
	cfg := p.cfg
	cfg.Models = slices.Clone(cfg.Models)
	return cfg
}

// Initialize makes the missing clients. A second call does nothing. Errors:
// CLOSED, INVALID_ARGUMENT; a failure of one model does not stop the others.
func (p *Provider) Initialize(context.Context) error {
	failed, err := p.makeClients()
	if l := p.options.Logger; l != nil {
		for _, m := range slices.Sorted(maps.Keys(failed)) {
			l.Error("model not initialized", "provider", p.cfg.Name, "model", m, "error_owner", llm.AsError(failed[m]).Owner(), "error", failed[m])
		}
	}
	return err
}

// makeClients makes the missing clients; err is the first failure.
func (p *Provider) makeClients() (failed map[string]error, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, p.closedError()
	}
	failed = map[string]error{}
	for _, m := range p.cfg.Models {
		if p.clients[m.Name] != nil {
			continue
		}
		c, e := p.create(m)
		if e != nil {
			failed[m.Name] = e
			err = cmp.Or(err, e)
			continue
		}
		c.Observe(p.watch)
		p.clients[m.Name] = c
		p.changes.Add(1)
	}
	return failed, err
}

func (p *Provider) closedError() error {
	return llm.Errorf(llm.Closed, "the provider %q is closed", p.cfg.Name)
}

// Models lists the models that are initialized and switched on, in the order
// of the configuration.
func (p *Provider) Models() []string {
	names := []string{}
	for _, c := range p.Clients() {
		if c.Available() {
			names = append(names, c.Name())
		}
	}
	return names
}

// Clients lists the provider's clients in the order of the configuration.
func (p *Provider) Clients() []*client.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list()
}

// Changes counts how often the set of clients has changed.
func (p *Provider) Changes() uint64 { return p.changes.Load() }

// list is Clients for a caller that holds mu.
func (p *Provider) list() []*client.Client {
	list := make([]*client.Client, 0, len(p.clients))
	for i := range p.cfg.Models {
		if c := p.clients[p.cfg.Models[i].Name]; c != nil {
			list = append(list, c)
		}
	}
	return list
}

// Client finds the client of a model by its configured name, or else by its
// upstream name. Errors: MODEL_NOT_FOUND, CLOSED.
func (p *Provider) Client(model string) (*client.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, p.closedError()
	}
	if c := p.clients[model]; c != nil {
		return c, nil
	}
	var names []string
	for _, c := range p.list() {
		if c.Model() == model {
			return c, nil
		}
		names = append(names, c.Name())
	}
	message := "the provider has no such model; it has: " + strings.Join(names, ", ")
	if names == nil {
		message = "the provider has no models yet; initialize it first"
	}
	return nil, &llm.Error{Code: llm.ModelNotFound, Provider: p.cfg.Name, Model: model, Message: message}
}

// Observe makes o the observers of the provider's clients.
func (p *Provider) Observe(o *observe.Observers) {
	p.mu.Lock()
	p.watch = o
	p.mu.Unlock()
	for _, c := range p.Clients() {
		c.Observe(o)
	}
}

// CheckHealth checks every model at the same time; see client.CheckHealth.
func (p *Provider) CheckHealth(ctx context.Context) map[string]bool {
	clients := p.Clients()
	alive := parallel.Map(clients, func(c *client.Client) bool { return c.CheckHealth(ctx) })
	result := make(map[string]bool, len(clients))
	for i, c := range clients {
		result[c.Name()] = alive[i]
	}
	return result
}

// StartTotals begins to count the totals of each route.
func (p *Provider) StartTotals() {
	for _, c := range p.Clients() {
		c.StartTotals()
	}
}

// Report returns the state of each route.
func (p *Provider) Report() []llm.RouteReport {
	reports := []llm.RouteReport{}
	for _, c := range p.Clients() {
		reports = append(reports, c.Report())
	}
	return reports
}

// Close ends the calls of all clients with CLOSED and waits until they have
// ended. If ctx ends first, Close returns its error.
func (p *Provider) Close(ctx context.Context) error {
	return cmp.Or(parallel.Map(p.shut(), func(c *client.Client) (err error) {
		if failed := c.Rescue("close", func() { err = c.Close(ctx) }); failed != nil {
			return failed
		}
		return err
	})...)
}

// Retire closes each client as soon as no call uses it.
func (p *Provider) Retire() {
	for _, c := range p.shut() {
		c.Retire()
	}
}

func (p *Provider) shut() []*client.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.list()
}

// Named makes the configurations of what a list of models names as
// "vendor/model", with nothing but the two names in them: address and key come
// from the vendor's row and the environment. taken tells what is there already.
// Names of no vendor are among them if unknown is set.
func Named(models []string, taken func(name, provider string) bool, unknown bool) []config.Provider {
	var made []config.Provider
	at := map[string]int{}
	for _, name := range models {
		vendorName, model, ok := strings.Cut(name, "/")
		if !ok || vendorName == "" || model == "" || !unknown && !vendor.Is(vendorName) || taken(name, vendorName) {
			continue
		}
		i, known := at[vendorName]
		if !known {
			i = len(made)
			at[vendorName] = i
			made = append(made, config.Provider{Name: vendorName})
		}
		if _, twice := made[i].Model(model); !twice {
			made[i].Models = append(made[i].Models, config.Model{Provider: vendorName, Name: model})
		}
	}
	return made
}

// OnlyVendor tells whether a name of a list of models is a vendor's and names
// none of its models, and gives the vendor.
func OnlyVendor(name string) (vendorName string, only bool) {
	vendorName, model, _ := strings.Cut(name, "/")
	return vendorName, model == "" && vendor.Is(vendorName)
}

// Meant gives the name "vendor/model" of a model whose name has the form of
// another library; "" for any other name.
func Meant(name string) string { return vendor.Meant(name) }

// LacksKey tells whether nothing but its key is missing in a configuration that
// [New] refused.
func LacksKey(cfg config.Provider, o Options) bool {
	models := cfg.Models
	cfg.Models = nil
	for _, m := range models {
		m.APIKey = "-"
		cfg.Models = append(cfg.Models, m)
	}
	p, err := New(cfg, o)
	if err == nil {
		p.Retire()
	}
	return err == nil
}
