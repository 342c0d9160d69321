package transport

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is a proxy that says what it is going to say whatever it hears.
type script struct {
	io.Reader
	heard bytes.Buffer
}

func (s *script) Write(p []byte) (int, error) { return s.heard.Write(p) }

func TestSOCKSAnswersThatAreNone(t *testing.T) {
	someone := url.UserPassword("user", "sesame")
	for name, c := range map[string]struct {
		user        *url.Userinfo
		addr, said  string
		want        string
		wantNothing bool // nothing was asked
	}{
		"no port":               {addr: "host", want: "missing port", wantNothing: true},
		"a name too long":       {addr: strings.Repeat("a", 256) + ":443", want: "cannot be told", wantNothing: true},
		"HTTP":                  {addr: "host:443", said: "HTTP/1.1 400 Bad Request\r\n", want: "does not speak SOCKS 5"},
		"a password is wanted":  {addr: "host:443", said: "\x05\xff", want: "user:password"},
		"no password is wanted": {user: someone, addr: "host:443", said: "\x05\x00", want: "who asks"},
		"a wrong password":      {user: someone, addr: "host:443", said: "\x05\x02\x01\x01", want: "refused"},
		"a user too long":       {user: url.User(strings.Repeat("u", 256)), addr: "host:443", said: "\x05\x02", want: "255 bytes"},
		"unreachable":           {addr: "host:443", said: "\x05\x00\x05\x04\x00\x01\x00", want: "host unreachable"},
		"an unknown address":    {addr: "host:443", said: "\x05\x00\x05\x00\x00\x09\x00", want: "unknown kind of address"},
		"cut short":             {addr: "host:443", said: "\x05\x00\x05\x00\x00\x01\x00", want: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{Reader: strings.NewReader(c.said)}
			err := socksTunnel(s, c.user, c.addr)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.wantNothing, s.heard.Len() == 0)
		})
	}
	s := &script{Reader: strings.NewReader("\x05\x00\x05\x00\x00\x04" + strings.Repeat("6", 16) + "pp")}
	require.NoError(t, socksTunnel(s, nil, "host:443"))
	require.Equal(t, "\x05\x01\x00\x05\x01\x00\x03\x04host\x01\xbb", s.heard.String())
	rest, _ := io.ReadAll(s)
	require.Empty(t, rest, "no byte of the address is left in the tunnel")
}
