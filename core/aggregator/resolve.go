package aggregator

import (
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
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
// PROVIDER_NOT_FOUND where nothing else was found either and its provider is
// unknown; it is an error only if no route is found at all. An empty catalog is
// NOT_INITIALIZED.
func Resolve(catalog []CatalogEntry, models []string) ([]int, error) {
	if len(catalog) == 0 {
		return nil, errNoRoutes
	}
	if len(models) == 0 {
		models = namesOf(catalog)
	}
	var routes []int
	var missing *llm.Error
	taken := make(map[int]bool, len(catalog))
	for _, name := range models {
		found := find(catalog, name)
		if len(found) == 0 && missing == nil {
			missing = notFound(catalog, name)
		}
		for _, i := range found {
			if !taken[i] {
				taken[i] = true
				routes = append(routes, i)
			}
		}
	}
	if len(routes) == 0 {
		return nil, missing
	}
	return routes, nil
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
	if providerName, model, ok := strings.Cut(name, "/"); ok {
		if match(catalog, func(e CatalogEntry) bool { return e.Provider == providerName }) == nil {
			return &llm.Error{Code: llm.ProviderNotFound, Provider: providerName, Model: model,
				Message: "no provider " + providerName + " is registered for " + name}
		}
	}
	return &llm.Error{Code: llm.ModelNotFound, Model: name,
		Message: "no registered provider has the model " + name + "; there are: " + strings.Join(namesOf(catalog), ", ")}
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
	found, err := Resolve(entriesOf(catalog.Clients()), models)
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
