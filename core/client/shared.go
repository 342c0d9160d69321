package client

import (
	"cmp"
	"strings"

	"github.com/llmagg/llmagg/core/breaker"
)

// Shared is what connects a route with the other processes of a fleet
// (core/fleet). Its functions return at once.
type Shared struct {
	Told     func(breaker.Event) // what the route's own attempts caused
	MayProbe func() bool         // the half-open route may be probed by this process
	Closed   func()              // the client is closed
}

// Share connects the route with a fleet; nil ends that.
func (c *Client) Share(s *Shared) {
	c.fleet.Store(s)
	if s == nil {
		c.breaker.Share(nil)
		return
	}
	c.breaker.Share(s.Told)
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		c.leaveFleet()
	}
}

// leaveFleet tells the fleet, once, that the client is closed.
func (c *Client) leaveFleet() {
	if s := c.fleet.Swap(nil); s != nil {
		c.breaker.Share(nil)
		s.Closed()
	}
}

// probedElsewhere reports whether the call leaves the probe of its half-open
// route to another process. A call without another route does not.
func (t *turn) probedElsewhere() bool {
	c := t.client
	return c.fleet.Load() != nil && c.breaker.Probing() && t.othersLeft() && !c.MayProbe()
}

// Identity is a text that is the same for routes to the same model with the
// same credential, in any process, whatever the routes are called. It holds the
// credential: hash it.
func (c *Client) Identity() string {
	cfg := &c.cfg
	where := cfg.BaseURL
	if c.backend != nil {
		where = "custom:" + cfg.Provider
	}
	a := &cfg.Auth
	parts := []string{strings.TrimRight(where, "/"), c.upstreamModel(), cfg.Region, cfg.Project, cfg.Location, cfg.Organization,
		cmp.Or(strings.Join(cfg.APIKeys, "\x01"), cfg.APIKey), a.Type, a.AccessKeyID, a.Profile, a.Credentials, a.TenantID, a.ClientID, a.Name}
	return strings.Join(parts, "\x00")
}

// MayProbe asks for the probe of the half-open route as a call does that has
// another route.
func (c *Client) MayProbe() bool {
	s := c.fleet.Load()
	return s == nil || !c.breaker.Probing() || s.MayProbe()
}
