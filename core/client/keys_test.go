package client

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/rate"
	"github.com/stretchr/testify/require"
)

func TestATrailShowsFourCharactersOfAKeyAtMost(t *testing.T) {
	for key, shown := range map[string]string{
		"sk-proj-0123456789abcdef": "…cdef", "0123456789abcdef": "…cdef", "0123456789ab": "…9ab", "short": "…t", "key": "…",
	} {
		require.Equal(t, shown, shownKey(key))
	}
}

// A key that is limited says nothing of the limits of the others: the rate that
// they share stays as it is configured.
func TestALimitedKeyDoesNotSlowTheOthers(t *testing.T) {
	for ofKey, slower := range map[bool]bool{true: false, false: true} {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(config.Model{Provider: "openai", Name: "m", APIKeys: []string{"sk-proj-0123456789abcdef", "sk-proj-fedcba9876543210"}, Rate: config.Rate{RPM: 60}}, Options{})
			require.NoError(t, err)
			defer c.Retire()
			size := rate.Size{Input: 1, Most: 1}
			take := func() *attempt {
				d, ok := c.rate.Take(size)
				require.True(t, ok)
				return &attempt{turn: &turn{client: c}, debit: d}
			}
			for range 5 {
				take().settleRate(time.Now(), &llm.Error{Code: llm.RateLimit, Status: 429}, ofKey, 429, nil)
			}
			take()
			require.Equal(t, slower, c.rate.Shortage(size).For > 1050*time.Millisecond)
		})
	}
}

// A retired key is due and the other one rests: a health check asks with the
// retired key, and leaves its turn to the next call.
func TestAHealthCheckTakesNoTurnOfAKey(t *testing.T) {
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{"data": []}`))
	}))
	defer server.Close()
	cfg := config.Model{Provider: "openai", Name: "m", BaseURL: server.URL + "/v1", APIKeys: []string{"sk-proj-0123456789abcdef", "sk-proj-fedcba9876543210"}}
	cfg.Breaker.Block = time.Minute
	c, err := New(cfg, Options{})
	require.NoError(t, err)
	defer c.Retire()
	now := time.Now()
	then := now.Add(-2 * time.Minute)
	c.keys.pool.Retire(0, then, then)
	c.keys.pool.Rest(1, now.Add(time.Hour))
	for range 2 {
		require.True(t, c.CheckHealth(t.Context()))
		require.Equal(t, "Bearer sk-proj-0123456789abcdef", <-asked)
	}
	require.Equal(t, 0, c.keys.pool.Pick(now, false), "the retired key is still due")
	_, wait := c.keys.pool.Look(0, now)
	require.Equal(t, time.Minute, wait, "a call took its turn")
}

func TestEveryKeyOfARouteIsASecret(t *testing.T) {
	keys := []string{"sk-proj-0123456789abcdef", "sk-proj-fedcba9876543210"}
	c, err := New(config.Model{Provider: "openai", Name: "m", APIKeys: keys}, Options{})
	require.NoError(t, err)
	defer c.Retire()
	secrets := strings.Join(c.secrets(), " ")
	for _, key := range keys {
		require.Contains(t, secrets, key)
	}
}
