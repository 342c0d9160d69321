package client_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/stretchr/testify/require"
)

// A server may count a request whose connection breaks, so the rate keeps it;
// one that reached no server is given back.
func TestARequestThatMayHaveArrivedStaysCounted(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}))
	defer broken.Close()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refusing := "http://" + nobody.Addr().String()
	require.NoError(t, nobody.Close())
	for url, counted := range map[string]bool{broken.URL: true, refusing: false} {
		c, err := client.New(config.Model{Provider: "openai", Name: "m", BaseURL: url, APIKey: "k", MaxRetries: 1,
			Rate: config.Rate{RPM: 1, Burst: time.Minute}}, client.Options{})
		require.NoError(t, err)
		_, err = c.Chat(t.Context(), ask())
		require.Error(t, err)
		require.Equal(t, counted, c.RateUsed() > 0.5, "%v: %v", c.RateUsed(), err)
		c.Retire()
	}
}
