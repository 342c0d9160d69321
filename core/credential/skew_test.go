package credential

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// The wall clock of a program that runs is set, forwards, backwards and right
// again: by how much the server's Date differs from it jumps. Requests are
// signed by the server's clock each time.
func TestAClockThatIsSetWhileTheProgramRuns(t *testing.T) {
	a := &Authorizer{}
	refused := func(ahead time.Duration) (again, skewed bool, message string) {
		e := &llm.Error{Type: "InvalidSignatureException", Message: "Signature expired"}
		head := http.Header{"Date": {time.Now().Add(ahead).UTC().Format(http.TimeFormat)}}
		again, skewed = a.skewed(head, e)
		return again, skewed, e.Message
	}
	for _, ahead := range []time.Duration{time.Hour, -10 * time.Hour, 0, 6 * time.Minute, 0, -time.Hour} {
		again, skewed, _ := refused(ahead)
		require.True(t, again && skewed, "the server is ahead by %v", ahead)
		require.InDelta(t, ahead.Seconds(), time.Duration(a.skew.Load()).Seconds(), 2)
	}
	again, skewed, message := refused(-time.Hour)
	require.False(t, again, "it was signed by the server's clock already")
	require.True(t, skewed)
	require.Contains(t, message, "set the clock")
	refused(0)
	again, skewed, message = refused(time.Minute)
	require.False(t, again || skewed, "it is not the clock's fault")
	require.Equal(t, "Signature expired", message)
}
