package faultwall_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

const streaming = `{"model":"m","stream":true,"messages":[]}`
const plain = `{"model":"m","messages":[]}`

// talk sends a request over a bare connection and returns every byte that comes
// back, and how the connection ended.
func talk(t *testing.T, w *faultwall.Wall, body string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", w.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	request, err := http.NewRequest(http.MethodPost, w.BaseURL()+"/chat/completions", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, request.Write(conn))
	text, err := io.ReadAll(conn)
	return string(text), err
}

func script(steps string) string { return `{"models":{"m":{"steps":[` + steps + `]}}}` }

func TestResetBeforeHeaders(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"reset","at":"before_headers"}}`))
	text, err := talk(t, w, plain)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Empty(t, text)
	r := w.Seen().Requests[0]
	require.Equal(t, "reset", r.Cut)
	require.Zero(t, r.Status)
	require.False(t, r.Disconnected)
	require.NotZero(t, r.End)
}

func TestCloseBeforeHeaders(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"close","at":"before_headers"}}`))
	text, err := talk(t, w, plain)
	require.NoError(t, err)
	require.Empty(t, text)
}

func TestResetAfterHeaders(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"reset"}}`))
	text, err := talk(t, w, streaming)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.True(t, strings.HasPrefix(text, "HTTP/1.1 200 OK\r\n"), text)
	require.True(t, strings.HasSuffix(text, "\r\n\r\n"), text)
	require.Equal(t, 200, w.Seen().Requests[0].Status)
}

func TestResetAfterEvents(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"reset","after_events":3}}`))
	text, err := talk(t, w, streaming)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Equal(t, 3, strings.Count(text, "data: "))
	require.Contains(t, text, `"content":" from"`)
	require.Equal(t, 3, w.Seen().Requests[0].Events)
}

func TestBodyCutShortOfItsLength(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"close","after_bytes":40}}`))
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", plain)
	require.NoError(t, err)
	require.ErrorIs(t, r.err, io.ErrUnexpectedEOF)
	require.Len(t, r.body, 40)
	require.NotEqual(t, "40", r.header.Get("Content-Length"))
	require.EqualValues(t, 40, w.Seen().Requests[0].Bytes)
}

func TestCleanCutsEndTheBodyAsHTTPWantsIt(t *testing.T) {
	for name, c := range map[string]struct {
		step, body string
		length     int // -1: chunked
		events     int
		keep       bool
	}{
		"plain after bytes":   {`{"cut":{"how":"clean","after_bytes":40}}`, plain, 40, 1, true},
		"plain after headers": {`{"cut":{"how":"clean"}}`, plain, 0, 0, true},
		"stream after events": {`{"cut":{"how":"clean","after_events":2}}`, streaming, -1, 2, true},
		"stream after none":   {`{"cut":{"how":"clean","after_events":0}}`, streaming, -1, 0, true},
		"stream by closing":   {`{"cut":{"how":"clean","after_events":2},"framing":"close"}`, streaming, -1, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, script(c.step))
			h := client(t, w)
			for range 2 {
				r, err := post(t, h, w.BaseURL()+"/chat/completions", c.body)
				require.NoError(t, err)
				require.NoError(t, r.err)
				require.NotContains(t, r.body, "[DONE]")
				if c.length >= 0 {
					require.Len(t, r.body, c.length)
				} else {
					require.Equal(t, c.events, strings.Count(r.body, "data: "))
				}
			}
			seen := w.Seen()
			require.Equal(t, "clean", seen.Requests[0].Cut)
			require.Equal(t, c.events, seen.Requests[0].Events)
			require.Equal(t, c.keep, seen.Requests[1].Reused)
		})
	}
}

func TestTornChunks(t *testing.T) {
	for _, c := range []struct{ cut, body string }{
		{`{"how":"mid_chunk"}`, plain},
		{`{"how":"mid_chunk","after_events":1}`, plain}, // all of it
		{`{"how":"mid_chunk","after_bytes":100}`, plain},
		{`{"how":"mid_chunk"}`, streaming},
		{`{"how":"mid_chunk","after_events":2}`, streaming},
		{`{"how":"mid_chunk","after_events":6}`, streaming}, // all of them
		{`{"how":"mid_chunk","after_bytes":100}`, streaming},
	} {
		w := start(t, script(`{"cut":`+c.cut+`}`))
		text, err := talk(t, w, c.body)
		require.NoError(t, err, "a FIN, no reset")
		require.Contains(t, text, "Transfer-Encoding: chunked\r\n")
		require.False(t, strings.HasSuffix(text, "\r\n0\r\n\r\n"))
		r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", c.body)
		require.NoError(t, err)
		require.ErrorIs(t, r.err, io.ErrUnexpectedEOF, c.cut)
		if strings.Contains(c.cut, "bytes") {
			require.Len(t, r.body, 100)
		}
		require.Equal(t, "mid_chunk", w.Seen().Requests[1].Cut)
	}
}

func TestCloseInsideOfAStream(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"close","after_events":2}}`))
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", streaming)
	require.NoError(t, err)
	require.ErrorIs(t, r.err, io.ErrUnexpectedEOF)
	require.Equal(t, 2, strings.Count(r.body, "data: "))
}

func TestACutThatIsNeverReachedLeavesTheAnswerWhole(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"reset","after_events":100}}`))
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", streaming)
	require.NoError(t, err)
	require.NoError(t, r.err)
	require.Contains(t, r.body, "[DONE]")
	require.Empty(t, w.Seen().Requests[0].Cut)
}

func TestRawBytes(t *testing.T) {
	const garbage = "\x00\x01 no HTTP\r\n\r\n"
	w := start(t, script(`{"raw":"\u0000\u0001 no HTTP\r\n\r\n"},{"raw_b64":"/w=="},
		{"raw":"HTTP/1.1 200 OK\r\nContent-Le","cut":{"how":"reset"}},
		{"raw":"HTTP/1.1 204 No Content\r\n\r\n","keep_alive":true},{"raw":"HTTP/1.1 500 X\r\n\r\n","cut":{"how":"close","after_bytes":8}}`))
	text, err := talk(t, w, plain)
	require.NoError(t, err)
	require.Equal(t, garbage, text)
	text, err = talk(t, w, plain)
	require.NoError(t, err)
	require.Equal(t, "\xff", text)
	text, err = talk(t, w, plain)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Equal(t, "HTTP/1.1 200 OK\r\nContent-Le", text)
	h := client(t, w)
	require.Equal(t, 204, ask(t, w, h, "m", false).status)
	_, err = post(t, h, w.BaseURL()+"/chat/completions", plain)
	require.Error(t, err)
	seen := w.Seen()
	require.True(t, seen.Requests[4].Reused, "raw with keep_alive leaves the connection alone")
	require.EqualValues(t, 8, seen.Requests[4].Bytes)
	require.Equal(t, []int{0, 0, 200, 204, 500}, []int{
		seen.Requests[0].Status, seen.Requests[1].Status, seen.Requests[2].Status, seen.Requests[3].Status, seen.Requests[4].Status,
	})
}

func TestAcceptedConnections(t *testing.T) {
	w := start(t, `{"accept":["reset","close","garbage","ok"]}`)
	read := func() (string, error) {
		conn, err := net.Dial("tcp", w.Addr())
		if err != nil {
			return "", err // the reset may come so early
		}
		defer func() { _ = conn.Close() }()
		text, err := io.ReadAll(conn)
		return string(text), err
	}
	_, err := read()
	require.ErrorIs(t, err, syscall.ECONNRESET)
	text, err := read()
	require.NoError(t, err)
	require.Empty(t, text)
	text, err = read()
	require.NoError(t, err)
	require.Contains(t, text, "neither TLS nor HTTP")
	require.Equal(t, 200, ask(t, w, client(t, w), "m", false).status)
	require.NoError(t, w.SetScript(faultwall.MustScript(`{"accept":"silence"}`)))
	conn, err := net.Dial("tcp", w.Addr())
	require.NoError(t, err)
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpened == 5 })
	require.NoError(t, conn.Close())
	await(t, w, func(s faultwall.Seen) bool { return s.Connections[4].Closed > 0 })
	require.Equal(t, 1, w.Seen().Totals.Requests)
}

// exchange sends bytes over a bare connection and reads until it ends.
func exchange(t *testing.T, w *faultwall.Wall, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", w.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = conn.Write([]byte(request))
	require.NoError(t, err)
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(text)
}
