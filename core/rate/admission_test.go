package rate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Requests reserve what the server takes when it lets them in: what they ask
// for at most, or what their answers cost.
func TestWhatTheServerCountsIsReserved(t *testing.T) {
	const tpm, minutes, begins = 600_000, 3, 0.5
	for _, admits := range []bool{true, false} {
		for _, processes := range []int{1, 8} {
			for _, most := range []int{1000, 2000} {
				t.Run(fmt.Sprintf("%v, %d processes, %d tokens", admits, processes, most), func(t *testing.T) {
					s := &server{tpm: tpm, rpm: 1e5, level: [2]float64{1000, tpm * begins}, headers: openAIHeaders}
					l := load{processes: processes, callers: 64 / processes, settings: Settings{Learn: true}, estimate: 1, input: lengths, output: lengths,
						lasts: minutes * time.Minute, most: most, admits: admits}
					used, refused := l.under(t, s)
					t.Logf("%.1f %% of the quota used, %.2f %% of %d requests refused; left over %.0f %%", used/(tpm*(minutes+begins))*100, refused*100, s.answers+s.refusals, s.level[tokens]/tpm*100)
					require.GreaterOrEqual(t, (used+s.level[tokens])/(tpm*(minutes+begins)), 0.95)
					require.Less(t, s.level[tokens]/tpm, 0.6)
					if admits && most == 1000 { // of more, eight are refused before they know of each other
						require.LessOrEqual(t, refused, 0.01)
					}
				})
			}
		}
	}
}

// Of a quota that is far from used, what is refilled is lost; that a server
// counts what answers cost shows all the same.
func TestAQuotaThatIsNearlyFull(t *testing.T) {
	answers := map[int]int{}
	for _, most := range []int{0, 4000} {
		s := &server{tpm: 600_000, rpm: 1e5, level: [2]float64{1000, 600_000}, headers: openAIHeaders}
		load{processes: 1, callers: 8, settings: Settings{Learn: true}, estimate: 1, input: lengths, output: lengths, lasts: 5 * time.Minute, most: most}.under(t, s)
		answers[most] = s.answers
	}
	require.InEpsilon(t, answers[0], answers[4000], 0.1)
}

// answered takes for a request, whose answer tells what remains then and costs
// so much.
func answered(t *testing.T, l *Limiter, s Size, remains string, cost int) Debit {
	t.Helper()
	d, ok := l.Take(s)
	require.True(t, ok)
	was := d
	l.Learn(heads("x-ratelimit-limit-tokens", "600000", "x-ratelimit-remaining-tokens", remains), &d, 0)
	l.Settle(time.Now(), &d, s, int(s.Input), cost-int(s.Input))
	return was
}

// Of a request that was not answered, and of one that asks for nothing at most,
// nothing is learned.
func TestSamplesThatTellNothing(t *testing.T) {
	l := New(Settings{Learn: true, TPM: 600_000, Burst: time.Minute})
	s := Size{Input: 100, Most: 1000}
	first := answered(t, l, s, "300000", 150)
	require.InDelta(t, 356, first.tokens, 1) // nothing was told
	require.InDelta(t, 1100, answered(t, l, s, "299000", 150).tokens, 1)
	lost, ok := l.Take(s)
	require.True(t, ok)
	require.NotZero(t, lost.mark)
	l.Return(&lost, true)
	again, ok := l.Take(s)
	require.True(t, ok)
	require.NotZero(t, again.mark, "another request is the sample")
	l.Refuse(&again)
	free, ok := l.Take(Size{Input: 100})
	require.True(t, ok)
	require.Less(t, free.tokens, float32(500))
	l.Settle(time.Now(), &free, Size{Input: 100}, -1, -1)
	require.Zero(t, l.sizes.next.mark)
}
