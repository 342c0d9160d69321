package client

import (
	"context"
	"io"
	"time"

	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
)

// replay is a whole answer as the source of a stream.
type replay struct {
	scope  *callstate.Scope
	by     *Client // whose logger and time limit hold
	chunks []*llm.Chunk
	quiet  func() bool // stops the watch of onLost
}

// Replay is for core/aggregator: a stream that tells an answer which was kept.
// by is one of the call's routes; none is asked.
func Replay(scope *callstate.Scope, o routing.StreamOptions, by *Client, r *llm.Response) *Stream {
	s := &Stream{scope: scope, onEnd: o.Ended, call: o.Call, done: make(chan struct{})}
	s.start(&replay{scope: scope, by: by, chunks: r.AsChunks()})
	return s
}

func (p *replay) Next() (*llm.Chunk, error) {
	if len(p.chunks) == 0 {
		p.leave()
		return nil, io.EOF
	}
	c := p.chunks[0]
	p.chunks = p.chunks[1:]
	return c, nil
}

func (p *replay) leave() {
	if p.quiet != nil {
		p.quiet()
	}
}

func (p *replay) Abandon(*llm.Error) { p.leave() }

func (p *replay) readerTimeout() time.Duration { return p.by.cfg.ReaderTimeout }

func (p *replay) onLost(f func(reason *llm.Error)) {
	p.quiet = context.AfterFunc(p.scope.Context(), func() { f(p.scope.Ended()) })
}

func (p *replay) judge(*llm.Response, *llm.Error) *llm.Error { return nil } // before it was replayed

func (p *replay) routed(e *llm.Error) *llm.Error { return e }

func (p *replay) rescue(in string, body func()) *llm.Error { return p.by.Rescue(in, body) }
