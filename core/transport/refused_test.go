package transport_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/transport"
	"github.com/stretchr/testify/require"
)

// An answer to a request of which the server has read but the head arrives,
// though the server then closes the connection, with what it has not read: the
// request goes on in vain, and its failure says less than the answer.
func TestAnAnswerBeforeTheRequestIsRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go refuse(conn)
		}
	}()
	p := borrow(t, transport.Options{BaseURL: "http://" + l.Addr().String(), ConnectTimeout: 5 * time.Second})
	body := bytes.Repeat([]byte("x"), 8<<20)
	for range 20 {
		req, err := http.NewRequestWithContext(attempt{t.Context()}, http.MethodPost, p.Origin(), bytes.NewReader(body))
		require.NoError(t, err)
		resp, err := p.Fresh().RoundTrip(req)
		require.NoError(t, err)
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
		require.Equal(t, "too large", string(answer))
	}
}

// refuse answers when it has the request's head, and closes the connection: the
// system resets it, since not all has been read.
func refuse(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line == "\r\n" {
			break
		}
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large") // the client sees whether it arrived
}
