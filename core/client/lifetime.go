package client

import (
	"context"

	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/llm"
)

// use keeps the client from closing under a turn, or under a health check,
// which has none; unuse ends that.
func (c *Client) use(t *turn) *llm.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.closedError()
	}
	c.users++
	if t != nil {
		if t.older = c.turns; t.older != nil {
			t.older.newer = t
		}
		c.turns = t
		if t.call.Payload.Options.Bulk {
			c.slots.Borrow()
		}
	}
	c.wake()
	return nil
}

func (c *Client) unuse(t *turn) {
	c.mu.Lock()
	if t != nil {
		if t.older != nil {
			t.older.newer = t.newer
		}
		if t.newer != nil {
			t.newer.older = t.older
		} else {
			c.turns = t.older
		}
		t.older, t.newer = nil, nil
		if t.call.Payload.Options.Bulk {
			c.slots.Return()
		}
	}
	c.users--
	if c.users == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
	c.unlockAndRetire()
}

// Rest closes the route's idle connections, unless another active client shares
// them. The state of the route (breaker, retries) stays, and the next call
// connects again.
func (c *Client) Rest() {
	c.mu.Lock()
	tired := c.pool != nil && !c.resting && !c.closed
	if tired {
		c.resting = true
	}
	c.mu.Unlock()
	if tired {
		c.pool.Rest()
	}
}

// wake ends a rest. The caller holds mu.
func (c *Client) wake() {
	if c.resting {
		c.resting = false
		c.pool.Wake()
	}
}

// letGo gives the connections back, once.
func (c *Client) letGo() {
	if c.pool == nil {
		return
	}
	c.mu.Lock()
	c.wake()
	c.mu.Unlock()
	c.pool.Release()
	if c.credential != nil {
		c.credential.Close()
	}
}

// Hold keeps a retired client open until Release, for a call that may use it
// later. It does not delay Close. It returns false if the client is already
// closed.
func (c *Client) Hold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.holds++
	return true
}

// Release ends a Hold.
func (c *Client) Release() {
	c.mu.Lock()
	c.holds--
	c.unlockAndRetire()
}

// unlockAndRetire releases mu and closes a retired client that nobody needs.
func (c *Client) unlockAndRetire() {
	now := c.retired && !c.closed && c.users == 0 && c.holds == 0
	if now {
		c.closed = true
	}
	c.mu.Unlock()
	if now {
		c.leaveFleet()
		c.die(c.closedError())
		c.letGo()
	}
}

func (c *Client) closedError() *llm.Error {
	return c.routed(llm.Errorf(llm.Closed, "the client is closed"))
}

// Retire closes the client as soon as no call uses or holds it.
func (c *Client) Retire() {
	c.mu.Lock()
	c.retired = true
	c.unlockAndRetire()
}

// Close ends the client's calls with CLOSED, waits until they have ended or ctx
// is over, and releases the connections. Later calls get CLOSED. A second Close
// waits in the same way. The error is ctx's.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	var idle chan struct{}
	if c.users > 0 {
		if c.idle == nil {
			c.idle = make(chan struct{})
		}
		idle = c.idle
	}
	var under []*callstate.Scope
	for t := c.turns; first && t != nil; t = t.older {
		under = append(under, t.scope)
	}
	c.mu.Unlock()
	if first {
		c.leaveFleet()
		c.die(c.closedError())
	}
	for _, scope := range under {
		scope.End(c.closedError())
	}
	var err error
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if first {
		c.letGo()
	}
	return err
}
