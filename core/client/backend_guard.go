package client

import (
	"fmt"
	"runtime/debug"

	"github.com/llmagg/llmagg/core/llm"
)

// The calls into a backend stand here. A backend that panics has made a failed
// attempt (INTERNAL): its place is given back, and a trial has its verdict.

var errNothing = &llm.Error{Code: llm.BadResponse, Message: "the backend returned neither an answer nor an error"}

func (a *attempt) chat() (r *llm.Response, err error) {
	defer a.rescue(&err)
	if r, err = a.turn.client.backend.Chat(a.ctx, &a.x); err == nil && r == nil {
		err = errNothing
	}
	return r, err
}

func (a *attempt) stream() (r ChunkReader, err error) {
	defer a.rescue(&err)
	if r, err = a.turn.client.backend.Stream(a.ctx, &a.x); err == nil && r == nil {
		err = errNothing
	}
	return r, err
}

func (a *attempt) next(r ChunkReader) (c *llm.Chunk, err error) {
	defer a.rescue(&err)
	if c, err = r.Next(); err == nil && c == nil {
		err = errNothing
	}
	return c, err
}

// letGo closes a reader whose outcome is told already.
func (a *attempt) letGo(r ChunkReader) {
	var ignored error
	defer a.rescue(&ignored)
	_ = r.Close()
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
