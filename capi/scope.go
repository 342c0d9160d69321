package main

import (
	"context"
	"slices"
	"sync"

	"github.com/llmagg/llmagg/core/llm"
)

// scope is what was begun through one handle. Ending it ends that, with CLOSED:
// operations by looking for them, so that beginning one costs a scope nothing
// but a count; health checks that block, by its context.
type scope struct {
	what string // "the client", for messages
	ctx  context.Context
	end  context.CancelCauseFunc

	mu    sync.Mutex // guards what follows
	busy  int
	ended bool
	idle  chan struct{} // closed when busy falls to 0; nil while nobody waits
}

func newScope(what string) *scope {
	s := &scope{what: what}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

func (s *scope) closedError() *llm.Error { return llm.Errorf(llm.Closed, "%s is closed", s.what) }

// enter counts one more thing under way. Error: CLOSED.
func (s *scope) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return s.closedError()
	}
	s.busy++
	return nil
}

func (s *scope) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if s.busy == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// during runs body as a thing under way. Error: CLOSED, or body's.
func (s *scope) during(body func() error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return body()
}

// close ends everything under way and refuses more.
func (s *scope) close() {
	s.mu.Lock()
	first := !s.ended
	s.ended = true
	s.mu.Unlock()
	if !first {
		return
	}
	err := s.closedError()
	s.end(err)
	operations.each(func(_ uint64, op *operation) {
		if slices.Contains(op.scopes, s) {
			op.cancel(err)
		}
	})
}

// wait waits until nothing is under way, or ctx ends, whose error it returns.
func (s *scope) wait(ctx context.Context) error {
	s.mu.Lock()
	if s.busy == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enterAll enters every scope or none.
func enterAll(scopes []*scope) error {
	for i, s := range scopes {
		if err := s.enter(); err != nil {
			leaveAll(scopes[:i])
			return err
		}
	}
	return nil
}

func leaveAll(scopes []*scope) {
	for _, s := range scopes {
		s.leave()
	}
}
