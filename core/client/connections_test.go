package client_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// An HTTP/2 server that ends a stream has seen its request, on a connection
// that was used before as on a new one: the request is not sent again, and the
// connection goes on.
func TestAStreamsEndIsNotItsConnections(t *testing.T) {
	for _, code := range []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeInternal, http2.ErrCodeCancel, http2.ErrCodeEnhanceYourCalm} {
		t.Run(code.String(), func(t *testing.T) {
			s := startFramed(t, func(n int32, f *http2.Framer, stream uint32) bool {
				if n == 2 {
					return f.WriteRSTStream(stream, code) == nil
				}
				return answerFramed(f, stream)
			})
			c := s.route(t)
			_, err := c.Chat(t.Context(), ask())
			require.NoError(t, err)
			_, err = c.Chat(t.Context(), ask())
			require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
			require.EqualValues(t, 2, s.Requests.Load())
			_, err = c.Chat(t.Context(), ask())
			require.NoError(t, err)
			require.EqualValues(t, 1, s.Connections.Load())
		})
	}
}

// More calls at once than a server takes on one connection are answered on
// others, each as one attempt: no call fails because another took its place.
func TestACrowdOnConnectionsOfOneStream(t *testing.T) {
	const crowd = 20
	var mu sync.Mutex // guards what follows, and what is written
	open := map[*http2.Framer]uint32{}
	s := startFramed(t, func(_ int32, f *http2.Framer, stream uint32) bool {
		mu.Lock()
		defer mu.Unlock()
		if open[f] != 0 {
			return f.WriteRSTStream(stream, http2.ErrCodeRefusedStream) == nil
		}
		if open[f] = stream; len(open) == crowd { // each has a connection of its own
			for f, stream := range open {
				answerFramed(f, stream)
			}
			clear(open)
		}
		return true
	}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
	c := s.routeWith(t, func(cfg *config.Model) { cfg.MaxConcurrentCalls = crowd })
	for range 2 {
		var calls sync.WaitGroup
		errs := make(chan error, crowd)
		for range crowd {
			calls.Go(func() {
				r, err := c.Chat(t.Context(), ask())
				if err == nil && len(r.Attempts) != 1 {
					err = fmt.Errorf("%d attempts", len(r.Attempts))
				}
				errs <- err
			})
		}
		calls.Wait()
		for range crowd {
			require.NoError(t, <-errs)
		}
	}
	require.Equal(t, "closed", c.Report().Circuit)
}

// A deaf connection is left although other calls still wait on it.
func TestADeafConnectionIsLeftByACrowd(t *testing.T) {
	var deaf atomic.Bool
	s := startFramed(t, func(n int32, f *http2.Framer, stream uint32) bool {
		return !deaf.Load() && answerFramed(f, stream)
	})
	c := s.route(t)
	_, err := c.Chat(t.Context(), ask())
	require.NoError(t, err)
	deaf.Store(true)
	ctx, leave := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 5 {
		waiting.Go(func() { _, _ = c.Chat(ctx, ask()) })
	}
	defer waiting.Wait()
	defer leave()
	require.Eventually(t, func() bool { return s.Requests.Load() >= 2 }, 10*time.Second, time.Millisecond)
	_, err = c.Chat(t.Context(), within(300*time.Millisecond))
	require.Equal(t, llm.Timeout, llm.CodeOfError(err))
	deaf.Store(false) // for new connections; the old one is not read any more
	for range 20 {
		_, err = c.Chat(t.Context(), within(30*time.Second))
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, s.Connections.Load(), "the first, one that was new, and one that is kept")
}

func within(d time.Duration) *llm.Request {
	r := ask()
	r.Options.Timeout = d
	return r
}

// spoken is an HTTP/1.1 server that is told connection by connection what to
// say to its n-th request.
func spoken(t *testing.T, say func(n int32, c net.Conn) (goOn bool)) (url string, requests *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	requests = new(atomic.Int32)
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { _ = l.Close() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err = io.Copy(io.Discard, r.Body); err != nil {
						return
					}
					if !say(requests.Add(1), conn) {
						_, _ = io.Copy(io.Discard, in)
						return
					}
				}
			})
		}
	})
	return "http://" + l.Addr().String() + "/v1", requests
}

func answerSpoken(c net.Conn) bool {
	const answer = `{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}]}`
	_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	return err == nil
}

// Kept connections that went deaf together, as behind a router that forgot
// them, cost one call its timeout, not one call for each connection.
func TestDeafConnectionsAreLeftTogether(t *testing.T) {
	const kept = 8
	var all sync.WaitGroup
	all.Add(kept)
	var deaf sync.Map // connections
	url, requests := spoken(t, func(n int32, c net.Conn) bool {
		if n <= kept {
			deaf.Store(c, true)
			all.Done()
			all.Wait()
			return answerSpoken(c)
		}
		_, is := deaf.Load(c)
		return !is && answerSpoken(c)
	})
	c := routeTo(t, url, func(cfg *config.Model) { cfg.MaxRetries = 1 })
	var calls sync.WaitGroup
	for range kept {
		calls.Go(func() { _, _ = c.Chat(t.Context(), ask()) })
	}
	calls.Wait()
	_, err := c.Chat(t.Context(), within(300*time.Millisecond))
	require.Equal(t, llm.Timeout, llm.CodeOfError(err))
	for range 2 * kept {
		_, err = c.Chat(t.Context(), within(30*time.Second))
		require.NoError(t, err)
	}
	require.EqualValues(t, kept+1+2*kept, requests.Load())
}

// A 408 that a server sends on a connection that was idle too long, as it
// closes it, can cross the next request: that is sent again, as when the
// connection ends without a word. On a new connection it is an answer.
func TestA408ThatCrossesTheRequest(t *testing.T) {
	url, requests := spoken(t, func(n int32, c net.Conn) bool {
		if n == 1 || n == 3 {
			return answerSpoken(c)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return false
	})
	c := routeTo(t, url, func(cfg *config.Model) { cfg.MaxRetries = 1 })
	for range 2 {
		r, err := c.Chat(t.Context(), ask())
		require.NoError(t, err)
		require.Len(t, r.Attempts, 1)
	}
	require.EqualValues(t, 3, requests.Load())
	_, err := c.Chat(t.Context(), ask())
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.Equal(t, 408, llm.AsError(err).Status)
	require.EqualValues(t, 4, requests.Load())
}
