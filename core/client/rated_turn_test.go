package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// rated is a route with a rate to a server that answers so.
func rated(t *testing.T, r config.Rate, slots int, serve http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	c, err := client.New(config.Model{Provider: "openai", Name: "m", BaseURL: server.URL, APIKey: "k", MaxConcurrentCalls: slots, Rate: r,
		Retry: config.Retry{Backoff: time.Millisecond}}, client.Options{})
	require.NoError(t, err)
	t.Cleanup(c.Retire)
	return c
}

func answer(w http.ResponseWriter, tokens int) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
		"usage": {"prompt_tokens": 0, "completion_tokens": %d, "total_tokens": %d}}`, tokens, tokens)
}

func refuse(w http.ResponseWriter, after time.Duration) {
	w.Header().Set("Retry-After-Ms", fmt.Sprint(after.Milliseconds()))
	w.WriteHeader(http.StatusTooManyRequests)
}

// before is a call that must not wait.
func before(wait time.Duration) *llm.Request {
	r := ask()
	r.Options.Deadline = wait
	return r
}

// A retry after a 429 waits for the server's Retry-After and for the bucket,
// for whichever takes longer.
func TestTheLaterOfRetryAfterAndTheBucketCounts(t *testing.T) {
	for name, c := range map[string]struct{ named, least time.Duration }{
		"Retry-After": {named: 700 * time.Millisecond, least: 700 * time.Millisecond}, // the bucket is there again
		"the bucket":  {named: 20 * time.Millisecond, least: 400 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			dear := make(chan struct{})
			var answered, refused, again time.Time
			route := rated(t, config.Rate{TPM: 60_000, Burst: time.Second, NoLearn: true}, 0, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Header.Get("X-Who") == "dear": // it costs more than the bucket has
					answered = time.Now()
					answer(w, map[string]int{"the bucket": 1500, "Retry-After": 100}[name])
				case refused.IsZero():
					<-dear
					refused = time.Now()
					refuse(w, c.named)
				default:
					again = time.Now()
					answer(w, 10)
				}
			})
			done := make(chan error, 1)
			go func() { _, err := route.Chat(t.Context(), ask()); done <- err }()
			r := ask()
			r.Options.Headers = map[string]string{"X-Who": "dear"}
			_, err := route.Chat(t.Context(), r)
			require.NoError(t, err)
			close(dear)
			require.NoError(t, <-done)
			since := map[string]time.Time{"the bucket": answered, "Retry-After": refused}[name] // a slow machine refills the bucket meanwhile
			require.GreaterOrEqual(t, again.Sub(since), c.least)
		})
	}
}

// Of a minute's two requests, a call whose first attempt is refused takes one.
func TestTheRetryOfA429IsDebitedOnce(t *testing.T) {
	asked := 0
	route := rated(t, config.Rate{RPM: 2, Burst: time.Minute, NoLearn: true}, 0, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			refuse(w, 5*time.Millisecond)
			return
		}
		answer(w, 10)
	})
	for range 2 {
		_, err := route.Chat(t.Context(), before(5*time.Second))
		require.NoError(t, err)
	}
	require.Equal(t, 3, asked)
	_, err := route.Chat(t.Context(), before(time.Second))
	require.Equal(t, llm.Overloaded, llm.CodeOfError(err), "%v", err)
}

// A call that is left while it waits for a slot, or for the rate, gives back
// what it had taken of the rate.
func TestACallThatIsLeftWhileItWaitsGivesBackItsTokens(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	route := rated(t, config.Rate{RPM: 2, Burst: time.Minute, NoLearn: true}, 1, func(w http.ResponseWriter, _ *http.Request) {
		select {
		case arrived <- struct{}{}:
			<-release
		default:
		}
		answer(w, 10)
	})
	done := make(chan error, 1)
	go func() { _, err := route.Chat(t.Context(), ask()); done <- err }()
	<-arrived
	calls := make(chan error, 2)
	var ends []context.CancelFunc
	for waiting := 1; waiting <= 2; waiting++ { // for the slot, then for the rate
		ctx, leave := context.WithCancel(t.Context())
		ends = append(ends, leave)
		go func() { _, err := route.Chat(ctx, ask()); calls <- err }()
		require.Eventually(t, func() bool { return route.Report().Waiting == waiting }, 5*time.Second, time.Millisecond)
	}
	for _, leave := range []context.CancelFunc{ends[1], ends[0]} {
		leave()
		require.Equal(t, llm.Canceled, llm.CodeOfError(<-calls))
	}
	close(release)
	require.NoError(t, <-done)
	_, err := route.Chat(t.Context(), before(5*time.Second))
	require.NoError(t, err, "the second of the two requests is there again")
}

// A 429 tells a route with "auto" that its server has too much to do, also
// where that is of everybody; one about money does not.
func TestAServerThatIsBusyIsOverloaded(t *testing.T) {
	for words, size := range map[string]int{"Model busy, retry later": 8, "You have run out of credits.": 10} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = fmt.Fprintf(w, `{"error": {"message": %q}}`, words)
		}))
		defer server.Close()
		route, err := client.New(config.Model{Provider: "openai", Name: "m", BaseURL: server.URL, APIKey: "k", MaxRetries: 1, Adaptive: config.Auto}, client.Options{})
		require.NoError(t, err)
		defer route.Retire()
		_, err = route.Chat(t.Context(), ask())
		require.Error(t, err)
		require.Equal(t, size, route.Report().Limit, words)
	}
}
