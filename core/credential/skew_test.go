package credential

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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

// A time that a source says is one of its own clock: on a machine whose clock
// is wrong, the keys last as long as they do.
func TestTheEndOfACredentialIsByItsSourcesClock(t *testing.T) {
	for _, ahead := range []time.Duration{-8 * time.Hour, 8 * time.Hour, time.Second} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			there := time.Now().Add(ahead).UTC()
			w.Header().Set("Date", there.Format(http.TimeFormat))
			fmt.Fprintf(w, `{"AccessKeyId":"ASIA1","SecretAccessKey":"s3cret","Token":"session","Expiration":%q}`, there.Add(time.Hour).Format(time.RFC3339))
		}))
		t.Cleanup(server.Close)
		environment := map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL}
		s := borrow(Options{Spec: Spec{Type: AWS}, ConnectTimeout: 5 * time.Second, Getenv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok }})
		t.Cleanup(s.release)
		secret, err := s.get(t.Context())
		require.NoError(t, err, "the source is ahead by %v", ahead)
		require.InDelta(t, time.Hour.Seconds(), time.Until(secret.Expires).Seconds(), 5)
		require.False(t, s.due(time.Now()))
	}
}
