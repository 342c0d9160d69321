package aggregator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

// CatalogEntry is one route by its names.
type CatalogEntry struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`  // the key under which the model was configured
	Model    string `json:"model"` // the upstream name; Name if empty
}

// Resolve returns the routes for models, as indexes into catalog; each route is
// listed once, at its first place. An entry of models is a model's name or
// "provider/model". A name stands for every provider that has it, in the order
// of the catalog; configured names are searched first, then upstream names. A
// model whose own name contains a slash is found by that name. Empty models
// mean the whole catalog, each model name once. An unknown model is
// MODEL_NOT_FOUND, an unknown provider PROVIDER_NOT_FOUND; the error suggests
// the nearest route. An empty catalog is NOT_INITIALIZED.
func Resolve(catalog []CatalogEntry, models []string) ([]int, error) {
	x := indexOf(catalog)
	routes, missing, err := x.resolve(models)
	if err == nil && len(missing) > 0 {
		err = x.notFound(missing[0])
	}
	if err != nil {
		return nil, err
	}
	return routes, nil
}

// resolve is [Resolve] that gives the names which nobody has beside the routes.
func (x *index) resolve(models []string) (routes []int, missing []string, err error) {
	if len(x.catalog) == 0 {
		return nil, nil, noRoutes(models)
	}
	if len(models) == 0 {
		models = namesOf(x.catalog)
	}
	taken := make([]bool, len(x.catalog))
	asked := make(map[string]bool, len(models))
	for _, name := range models {
		if asked[name] {
			continue
		}
		asked[name] = true
		found := x.find(name)
		if len(found) == 0 {
			missing = append(missing, name)
		}
		for _, i := range found {
			if !taken[i] {
				taken[i] = true
				routes = append(routes, i)
			}
		}
	}
	return routes, missing, nil
}

var errNoRoutes = llm.Errorf(llm.NotInitialized, "the aggregator has no routes; initialize it with a configuration or register providers")

// noRoutes is [errNoRoutes] that says how a model's name names its vendor, if
// the names that were asked for do not.
func noRoutes(models []string) error {
	for _, name := range models {
		if vendor, only := provider.OnlyVendor(name); only {
			return llm.Errorf(llm.NotInitialized, `%s names a vendor and none of its models; write it as "%s/MODEL", as in "openai/gpt-4o-mini"`, shown.Name(name), vendor)
		}
		if vendor, model, _ := strings.Cut(name, "/"); vendor != "" && model != "" {
			continue
		}
		form := shown.Name(provider.Meant(name))
		if form == `""` {
			form = `"VENDOR/` + shown.Bare(strings.Trim(name, "/")) + `", as in "openai/gpt-4o-mini"`
		}
		return llm.Errorf(llm.NotInitialized, "no provider is registered that could have the model %s; write it as %s (https://github.com/llmagg/llmagg/blob/main/docs/vendors.md lists the vendors), or initialize the aggregator with a configuration", shown.Name(name), form)
	}
	return errNoRoutes
}

func namesOf(catalog []CatalogEntry) []string {
	var names []string
	seen := map[string]bool{}
	for _, e := range catalog {
		if !seen[e.Name] {
			seen[e.Name] = true
			names = append(names, e.Name)
		}
	}
	return names
}

// index finds the routes of a catalog by their names in time that does not grow
// with the catalog: configurations of many thousand routes name each of them.
type index struct {
	catalog []CatalogEntry
	at      map[entryName][]int
}

// entryName is one way to name a route.
type entryName struct {
	provider, model string
	upstream        bool // model is the upstream name
	whole           bool // with the provider; else provider is empty
}

func indexOf(catalog []CatalogEntry) *index {
	x := &index{catalog, make(map[entryName][]int, 4*len(catalog))}
	for i, e := range catalog {
		for _, n := range []entryName{
			{model: e.Name}, {model: e.Model, upstream: true},
			{provider: e.Provider, model: e.Name, whole: true}, {provider: e.Provider, model: e.Model, upstream: true, whole: true},
		} {
			x.at[n] = append(x.at[n], i)
		}
	}
	return x
}

func (x *index) find(name string) []int {
	if found := x.either(entryName{model: name}); found != nil {
		return found
	}
	if provider, model, ok := strings.Cut(name, "/"); ok {
		return x.either(entryName{provider: provider, model: model, whole: true})
	}
	return nil
}

// either finds by the configured key, else by the upstream name.
func (x *index) either(n entryName) []int {
	if found := x.at[n]; found != nil {
		return found
	}
	n.upstream = true
	return x.at[n]
}

func (x *index) notFound(name string) *llm.Error {
	if err := llm.CheckName("model", name); err != nil {
		return llm.AsError(err)
	}
	routes := make([]string, len(x.catalog))
	for i, e := range x.catalog {
		routes[i] = e.Provider + "/" + e.Name
	}
	if providerName, model, ok := strings.Cut(name, "/"); ok {
		if !slices.ContainsFunc(x.catalog, func(e CatalogEntry) bool { return e.Provider == providerName }) {
			return &llm.Error{Code: llm.ProviderNotFound, Provider: providerName, Model: model,
				Message: "no provider " + shown.Name(providerName) + " is registered (model " + shown.Name(name) + ")" + x.hint(routes, name) + listed(routes)}
		}
	}
	return &llm.Error{Code: llm.ModelNotFound, Model: name,
		Message: "no registered provider has the model " + shown.Name(name) + x.hint(routes, name) + listed(routes)}
}

// hint suggests what name means in another library, if that is a route, or the
// nearest route, by its name, its upstream name or all of it; else the form of
// this library.
func (x *index) hint(routes []string, name string) string {
	meant := provider.Meant(name)
	if found := x.find(meant); meant != "" && len(found) > 0 {
		return "; did you mean " + strconv.Quote(routes[found[0]]) + "?"
	}
	if near := x.nearest(routes, name); near != "" || meant == "" {
		return near
	}
	return "; its name here is " + shown.Name(meant) + ", which the configuration or the list of models must have"
}

func (x *index) nearest(routes []string, name string) string {
	_, model, whole := strings.Cut(name, "/")
	if whole {
		if found := x.find(model); len(found) > 0 {
			return "; did you mean " + strconv.Quote(routes[found[0]]) + "?"
		}
		return suggest.For(name, routes)
	}
	known := make([]string, 0, 3*len(x.catalog))
	for _, e := range x.catalog {
		known = append(known, e.Name, e.Model)
	}
	return suggest.For(name, append(known, routes...))
}

// mostListed is how many routes a message lists.
const mostListed = 20

func listed(routes []string) string {
	more := ""
	if n := len(routes) - mostListed; n > 0 {
		routes, more = routes[:mostListed], fmt.Sprintf(" and %d more", n)
	}
	return " (registered: " + strings.Join(routes, ", ") + more + ")"
}

func entriesOf(clients []*client.Client) []CatalogEntry {
	catalog := make([]CatalogEntry, len(clients))
	for i, c := range clients {
		catalog[i] = CatalogEntry{Provider: c.Provider(), Name: c.Name(), Model: c.Model()}
	}
	return catalog
}

// resolved is what names of models mean in one catalog: each is looked up once.
type resolved struct {
	catalog *manager.Catalog

	mu     sync.Mutex // guards what follows
	index  *index     // of catalog; nil until a name is looked up
	routes map[string][]*client.Client
	groups []int // of the aggregator's own models' routes
}

// Routes are the routes that a request with this model would be sent to, in the
// configured order; "" is the aggregator's own choice.
func (a *Aggregator) Routes(model string) ([]*client.Client, error) {
	routes, err := a.routes(model)
	return slices.Clone(routes), err
}

// routes resolves the model that the request names, else the aggregator's. The
// list is shared: it must not be changed.
func (a *Aggregator) routes(model string) ([]*client.Client, error) {
	if a.isClosed() {
		return nil, closedError()
	}
	catalog, known := a.manager.Catalog(), a.known.Load()
	if known == nil || known.catalog != catalog {
		known = &resolved{catalog: catalog, routes: map[string][]*client.Client{}}
		a.known.Store(known)
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if routes := known.routes[model]; routes != nil {
		return routes, nil
	}
	models := a.options.Models
	if model != "" {
		models = []string{model}
	}
	if known.index == nil {
		known.index = indexOf(entriesOf(catalog.Clients()))
	}
	found, err := a.resolve(known.index, models)
	if err != nil {
		return nil, err // not noted: there is no end of names that nobody has
	}
	routes := make([]*client.Client, len(found))
	for i, at := range found {
		routes[i] = catalog.Clients()[at]
	}
	if known.routes[model] = routes; model == "" {
		known.groups = known.index.groupsOf(models, a.options.Groups)
	}
	return routes, nil
}

// resolve is [Resolve] that knows the aggregator's history: a name of its list
// that was there once may be gone, as its provider was taken out; one that was
// left out of the configuration is passed over, or told with the reason.
func (a *Aggregator) resolve(x *index, models []string) ([]int, error) {
	routes, missing, err := x.resolve(models)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range missing {
		reason, left := a.leftOut[name]
		switch {
		case left && len(routes) == 0:
			return nil, &llm.Error{Code: llm.ModelNotFound, Model: name, Message: reason + "; it was left out of the configuration"}
		case !left && !a.found[name] || len(routes) == 0:
			return nil, x.notFound(name)
		}
	}
	if a.found == nil {
		a.found = map[string]bool{}
	}
	own := setOf(a.options.Models)
	gone := setOf(missing)
	for _, name := range models {
		if own[name] && !gone[name] {
			a.found[name] = true
		}
	}
	return routes, nil
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// checkModels refuses, before anything is registered, an aggregator's model
// that neither the manager nor the new providers have.
func (a *Aggregator) checkModels(providers []*provider.Provider) error {
	if len(a.options.Models) == 0 {
		return nil
	}
	_, err := a.resolve(indexOf(entriesOf(a.clientsWith(providers))), a.options.Models)
	return err
}

// clientsWith lists the clients of the manager as they will be with the new
// providers.
func (a *Aggregator) clientsWith(providers []*provider.Provider) []*client.Client {
	replaced := map[string]bool{}
	for _, p := range providers {
		replaced[p.Name()] = true
	}
	var clients []*client.Client
	for _, c := range a.manager.Catalog().Clients() {
		if !replaced[c.Provider()] {
			clients = append(clients, c)
		}
	}
	for _, p := range providers {
		clients = append(clients, p.Clients()...)
	}
	return clients
}

// leave notes what configurations left out, by each name that means it.
func (a *Aggregator) leave(configs []config.Provider) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, cfg := range configs {
		for _, l := range cfg.LeftOut {
			if a.leftOut == nil {
				a.leftOut = map[string]string{}
			}
			a.leftOut[l.Name], a.leftOut[l.Provider+"/"+l.Name] = l.Reason, l.Reason
		}
	}
}
