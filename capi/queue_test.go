//go:build llmagg_entry

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// next waits for one event.
func next(t *testing.T, q *queue) got {
	t.Helper()
	e, ok := q.next(10)
	require.True(t, ok, "no event")
	return e
}

// requireNoMore tells that nothing waits.
func requireNoMore(t *testing.T, q *queue) {
	t.Helper()
	e, ok := q.next(0)
	require.False(t, ok, "%v", e)
}

// lastID numbers the operations of the tests; the library's are numbered in C.
var lastID atomic.Uint64

func nextID() uint64 { return lastID.Add(1) }

func openQueue(t *testing.T) *queue {
	t.Helper()
	q, err := newQueue()
	require.NoError(t, err)
	t.Cleanup(q.close)
	return q
}

func TestAnOperationHasExactlyOneTerminalEventEvenIfItPanics(t *testing.T) {
	for name, run := range map[string]func(*operation) ([]byte, error){
		"panic": func(*operation) ([]byte, error) { panic("test") },
		"nil":   func(op *operation) ([]byte, error) { var p *llm.Payload; return []byte{byte(p.N)}, nil },
	} {
		q := openQueue(t)
		through := newScope("test")
		op := &operation{id: nextID(), tag: 9, queue: q}
		require.NoError(t, op.begin(name, []*scope{through}, run))
		go op.start()
		e := next(t, q)
		require.Equal(t, got{kind: eventError, status: int32(llm.Internal), op: op.id, tag: 9, payload: e.payload}, e)
		require.Contains(t, e.payload, "INTERNAL")
		require.NoError(t, through.wait(context.Background()))
		requireNoMore(t, q)
		_, known := operations.find(op.id)
		require.False(t, known)
		through.close()
	}
}

func TestClosingAnyOfItsScopesEndsAnOperation(t *testing.T) {
	for i := range 3 {
		q := openQueue(t)
		through := []*scope{newScope("the first"), newScope("the second"), newScope("the third")}
		op := &operation{id: nextID(), queue: q}
		require.NoError(t, op.begin("test", through, func(op *operation) ([]byte, error) {
			<-op.ctx.Done()
			return nil, context.Cause(op.ctx)
		}))
		go op.start()
		through[i].close()
		require.Equal(t, int32(llm.Closed), next(t, q).status)
		err := (&operation{id: nextID(), queue: q}).begin("test", through, nil)
		require.Equal(t, llm.Closed, llm.CodeOfError(err))
		for _, s := range through {
			require.NoError(t, s.wait(context.Background())) // nothing stays entered
			s.close()
		}
	}
}

func TestCreditLetsChunksThroughOneByOne(t *testing.T) {
	c := credit{more: make(chan struct{}, 1)}
	c.start(2)
	never := make(chan struct{})
	require.True(t, c.take(never, never, nil))
	require.True(t, c.take(never, never, nil))
	var passed sync.WaitGroup
	passed.Go(func() { require.True(t, c.take(never, never, nil)) })
	c.give(1)
	passed.Wait()
	over := make(chan struct{})
	passed.Go(func() { require.False(t, c.take(over, never, nil)) })
	close(over)
	passed.Wait()
	require.False(t, c.take(never, over, nil))
	c.give(1)
	require.True(t, c.take(never, never, nil), "what was not taken is still there")
}

func TestAWindowBelowZeroIsNoBound(t *testing.T) {
	c := credit{more: make(chan struct{}, 1)}
	c.start(-1)
	for range 1000 {
		require.True(t, c.take(nil, nil, nil))
	}
}

func TestLogAttributesAreFlat(t *testing.T) {
	q := openQueue(t)
	logging.Store(&logTarget{slog.LevelInfo, q})
	defer logging.Store(nil)
	l := slog.New(logHandler{}).With("a", 1).WithGroup("g").With("b", "two")
	l.Debug("not this")
	l.Warn("hello", "c", 2*time.Second, slog.Group("d", "e", true), "err", errors.New("bad \xff"))
	e := next(t, q)
	require.Equal(t, int32(eventLog), e.kind)
	require.Contains(t, e.payload, `"level":4`)
	require.Contains(t, e.payload, `"message":"hello"`)
	require.Contains(t, e.payload, `"attrs":{"a":1,"g.b":"two","g.c":2,"g.d.e":true,"g.err":"bad `+"\uFFFD"+`"}`)
	requireNoMore(t, q)
}
