package client_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/tests/frames"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framed is an HTTP/2 server that is told frame by frame what to say, and gives
// routes to itself.
type framed struct{ *frames.Server }

func startFramed(t *testing.T, say frames.Say, settings ...http2.Setting) *framed {
	t.Helper()
	return &framed{frames.Serve(t, say, settings...)}
}

func answerFramed(f *http2.Framer, stream uint32) bool {
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head.Bytes(), EndHeaders: true})
	_ = f.WriteData(stream, true, []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}]}`))
	return true
}

func (s *framed) route(t *testing.T) *client.Client {
	t.Helper()
	return s.routeWith(t, func(*config.Model) {})
}

func (s *framed) routeWith(t *testing.T, change func(*config.Model)) *client.Client {
	t.Helper()
	cfg := config.Model{Provider: "p", Name: "m", CAFile: s.CAFile, BaseURL: "https://" + s.Address + "/v1", MaxRetries: 1}
	change(&cfg)
	c, err := client.New(cfg, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

// A request that an HTTP/2 server says it has not looked at is sent again at
// once, also on a new connection (RFC 9113, section 8.7), as the same attempt.
func TestRequestsThatWereNotProcessedAreSentAgain(t *testing.T) {
	refuse := func(n int32, f *http2.Framer, stream uint32) bool {
		if n == 1 {
			return f.WriteRSTStream(stream, http2.ErrCodeRefusedStream) == nil
		}
		return answerFramed(f, stream)
	}
	leave := func(n int32, f *http2.Framer, stream uint32) bool {
		if n == 1 {
			_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
			return false
		}
		return answerFramed(f, stream)
	}
	calm := func(n int32, f *http2.Framer, stream uint32) bool {
		if n == 1 {
			_ = f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil)
			return false
		}
		return answerFramed(f, stream)
	}
	for name, say := range map[string]func(int32, *http2.Framer, uint32) bool{"REFUSED_STREAM": refuse, "GOAWAY": leave, "GOAWAY with an error": calm} {
		t.Run(name, func(t *testing.T) {
			s := startFramed(t, say)
			r, err := s.route(t).Chat(context.Background(), ask())
			require.NoError(t, err)
			require.Equal(t, "Hi.", r.Text())
			require.Len(t, r.Attempts, 1)
			require.EqualValues(t, 2, s.Requests.Load())
		})
	}
}

// A server that refuses for ever is asked a few times, and its error speaks to
// the caller.
func TestRequestsThatAreNeverProcessed(t *testing.T) {
	s := startFramed(t, func(_ int32, f *http2.Framer, stream uint32) bool {
		return f.WriteRSTStream(stream, http2.ErrCodeRefusedStream) == nil
	})
	_, err := s.route(t).Chat(context.Background(), ask())
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.ErrorContains(t, err, "REFUSED_STREAM")
	require.NotContains(t, err.Error(), "GetBody")
	require.EqualValues(t, 1+2, s.Requests.Load())
}

// On a connection that was used before, the same holds: a request that is not
// processed goes out three times at most, one that may have been once.
func TestRequestsOnAKeptConnection(t *testing.T) {
	for name, one := range map[string]struct {
		code    http2.ErrCode
		goAway  bool
		answers int
	}{
		"REFUSED_STREAM":    {code: http2.ErrCodeRefusedStream, answers: 3},
		"GOAWAY":            {goAway: true, answers: 3},
		"PROTOCOL_ERROR":    {code: http2.ErrCodeProtocol, answers: 1},
		"INTERNAL_ERROR":    {code: http2.ErrCodeInternal, answers: 1},
		"ENHANCE_YOUR_CALM": {code: http2.ErrCodeEnhanceYourCalm, answers: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := startFramed(t, func(n int32, f *http2.Framer, stream uint32) bool {
				switch {
				case n == 1:
					return answerFramed(f, stream)
				case one.goAway:
					_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
					return false
				}
				return f.WriteRSTStream(stream, one.code) == nil
			})
			c := s.route(t)
			_, err := c.Chat(context.Background(), ask())
			require.NoError(t, err)
			_, err = c.Chat(context.Background(), ask())
			require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
			require.EqualValues(t, 1+one.answers, s.Requests.Load())
		})
	}
}

// A kept connection that goes deaf costs one call its timeout, not every call
// until it is noticed.
func TestADeafConnectionIsLeft(t *testing.T) {
	s := startFramed(t, func(n int32, f *http2.Framer, stream uint32) bool {
		if n == 2 {
			return false // nothing is read or said any more on this connection, PINGs neither
		}
		return answerFramed(f, stream)
	})
	c := s.route(t)
	for i := range 6 {
		r := ask()
		r.Options.Timeout = 300 * time.Millisecond
		if i != 1 {
			r.Options.Timeout = 30 * time.Second
		}
		_, err := c.Chat(context.Background(), r)
		if i == 1 {
			require.Equal(t, llm.Timeout, llm.CodeOfError(err))
			continue
		}
		require.NoError(t, err)
	}
	require.EqualValues(t, 6, s.Requests.Load())
	require.LessOrEqual(t, s.Connections.Load(), int32(3), "the first, one that was new, and one that is kept")
}

// A stream that the server may have begun to process is not sent again in the
// same attempt (R6): only REFUSED_STREAM says that it has not.
func TestRequestsThatMayHaveBeenProcessedAreNotSentAgain(t *testing.T) {
	for code := http2.ErrCodeNo; code <= http2.ErrCodeHTTP11Required; code++ {
		if code == http2.ErrCodeRefusedStream {
			continue
		}
		s := startFramed(t, func(_ int32, f *http2.Framer, stream uint32) bool {
			return f.WriteRSTStream(stream, code) == nil
		})
		_, err := s.route(t).Chat(context.Background(), ask())
		require.Equal(t, llm.Unavailable, llm.CodeOfError(err), "%v", code)
		require.NotContains(t, err.Error(), "GetBody")
		require.EqualValues(t, 1, s.Requests.Load(), "%v", code)
	}
}
