package transport_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/transport"
	"github.com/stretchr/testify/require"
)

// borrow is a pool that ends with the test.
func borrow(t *testing.T, o transport.Options) *transport.Pool {
	t.Helper()
	p, err := transport.Borrow(o)
	require.NoError(t, err)
	t.Cleanup(p.Release)
	return p
}

// attempt is a context that answers to RequestKey, as a request's does.
type attempt struct{ context.Context }

func (a attempt) Value(key any) any {
	if key == (transport.RequestKey{}) {
		return a.Context
	}
	return a.Context.Value(key)
}

// chat posts a request with a key and returns the answer.
func chat(ctx context.Context, p *transport.Pool) (string, error) {
	body := strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
	req, err := http.NewRequestWithContext(attempt{ctx}, http.MethodPost, p.Origin()+"/v1/chat/completions", body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer sk-secret-key")
	resp, err := p.Kept().RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return string(answer), err
}
