package transport_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/stretchr/testify/require"
)

// A request may have chosen its way just before the connections of that way
// are left: the one that it opens is closed at rest like any other.
func TestAConnectionThatWasLeftIsClosedAtRest(t *testing.T) {
	closed := make(chan net.Conn, 2)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- c
		}
	}
	s.Start()
	defer s.Close()
	p := borrow(t, transport.Options{BaseURL: s.URL, ConnectTimeout: time.Minute})
	get := func(way *http.Transport) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		require.NoError(t, err)
		resp, err := way.RoundTrip(r)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	way := p.Kept()
	get(way)

	silent, end := context.WithCancelCause(t.Context())
	end(&llm.Error{Code: llm.Timeout})
	p.Failed(silent, way, true)
	p.Answered(p.Fresh(), 2)
	require.NotSame(t, way, p.Kept())
	<-closed

	get(way)
	p.Rest()
	defer p.Wake()
	<-closed
}
