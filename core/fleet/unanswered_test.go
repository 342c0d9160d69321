package fleet_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/rate"
)

// forgetful counts what it is asked and told, and loses each third answer.
type forgetful struct {
	*fleet.Memory
	leases int
}

func (s *forgetful) Lease(ctx context.Context, b fleet.Budget, n int) (granted, asked int, err error) {
	granted, asked, err = s.Memory.Lease(ctx, b, n)
	if s.leases++; s.leases%3 == 0 && err == nil {
		return 0, 0, errors.New("the connection broke")
	}
	return granted, asked, err
}

// A store whose answer was lost has counted what it was told, and is told it
// once more. That it counts twice is no sign that the server takes less than
// requests ask for: a server that takes max_tokens refuses nothing.
func TestALostAnswerTeachesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tpm, input, most = 600_000, 100, 1000
		s := &forgetful{Memory: fleet.NewMemory()}
		p := join(t, s, func(m *config.Model, _ *fleet.Options) {
			m.Rate = config.Rate{TPM: tpm, Burst: time.Second}
		})
		defer p.close()
		settle()
		limiter := p.c.Machinery().Rate()
		level, at, refused := tpm/2.0, time.Now(), 0
		size := rate.Size{Input: input, Most: most}
		for began := time.Now(); time.Since(began) < 2*time.Minute; {
			d, err := limiter.Wait(t.Context(), size)
			require.NoError(t, err)
			level = min(level+time.Since(at).Minutes()*tpm, tpm)
			at = time.Now()
			enough := level >= input+most
			if enough {
				level -= input + most
			}
			limiter.Learn(http.Header{"X-Ratelimit-Limit-Tokens": {strconv.Itoa(tpm)}, "X-Ratelimit-Remaining-Tokens": {strconv.Itoa(int(level))}}, &d, 0)
			if enough {
				limiter.Settle(at, &d, size, input, 50)
			} else {
				refused++
				limiter.Refuse(&d)
			}
			time.Sleep(20 * time.Millisecond) // of synctest
		}
		t.Logf("%d refused, %d leases", refused, s.leases)
		require.Zero(t, refused)
		require.Greater(t, s.leases, 100)
	})
}
