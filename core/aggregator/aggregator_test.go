package aggregator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an aggregator over the models "a" and "b" (and "c") of a wall.
type world struct {
	*aggregator.Aggregator
	manager *manager.Manager
	wall    *faultwall.Wall
}

// build scripts the models and starts everything. more is put into each
// model's configuration.
func build(t *testing.T, models map[string]string, more string) *world {
	t.Helper()
	script := map[string]json.RawMessage{}
	for name, steps := range models {
		script[name] = json.RawMessage(`{"steps":` + steps + `}`)
	}
	text, err := json.Marshal(map[string]any{"models": script})
	require.NoError(t, err)
	s, err := faultwall.ParseScript(text)
	require.NoError(t, err)
	w, err := faultwall.Start(s, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	cfg := `{"wall":{"api_key":"sk-secret-key","base_url":"` + w.BaseURL() + `","timeout":2,"retry":{"backoff_s":0.005,"backoff_max_s":0.02}` + more + `,"models":{`
	for i, name := range []string{"a", "b", "c"} {
		if _, ok := models[name]; ok {
			if i > 0 {
				cfg += ","
			}
			cfg += `"` + name + `":{}`
		}
	}
	configs, err := config.Parse([]byte(cfg+`}}}`), config.Options{})
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	a := aggregator.New(m, aggregator.Options{})
	require.NoError(t, a.Initialize(context.Background(), configs))
	t.Cleanup(func() {
		require.NoError(t, a.Close(context.Background()))
		require.NoError(t, m.Close(context.Background()))
	})
	return &world{a, m, w}
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
}

func trail(attempts []llm.Attempt) string {
	var parts []string
	for i := range attempts {
		parts = append(parts, attempts[i].Model+":"+attempts[i].Code.String())
	}
	return strings.Join(parts, " ")
}

func TestChatFailsOver(t *testing.T) {
	for name, c := range map[string]struct{ a, trail string }{
		"healthy":           {`[{}]`, "a:OK"},
		"401 at once":       {`[{"status":401}]`, "a:AUTHENTICATION b:OK"},
		"500 twice":         {`[{"status":500}]`, "a:UNAVAILABLE a:UNAVAILABLE b:OK"},
		"429 without wait":  {`[{"status":429}]`, "a:RATE_LIMIT b:OK"},
		"429 short wait":    {`[{"status":429,"headers":{"retry-after-ms":"30"}},{}]`, "a:RATE_LIMIT a:OK"},
		"429 long wait":     {`[{"status":429,"headers":{"retry-after":"60"}}]`, "a:RATE_LIMIT b:OK"},
		"bad request":       {`[{"status":400}]`, "a:BAD_REQUEST b:OK"},
		"context too long":  {`[{"status":400,"body":{"error":{"code":"context_length_exceeded"}}}]`, "a:CONTEXT_LENGTH b:OK"},
		"html":              {`[{"body":"<html>hi</html>"}]`, "a:BAD_RESPONSE a:BAD_RESPONSE b:OK"},
		"silence asks once": {`[{"cut":{"how":"silence","at":"before_headers"}}]`, "a:TIMEOUT b:OK"},
	} {
		t.Run(name, func(t *testing.T) {
			w := build(t, map[string]string{"a": c.a, "b": `[{}]`}, `,"idle_timeout":1`)
			q := ask()
			q.Options.Timeout = 300 * time.Millisecond
			r, err := w.Chat(context.Background(), q)
			require.NoError(t, err)
			require.Equal(t, c.trail, trail(r.Attempts))
		})
	}
}

func TestAllFailedNamesEveryAttempt(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503}]`, "b": `[{"status":401}]`}, "")
	_, err := w.Chat(context.Background(), ask())
	e := llm.AsError(err)
	require.Equal(t, llm.AllFailed, e.Code)
	require.Equal(t, "a:UNAVAILABLE a:UNAVAILABLE b:AUTHENTICATION", trail(e.Attempts))
	require.Equal(t, 4, len(strings.Split(err.Error(), "\n")), err.Error())
	require.NotContains(t, err.Error(), "sk-secret-key")
	require.ErrorContains(t, err, "All 2 routes failed. Last error: AUTHENTICATION from ")

	w = build(t, map[string]string{"a": `[{"status":401}]`}, "")
	_, err = w.Chat(context.Background(), ask())
	require.ErrorContains(t, err, "The only route failed. Last error: AUTHENTICATION from ")
}

func TestContentFilterEndsTheCallUnlessAskedOtherwise(t *testing.T) {
	filtered := `[{"status":400,"body":{"error":{"code":"content_filter","message":"no"}}}]`
	w := build(t, map[string]string{"a": filtered, "b": `[{}]`}, "")
	_, err := w.Chat(context.Background(), ask())
	require.Equal(t, llm.ContentFilter, llm.CodeOfError(err))
	q := ask()
	q.Options.FailoverOnContentFilter = true
	r, err := w.Chat(context.Background(), q)
	require.NoError(t, err)
	require.Equal(t, "a:CONTENT_FILTER b:OK", trail(r.Attempts))
}

func TestStreamHandsOverUnseenBeforeTheFirstToken(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"events":[{"data":{"choices":[{"index":0,"delta":{"role":"assistant"}}]}}]}]`, "b": `[{"text":"fine day"}]`}, "")
	s, err := w.Stream(context.Background(), ask())
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Equal(t, "fine day", r.Text())
	require.Equal(t, "a:STREAM_INTERRUPTED a:STREAM_INTERRUPTED b:OK", trail(r.Attempts))
}

func TestStreamRestartNeverMixesTwoAnswers(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"text":"one two three four","cut":{"how":"reset","after_events":3}}]`, "b": `[{"text":"five six seven"}]`}, "")
	q := ask()
	q.Options.OnInterrupt = llm.InterruptRestart
	s, err := w.Stream(context.Background(), q)
	require.NoError(t, err)
	var text string
	restarts := 0
	var done *llm.Response
	for ev, err := range s.Events() {
		require.NoError(t, err)
		switch ev.Kind {
		case llm.EventChunk:
			text += ev.Chunk.Text()
		case llm.EventRestart:
			require.Equal(t, "wall/a", ev.Restart.From)
			require.Equal(t, "wall/b", ev.Restart.To)
			require.Equal(t, llm.StreamInterrupted, ev.Restart.Reason.Code)
			text = ""
			restarts++
		case llm.EventDone:
			done = ev.Response
		}
	}
	require.Equal(t, 1, restarts)
	require.Equal(t, "five six seven", text)
	require.Equal(t, text, done.Text())
}

func TestStreamErrorCarriesThePartialText(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"text":"one two three four","cut":{"how":"reset","after_events":3}}]`, "b": `[{}]`}, "")
	s, err := w.Stream(context.Background(), ask())
	require.NoError(t, err)
	_, err = s.Collect()
	e := llm.AsError(err)
	require.Equal(t, llm.StreamInterrupted, e.Code)
	require.NotEmpty(t, e.Partial)
	require.Zero(t, w.wall.Seen().Models["b"].Requests)
}

func TestDeadPrimaryIsSparedByTheBreaker(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503}]`, "b": `[{}]`}, "")
	var all sync.WaitGroup
	tickets := make(chan struct{}, 20)
	for range 200 {
		tickets <- struct{}{}
		all.Go(func() {
			defer func() { <-tickets }()
			r, err := w.Chat(context.Background(), ask())
			if err != nil || r.Text() != "Hello from b." {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, w.wall.Seen().Models["a"].Requests, 60, "B5")
	require.Equal(t, "open", w.Report()[0].Circuit)
}

func TestAllRoutesOpenForcesOneTryAtATime(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503}]`}, `,"breaker":{"failures":1},"max_retries":1`)
	_, err := w.Chat(context.Background(), ask())
	require.Equal(t, llm.AllFailed, llm.CodeOfError(err))
	seen := w.wall.Seen().Models["a"].Requests
	require.NoError(t, w.wall.SetScript(faultwall.Script{}))
	w.wall.Script("a", faultwall.Step{DelayHeadersS: 0.1})
	errs := make(chan error, 10)
	for range 10 {
		go func() { _, err := w.Chat(context.Background(), ask()); errs <- err }()
	}
	for range 10 {
		require.NoError(t, <-errs, "those who waited proceed after the verdict")
	}
	require.Equal(t, 10, w.wall.Seen().Models["a"].Requests-seen)
	require.Equal(t, "closed", w.Report()[0].Circuit)
}

func TestWaitingForAVerdictEndsWhenAnotherRouteReopens(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503,"times":2},{"delay_headers_s":20}]`, "b": `[{"status":429,"headers":{"retry-after-ms":"600"}},{}]`},
		`,"breaker":{"failures":2,"open_s":60},"max_retries":1`)
	q := ask()
	q.Options.Timeout = 300 * time.Millisecond // too short to wait for b
	for range 2 {
		_, err := w.Chat(context.Background(), q)
		require.Equal(t, llm.AllFailed, llm.CodeOfError(err))
	}
	forcing, done := context.WithCancel(context.Background())
	errs := make(chan error, 1)
	go func() { _, err := w.Chat(forcing, ask()); errs <- err }()
	require.NoError(t, w.wall.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Models["a"].Requests == 3 }))
	start := time.Now()
	r, err := w.Chat(context.Background(), ask()) // waits for the verdict on a, which does not come
	require.NoError(t, err)
	require.Equal(t, "Hello from b.", r.Text())
	require.Less(t, time.Since(start), 10*time.Second, "the verdict comes after 20 s")
	done()
	require.Equal(t, llm.Canceled, llm.CodeOfError(<-errs))
}

func TestHedgeWinsAgainstASlowRoute(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"delay_headers_s":20}]`, "b": `[{"text":"quick"}]`}, "")
	q := ask()
	q.Options.HedgeAfter = 30 * time.Millisecond
	s, err := w.Stream(context.Background(), q)
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Equal(t, "quick", r.Text())
	require.Equal(t, "a:TIMEOUT b:OK", trail(r.Attempts))
	require.True(t, r.Attempts[1].Hedge)
	require.NoError(t, w.wall.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Models["a"].Disconnects == 1 }))
}

func TestCloseEndsCallsInFlight(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"delay_headers_s":20}]`}, "")
	errs := make(chan error, 1)
	go func() { _, err := w.Chat(context.Background(), ask()); errs <- err }()
	require.NoError(t, w.wall.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 }))
	require.NoError(t, w.Close(context.Background()))
	require.Equal(t, llm.Closed, llm.CodeOfError(<-errs))
	_, err := w.Chat(context.Background(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
}

func TestObserversSeeFailover(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":401}]`, "b": `[{}]`}, "")
	sub := w.manager.Observers().Subscribe(64)
	defer sub.Close()
	_, err := w.Chat(context.Background(), ask())
	require.NoError(t, err)
	var kinds []string
	for len(sub.C()) > 0 {
		kinds = append(kinds, string((<-sub.C()).Kind))
	}
	require.Equal(t, "attempt_started attempt_ended failover attempt_started attempt_ended", strings.Join(kinds, " "))
}

func TestDuplicateProviderReplacesAndTheOldOneClosesWhenIdle(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"delay_headers_s":0.1}]`}, "")
	old, err := w.manager.Client("wall", "a")
	require.NoError(t, err)
	errs := make(chan error, 1)
	go func() { _, err := w.Chat(context.Background(), ask()); errs <- err }()
	require.NoError(t, w.wall.Wait(context.Background(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 }))
	configs, err := config.Parse([]byte(`{"wall":{"base_url":"`+w.wall.BaseURL()+`","models":{"a":{}}}}`), config.Options{})
	require.NoError(t, err)
	require.NoError(t, w.Initialize(context.Background(), configs))
	require.NoError(t, <-errs, "the call in flight ends well")
	_, err = old.Chat(context.Background(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.Equal(t, []string{"wall"}, w.manager.Providers())
}

func TestARequestMayNameItsModel(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`, "b": `[{}]`}, "")
	q := ask()
	q.Model = "wall/b"
	r, err := w.Chat(context.Background(), q)
	require.NoError(t, err)
	require.Equal(t, "b:OK", trail(r.Attempts))
	q.Model = "c"
	_, err = w.Chat(context.Background(), q)
	require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err))
}

func TestResolve(t *testing.T) {
	catalog := []aggregator.CatalogEntry{{Provider: "p", Name: "fast", Model: "gpt"}, {Provider: "q", Name: "gpt", Model: "gpt"}, {Provider: "q", Name: "p/fast", Model: "x"}, {Provider: "r", Name: "fast", Model: "z"}}
	for _, c := range []struct {
		models []string
		want   []int
	}{
		{nil, []int{0, 3, 1, 2}},
		{[]string{"fast"}, []int{0, 3}},
		{[]string{"gpt"}, []int{1}},
		{[]string{"x"}, []int{2}},
		{[]string{"p/fast"}, []int{2}},
		{[]string{"r/fast", "fast"}, []int{3, 0}},
		{[]string{"p/gpt"}, []int{0}},
	} {
		got, err := aggregator.Resolve(catalog, c.models)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%v", c.models)
	}
	for _, models := range [][]string{{"nobody"}, {"nobody", "gpt"}, {"gpt", "nobody"}} {
		_, err := aggregator.Resolve(catalog, models)
		require.EqualError(t, err, "MODEL_NOT_FOUND: no registered provider has the model \"nobody\" (registered: p/fast, q/gpt, q/p/fast, r/fast)")
	}
	_, err := aggregator.Resolve(catalog, []string{"gpt", "fats"})
	require.ErrorContains(t, err, `the model "fats"; did you mean "fast"? (registered: p/fast`)
	_, err = aggregator.Resolve(catalog, []string{"r/fasst"})
	require.ErrorContains(t, err, `the model "r/fasst"; did you mean "r/fast"?`)
	_, err = aggregator.Resolve(catalog, []string{"zz/fast"})
	require.Equal(t, llm.ProviderNotFound, llm.CodeOfError(err))
	_, err = aggregator.Resolve(nil, nil)
	require.Equal(t, llm.NotInitialized, llm.CodeOfError(err))
	for i := range 100 {
		catalog = append(catalog, aggregator.CatalogEntry{Provider: "many", Name: fmt.Sprint("m", i), Model: "x"})
	}
	_, err = aggregator.Resolve(catalog, []string{"nobody"})
	require.ErrorContains(t, err, "many/m15 and 84 more")
}

// A name that was there once may go; one that never was is a mistake.
func TestAModelOfTheListThatIsTakenOut(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`, "b": `[{}]`}, "")
	configs, err := config.Parse([]byte(`{"backup":{"base_url":"`+w.wall.BaseURL()+`","models":{"b":{}}}}`), config.Options{})
	require.NoError(t, err)
	b, err := provider.New(configs[0], provider.Options{})
	require.NoError(t, err)
	require.NoError(t, b.Initialize(t.Context()))
	require.NoError(t, w.manager.Register(b))
	a := aggregator.New(w.manager, aggregator.Options{Models: []string{"backup/b", "wall/a"}})
	defer func() { require.NoError(t, a.Close(context.Background())) }()
	r, err := a.Chat(t.Context(), ask())
	require.NoError(t, err)
	require.Equal(t, "b:OK", trail(r.Attempts))
	_, err = w.manager.Unregister("backup")
	require.NoError(t, err)
	r, err = a.Chat(t.Context(), ask())
	require.NoError(t, err)
	require.Equal(t, "a:OK", trail(r.Attempts))
	require.NoError(t, b.Close(context.Background()))
}

func TestInitializeRefusesAListWithAModelThatNobodyHas(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`}, "")
	configs, err := config.Parse([]byte(`{"next":{"base_url":"`+w.wall.BaseURL()+`","models":{"b":{}}}}`), config.Options{})
	require.NoError(t, err)
	a := aggregator.New(w.manager, aggregator.Options{Models: []string{"wall/a", "next/bb"}})
	defer func() { require.NoError(t, a.Close(context.Background())) }()
	err = a.Initialize(t.Context(), configs)
	require.ErrorContains(t, err, `MODEL_NOT_FOUND: no registered provider has the model "next/bb"; did you mean "next/b"? (registered: wall/a, next/b)`)
	_, err = w.manager.Provider("next")
	require.Equal(t, llm.ProviderNotFound, llm.CodeOfError(err), "nothing was registered")
}

// What a variable that is not set leaves out is told when somebody asks for it.
func TestAModelThatWasLeftOutOfTheConfiguration(t *testing.T) {
	w := build(t, map[string]string{"a": `[{}]`}, "")
	var warned []string
	configs, err := config.Parse([]byte(`{"gone":{"api_key":"${NOT_SET}","models":{"x":{}}},"here":{"base_url":"`+w.wall.BaseURL()+`","models":{"a":{}}}}`),
		config.Options{Warn: func(message string) { warned = append(warned, message) }})
	require.NoError(t, err)
	require.Equal(t, []string{`model "gone/x": "api_key" refers to the environment variable NOT_SET, which is not set; the model is left out`}, warned)
	a := aggregator.New(manager.New(manager.Options{}), aggregator.Options{Models: []string{"gone/x", "here/a"}})
	require.NoError(t, a.Initialize(t.Context(), configs))
	r, err := a.Chat(t.Context(), ask())
	require.NoError(t, err)
	require.Equal(t, "a:OK", trail(r.Attempts))
	q := ask()
	q.Model = "x"
	_, err = a.Chat(t.Context(), q)
	require.EqualError(t, err, `MODEL_NOT_FOUND: model "gone/x": "api_key" refers to the environment variable NOT_SET, which is not set; it was left out of the configuration`)
	require.NoError(t, a.Close(context.Background()))
	require.NoError(t, a.Manager().Close(context.Background()))
}
