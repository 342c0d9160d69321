package aggregator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/client"
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

// Resolve finds the routes that models name, as indexes into catalog, each
// route once, at its first place. An entry of models is a model's name: every
// provider that has it, in the order of the catalog, by the configured key
// first and by the upstream name where no key matches; or "provider/model",
// unless a model is literally called so. Empty models mean the whole catalog,
// each model name once. A name that nobody has is MODEL_NOT_FOUND, or
// PROVIDER_NOT_FOUND where its provider is unknown; the error suggests the
// nearest route. An empty catalog is NOT_INITIALIZED.
func Resolve(catalog []CatalogEntry, models []string) ([]int, error) {
	routes, missing, err := resolve(catalog, models)
	if err == nil && len(missing) > 0 {
		err = notFound(catalog, missing[0])
	}
	if err != nil {
		return nil, err
	}
	return routes, nil
}

// resolve is Resolve that gives the names which nobody has beside the routes.
func resolve(catalog []CatalogEntry, models []string) (routes []int, missing []string, err error) {
	if len(catalog) == 0 {
		return nil, nil, errNoRoutes
	}
	if len(models) == 0 {
		models = namesOf(catalog)
	}
	taken := make(map[int]bool, len(catalog))
	for _, name := range models {
		found := find(catalog, name)
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

func find(catalog []CatalogEntry, name string) []int {
	if found := match(catalog, func(e CatalogEntry) bool { return e.Name == name }); found != nil {
		return found
	}
	if found := match(catalog, func(e CatalogEntry) bool { return e.Model == name }); found != nil {
		return found
	}
	providerName, model, ok := strings.Cut(name, "/")
	if !ok {
		return nil
	}
	if found := match(catalog, func(e CatalogEntry) bool { return e.Provider == providerName && e.Name == model }); found != nil {
		return found
	}
	return match(catalog, func(e CatalogEntry) bool { return e.Provider == providerName && e.Model == model })
}

func match(catalog []CatalogEntry, fits func(CatalogEntry) bool) []int {
	var found []int
	for i, e := range catalog {
		if fits(e) {
			found = append(found, i)
		}
	}
	return found
}

func notFound(catalog []CatalogEntry, name string) *llm.Error {
	if err := llm.CheckName("model", name); err != nil {
		return llm.AsError(err)
	}
	routes := make([]string, len(catalog))
	for i, e := range catalog {
		routes[i] = e.Provider + "/" + e.Name
	}
	if providerName, model, ok := strings.Cut(name, "/"); ok {
		if match(catalog, func(e CatalogEntry) bool { return e.Provider == providerName }) == nil {
			return &llm.Error{Code: llm.ProviderNotFound, Provider: providerName, Model: model,
				Message: "no provider " + providerName + " is registered for " + name + hint(catalog, routes, name) + listed(routes)}
		}
	}
	return &llm.Error{Code: llm.ModelNotFound, Model: name,
		Message: "no registered provider has the model " + name + hint(catalog, routes, name) + listed(routes)}
}

// hint suggests the nearest route, by its name, its upstream name or all of it.
func hint(catalog []CatalogEntry, routes []string, name string) string {
	known := make([]string, 0, 3*len(catalog))
	_, model, whole := strings.Cut(name, "/")
	if whole {
		if found := find(catalog, model); len(found) > 0 {
			return "; did you mean " + strconv.Quote(routes[found[0]]) + "?"
		}
		return llm.Suggest(name, routes)
	}
	for _, e := range catalog {
		known = append(known, e.Name, e.Model)
	}
	return llm.Suggest(name, append(known, routes...))
}

// mostListed is how many routes a message lists.
const mostListed = 20

func listed(routes []string) string {
	more := ""
	if n := len(routes) - mostListed; n > 0 {
		routes, more = routes[:mostListed], fmt.Sprintf(" and %d more", n)
	}
	return "; there are: " + strings.Join(routes, ", ") + more
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
	routes map[string][]*client.Client
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
	found, err := a.resolve(entriesOf(catalog.Clients()), models)
	if err != nil {
		return nil, err // not noted: there is no end of names that nobody has
	}
	routes := make([]*client.Client, len(found))
	for i, at := range found {
		routes[i] = catalog.Clients()[at]
	}
	known.routes[model] = routes
	return routes, nil
}

// resolve is [Resolve] that knows the aggregator's history: a name of its list
// that was there once may be gone, as its provider was taken out; one that was
// left out of the configuration is passed over, or told with the reason.
func (a *Aggregator) resolve(catalog []CatalogEntry, models []string) ([]int, error) {
	routes, missing, err := resolve(catalog, models)
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
			return nil, notFound(catalog, name)
		}
	}
	if a.found == nil {
		a.found = map[string]bool{}
	}
	for _, name := range a.options.Models {
		if !slices.Contains(missing, name) && slices.Contains(models, name) {
			a.found[name] = true
		}
	}
	return routes, nil
}

// checkModels refuses, before anything is registered, an aggregator's model
// that neither the manager nor the new providers have.
func (a *Aggregator) checkModels(providers []*provider.Provider) error {
	if len(a.options.Models) == 0 {
		return nil
	}
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
	_, err := a.resolve(entriesOf(clients), a.options.Models)
	return err
}

// leave notes what configurations left out, by each name that means it.
func (a *Aggregator) leave(configs []llm.ProviderConfig) {
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
