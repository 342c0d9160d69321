package rate

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// server counts as a vendor's does: a bucket of tokens and one of requests that
// are refilled all the time.
type server struct {
	mu       sync.Mutex
	tpm, rpm float64
	level    [2]float64 // of requests, tokens
	at       time.Time
	headers  func(s *server, h http.Header)

	answers, refusals int
	used              float64
}

func (s *server) fill() {
	now := time.Now()
	passed := now.Sub(s.at).Minutes()
	s.level[requests] = min(s.level[requests]+s.rpm*passed, s.rpm)
	s.level[tokens] = min(s.level[tokens]+s.tpm*passed, s.tpm)
	s.at = now
}

// ask is one request of so many tokens.
func (s *server) ask(cost float64) (ok bool, h http.Header, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill()
	h = http.Header{}
	ok = s.level[tokens] >= cost && s.level[requests] >= 1
	if ok {
		s.level[tokens] -= cost
		s.level[requests]--
		s.answers++
		s.used += cost
	} else {
		s.refusals++
		wait = time.Second
		h.Set("Retry-After", "1")
	}
	if s.headers != nil {
		s.headers(s, h)
	}
	return ok, h, wait
}

func openAIHeaders(s *server, h http.Header) {
	for i, of := range []string{"Requests", "Tokens"} {
		limit := []float64{s.rpm, s.tpm}[i]
		h.Set("X-Ratelimit-Limit-"+of, strconv.Itoa(int(limit)))
		h.Set("X-Ratelimit-Remaining-"+of, strconv.Itoa(int(s.level[i])))
		h.Set("X-Ratelimit-Reset-"+of, time.Duration((limit-s.level[i])/limit*float64(time.Minute)).Round(time.Millisecond).String())
	}
}

// load is what callers do, in several processes that know nothing of each
// other.
type load struct {
	processes, callers int // callers of each process
	settings           Settings
	lasts              time.Duration
	input, output      func() int // that an answer costs
	estimate           float64    // of the input: times what it costs
	reorder            bool       // answers take very different times
	most               int        // max_tokens of each request; 0: none
	admits             bool       // the server counts them, when it lets a request in
	during             func(s *server)
	join               func(context.Context, *Limiter)
}

// under runs the load and gives what the server counted in that time.
func (l load) under(t *testing.T, s *server) (used float64, refused float64) {
	synctest.Test(t, func(t *testing.T) {
		s.at = time.Now()
		ctx, stop := context.WithTimeout(t.Context(), l.lasts)
		defer stop()
		if l.during != nil {
			go l.during(s)
		}
		var all sync.WaitGroup
		for range l.processes {
			limiter := New(l.settings)
			if l.join != nil {
				l.join(ctx, limiter)
			}
			var mu sync.Mutex
			var blocked time.Time // by Retry-After, or by headers
			for range l.callers {
				all.Go(func() {
					for ctx.Err() == nil {
						mu.Lock()
						until := time.Until(blocked)
						mu.Unlock()
						if until > 0 {
							time.Sleep(until)
							continue
						}
						in, out := l.input(), l.output()
						var d Debit
						size := Size{Input: float64(in) * l.estimate, Most: l.most}
						if limiter.Active() {
							var err error
							if d, err = limiter.Wait(ctx, size); err != nil {
								return
							}
						}
						cost := in + out
						if l.admits {
							cost = in + l.most
						}
						ok, h, wait := s.ask(float64(cost))
						took := 200*time.Millisecond + time.Duration(out)*4*time.Millisecond
						if l.reorder {
							took = rand.N(4 * time.Second)
						}
						if ok {
							time.Sleep(took)
						}
						if told := limiter.Learn(h, &d, l.callers); told > 0 || wait > 0 {
							mu.Lock()
							blocked = time.Now().Add(max(wait, told))
							mu.Unlock()
						}
						if ok {
							limiter.Settle(time.Now(), &d, size, in, out)
						} else {
							limiter.Refuse(&d)
						}
					}
				})
			}
		}
		all.Wait()
	})
	return s.used, float64(s.refusals) / float64(max(s.answers+s.refusals, 1))
}

func lengths() int { return int(max(10, 270*(0.3+rand.ExpFloat64()*0.7))) }

// The least that a headers' liar may cost: what it says is not believed for
// long, so all of the quota is used.
func TestLyingHeadersStopNobody(t *testing.T) {
	set := func(limit, remaining, reset string) func(*server, http.Header) {
		return func(_ *server, h http.Header) {
			h.Set("X-Ratelimit-Limit-Tokens", limit)
			h.Set("X-Ratelimit-Remaining-Tokens", remaining)
			h.Set("X-Ratelimit-Reset-Tokens", reset)
		}
	}
	for name, headers := range map[string]func(*server, http.Header){
		"one token":      set("1", "1", "0s"),
		"none at all":    set("0", "0", "1m0s"),
		"more left":      set("100", "600000", "1s"),
		"a day's":        set("1000", "10", "20h0m0s"),
		"words":          set("many", "enough", "soon"),
		"negative":       set("-5", "-5", "-5s"),
		"not a number":   set("NaN", "Inf", "1e9s"),
		"ten times more": set("6000000", "6000000", "0s"),
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{tpm: 600_000, rpm: 1e5, level: [2]float64{1000, 50_000}, headers: headers}
			l := load{processes: 1, callers: 64, settings: Settings{Learn: true}, estimate: 1, input: lengths, output: lengths, lasts: 2 * time.Minute}
			used, _ := l.under(t, s)
			require.GreaterOrEqual(t, used/1_200_000, 0.9)
		})
	}
}

// A limit that is halved while the load runs is kept, whether headers tell it
// or 429s alone.
func TestALimitIsHalvedAtRunTime(t *testing.T) {
	halve := func(s *server) {
		time.Sleep(time.Minute)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fill()
		s.tpm /= 2
	}
	for name, c := range map[string]struct {
		settings Settings
		headers  func(*server, http.Header)
		refused  float64
	}{
		"learned":                  {Settings{Learn: true}, openAIHeaders, 0.01},
		"configured, with headers": {Settings{Learn: true, TPM: 600_000, Burst: time.Second}, openAIHeaders, 0.03},
		"configured, without":      {Settings{Learn: true, TPM: 600_000, Burst: time.Second}, nil, 0.03},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{tpm: 600_000, rpm: 1e5, level: [2]float64{1000, 50_000}, headers: c.headers}
			l := load{processes: 1, callers: 64, settings: c.settings, estimate: 1, input: lengths, output: lengths, lasts: 5 * time.Minute, during: halve}
			used, refused := l.under(t, s)
			t.Logf("%.1f %% of the quota used, %.2f %% of %d requests refused; left over %.0f %%", used/1_800_000*100, refused*100, s.answers+s.refusals, s.level[tokens]/s.tpm*100)
			require.GreaterOrEqual(t, (used+s.level[tokens])/1_800_000, 0.95) // a shared limit keeps some in reserve
			require.LessOrEqual(t, refused, c.refused)
		})
	}
}

// A whole quota is used, and little refused, whoever told the limit.
func TestTheQuotaIsUsed(t *testing.T) {
	const tpm, minutes = 600_000, 5
	for name, c := range map[string]struct {
		load
		headers   func(*server, http.Header)
		least     float64
		refusedAt float64
	}{
		"configured":             {load: load{processes: 1, settings: Settings{TPM: tpm, RPM: 1e5, Burst: time.Second}, estimate: 1}, least: 0.95, refusedAt: 0.01},
		"configured, too low":    {load: load{processes: 1, settings: Settings{TPM: tpm, Burst: time.Second}, estimate: 0.2}, least: 0.95, refusedAt: 0.01},
		"configured, too high":   {load: load{processes: 1, settings: Settings{TPM: tpm, Burst: time.Second}, estimate: 5}, least: 0.95, refusedAt: 0.01},
		"learned":                {load: load{processes: 1, settings: Settings{Learn: true}, estimate: 1}, headers: openAIHeaders, least: 0.95, refusedAt: 0.01},
		"learned, out of order":  {load: load{processes: 1, settings: Settings{Learn: true}, estimate: 1, reorder: true}, headers: openAIHeaders, least: 0.95, refusedAt: 0.01},
		"learned, wrong sizes":   {load: load{processes: 1, settings: Settings{Learn: true}, estimate: 0.2}, headers: openAIHeaders, least: 0.95, refusedAt: 0.01},
		"learned, eight of them": {load: load{processes: 8, settings: Settings{Learn: true}, estimate: 1}, headers: openAIHeaders, least: 0.95, refusedAt: 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{tpm: tpm, rpm: 1e5, level: [2]float64{1000, 50_000}, headers: c.headers}
			l := c.load
			l.callers, l.lasts, l.input, l.output = 64/l.processes, minutes*time.Minute, lengths, lengths
			used, refused := l.under(t, s)
			share := used / (tpm * minutes)
			t.Logf("%.1f %% of the quota used, %.2f %% of %d requests refused; left over %.0f %%", share*100, refused*100, s.answers+s.refusals, s.level[tokens]/tpm*100)
			require.GreaterOrEqual(t, share, c.least)
			require.LessOrEqual(t, refused, c.refusedAt)
		})
	}
}

// Processes that begin together, each with what remains as its own, learn of
// each other before they are refused often. Two minutes hold no more than that
// beginning.
func TestProcessesThatBeginTogetherAreSeldomRefused(t *testing.T) {
	const tpm, minutes = 600_000, 2
	for processes, most := range map[int]float64{2: 0.02, 8: 0.01} { // two have half as many answers to learn from as they may send
		s := &server{tpm: tpm, rpm: 1e5, level: [2]float64{1000, tpm / 10}, headers: openAIHeaders}
		l := load{processes: processes, callers: 64 / processes, settings: Settings{Learn: true}, estimate: 1, input: lengths, output: lengths, lasts: minutes * time.Minute}
		used, refused := l.under(t, s)
		t.Logf("%d: %.1f %% of the quota used, %.2f %% of %d requests refused", processes, used/(tpm*minutes)*100, refused*100, s.answers+s.refusals)
		require.GreaterOrEqual(t, (used+s.level[tokens])/(tpm*minutes), 0.95)
		require.LessOrEqual(t, refused, most)
	}
}

// A process that begins where others have used up the limit waits as long as
// the server says, not until the bucket would be full, which is what some
// servers tell as their reset; so much of the quota of its first minute is
// used. Refused are the first that each caller sends, at times the second, too.
func TestTheFirstMinuteOfAnEmptyBucketIsUsed(t *testing.T) {
	const tpm, callers, most = 600_000, 64, 1000
	for _, settings := range []Settings{{Learn: true}, {Learn: true, TPM: tpm, Burst: time.Second}} {
		for _, admits := range []bool{true, false} {
			for _, level := range []float64{0, 0.02} {
				s := &server{tpm: tpm, rpm: 1e5, level: [2]float64{1000, tpm * level}, headers: openAIHeaders}
				l := load{processes: 1, callers: callers, settings: settings, estimate: 1, input: lengths, output: lengths, lasts: time.Minute, most: most, admits: admits}
				used, _ := l.under(t, s)
				t.Logf("%v, %v, %v: %.1f %% of the quota used, %d of %d refused", settings, admits, level, used/tpm/(1+level)*100, s.refusals, s.answers+s.refusals)
				require.GreaterOrEqual(t, used/tpm/(1+level), 0.4) // mostly 0.98, and about half where the first refusals look like others' use
				require.LessOrEqual(t, s.refusals, 3*callers)
			}
		}
	}
}
