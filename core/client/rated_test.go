package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
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

// A connection that was never had took nothing of the rate, whoever ended the
// attempt: the caller, a deadline, the timeout.
func TestARequestThatWasNotSentIsGivenBack(t *testing.T) {
	for name, o := range map[string]llm.CallOptions{"left": {}, "deadline": {Deadline: 50 * time.Millisecond}, "timeout": {Timeout: 50 * time.Millisecond}} {
		for _, wrap := range []func(http.RoundTripper) http.RoundTripper{nil, func(inner http.RoundTripper) http.RoundTripper { return inner }} {
			mute, err := net.Listen("tcp", "127.0.0.1:0") // shakes no hands
			require.NoError(t, err)
			c, err := client.New(config.Model{Provider: "openai", Name: "m", BaseURL: "https://" + mute.Addr().String(), APIKey: "k", MaxRetries: 1,
				Rate: config.Rate{RPM: 1, Burst: time.Minute}}, client.Options{RoundTripper: wrap})
			require.NoError(t, err)
			ctx, leave := context.WithCancel(t.Context())
			if name == "left" {
				go func() {
					conn, _ := mute.Accept()
					leave()
					_ = conn.Close()
				}()
			}
			r := ask()
			r.Options = o
			_, err = c.Chat(ctx, r)
			require.Error(t, err)
			require.Less(t, c.RateUsed(), 0.5, "%s: %v", name, err)
			leave()
			c.Retire()
			_ = mute.Close()
		}
	}
}

// Where the application's transport asks the server by other ways than ours,
// nobody knows whether the request was sent.
func TestARequestByTheApplicationsTransportStaysCounted(t *testing.T) {
	own := func(http.RoundTripper) http.RoundTripper { return lostAnswers{} }
	c, err := client.New(config.Model{Provider: "openai", Name: "m", APIKey: "k", MaxRetries: 1,
		Rate: config.Rate{RPM: 1, Burst: time.Minute}}, client.Options{RoundTripper: own})
	require.NoError(t, err)
	defer c.Retire()
	_, err = c.Chat(t.Context(), ask())
	require.Error(t, err)
	require.Greater(t, c.RateUsed(), 0.5)
}

type lostAnswers struct{}

func (lostAnswers) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the answer was lost")
}
