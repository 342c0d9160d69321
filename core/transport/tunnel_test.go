package transport_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/stretchr/testify/require"
)

// middleman is a proxy that leads every connection to one address.
type middleman struct {
	addr string
	to   string // "": CONNECT is read and never answered

	mu     sync.Mutex // guards what follows
	asked  []http.Header
	open   int
	change chan struct{} // closed at each change of open
}

func startMiddleman(t *testing.T, to string) *middleman {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := &middleman{addr: l.Addr().String(), to: to, change: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.count(1)
			all.Go(func() {
				defer m.count(-1)
				defer conn.Close()
				m.serve(conn)
			})
		}
	})
	t.Cleanup(func() { require.NoError(t, l.Close()); all.Wait() })
	return m
}

func (m *middleman) count(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open += n
	close(m.change)
	m.change = make(chan struct{})
}

// await waits until n connections are open.
func (m *middleman) await(t *testing.T, n int) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		m.mu.Lock()
		open, change := m.open, m.change
		m.mu.Unlock()
		if open == n {
			return
		}
		select {
		case <-change:
		case <-limit:
			require.FailNow(t, "connections at the proxy", "%d are open; expected %d", open, n)
		}
	}
}

func (m *middleman) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	first, err := in.Peek(1)
	if err != nil {
		return
	}
	if first[0] == 5 { // SOCKS
		hello := make([]byte, 2)
		if _, err := io.ReadFull(in, hello); err != nil {
			return
		}
		methods := make([]byte, hello[1])
		if _, err := io.ReadFull(in, methods); err != nil {
			return
		}
		method := slices.Max(methods)
		_, _ = conn.Write([]byte{5, method})
		if method == 2 {
			told := make([]byte, len("\x01\x04user\x06sesame"))
			if _, err := io.ReadFull(in, told); err != nil || string(told) != "\x01\x04user\x06sesame" {
				return
			}
			_, _ = conn.Write([]byte{1, 0})
		}
		head := make([]byte, 4) // 5, CONNECT, 0, the kind of address
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		length := byte(4) // of an IPv4 address
		if head[3] == 3 { // a name
			length, _ = in.ReadByte()
		}
		if _, err := io.ReadFull(in, make([]byte, int(length)+2)); err != nil {
			return
		}
		if m.to == "refuse" {
			_, _ = conn.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		_, _ = conn.Write([]byte("\x05\x00\x00\x03\x09somewhere\x00\x00"))
		m.pass(conn, in)
		return
	}
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	m.mu.Lock()
	m.asked = append(m.asked, req.Header)
	m.mu.Unlock()
	switch {
	case req.Method != http.MethodConnect:
		_, _ = io.WriteString(conn, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
	case m.to == "refuse":
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
	case m.to == "":
		_, _ = in.ReadByte() // until the client leaves
	default:
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		m.pass(conn, in)
	}
}

func (m *middleman) pass(conn net.Conn, in io.Reader) {
	there, err := net.Dial("tcp", m.to)
	if err != nil {
		return
	}
	defer there.Close()
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(conn, there); _ = conn.Close() })
	_, _ = io.Copy(there, in)
	_ = there.Close()
	back.Wait()
}

// tlsWall starts a wall that speaks TLS, for the name "localhost".
func tlsWall(t *testing.T, script string, http2 bool) (w *faultwall.Wall, ca string) {
	t.Helper()
	ca = filepath.Join(t.TempDir(), "ca.pem")
	s, err := faultwall.ParseScript([]byte(script))
	require.NoError(t, err)
	w, err = faultwall.Start(s, faultwall.Options{TLS: true, HTTP2: http2, CAFile: ca})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w, ca
}

func wallAddress(w *faultwall.Wall) string { return w.URL()[len("https://"):] }

// TLS to the origin passes the proxy, which does not see the key (L2, L4).
func TestTLSThroughAProxy(t *testing.T) {
	for name, c := range map[string]struct {
		scheme string
		http2  bool
	}{"HTTP": {"http://user:sesame@", false}, "HTTP, to HTTP/2": {"http://user:sesame@", true}, "SOCKS": {"socks5://", false}, "SOCKS with a password": {"socks5h://user:sesame@", true}} {
		t.Run(name, func(t *testing.T) {
			w, ca := tlsWall(t, `{}`, c.http2)
			p := startMiddleman(t, wallAddress(w))
			// Only the proxy can reach port 1.
			r := borrow(t, transport.Options{BaseURL: "https://localhost:1/v1", CAFile: ca, Proxy: c.scheme + p.addr, ConnectTimeout: 10 * time.Second})
			answer, err := chat(t.Context(), r)
			require.NoError(t, err)
			require.Contains(t, answer, "Hello from m.")
			p.await(t, 1)
			if strings.HasPrefix(c.scheme, "socks") {
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			require.Len(t, p.asked, 1)
			require.Equal(t, "Basic dXNlcjpzZXNhbWU=", p.asked[0].Get("Proxy-Authorization"))
			require.Empty(t, p.asked[0].Get("Authorization"))
		})
	}
}

// The environment's proxy is used as the configured one is, but not for hosts
// of no_proxy (L4).
func TestTheEnvironmentsProxy(t *testing.T) {
	w, ca := tlsWall(t, `{}`, false)
	p := startMiddleman(t, wallAddress(w))
	for name, c := range map[string]struct {
		environment map[string]string
		code        llm.Code
	}{
		"https_proxy":              {map[string]string{"https_proxy": "http://" + p.addr}, llm.OK},
		"https_proxy and no_proxy": {map[string]string{"https_proxy": "http://" + p.addr, "no_proxy": "model.test"}, llm.Unavailable},
		"http_proxy":               {map[string]string{"http_proxy": "http://" + p.addr}, llm.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			getenv := func(name string) (string, bool) { v, ok := c.environment[name]; return v, ok }
			r := borrow(t, transport.Options{BaseURL: "https://model.test:1/v1", CAFile: ca, ConnectTimeout: time.Second, Getenv: getenv})
			_, err := chat(t.Context(), r)
			if c.code == llm.OK { // the tunnel was made; the certificate is for another name
				require.ErrorContains(t, err, "certificate")
				return
			}
			require.Equal(t, c.code, llm.CodeOfError(err), "%v", err)
			require.NotContains(t, err.Error(), "certificate")
		})
	}
}

// A proxy's part in a connection is under connect_timeout, too (D1): CONNECT,
// and the TLS behind it.
func TestConnectTimeoutCoversTheProxy(t *testing.T) {
	silent, ca := tlsWall(t, `{"accept":"silence"}`, false)
	for name, to := range map[string]string{"CONNECT": "", "TLS behind it": wallAddress(silent)} {
		t.Run(name, func(t *testing.T) {
			p := startMiddleman(t, to)
			r := borrow(t, transport.Options{BaseURL: silent.BaseURL(), CAFile: ca, Proxy: "http://" + p.addr, ConnectTimeout: 200 * time.Millisecond})
			began := time.Now()
			_, err := chat(t.Context(), r)
			require.Equal(t, llm.Unavailable, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, "connect_timeout")
			require.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
			require.Less(t, time.Since(began), 5*time.Second)
			p.await(t, 0)
		})
	}
}

// Cancelling closes the connection to a proxy that does not answer (S10).
func TestCancelEndsATunnelThatIsBeingMade(t *testing.T) {
	w, ca := tlsWall(t, `{}`, false)
	p := startMiddleman(t, "")
	r := borrow(t, transport.Options{BaseURL: w.BaseURL(), CAFile: ca, Proxy: "http://" + p.addr, ConnectTimeout: 10 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() { _, err := chat(ctx, r); errs <- err }()
	p.await(t, 1)
	began := time.Now()
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled)
	p.await(t, 0)
	require.Less(t, time.Since(began), 5*time.Second, "long before connect_timeout, 10 s")
}

// A proxy that refuses is told by its address and its answer, without its
// password.
func TestAProxyThatRefuses(t *testing.T) {
	w, ca := tlsWall(t, `{}`, false)
	p := startMiddleman(t, "refuse")
	for scheme, said := range map[string]string{"http": "407", "socks5": "not allowed by ruleset"} {
		r := borrow(t, transport.Options{BaseURL: w.BaseURL(), CAFile: ca, Proxy: scheme + "://user:sesame@" + p.addr, ConnectTimeout: 10 * time.Second})
		_, err := chat(t.Context(), r)
		require.Equal(t, llm.Unavailable, llm.CodeOfError(err), "%v", err)
		require.ErrorContains(t, err, said)
		require.ErrorContains(t, err, p.addr)
		require.NotContains(t, err.Error(), "sesame")
		require.Equal(t, scheme == "http", llm.AsError(err).ShouldRetry != nil, "who does not know us will not know us later")
		p.await(t, 0)
	}
}

// A proxy that cannot be reached is not mistaken for the vendor's server.
func TestAProxyThatIsNotThereIsNamed(t *testing.T) {
	for _, scheme := range []string{"http://", "https://", "socks5://"} {
		r := borrow(t, transport.Options{BaseURL: "https://localhost:1/v1", Proxy: scheme + "127.0.0.1:2", ConnectTimeout: 10 * time.Second})
		_, err := chat(t.Context(), r)
		require.ErrorContains(t, err, "cannot connect to localhost:1: proxy 127.0.0.1:2: dial tcp", scheme)
		require.NotContains(t, err.Error(), "base_url", scheme)
	}
	_, err := chat(t.Context(), borrow(t, transport.Options{BaseURL: "http://127.0.0.1:1/v1", ConnectTimeout: 10 * time.Second}))
	require.ErrorContains(t, err, "connection refused; nothing listens there: start the server, or correct base_url")
	_, err = chat(t.Context(), borrow(t, transport.Options{BaseURL: "http://127.0.0.1:1/v1", ConnectTimeout: 10 * time.Second, Credentials: true}))
	require.ErrorContains(t, err, "connection refused")
	require.NotContains(t, err.Error(), "base_url", "no setting names where credentials come from so")
}

// A server or a proxy that speaks plain HTTP where the address says https is
// told as such, with what to write.
func TestPlainHTTPInThePlaceOfTLS(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	at := "https://" + plain.Listener.Addr().String()
	for said, o := range map[string]transport.Options{
		"cannot connect to " + at[8:]:               {BaseURL: at},
		"to localhost:1: proxy " + at[8:] + ": the": {BaseURL: "https://localhost:1", Proxy: at},
	} {
		o.ConnectTimeout = 10 * time.Second
		_, err := chat(t.Context(), borrow(t, o))
		require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
		require.ErrorContains(t, err, said)
		require.ErrorContains(t, err, "the answer is plain HTTP, expected TLS; write http:// in the place of https://")
	}
}
