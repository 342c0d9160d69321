package rate

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// tokenLimiter has so many tokens a minute and a full bucket of a second's.
func tokenLimiter(tpm float64) *Limiter { return New(Settings{TPM: tpm, Burst: time.Second}) }

// of is a request of n tokens, if its answer has at most one.
func of(n float64) Size { return Size{Input: n - 1, Most: 1} }

func TestATakerWaitsUntilTheTokensAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := tokenLimiter(6000) // 100 a second
		d, ok := l.Take(of(80))
		require.True(t, ok)
		_, ok = l.Take(of(70))
		require.False(t, ok)
		short := l.Shortage(of(70))
		require.Equal(t, Shortage{For: 500 * time.Millisecond, Of: "tpm", Unit: "tokens", Max: 6000, Used: 0.8}, short)
		began := time.Now()
		_, err := l.Wait(t.Context(), of(70))
		require.NoError(t, err)
		require.InDelta(t, 0.5, time.Since(began).Seconds(), 0.001)
		l.Settle(time.Now(), &d, of(80), 30, 10) // 40 of 80 come back
		_, ok = l.Take(of(40))
		require.True(t, ok)
		l.Settle(time.Now(), &d, of(80), 1000, 1000) // a second time: nothing
		_, ok = l.Take(of(4000))
		require.False(t, ok)
	})
}

func TestWhatCostMoreIsADebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := tokenLimiter(6000)
		d, _ := l.Take(of(100))
		l.Settle(time.Now(), &d, of(100), 99, 301)
		require.Equal(t, 3*time.Second+10*time.Millisecond, l.Shortage(Size{Most: 1}).For.Round(time.Millisecond))
	})
}

func TestAnswersThatComeBackWakeTheFirstInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := tokenLimiter(60) // one a second
		d, ok := l.Take(Size{Input: 1})
		require.True(t, ok) // 257 of a bucket of 1: alone
		var mu sync.Mutex
		var passed []int
		order := func() []int { mu.Lock(); defer mu.Unlock(); return slices.Clone(passed) }
		for i := range 3 {
			go func() {
				if _, err := l.Wait(t.Context(), Size{Most: 1}); err == nil {
					mu.Lock()
					defer mu.Unlock()
					passed = append(passed, i)
				}
			}()
			synctest.Wait()
		}
		require.Equal(t, 3, l.Report().Waiting)
		require.Equal(t, "tpm", l.Report().Binding)
		require.Empty(t, order())
		l.Settle(time.Now(), &d, Size{Input: 1}, 0, 0)
		synctest.Wait()
		require.Equal(t, []int{0}, order()) // the bucket holds one
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, []int{0, 1, 2}, order())
		require.Equal(t, Report{Used: l.Report().Used}, l.Report())
	})
}

func TestARequestBiggerThanTheBucketPassesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := tokenLimiter(6000)
		_, ok := l.Take(of(10))
		require.True(t, ok)
		began := time.Now()
		_, err := l.Wait(t.Context(), of(1000))
		require.NoError(t, err)
		require.InDelta(t, 0.1, time.Since(began).Seconds(), 0.001)
		_, err = l.Wait(t.Context(), of(50))
		require.NoError(t, err)
		require.InDelta(t, 9.6, time.Since(began).Seconds(), 0.001) // 900 of debt and 50
	})
}

func TestWhoLeavesTheLineTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{RPM: 60, Burst: time.Second})
		d, ok := l.Take(Size{})
		require.True(t, ok)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		second := make(chan time.Time, 1)
		go func() {
			time.Sleep(time.Millisecond)
			if _, err := l.Wait(t.Context(), Size{}); err == nil {
				second <- time.Now()
			}
		}()
		began := time.Now()
		_, err := l.Wait(ctx, Size{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, (<-second).Sub(began).Round(time.Millisecond))
		l.Return(&d, true) // counts for a second, since the bucket holds one
		_, ok = l.Take(Size{})
		require.True(t, ok)
		_, err = l.Wait(ctx, Size{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestARefusedRequestIsNotDebitedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{RPM: 120, TPM: 6000, Burst: time.Second})
		for range 10 {
			d, ok := l.Take(of(90))
			require.True(t, ok)
			l.Refuse(&d)
		}
		d, ok := l.Take(of(90))
		require.True(t, ok)
		l.Return(&d, false) // the request counts
		_, ok = l.Take(of(90))
		require.True(t, ok)
		_, ok = l.Take(of(1))
		require.False(t, ok)
		require.Equal(t, "rpm", l.Shortage(of(1)).Of)
	})
}

// What a 429 without headers takes comes back by and by.
func TestRefusalsWithoutHeadersEaseALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{TPM: 60_000, RPM: 6000, Burst: time.Second})
		refuse := func() {
			d, ok := l.Take(of(10))
			require.True(t, ok)
			l.Refuse(&d)
		}
		share := func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.freshen(time.Now())
			return l.buckets[tokens].perSecond / 1000
		}
		refuse()
		require.InDelta(t, 1, share(), 1e-9, "one may happen")
		refuse()
		refuse()
		require.InDelta(t, 0.9, share(), 1e-2, "those in flight together count once")
		time.Sleep(10 * time.Second)
		require.InDelta(t, 0.95, share(), 1e-2)
		time.Sleep(time.Minute)
		require.InDelta(t, 1, share(), 1e-9)
		require.Zero(t, l.learned[tokens].share)
	})
}

func TestSizes(t *testing.T) {
	require.Equal(t, Size{Input: 100}, SizeOf([]byte(strings.Repeat("abcdefg", 50)), 0))
	require.Equal(t, Size{Input: 200, Most: 5}, SizeOf([]byte(strings.Repeat("語", 100)), 5))
	require.Equal(t, Size{Input: 400}, SizeOf([]byte(strings.Repeat(`\u8a9e`, 100)), 0))
	picture := `{"url":"data:image/png;base64,` + strings.Repeat("A", 100_000) + `"}`
	require.InDelta(t, 2010, SizeOf([]byte(picture+picture), 0).Input, 10)

	s := &sizes{scale: 1}
	require.Equal(t, 100.+unknownOutput, s.expect(Size{Input: 100}))
	require.Equal(t, 110., s.expect(Size{Input: 100, Most: 10}))
	for i := range 300 {
		s.settle(100, 300, i%200)
	}
	require.InDelta(t, 300, s.expect(Size{Input: 100})-s.p95, 1)
	require.InDelta(t, 190, s.p95, 2)
}

func BenchmarkInactive(b *testing.B) {
	l := New(Settings{Learn: true})
	h := map[string][]string{"Content-Type": {"application/json"}, "Date": {"now"}, "X-Request-Id": {"1"}, "Server": {"s"}}
	b.ReportAllocs()
	for b.Loop() {
		if l.Active() || l.Learn(h, &Debit{}, 0) > 0 {
			b.Fatal("active")
		}
		l.Settle(time.Time{}, &Debit{}, Size{}, 1, 1)
	}
}
