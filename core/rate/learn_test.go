package rate

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func heads(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestHeadersAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		h                http.Header
		requests, tokens told
	}{
		"OpenAI": {heads("x-ratelimit-limit-requests", "10000", "x-ratelimit-remaining-requests", "9999", "x-ratelimit-reset-requests", "6ms",
			"x-ratelimit-limit-tokens", "2000000", "x-ratelimit-remaining-tokens", "1999000", "x-ratelimit-reset-tokens", "6m0s"),
			told{10000, 9999, 6 * time.Millisecond, true, 50 * time.Millisecond, 0}, told{2e6, 1999000, 6 * time.Minute, true, 50 * time.Millisecond, 0}},
		"Groq": {heads("x-ratelimit-limit-requests", "14400", "x-ratelimit-reset-requests", "2m59.56s", "x-ratelimit-remaining-tokens", "17985", "x-ratelimit-reset-tokens", "120ms"),
			told{14400, -1, 179560 * time.Millisecond, true, 50 * time.Millisecond, 0}, told{-1, 17985, 120 * time.Millisecond, true, 50 * time.Millisecond, 0}},
		"seconds": {heads("x-ratelimit-remaining-requests", "5", "x-ratelimit-reset-requests", "59"),
			told{-1, 5, 59 * time.Second, true, time.Second, 0}, silent},
		"Anthropic": {heads("anthropic-ratelimit-requests-limit", "50", "anthropic-ratelimit-requests-remaining", "49", "anthropic-ratelimit-requests-reset", "2026-11-28T12:00:02Z",
			"anthropic-ratelimit-tokens-limit", "40000", "anthropic-ratelimit-tokens-remaining", "0", "anthropic-ratelimit-tokens-reset", "2026-11-28T12:01:00+00:00", "Date", "Sat, 28 Nov 2026 12:00:00 GMT"),
			told{50, 49, 2 * time.Second, true, 2 * time.Second, 0}, told{40000, 0, time.Minute, true, 2 * time.Second, 0}},
		"Anthropic, its clock": {heads("anthropic-ratelimit-requests-remaining", "50", "anthropic-ratelimit-requests-reset", "2026-11-28T13:00:02Z", "Date", "Sat, 28 Nov 2026 13:00:00 GMT"),
			told{-1, 50, 2 * time.Second, true, 2 * time.Second, 0}, silent},
		"IETF": {heads("ratelimit", `"default";r=50;t=30`, "ratelimit-policy", `"default";q=100;w=60`),
			told{100, 50, 30 * time.Second, true, time.Second, time.Minute}, silent},
		"IETF, two policies": {heads("ratelimit", `"day";r=900;t=80000, "minute";r=50;t=30`, "ratelimit-policy", `"minute";q=100;w=60, "day";q=1000;w=86400`),
			told{100, 50, 30 * time.Second, true, time.Second, time.Minute}, silent},
		"IETF, a spent day": {heads("ratelimit", `"minute";r=50;t=30, "day";r=0;t=80000`, "ratelimit-policy", `"minute";q=100;w=60, "day";q=1000;w=86400`),
			told{1000, 0, 80000 * time.Second, true, time.Second, 24 * time.Hour}, silent},
		"IETF, older": {heads("ratelimit-limit", "100, 100;w=10", "ratelimit-remaining", "0", "ratelimit-reset", "5"),
			told{100, 0, 5 * time.Second, true, time.Second, 10 * time.Second}, silent},
		"IETF, in between": {heads("ratelimit", "limit=100, remaining=50, reset=5"),
			told{100, 50, 5 * time.Second, true, time.Second, 0}, silent},
		"Cerebras": {heads("x-ratelimit-limit-requests-day", "14400", "x-ratelimit-remaining-requests-day", "14399", "x-ratelimit-reset-requests-day", "33011.382867",
			"x-ratelimit-limit-tokens-minute", "60000", "x-ratelimit-remaining-tokens-minute", "59000", "x-ratelimit-reset-tokens-minute", "11.5",
			"x-ratelimit-limit-tokens-day", "1000000", "x-ratelimit-remaining-tokens-day", "900000"),
			told{14400, 14399, 33011382867 * time.Microsecond, true, time.Second, 24 * time.Hour}, told{60000, 59000, 11500 * time.Millisecond, true, time.Second, time.Minute}},
		"Cerebras, a spent day": {heads("x-ratelimit-limit-tokens-minute", "60000", "x-ratelimit-remaining-tokens-minute", "59000", "x-ratelimit-reset-tokens-minute", "11.5",
			"x-ratelimit-limit-tokens-day", "1000000", "x-ratelimit-remaining-tokens-day", "0", "x-ratelimit-reset-tokens-day", "33011"),
			silent, told{1000000, 0, 33011 * time.Second, true, time.Second, 24 * time.Hour}},
		"Mistral": {heads("x-ratelimit-limit-req-minute", "60", "x-ratelimit-remaining-req-minute", "59",
			"x-ratelimit-limit-tokens-minute", "50000", "x-ratelimit-remaining-tokens-minute", "47196", "x-ratelimit-limit-tokens-month", "4000000"),
			told{60, 59, 0, false, 0, time.Minute}, told{50000, 47196, 0, false, 0, time.Minute}},
		"Mistral, before": {heads("ratelimitbysize-limit", "500000", "ratelimitbysize-remaining", "499672", "ratelimitbysize-reset", "32", "ratelimitbysize-query-cost", "328",
			"x-ratelimitbysize-limit-month", "1000000000", "x-ratelimitbysize-remaining-month", "999999672"),
			silent, told{500000, 499672, 32 * time.Second, true, time.Second, time.Minute}},
		"garbage": {heads("x-ratelimit-limit-requests", "lots", "x-ratelimit-remaining-requests", "-1", "x-ratelimit-reset-requests", "-6ms",
			"x-ratelimit-limit-tokens", "1e6", "x-ratelimit-remaining-tokens", "0x10", "x-ratelimit-reset-tokens", "NaN"), silent, silent},
		"too much": {heads("x-ratelimit-remaining-tokens", "1e99", "x-ratelimit-limit-requests", "99999999999999999999", "x-ratelimit-reset-requests", "99999999h"), silent, silent},
	} {
		said, any := read(c.h)
		require.True(t, any, name)
		require.Equal(t, c.requests, said[requests], name)
		require.Equal(t, c.tokens, said[tokens], name)
	}
	_, any := read(heads("x-request-id", "1"))
	require.False(t, any)
}

func TestTheLimitOfADayIsNotSpread(t *testing.T) {
	l := New(Settings{Learn: true})
	require.Zero(t, l.Learn(heads("x-ratelimit-limit-requests", "14400", "x-ratelimit-remaining-requests", "14370", "x-ratelimit-reset-requests", "2m59.56s"), &Debit{}, 0))
	require.Zero(t, l.Learn(heads("ratelimit", `"day";r=50;t=80000`, "ratelimit-policy", `"day";q=100;w=86400`), &Debit{}, 0))
	require.Zero(t, l.Learn(heads("x-ratelimit-limit-requests-day", "100", "x-ratelimit-remaining-requests-day", "99", "x-ratelimit-reset-requests-day", "60"), &Debit{}, 0))
	require.False(t, l.Active())
	require.Equal(t, 500*time.Second, l.Learn(heads("x-ratelimit-limit-requests-day", "100", "x-ratelimit-remaining-requests-day", "0", "x-ratelimit-reset-requests-day", "500"), &Debit{}, 0))
}

// A limit of each minute that a header names is kept from the first answer on.
func TestTheLimitOfANamedMinuteIsKept(t *testing.T) {
	l := New(Settings{Learn: true})
	require.Zero(t, l.Learn(heads("x-ratelimit-limit-req-minute", "60", "x-ratelimit-remaining-req-minute", "1"), &Debit{}, 0))
	_, ok := l.Take(of(1))
	require.True(t, ok)
	_, ok = l.Take(of(1))
	require.False(t, ok)
	require.InDelta(t, 1, l.Shortage(of(1)).For.Seconds(), 0.1)
}

func TestTheLowestOfAWhileCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{Learn: true})
		tell := func(limit, remaining string) {
			l.Learn(heads("x-ratelimit-limit-tokens", limit, "x-ratelimit-remaining-tokens", remaining), &Debit{}, 0)
		}
		level := func() float64 { return l.buckets[tokens].level(time.Now()) }
		tell("6000", "5000")
		require.True(t, l.Active())
		require.Equal(t, 5000., level())
		tell("6000", "5900") // an older answer
		require.Equal(t, 5000., level())
		tell("3000", "2000")
		require.Equal(t, 3000., l.buckets[tokens].limit)
		require.Equal(t, 2000., level())
		tell("6000", "5900") // an older answer
		require.Equal(t, 3000., l.buckets[tokens].limit)
		tell("3000", "2000")
		time.Sleep(5 * time.Second)
		tell("6000", "6000")
		time.Sleep(settled)
		require.Equal(t, 3000., l.buckets[tokens].limit)
		tell("6000", "6000")
		require.Equal(t, 6000., l.buckets[tokens].limit)
	})
}

func TestNothingLeftIsANamedWait(t *testing.T) {
	l := New(Settings{Learn: true})
	require.Equal(t, 20*time.Second, l.Learn(heads("ratelimit-limit", "100", "ratelimit-remaining", "0", "ratelimit-reset", "20"), &Debit{}, 0))
	// A bucket that is refilled all the time has something left sooner.
	l = New(Settings{Learn: true})
	require.Zero(t, l.Learn(heads("x-ratelimit-limit-requests", "60", "x-ratelimit-remaining-requests", "30", "x-ratelimit-reset-requests", "30s"), &Debit{}, 0))
	require.Zero(t, l.Learn(heads("x-ratelimit-limit-requests", "60", "x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1m0s"), &Debit{}, 0))
	require.Equal(t, "rpm", l.Shortage(Size{}).Of)
	require.InDelta(t, 1, l.Shortage(Size{}).For.Seconds(), 0.1)
	// Nobody learns who was told not to.
	require.Zero(t, New(Settings{}).Learn(heads("ratelimit-limit", "100", "ratelimit-remaining", "0", "ratelimit-reset", "20"), &Debit{}, 0))
}

func TestAnAnswerBeyondTheLimitExposesIt(t *testing.T) {
	l := New(Settings{Learn: true})
	l.Learn(heads("x-ratelimit-limit-tokens", "100", "x-ratelimit-remaining-tokens", "100"), &Debit{}, 0)
	d, ok := l.Take(of(50))
	require.True(t, ok)
	l.Settle(time.Now(), &d, Size{}, 300, 20)
	for range 10 {
		_, ok := l.Take(of(5000))
		require.True(t, ok)
	}
	l.Learn(heads("x-ratelimit-limit-tokens", "100", "x-ratelimit-remaining-tokens", "0"), &Debit{}, 0)
	_, ok = l.Take(of(5000))
	require.True(t, ok)
}

// What was in flight when a limit was learned explains what is missing then,
// and no longer.
func TestWhatWasInFlightIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{Learn: true})
		l.Learn(heads("x-ratelimit-limit-requests", "100", "x-ratelimit-remaining-requests", "90"), &Debit{}, 90)
		require.InDelta(t, 90, l.tolerated(l.now(), requests), 0)
		time.Sleep(undebitedFor)
		require.InDelta(t, 90, l.tolerated(l.now(), requests), 0)
		time.Sleep(time.Second)
		require.Less(t, l.tolerated(l.now(), requests), 90.0)
	})
}

// A header with very many items takes no longer than one with a few: each is
// looked up among the policies.
func TestFewItemsOfAHeaderAreRead(t *testing.T) {
	last := func(items int) bool {
		said, _ := read(heads("ratelimit", strings.Repeat(`"a";r=5;t=1,`, items-1)+`"b";r=0;t=9`, "ratelimit-policy", `"a";q=9;w=60, "b";q=9;w=60`))
		return said[requests].spent()
	}
	require.True(t, last(maxItems))
	require.False(t, last(maxItems+2))
}
