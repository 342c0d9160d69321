package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// got is one event as a reader sees it.
type got struct {
	kind, status int32
	op, tag      uint64
	payload      string
}

// eventWords is sizeof(llmagg_event) in words of 8 bytes; tests/capi holds it.
const eventWords = 5

// read drains up to most events into a buffer of size bytes.
func read(t *testing.T, q *queue, most, size int) ([]got, drained) {
	t.Helper()
	events := make([]uint64, eventWords*most)
	buffer := make([]byte, size)
	d, err := q.drain(room{events: unsafe.Pointer(&events[0]), stride: eventWords * 8, max: most, buffer: buffer})
	require.NoError(t, err)
	all := make([]got, d.count)
	at := 0
	for i := range all {
		e := events[i*eventWords:]
		n := int(e[4])
		all[i] = got{kind: int32(uint32(e[0])), status: int32(uint32(e[0] >> 32)), op: e[1], tag: e[2], payload: string(buffer[at : at+n])}
		require.Zero(t, buffer[at+n])
		at += n + 1
	}
	require.Equal(t, at, d.used)
	return all, d
}

// next waits for one event.
func next(t *testing.T, q *queue) got {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(time.Millisecond) {
		if all, _ := read(t, q, 1, 1<<20); len(all) == 1 {
			return all[0]
		}
	}
	require.Fail(t, "no event")
	return got{}
}

func openQueue(t *testing.T) *queue {
	t.Helper()
	q, err := newQueue()
	require.NoError(t, err)
	t.Cleanup(q.close)
	return q
}

func TestDrainTellsHowMuchRoomIsNeeded(t *testing.T) {
	q := openQueue(t)
	q.push(record{kind: eventLog, op: 1, tag: 2}, []byte("short"))
	q.push(record{kind: eventDone, op: 3, tag: 4, status: -7}, []byte(strings.Repeat("x", 100)))
	all, d := read(t, q, 8, 50)
	require.Equal(t, []got{{kind: eventLog, op: 1, tag: 2, payload: "short"}}, all)
	require.Equal(t, drained{count: 1, used: 6, pending: 1, needed: 101}, d)
	all, d = read(t, q, 8, 100)
	require.Empty(t, all)
	require.Equal(t, 101, d.needed)
	all, d = read(t, q, 8, 101)
	require.Equal(t, int32(-7), all[0].status)
	require.Equal(t, drained{count: 1, used: 101}, d)
}

func TestARoomThatIsOnlyFullNeedsNothing(t *testing.T) {
	q := openQueue(t)
	for range 3 {
		q.push(record{kind: eventDone}, []byte("1234567"))
	}
	all, d := read(t, q, 8, 20)
	require.Len(t, all, 2)
	require.Equal(t, drained{count: 2, used: 16, pending: 1}, d)
}

func TestLogEventsAreBoundedAndCounted(t *testing.T) {
	q := openQueue(t)
	for range maxDroppable + 5 {
		require.True(t, q.offer(record{kind: eventLog}, []byte("{}")))
	}
	all, d := read(t, q, 5000, 1<<20)
	require.Len(t, all, maxDroppable+1)
	require.Equal(t, got{kind: eventDropped, payload: `{"count":5}`}, all[maxDroppable])
	require.Zero(t, d.pending)
	require.True(t, q.offer(record{kind: eventLog}, []byte("{}")))
	all, _ = read(t, q, 10, 100)
	require.Len(t, all, 1)
}

func TestAnOperationHasExactlyOneTerminalEventEvenIfItPanics(t *testing.T) {
	for name, run := range map[string]func(*operation) ([]byte, error){
		"panic": func(*operation) ([]byte, error) { panic("test") },
		"nil":   func(op *operation) ([]byte, error) { var p *llm.Payload; return []byte{byte(p.N)}, nil },
	} {
		q := openQueue(t)
		through := newScope("test")
		id, err := begin(name, q, 9, []*scope{through}, form{}, run)
		require.NoError(t, err)
		e := next(t, q)
		require.Equal(t, got{kind: eventError, status: int32(llm.Internal), op: id, tag: 9, payload: e.payload}, e)
		require.Contains(t, e.payload, "INTERNAL")
		require.NoError(t, through.wait(context.Background()))
		all, _ := read(t, q, 10, 1000)
		require.Empty(t, all)
		_, known := operations.find(id)
		require.False(t, known)
		through.close()
	}
}

func TestClosingAnyOfItsScopesEndsAnOperation(t *testing.T) {
	for i := range 3 {
		q := openQueue(t)
		through := []*scope{newScope("the first"), newScope("the second"), newScope("the third")}
		_, err := begin("test", q, 0, through, form{}, func(op *operation) ([]byte, error) {
			<-op.ctx.Done()
			return nil, context.Cause(op.ctx)
		})
		require.NoError(t, err)
		through[i].close()
		require.Equal(t, int32(llm.Closed), next(t, q).status)
		_, err = begin("test", q, 0, through, form{}, nil)
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
	require.True(t, c.take(never, never))
	require.True(t, c.take(never, never))
	var passed sync.WaitGroup
	passed.Go(func() { require.True(t, c.take(never, never)) })
	c.give(1)
	passed.Wait()
	over := make(chan struct{})
	passed.Go(func() { require.False(t, c.take(over, never)) })
	close(over)
	passed.Wait()
	require.False(t, c.take(never, over))
	c.give(1)
	require.True(t, c.take(never, never), "what was not taken is still there")
}

func TestAWindowBelowZeroIsNoBound(t *testing.T) {
	c := credit{more: make(chan struct{}, 1)}
	c.start(-1)
	for range 1000 {
		require.True(t, c.take(nil, nil))
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
	all, _ := read(t, q, 10, 1000)
	require.Empty(t, all)
}
