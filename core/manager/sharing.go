package manager

import "github.com/llmagg/llmagg/core/client"

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
