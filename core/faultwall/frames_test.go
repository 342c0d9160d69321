//go:build !netgo

package faultwall_test

import (
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// Requests that a server of HTTP/2 says it has not looked at are sent again by
// net/http itself; what it has begun to answer breaks off.
func TestDisownedRequests(t *testing.T) {
	w, err := faultwall.Start(faultwall.MustScript(script(`{},{"cut":{"how":"refuse","at":"before_headers"}},{},
		{"cut":{"how":"go_away","at":"before_headers"}},{},{"cut":{"how":"refuse","after_events":2}},{"cut":{"how":"go_away","after_events":2}}`)),
		faultwall.Options{HTTP2: true})
	require.NoError(t, err)
	defer w.Close()
	h := client(t, w)
	for range 3 {
		require.Contains(t, ask(t, w, h, "m", false).body, "Hello from m.")
	}
	require.Equal(t, 5, len(w.Seen().Requests))
	require.ErrorContains(t, ask(t, w, h, "m", true).err, "REFUSED_STREAM")
	require.ErrorContains(t, ask(t, w, h, "m", true).err, "GOAWAY")
	require.Equal(t, 2, w.Seen().Totals.ConnectionsOpened)
	require.Equal(t, "go_away", w.Seen().Requests[3].Cut)
}

func TestNothingDisownsOverHTTP1(t *testing.T) {
	w := start(t, script(`{"cut":{"how":"refuse","at":"before_headers"}}`))
	r := ask(t, w, client(t, w), "m", false)
	require.Equal(t, 501, r.status)
	require.Contains(t, r.body, "no cut that disowns over HTTP/1.1")
}
