package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// wallWith starts a fault wall on which model "m" behaves as the steps say.
func wallWith(t *testing.T, steps string) *faultwall.Wall {
	t.Helper()
	script, err := faultwall.ParseScript([]byte(`{"models":{"m":{"steps":` + steps + `}}}`))
	require.NoError(t, err)
	w, err := faultwall.Start(script, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// route makes the client of model "m" on the wall, with short waits.
func route(t *testing.T, w *faultwall.Wall, change func(*config.Model)) *client.Client {
	t.Helper()
	cfg := config.Model{Provider: "wall", Name: "m", APIKey: "sk-secret-key", BaseURL: w.BaseURL(), Timeout: 2 * time.Second,
		Retry: config.Retry{Backoff: 5 * time.Millisecond, BackoffMax: 20 * time.Millisecond}}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
}

func TestChat(t *testing.T) {
	w := wallWith(t, `[{}]`)
	c := route(t, w, nil)
	r, err := c.Chat(context.Background(), ask())
	require.NoError(t, err)
	require.Equal(t, "Hello from m.", r.Text())
	require.Len(t, r.Attempts, 1)
	require.Equal(t, llm.OK, r.Attempts[0].Code)
	require.Equal(t, 200, r.Attempts[0].Status)
	require.Positive(t, r.Usage.TotalTokens)
	require.Equal(t, "Bearer sk-secret-key", w.Seen().Requests[0].Headers["authorization"])
}

func TestChatRetriesOnceThenSucceeds(t *testing.T) {
	w := wallWith(t, `[{"status":500},{}]`)
	r, err := route(t, w, nil).Chat(context.Background(), ask())
	require.NoError(t, err)
	require.Equal(t, []llm.Code{llm.Unavailable, llm.OK}, codes(r.Attempts))
	require.Positive(t, r.Attempts[1].Wait)
}

func codes(attempts []llm.Attempt) []llm.Code {
	list := []llm.Code{}
	for i := range attempts {
		list = append(list, attempts[i].Code)
	}
	return list
}

func TestErrorsByStatusAndBody(t *testing.T) {
	for name, c := range map[string]struct {
		step     string
		code     llm.Code
		attempts int
	}{
		"401":               {`{"status":401}`, llm.Authentication, 1},
		"402":               {`{"status":402}`, llm.Quota, 1},
		"404":               {`{"status":404}`, llm.ModelNotFound, 1},
		"422":               {`{"status":422}`, llm.BadRequest, 1},
		"quota":             {`{"status":429,"body":{"error":{"code":"insufficient_quota","message":"pay"}}}`, llm.Quota, 1},
		"context":           {`{"status":400,"body":{"error":{"code":"context_length_exceeded","message":"too long"}}}`, llm.ContextLength, 1},
		"filter":            {`{"status":400,"body":{"error":{"code":"content_filter","message":"no"}}}`, llm.ContentFilter, 1},
		"503":               {`{"status":503}`, llm.Unavailable, 3},
		"529":               {`{"status":529}`, llm.Unavailable, 3},
		"html":              {`{"status":502,"body":"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"}`, llm.Unavailable, 3},
		"200 with error":    {`{"body":{"error":{"message":"overloaded","type":"server_error"}}}`, llm.Unavailable, 3},
		"empty body":        {`{"body":""}`, llm.BadResponse, 3},
		"no choices":        {`{"body":{"id":"x","choices":[]}}`, llm.BadResponse, 3},
		"reset":             {`{"cut":{"how":"reset","at":"before_headers"}}`, llm.Unavailable, 3},
		"cut short":         {`{"cut":{"how":"reset","after_bytes":20}}`, llm.Unavailable, 3},
		"cut cleanly":       {`{"cut":{"how":"clean","after_bytes":20}}`, llm.BadResponse, 3},
		"redirect":          {`{"redirect":"http://127.0.0.9:1/elsewhere"}`, llm.BadResponse, 1}, // it cannot change
		"x-should-retry no": {`{"status":503,"headers":{"x-should-retry":"false"}}`, llm.Unavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := wallWith(t, "["+c.step+"]")
			_, err := route(t, w, nil).Chat(context.Background(), ask())
			e := llm.AsError(err)
			require.Equal(t, c.code, e.Code, "%v", err)
			require.Len(t, e.Attempts, c.attempts, "%v", err)
			require.NotContains(t, err.Error(), "sk-secret-key")
			require.Equal(t, "wall", e.Provider)
		})
	}
}

func TestRetryAfterIsWaitedForOnTheLastRoute(t *testing.T) {
	w := wallWith(t, `[{"status":429,"headers":{"retry-after-ms":"120"}},{}]`)
	r, err := route(t, w, nil).Chat(context.Background(), ask())
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.Attempts[1].Wait, 120*time.Millisecond)
}

func TestRetryAfterBeyondTheDeadlineIsAnErrorNow(t *testing.T) {
	w := wallWith(t, `[{"status":429,"headers":{"retry-after":"3600"}},{}]`)
	c := route(t, w, nil)
	start := time.Now()
	_, err := c.Chat(context.Background(), ask())
	e := llm.AsError(err)
	require.Equal(t, llm.RateLimit, e.Code)
	require.True(t, e.HasRetryAfter)
	require.Less(t, time.Since(start), 10*time.Second, "nobody waits for an hour")
	_, err = c.Chat(context.Background(), ask())
	require.Equal(t, llm.CircuitOpen, llm.CodeOfError(err), "nobody asks before the named wait is over: %v", err)
	require.Equal(t, 1, w.Seen().Models["m"].Requests)
}

func TestTimeoutBoundsASilentAttempt(t *testing.T) {
	w := wallWith(t, `[{"cut":{"how":"silence","at":"before_headers"}}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.Timeout, cfg.MaxRetries = 100*time.Millisecond, 2 })
	_, err := c.Chat(context.Background(), ask())
	require.Equal(t, []llm.Code{llm.Timeout, llm.Timeout}, codes(llm.AsError(err).Attempts), "%v", err)
}

func TestCallDeadlineEndsTheCall(t *testing.T) {
	w := wallWith(t, `[{"status":503}]`)
	c := route(t, w, func(cfg *config.Model) {
		cfg.MaxRetries, cfg.Breaker.Failures = 1000, 1000
		cfg.Breaker.MinRequests = 1000
	})
	q := ask()
	q.Options.Deadline = 80 * time.Millisecond
	start := time.Now()
	_, err := c.Chat(context.Background(), q)
	require.Error(t, err)
	require.Less(t, time.Since(start), 10*time.Second, "long before a thousand attempts")
}

func TestCancelReachesTheServer(t *testing.T) {
	w := wallWith(t, `[{"cut":{"how":"silence","at":"before_headers"}}]`)
	c := route(t, w, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := c.Chat(ctx, ask()); done <- err }()
	require.NoError(t, w.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 }))
	cancel()
	require.Equal(t, llm.Canceled, llm.CodeOfError(<-done))
	require.NoError(t, w.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Totals.Disconnects == 1 }))
	require.Equal(t, "closed", c.Report().Circuit)
	require.Zero(t, c.Report().InFlight)
}

func TestStaleConnectionIsReplacedUnseen(t *testing.T) {
	w := wallWith(t, `[{"close_next":true},{}]`)
	c := route(t, w, nil)
	_, err := c.Chat(context.Background(), ask())
	require.NoError(t, err)
	r, err := c.Chat(context.Background(), ask())
	require.NoError(t, err)
	require.Len(t, r.Attempts, 1)
	require.Equal(t, 1, w.Seen().Totals.Stale)
}

func TestStreamGivesChunksAndDone(t *testing.T) {
	w := wallWith(t, `[{"text":"Grüße aus der Ferne","chunk_chars":3,"split_bytes":1,"newline":"crlf","bom":true}]`)
	c := route(t, w, nil)
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	var text strings.Builder
	var done *llm.Response
	for ev, err := range s.Events() {
		require.NoError(t, err)
		switch ev.Kind {
		case llm.EventChunk:
			text.WriteString(ev.Chunk.Text())
		case llm.EventDone:
			done = ev.Response
		}
	}
	require.Equal(t, "Grüße aus der Ferne", text.String())
	require.Equal(t, text.String(), done.Text())
	require.Positive(t, done.Attempts[0].FirstToken)
	require.Zero(t, c.Report().InFlight)
}

// The wall ends the body a moment after [DONE]: the stream does not wait for
// that, and its connection is used again.
func TestRestOfACompleteStreamIsReadAside(t *testing.T) {
	w := wallWith(t, `[{"events":[{"text":"all"},{"finish_reason":"stop","usage":{"total_tokens":3}},"[DONE]",{"comment":"more","delay_s":0.1}]},{}]`)
	c := route(t, w, nil)
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Less(t, r.Attempts[0].Duration, 90*time.Millisecond)
	require.NoError(t, w.Wait(context.Background(), func(seen faultwall.Seen) bool { return seen.Requests[0].End > 0 }))
	_, err = c.Chat(context.Background(), ask())
	require.NoError(t, err)
	seen := w.Seen()
	require.Equal(t, 4, seen.Requests[0].Events)
	require.Zero(t, seen.Totals.Disconnects)
	require.Zero(t, seen.Connections[0].Closed, "the connection is kept")
}

func TestPagesAndEmptyAnswersAreReadable(t *testing.T) {
	w := wallWith(t, `[{"body":"<html><h1>Please log in</h1></html>"},{"body":""}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.MaxRetries = 1 })
	_, err := c.Chat(context.Background(), ask())
	require.Equal(t, "Please log in", llm.AsError(err).ProviderMessage)
	require.ErrorContains(t, err, "the answer is not JSON: Please log in")
	_, err = c.Chat(context.Background(), ask())
	require.ErrorContains(t, err, "the answer is empty")
}

func TestStreamCutIsInterruptedWithThePartialText(t *testing.T) {
	for name, cut := range map[string]string{"clean": `{"how":"clean","after_events":3}`, "reset": `{"how":"reset","after_events":3}`, "mid chunk": `{"how":"mid_chunk","after_events":3}`} {
		t.Run(name, func(t *testing.T) {
			w := wallWith(t, `[{"text":"one two three four five","cut":`+cut+`}]`)
			s, err := route(t, w, nil).Stream(context.Background(), ask())
			require.NoError(t, err)
			_, err = s.Collect()
			e := llm.AsError(err)
			require.Equal(t, llm.StreamInterrupted, e.Code, "%v", err)
			require.True(t, strings.HasPrefix(e.Partial, "one "), e.Partial)
			require.Len(t, e.Attempts, 1)
		})
	}
}

func TestChatWithStreamRestartsOnTheSameRoute(t *testing.T) {
	w := wallWith(t, `[{"text":"one two three","cut":{"how":"clean","after_events":2}},{"text":"four five six"}]`)
	q := ask()
	q.Stream = true
	r, err := route(t, w, nil).Chat(context.Background(), q)
	require.NoError(t, err)
	require.Equal(t, "four five six", r.Text())
	require.Equal(t, []llm.Code{llm.StreamInterrupted, llm.OK}, codes(r.Attempts))
}

func TestIdleTimeoutInterruptsAStalledStream(t *testing.T) {
	w := wallWith(t, `[{"text":"one two three","cut":{"how":"silence","after_events":2}}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.IdleTimeout = 80 * time.Millisecond })
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	_, err = s.Collect()
	require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err))
	require.ErrorContains(t, err, "silent")
}

func TestReaderTimeoutFreesThePlace(t *testing.T) {
	w := wallWith(t, `[{"text":"one two three four"}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.ReaderTimeout = 50 * time.Millisecond })
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	<-s.Done()
	_, err = s.Next()
	require.Equal(t, llm.Canceled, llm.CodeOfError(err))
	require.Zero(t, c.Report().InFlight)
}

func TestLeavingTheLoopCutsTheStream(t *testing.T) {
	w := wallWith(t, `[{"forever":true,"delay_event_s":0.005}]`)
	c := route(t, w, nil)
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	for _, err := range s.Events() {
		require.NoError(t, err)
		break
	}
	require.NoError(t, w.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Totals.Disconnects == 1 }))
	require.Zero(t, c.Report().InFlight)
}

func TestCloseEndsAStreamThatNobodyReads(t *testing.T) {
	w := wallWith(t, `[{"forever":true,"delay_event_s":0.005}]`)
	c := route(t, w, nil)
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	require.NoError(t, c.Close(context.Background()))
	_, err = s.Next()
	require.Equal(t, llm.Closed, llm.CodeOfError(err), "%v", err)
	_, err = c.Chat(context.Background(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
}

func TestConcurrencyIsBounded(t *testing.T) {
	w := wallWith(t, `[{"delay_body_s":0.01}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.MaxConcurrentCalls = 3 })
	errs := make(chan error, 20)
	for range 20 {
		go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	}
	for range 20 {
		require.NoError(t, <-errs)
	}
	require.Equal(t, 3, w.Seen().Models["m"].MaxSimultaneous)
}

func TestBreakerOpensAndAForcedTryClosesIt(t *testing.T) {
	w := wallWith(t, `[{"status":503,"times":5},{}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.MaxRetries = 1 })
	for range 5 {
		_, err := c.Chat(context.Background(), ask())
		require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	}
	require.Equal(t, "open", c.Report().Circuit)
	r, err := c.Chat(context.Background(), ask())
	require.NoError(t, err, "a direct call forces its only route")
	require.True(t, r.Attempts[0].Forced)
	require.Equal(t, "closed", c.Report().Circuit)
}

func TestHealth(t *testing.T) {
	w := wallWith(t, `[{}]`)
	c := route(t, w, nil)
	require.True(t, c.CheckHealth(context.Background()))
	w.Kill()
	require.False(t, c.CheckHealth(context.Background()))
}

// garbage is a backend written by an application.
type garbage struct{ fail error }

func (g garbage) Chat(context.Context, *client.Exchange) (*llm.Response, error) { return nil, g.fail }
func (g garbage) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return nil, g.fail
}

func TestCustomBackendFailuresAreClassified(t *testing.T) {
	for _, c := range []struct {
		fail error
		code llm.Code
	}{{errors.New("odd"), llm.Unavailable}, {context.DeadlineExceeded, llm.Timeout}, {llm.Errorf(llm.BadRequest, "no"), llm.BadRequest}} {
		k, err := client.NewCustom(config.Model{Provider: "mine", Name: "x", MaxRetries: 1}, garbage{c.fail}, client.Options{})
		require.NoError(t, err)
		_, err = k.Chat(context.Background(), ask())
		require.Equal(t, c.code, llm.CodeOfError(err))
		require.NoError(t, k.Close(context.Background()))
	}
}

func TestNewRefusesBadConfigurations(t *testing.T) {
	for name, cfg := range map[string]config.Model{
		"no scheme":    {Provider: "p", Name: "m", BaseURL: "localhost:8000/v1"},
		"ftp":          {Provider: "p", Name: "m", BaseURL: "ftp://host/v1"},
		"credentials":  {Provider: "p", Name: "m", BaseURL: "http://user:secret@host/v1"},
		"no key":       {Provider: "openai", Name: "gpt"},
		"unknown":      {Provider: "nobody", Name: "m", APIKey: "k"},
		"unknown type": {Provider: "p", Name: "m", Type: "soap", BaseURL: "http://h"},
		"timeout":      {Provider: "openai", Name: "m", APIKey: "k", Timeout: -time.Second},
		"newline key":  {Provider: "openai", Name: "m", APIKey: "sk\nx"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.New(cfg, client.Options{})
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestRestClosesIdleConnectionsAndKeepsWhatIsKnown(t *testing.T) {
	w := wallWith(t, `[{"status":503,"times":5},{}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.MaxRetries = 1 })
	shared := route(t, w, func(cfg *config.Model) { cfg.Name = "other" })
	for range 5 {
		_, err := c.Chat(context.Background(), ask())
		require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	}
	c.Rest()
	c.Rest()
	require.Equal(t, 1, w.Seen().Totals.ConnectionsOpen, "the other client shares them")
	shared.Rest()
	require.NoError(t, w.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpen == 0 }))
	require.Equal(t, "open", c.Report().Circuit)
	_, err := c.Chat(context.Background(), ask())
	require.NoError(t, err, "it wakes by itself")
}
