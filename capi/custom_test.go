//go:build llmagg_entry

package main

import (
	"context"
	"io"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

const (
	aChunk  = `{"choices":[{"index":0,"delta":{"content":"x"}}]}`
	aAnswer = `{"choices":[{"index":0,"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]}`
)

func customStream(t *testing.T, ctx context.Context) (*customCall, client.ChunkReader, *queue) {
	t.Helper()
	q := openQueue(t)
	b := newCustomBackend(q, 7, config.Model{Provider: "mine", Name: "m", Model: "up"})
	p, err := llm.OwnRequest([]byte(`{"messages":[{"role":"user","content":"hi"}]}`), llm.CallOptions{})
	require.NoError(t, err)
	r, err := b.Stream(ctx, &client.Exchange{Payload: p, Model: "up"})
	require.NoError(t, err)
	e := next(t, q)
	require.Equal(t, int32(eventCallCustom), e.kind)
	c, ok := customCalls.find(e.op)
	require.True(t, ok)
	return c, r, q
}

func TestAWholeAnswerToAStreamIsOneChunk(t *testing.T) {
	c, r, _ := customStream(t, context.Background())
	require.NoError(t, c.finish([]byte(aAnswer)))
	chunk, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, "whole", chunk.Text())
	require.Equal(t, "up", chunk.Model)
	_, err = r.Next()
	require.Equal(t, io.EOF, err)
	require.NoError(t, r.Close())
}

func TestChunksBeforeAFailureArriveFirst(t *testing.T) {
	c, r, _ := customStream(t, context.Background())
	_, err := c.emit([]byte(aChunk))
	require.NoError(t, err)
	require.NoError(t, c.fail([]byte(`{"name":"TIMEOUT"}`)))
	_, err = r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.Equal(t, llm.Timeout, llm.CodeOfError(err))
	require.NoError(t, r.Close())
	_, err = c.emit([]byte(aChunk))
	require.Equal(t, llm.Canceled, llm.CodeOfError(err))
}

func TestTheEndOfTheContextEndsACustomCall(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c, r, q := customStream(t, ctx)
	cancel()
	_, err := r.Next()
	require.Error(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	e := next(t, q)
	require.Equal(t, got{kind: eventCancelCustom, op: c.id, tag: 7, payload: "{}"}, e)
	requireNoMore(t, q) // told once
	_, known := customCalls.find(c.id)
	require.False(t, known)
}

func TestWhatIsNoObjectIsRefusedAndTheCallGoesOn(t *testing.T) {
	c, r, _ := customStream(t, context.Background())
	for _, bad := range []string{"x", "[]", "{", "1", `"a"`, "{} {}", "{\"a\":\"\xff\"}"} {
		_, err := c.emit([]byte(bad))
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), bad)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(c.finish([]byte(bad))), bad)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(c.fail([]byte(bad))), bad)
	}
	require.NoError(t, c.finish([]byte(aAnswer)))
	_, err := r.Next()
	require.NoError(t, err)
	require.NoError(t, r.Close())
}
