package rate

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// store is what the processes of a fleet share of one limit of tokens.
type store struct {
	mu     sync.Mutex
	bucket bucket
	asked  int
}

// join makes a limiter lease from it, as core/fleet does: ten times a second.
func (s *store) join(ctx context.Context, l *Limiter) {
	hungry := make(chan struct{}, 1)
	l.Lease(hungry)
	go func() {
		for ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond) // of synctest
			wants, asked := l.Wants()
			n := wants[tokens]
			if n == 0 {
				continue
			}
			s.mu.Lock()
			s.asked += asked
			granted := min(n, int(max(s.bucket.level(time.Now()), 0)))
			s.bucket.spend(float64(granted))
			all := s.asked
			s.mu.Unlock()
			l.Grant(tokens, granted, asked, all)
		}
	}()
}

// Whether a server takes from a limit what requests ask for at most or what
// their answers cost, the processes that share the limit find out, although
// each of them sees the use of all in what remains.
func TestAFleetLearnsWhatTheServerTakes(t *testing.T) {
	const tpm = 600_000
	for name, admits := range map[string]bool{"what requests ask for": true, "what answers cost": false} {
		t.Run(name, func(t *testing.T) {
			shared := &store{}
			l := load{
				processes: 8, callers: 24, lasts: 4 * time.Minute, estimate: 1, most: 1000, admits: admits,
				input: func() int { return 200 }, output: lengths, settings: Settings{TPM: tpm, Burst: time.Second, Learn: true},
				join: func(ctx context.Context, l *Limiter) {
					shared.mu.Lock()
					defer shared.mu.Unlock()
					shared.bucket.set(time.Now(), tpm, tpm/60)
					shared.join(ctx, l)
				},
			}
			s := &server{tpm: tpm, rpm: 1e9, level: [2]float64{1e9, tpm / 2}, headers: openAIHeaders} // before the first answer nobody knows
			used, refused := l.under(t, s)
			t.Logf("%.1f %% used, %.2f %% refused", used/(tpm*l.lasts.Minutes())*100, refused*100)
			require.GreaterOrEqual(t, used/(tpm*l.lasts.Minutes()), 0.95)
			require.LessOrEqual(t, refused, 0.01)
		})
	}
}
