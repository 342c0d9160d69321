// Package cache keeps whole answers and gives them to equal requests, and lets
// calls that ask the same at the same time ask once. A failure, or an answer
// that is cut or filtered, is never kept.
//
// It imports core/llm. Its main types are [Cache], [Store] and [Memory].
package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// DefaultBytes is how much a [Memory] keeps by default.
const DefaultBytes = 64 << 20

// Store keeps answers by their keys. It is safe for concurrent use, and may
// forget whatever it likes. The values are JSON text; nobody changes them.
type Store interface {
	// Get returns the value of a key, nil if there is none. An error counts as
	// none.
	Get(ctx context.Context, key Key) ([]byte, error)
	// Put keeps a value for ttl, or for ever if ttl is 0. An error means that it
	// is not kept.
	Put(ctx context.Context, key Key, value []byte, ttl time.Duration) error
}

// Options configure a cache. The zero value works.
type Options struct {
	// Bytes is how large the kept answers may be together, for the cache's own
	// memory; DefaultBytes.
	Bytes int64
	// TTL is how long an answer is kept; 0 means for ever, as long as there is
	// room.
	TTL time.Duration
	// Store keeps the answers instead of the cache's own memory.
	Store Store
	// Now is the clock; time.Now.
	Now func() time.Time
}

// Cache gives kept answers. It is safe for concurrent use, by any number of
// aggregators.
type Cache struct {
	store  Store
	memory *Memory // store, if the cache has made it
	most   int64   // bytes, if it has another store
	ttl    time.Duration

	hits, joined, misses, kept, failed atomic.Uint64

	landed atomic.Uint64 // flights that are over; changed under mu

	mu      sync.Mutex // guards what follows
	flights map[Key]*flight
}

// New makes a cache.
func New(o Options) *Cache {
	c := &Cache{store: o.Store, most: o.Bytes, ttl: o.TTL, flights: map[Key]*flight{}}
	if c.store == nil {
		c.memory = NewMemory(o.Bytes, o.Now)
		c.store = c.memory
	}
	return c
}

// Check is INVALID_ARGUMENT for a cache that was not made by [New], or whose
// options bound nothing.
func (c *Cache) Check() error {
	switch {
	case c.store == nil:
		return llm.Errorf(llm.InvalidArgument, "the cache was not made by NewCache")
	case c.ttl < 0:
		return llm.Errorf(llm.InvalidArgument, "the cache's TTL is %v; expected more than 0, or 0 for no end", c.ttl)
	case c.most < 0:
		return llm.Errorf(llm.InvalidArgument, "the cache's Bytes are %d; expected more than 0, or 0 for the default", c.most)
	}
	return nil
}

// Report is the state of a cache. Its counts only grow.
type Report struct {
	Hits   uint64 `json:"hits"`   // answers that were kept
	Joined uint64 `json:"joined"` // answers of equal calls at the same time
	Misses uint64 `json:"misses"` // calls for which a server was asked
	Kept   uint64 `json:"kept"`   // answers that were put into the store
	Failed uint64 `json:"failed"` // failures of the store
	// Entries and Bytes are what the cache's own memory holds, 0 if the cache has
	// another store; Size is how many bytes that may be.
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
	Size    int64 `json:"size"`
}

// Report is the state of the cache.
func (c *Cache) Report() Report {
	r := Report{Size: c.most, Hits: c.hits.Load(), Joined: c.joined.Load(), Misses: c.misses.Load(), Kept: c.kept.Load(), Failed: c.failed.Load()}
	if c.memory != nil {
		r.Entries, r.Bytes, r.Size = c.memory.size()
	}
	return r
}

// Answer is an answer that a cache gives. The receiver owns it.
type Answer struct {
	*llm.Response
	How      string // llm.CacheHit or llm.CacheJoined; "" if it was asked for
	Currency string // of what it did cost
	Route    string // "provider/model" that gave it
}

// Get looks for a kept answer that accept, if it is not nil, accepts; nil if
// there is none.
func (c *Cache) Get(ctx context.Context, key Key, accept func(*llm.Response) bool) *Answer {
	a := c.find(ctx, key, accept)
	if a == nil {
		c.misses.Add(1)
	}
	return a
}

func (c *Cache) find(ctx context.Context, key Key, accept func(*llm.Response) bool) *Answer {
	value, err := c.store.Get(ctx, key)
	if err != nil {
		c.failed.Add(1)
	}
	a := c.open(value, accept)
	if a != nil {
		c.hits.Add(1)
		a.How = llm.CacheHit
	}
	return a
}

// open reads a kept value; nil if it is of no use.
func (c *Cache) open(value []byte, accept func(*llm.Response) bool) *Answer {
	if len(value) == 0 {
		return nil
	}
	a, err := decode(value)
	if err != nil {
		c.failed.Add(1)
		return nil
	}
	if accept != nil && !accept(a.Response) {
		return nil
	}
	return a
}

// Miss counts a call that asks a server without a look at what is kept.
func (c *Cache) Miss() { c.misses.Add(1) }

// Put keeps an answer, unless it is one that is not kept.
func (c *Cache) Put(ctx context.Context, key Key, r *llm.Response) { c.put(ctx, key, r) }

func (c *Cache) put(ctx context.Context, key Key, r *llm.Response) (value []byte) {
	if !Keepable(r) {
		return nil
	}
	value, err := encode(r)
	if err == nil {
		err = c.store.Put(ctx, key, value, c.ttl)
	}
	if err != nil {
		c.failed.Add(1)
		return value
	}
	c.kept.Add(1)
	return value
}

// ErrEnded tells that a call ended while it waited for another one.
var ErrEnded = errors.New("the call ended while it waited for an equal one")

// flight is a call under way that others of the same key wait for.
type flight struct {
	done chan struct{} // closed after what follows is set
	// value is the answer, nil if there is none that may be shared.
	value []byte
	// left tells that the call ended before it knew: another one takes over.
	left bool
}

// Chat gives the answer of a key: what is kept, else what ask gives. Of calls
// of the same key at the same time one asks. The others wait for its answer,
// each until its own wait ends. If the call that asks is cancelled, or its
// deadline passes, one of the others takes over. If it fails, or its answer is
// none that is kept, each of the others asks for itself: a failure is nobody's
// answer but its own caller's. With refresh, nothing is looked for.
//
// The error is that of ask, or ErrEnded.
func (c *Cache) Chat(wait context.Context, key Key, refresh bool, accept func(*llm.Response) bool, ask func() (*llm.Response, error)) (*Answer, error) {
	if refresh {
		c.Miss()
		return c.ask(wait, key, ask)
	}
	for {
		before := c.landed.Load()
		if a := c.find(wait, key, accept); a != nil {
			return a, nil
		}
		f, first := c.join(key)
		if first {
			return c.lead(wait, key, f, before, accept, ask)
		}
		select {
		case <-f.done:
		case <-wait.Done():
			return nil, ErrEnded
		}
		switch {
		case f.left && isOver(wait): // this call cannot ask in its place
			<-wait.Done()
			return nil, ErrEnded
		case f.left:
			continue
		}
		if a := c.open(f.value, accept); a != nil {
			c.joined.Add(1)
			a.How = llm.CacheJoined
			return a, nil
		}
		c.misses.Add(1)
		return c.ask(wait, key, ask)
	}
}

// join finds the flight of a key, or begins it.
func (c *Cache) join(key Key) (f *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f = c.flights[key]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{}), left: true}
	c.flights[key] = f
	return f, true
}

// lead gives the answer of a key, and to those who wait for it, too. before is
// how many flights were over when the key was looked for.
func (c *Cache) lead(wait context.Context, key Key, f *flight, before uint64, accept func(*llm.Response) bool, ask func() (*llm.Response, error)) (*Answer, error) {
	defer func() { // also after a panic
		c.mu.Lock()
		delete(c.flights, key)
		c.landed.Add(1)
		c.mu.Unlock()
		close(f.done)
	}()
	if c.landed.Load() != before { // maybe that of this key, in between
		if a := c.find(wait, key, accept); a != nil {
			return a, nil // those who wait find it, too
		}
	}
	c.misses.Add(1)
	r, err := ask()
	if err != nil {
		f.left = isOver(wait)
		return nil, err
	}
	f.value, f.left = c.put(wait, key, r), false
	return &Answer{Response: r}, nil
}

// isOver tells whether a call has ended by its own doing: it was cancelled, or
// its deadline has passed, which a timer beside that of its context may tell
// first.
func isOver(wait context.Context) bool {
	deadline, ok := wait.Deadline()
	return wait.Err() != nil || ok && !time.Now().Before(deadline)
}

func (c *Cache) ask(wait context.Context, key Key, ask func() (*llm.Response, error)) (*Answer, error) {
	r, err := ask()
	if err != nil {
		return nil, err
	}
	c.put(wait, key, r)
	return &Answer{Response: r}, nil
}
