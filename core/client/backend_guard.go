package client

import (
	"fmt"
	"runtime/debug"

	"github.com/llmagg/llmagg/core/llm"
)

// The calls into a backend stand here. A backend that panics has made a failed
// attempt (INTERNAL): its place is given back, and a trial has its verdict.

var errNothing = &llm.Error{Code: llm.BadResponse, Message: "the backend returned neither an answer nor an error"}

func (a *attempt) chat() (*llm.Response, error) {
	backend := a.turn.client.backend
	r, err := guarded(a, nil, func(x *Exchange) (*llm.Response, error) { return backend.Chat(a.ctx, x) })
	if err == nil && r == nil {
		err = errNothing
	}
	return r, err
}

func (a *attempt) stream() (ChunkReader, error) {
	backend := a.turn.client.backend
	close := func(r ChunkReader) { // it came when nobody waited any more
		if r != nil {
			_ = r.Close()
		}
	}
	r, err := guarded(a, close, func(x *Exchange) (ChunkReader, error) { return backend.Stream(a.ctx, x) })
	if err == nil && r == nil {
		err = errNothing
	}
	return r, err
}

func (a *attempt) next(r ChunkReader) (*llm.Chunk, error) {
	c, err := guarded(a, nil, func(*Exchange) (*llm.Chunk, error) { return r.Next() })
	if err == nil && c == nil {
		err = errNothing
	}
	return c, err
}

// letGo closes a reader whose outcome is told already.
func (a *attempt) letGo(r ChunkReader) {
	if l := a.leash; l != nil {
		l.close(r)
		return
	}
	a.quietly(r)
}

func (a *attempt) quietly(r ChunkReader) {
	var ignored error
	defer a.rescue(&ignored)
	_ = r.Close()
}

// guarded calls f, on the attempt's leash where the application wrote the
// client. late is given what f returns when nobody waits for it any more.
func guarded[T any](a *attempt, late func(T), f func(x *Exchange) (T, error)) (T, error) {
	if a.turn.client.custom {
		if a.leash == nil {
			a.leash = newLeash(a)
		}
		return leashed(a.leash, late, f)
	}
	return rescued(a, &a.x, f)
}

func rescued[T any](a *attempt, x *Exchange, f func(x *Exchange) (T, error)) (result T, err error) {
	defer a.rescue(&err)
	return f(x)
}

// rescue is deferred; it turns a panic into *err.
func (a *attempt) rescue(err *error) {
	v := recover()
	if v == nil {
		return
	}
	c := a.turn.client
	if l := c.options.Logger; l != nil {
		l.Error("backend panicked", "provider", c.cfg.Provider, "model", c.cfg.Name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
	*err = llm.Errorf(llm.Internal, "the route's backend panicked: %v", v)
}
