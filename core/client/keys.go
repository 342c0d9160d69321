package client

import (
	"net/http"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/exchange"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is for routes with several keys: which one an attempt uses, and
// what a failure does to it.

const (
	// mostRotations is how many more keys a call tries after keys that are
	// refused.
	mostRotations = 3
	// unnamedRest is how long a key rests after a 429 that names no wait.
	unnamedRest = 5 * time.Second
)

// keys are the keys of a route with several.
type keys struct {
	pool      *credential.Pool
	upstreams []*exchange.Upstream // one for each key
	texts     []string
}

// makeKeys makes an upstream for each of the keys; the first has one already.
func (c *Client) makeKeys(o exchange.Options, format func(key string) wire.Format) error {
	n := len(c.cfg.APIKeys)
	c.keys = &keys{pool: credential.NewPool(n, c.cfg.Breaker.Block), upstreams: make([]*exchange.Upstream, n), texts: c.cfg.APIKeys}
	c.keys.upstreams[0], o.Beside = c.upstream, c.upstream
	for i, key := range c.cfg.APIKeys[1:] {
		var err error
		o.Format = format(key)
		if c.keys.upstreams[i+1], err = exchange.New(o); err != nil {
			return err
		}
	}
	return nil
}

// rotation is what a call has done with the keys of a route.
type rotation struct {
	made    int  // rotations so far
	limited bool // the attempt before was a 429 of another key
	next    bool // the attempt that ended asks for another key
}

// shownKey is what a trail tells of a key: its last four characters at most,
// none of a short one.
func shownKey(key string) string {
	return "…" + key[len(key)-min(4, len(key)/4):]
}

// takeKey chooses the key of an attempt.
func (a *attempt) takeKey(now time.Time) {
	c := a.turn.client
	a.upstream = c.upstream
	if c.keys == nil {
		return
	}
	key := c.keys.pool.Pick(now, a.turn.rotation.made > 0)
	a.key, a.upstream = int32(key), c.keys.upstreams[key]
	a.record.Key = shownKey(c.keys.texts[key])
}

// keyFailed lets the key bear a failure that says something of the key alone,
// and reports whether it did: then another key is left, and the route itself
// goes on, at once or when that key has rested. wakes is when the first key has
// rested, where all rest. A second key that is limited at
// once after the first shows that the keys have one limit together: all rest
// then.
func (a *attempt) keyFailed(e *llm.Error, now time.Time) (borne bool, wakes time.Time) {
	c, r := a.turn.client, &a.turn.rotation
	if c.keys == nil || a.turn.call.Payload.Options.Bare {
		return false, wakes
	}
	pool, limited := c.keys.pool, r.limited
	r.next, r.limited = false, false
	switch e.Code {
	case llm.Authentication, llm.Quota:
		left, first := pool.Retire(int(a.key), a.record.Start, now)
		if !left {
			return false, wakes
		}
		if r.next = !first.After(now); !r.next { // the others rest
			c.breaker.BlockUntil(first)
		}
		return true, wakes
	case llm.RateLimit:
		until := now.Add(unnamedRest)
		if e.HasRetryAfter {
			until = now.Add(e.RetryAfter)
		}
		if limited {
			if e.HasRetryAfter {
				pool.Rest(-1, until)
			}
			return false, wakes
		}
		wakes = pool.Rest(int(a.key), until)
		r.next = !wakes.After(now)
		r.limited = r.next
	}
	return r.next, wakes
}

// reportKeys tells the state of each of several keys.
func (c *Client) reportKeys(now time.Time) (all []llm.KeyReport) {
	if c.keys == nil {
		return nil
	}
	all = make([]llm.KeyReport, len(c.keys.texts))
	for i, key := range c.keys.texts {
		k := &all[i]
		k.Key = shownKey(key)
		k.Retired, k.ReadyIn = c.keys.pool.Look(i, now)
	}
	return all
}

// rotates tells whether the call goes on with another key of the route at once:
// neither a retry (R1) nor a wait.
func (t *turn) rotates() bool {
	r := &t.rotation
	if !r.next || r.made >= mostRotations {
		return false
	}
	r.next = false
	r.made++
	t.made--
	return true
}

// KeyHeader tells in which HTTP header the route's format sends the key, and
// the text before the key; false for a route that sends it in none.
func (c *Client) KeyHeader() (name, prefix string, found bool) {
	if c.upstream == nil || c.cfg.APIKey == "" {
		return "", "", false
	}
	h := http.Header{}
	c.upstream.Format.Authorize(h)
	for name, values := range h {
		if prefix, found := strings.CutSuffix(values[0], c.cfg.APIKey); found {
			return name, prefix, true
		}
	}
	return "", "", false
}
