package client_test

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The hooks of a caller's own httptrace are called beside the library's.
func TestCallersTrace(t *testing.T) {
	w := wallWith(t, `[{}]`)
	c := route(t, w, nil)
	var connections, reused atomic.Int32
	traced := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		connections.Add(1)
		if i.Reused {
			reused.Add(1)
		}
	}})
	for _, ctx := range []context.Context{context.Background(), traced, context.Background(), traced} {
		_, err := c.Chat(ctx, ask())
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, connections.Load())
	require.EqualValues(t, 2, reused.Load())
}
