package manager

import (
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/provider"
)

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
