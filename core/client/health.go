package client

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/observe"
)

const healthTimeout = 5 * time.Second

// HealthChecker may be implemented by an application's backend. Without it, a
// custom client is healthy while it is switched on.
type HealthChecker interface {
	Healthy(ctx context.Context) bool
}

// CheckHealth asks the route's server for its list of models (O3), for at most
// 5 s. It spends no tokens and does not affect the breaker. A closed client is
// not healthy.
func (c *Client) CheckHealth(ctx context.Context) (alive bool) {
	if c.Rescue("health check", func() { alive = c.checkHealth(ctx) }) != nil {
		return false
	}
	return alive
}

func (c *Client) checkHealth(ctx context.Context) bool {
	if c.use(nil) != nil {
		return false
	}
	defer c.unuse(nil)
	caller := ctx
	ctx, cancel := alarm.WithTimeout(ctx, healthTimeout, context.DeadlineExceeded)
	defer cancel()
	stop := context.AfterFunc(c.life, cancel)
	defer stop()
	alive := c.Available()
	if c.upstream != nil {
		upstream := c.upstream
		if c.keys != nil {
			upstream = c.keys.upstreams[c.keys.pool.Peek(time.Now())]
		}
		alive = upstream.Healthy(ctx)
	} else if b, ok := c.backend.(HealthChecker); ok {
		alive = c.ask(ctx, b)
	}
	if alive || caller.Err() == nil && c.life.Err() == nil { // a check that was broken off says nothing of the route
		c.noteHealth(alive)
	}
	return alive
}

// ask asks a backend of the application, but not beyond the check's time,
// whatever it does.
func (c *Client) ask(ctx context.Context, b HealthChecker) bool {
	answer := make(chan bool, 1)
	go func() { // ends when the backend returns
		alive := false
		_ = c.Rescue("application's health check", func() { alive = b.Healthy(ctx) }) // logged
		answer <- alive
	}()
	select {
	case alive := <-answer:
		return alive
	case <-ctx.Done():
		return false
	}
}

// noteHealth tells observers when the answer differs from the last one.
func (c *Client) noteHealth(alive bool) {
	c.mu.Lock()
	changed := c.health.alive == nil || *c.health.alive != alive
	c.health.alive = &alive
	c.mu.Unlock()
	if !changed {
		return
	}
	state := "down"
	if alive {
		state = "up"
	}
	c.tell(observe.Observation{Kind: observe.HealthChanged, State: state})
}
