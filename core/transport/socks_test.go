package transport

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is a proxy that gives its answers whatever it hears.
type script struct {
	net.Conn
	said   *strings.Reader
	heard  strings.Builder
	closed bool
}

func (s *script) Read(p []byte) (int, error)  { return s.said.Read(p) }
func (s *script) Write(p []byte) (int, error) { return s.heard.Write(p) }
func (s *script) Close() error                { s.closed = true; return nil }

func TestSOCKSAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		user, said, want string
	}{
		"HTTP":                 {said: "HTTP/1.1 400 Bad Request\r\n", want: "unexpected protocol version"},
		"a password is wanted": {said: "\x05\xff", want: "expected user:password in the proxy's URL"},
		"a wrong password":     {user: "user:sesame@", said: "\x05\x02\x01\x01", want: "authentication failed"},
		"a user too long":      {user: strings.Repeat("u", 256) + ":p@", said: "\x05\x02", want: "invalid username/password"},
		"unreachable":          {said: "\x05\x00\x05\x04\x00\x01\x00", want: "host unreachable"},
		"an unknown address":   {said: "\x05\x00\x05\x00\x00\x09\x00", want: "unknown address type"},
		"cut short":            {said: "\x05\x00\x05\x00\x00\x01\x00", want: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := url.Parse("socks5://" + c.user + "proxy.test")
			require.NoError(t, err)
			s := &script{said: strings.NewReader(c.said)}
			_, err = socksTunnel(context.Background(), s, p, "host:443")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "sesame")
			require.True(t, s.closed)
		})
	}
}

// The proxy looks the name up, and no byte of its answer is left in the tunnel.
func TestSOCKSAsksForTheName(t *testing.T) {
	s := &script{said: strings.NewReader("\x05\x00\x05\x00\x00\x04" + strings.Repeat("6", 16) + "pp")}
	conn, err := socksTunnel(context.Background(), s, &url.URL{Scheme: "socks5", Host: "proxy.test"}, "host:443")
	require.NoError(t, err)
	require.Equal(t, "\x05\x01\x00\x05\x01\x00\x03\x04host\x01\xbb", s.heard.String())
	require.Zero(t, s.said.Len())
	require.NoError(t, conn.Close())
	require.True(t, s.closed)
}
