package rate

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A server may tell the limit of a minute and hold a second of it, so that
// little of the limit remains at any time. 429s, as when somebody else used the
// quota for a moment, slow the route for some seconds at most.
func TestRateOfASmallBucketRecoversFrom429s(t *testing.T) {
	const rpm, holds = 12_000, 200
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{Learn: true})
		level, at := float64(holds), time.Now()
		answered := 0
		learn := func(d *Debit) time.Duration {
			h := http.Header{}
			h.Set("X-Ratelimit-Limit-Requests", strconv.Itoa(rpm))
			h.Set("X-Ratelimit-Remaining-Requests", strconv.Itoa(int(level)))
			h.Set("X-Ratelimit-Reset-Requests", time.Duration((holds-level)/rpm*float64(time.Minute)).Round(time.Millisecond).String())
			return l.Learn(h, d, 0)
		}
		second := func() int {
			before := answered
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				d, err := l.Wait(t.Context(), Size{})
				require.NoError(t, err)
				level = min(level+time.Since(at).Minutes()*rpm, holds)
				at = time.Now()
				ok := level >= 1
				if ok {
					level--
				}
				wait := learn(&d)
				if ok {
					answered++
					l.Settle(at, &d, Size{}, 1, 1)
				} else {
					l.Refuse(&d)
				}
				time.Sleep(max(wait, time.Millisecond))
			}
			return answered - before
		}
		learn(&Debit{})
		for range 10 {
			second()
		}
		level, at = 0, time.Now()
		for range 51 {
			learn(&Debit{})
			l.Refuse(&Debit{tokens: 1})
		}
		time.Sleep(time.Second)
		for range 5 {
			second()
		}
		for range 20 {
			require.GreaterOrEqual(t, second(), 150)
		}
	})
}

// After a rest, what a route sends at once is what such a server holds, not the
// limit of a minute.
func TestRateOfASmallBucketAfterARest(t *testing.T) {
	const rpm, holds = 12_000, 200
	synctest.Test(t, func(t *testing.T) {
		l := New(Settings{Learn: true})
		for level := holds - 1; level > holds-20; level-- {
			h := http.Header{}
			h.Set("X-Ratelimit-Limit-Requests", strconv.Itoa(rpm))
			h.Set("X-Ratelimit-Remaining-Requests", strconv.Itoa(level))
			h.Set("X-Ratelimit-Reset-Requests", time.Duration(float64(holds-level)/rpm*float64(time.Minute)).String())
			l.Learn(h, &Debit{}, 0)
			d, err := l.Wait(t.Context(), Size{})
			require.NoError(t, err)
			l.Settle(time.Now(), &d, Size{}, 1, 1)
		}
		time.Sleep(time.Hour)
		began, sent := time.Now(), 0
		for ; ; sent++ {
			_, err := l.Wait(t.Context(), Size{})
			require.NoError(t, err)
			if time.Now().After(began) {
				break
			}
		}
		require.InDelta(t, holds, sent, 1)
	})
}
