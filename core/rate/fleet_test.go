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
	loses  int // every so many answers is lost; 0: none
	leases int
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
			s.leases++
			lost := s.loses > 0 && s.leases%s.loses == 0
			s.mu.Unlock()
			if lost {
				l.Unanswered()
				continue
			}
			l.Grant(tokens, granted, asked, all)
		}
	}()
}

// Whether a server takes from a limit what requests ask for at most or what
// their answers cost, the processes that share the limit find out, although
// each of them sees the use of all in what remains.
func TestAFleetLearnsWhatTheServerTakes(t *testing.T) {
	const tpm = 600_000
	for name, c := range map[string]struct {
		processes, loses int
		admits           bool
		least            float64
	}{
		"what requests ask for": {8, 0, true, 0.95}, "what answers cost": {8, 0, false, 0.95},
		"what requests ask for, every third lease's answer is lost": {1, 3, true, 0.6}, // and what was granted with it
	} {
		t.Run(name, func(t *testing.T) {
			shared, admits := &store{loses: c.loses}, c.admits
			l := load{
				processes: c.processes, callers: 192 / c.processes, lasts: 4 * time.Minute, estimate: 1, most: 1000, admits: admits,
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
			require.GreaterOrEqual(t, used/(tpm*l.lasts.Minutes()), c.least)
			require.LessOrEqual(t, refused, 0.01)
		})
	}
}
