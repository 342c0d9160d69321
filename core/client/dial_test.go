package client_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Cancelling closes a connection that is still being made, too (S10): the
// transport alone would go on with its handshake until connect_timeout.
func TestCancelEndsAHandshake(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	script, err := faultwall.ParseScript([]byte(`{"accept":"silence"}`))
	require.NoError(t, err)
	w, err := faultwall.Start(script, faultwall.Options{TLS: true, CAFile: ca})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	c := route(t, w, func(cfg *config.Model) { cfg.CAFile = ca })
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() { _, err := c.Chat(ctx, ask()); errs <- err }()
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpen == 1 }))
	began := time.Now()
	cancel()
	require.Equal(t, llm.Canceled, llm.CodeOfError(<-errs))
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpen == 0 }))
	require.Less(t, time.Since(began), 3*time.Second, "long before connect_timeout, 5 s")
}

// Headers beyond their limit are BAD_RESPONSE over HTTP/2 too (L1).
func TestHeadersOverTheLimitOverHTTP2(t *testing.T) {
	for _, size := range []string{"21000", "30000", "2000000"} {
		ca := filepath.Join(t.TempDir(), "ca.pem")
		script, err := faultwall.ParseScript([]byte(`{"default":{"steps":[{"header_bytes":` + size + `}]}}`))
		require.NoError(t, err)
		w, err := faultwall.Start(script, faultwall.Options{TLS: true, HTTP2: true, CAFile: ca})
		require.NoError(t, err)
		t.Cleanup(w.Close)
		c := route(t, w, func(cfg *config.Model) { cfg.CAFile, cfg.MaxRetries, cfg.Limits.HeaderBytes = ca, 1, 20000 })
		_, err = c.Chat(t.Context(), ask())
		require.Equal(t, llm.BadResponse, llm.CodeOfError(err), "%s: %v", size, err)
		require.ErrorContains(t, err, "limits.header_bytes")
	}
}
