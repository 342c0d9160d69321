package fleet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/fleet"
)

// slow is a store that takes its time for each answer. What it is asked happens
// halfway.
type slow struct {
	*fleet.Memory
	takes time.Duration
}

func (s *slow) half(ctx context.Context) error {
	if s.takes == 0 { // Go's race detector crashes now and then at timers of a bubble that are due at once
		return ctx.Err()
	}
	timer := time.NewTimer(s.takes / 2)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// slowly asks the store, whose answer is lost where ctx ends before.
func slowly(ctx context.Context, s *slow, ask func()) error {
	if err := s.half(ctx); err != nil {
		return err
	}
	ask()
	return s.half(ctx)
}

func (s *slow) Tell(ctx context.Context, changes []fleet.Change) error {
	return slowly(ctx, s, func() { _ = s.Memory.Tell(ctx, changes) })
}

func (s *slow) Listen(ctx context.Context, from string) (changes []fleet.Change, next string, err error) {
	if err := slowly(ctx, s, func() { changes, next, err = s.Memory.Listen(ctx, from) }); err != nil {
		return nil, from, err
	}
	return changes, next, err
}

func (s *slow) Lease(ctx context.Context, b fleet.Budget, n int) (granted, asked int, err error) {
	if err := slowly(ctx, s, func() { granted, asked, err = s.Memory.Lease(ctx, b, n) }); err != nil {
		return 0, 0, err
	}
	return granted, asked, err
}

func (s *slow) Mark(ctx context.Context, route, process string, lasts time.Duration) (mine bool, left time.Duration, err error) {
	if err := slowly(ctx, s, func() { mine, left, err = s.Memory.Mark(ctx, route, process, lasts) }); err != nil {
		return false, 0, err
	}
	return mine, left, err
}

func (s *slow) Unmark(ctx context.Context, route string) error {
	return slowly(ctx, s, func() { _ = s.Memory.Unmark(ctx, route) })
}

func (s *slow) Alive(ctx context.Context, process string) (n int, err error) {
	if err := slowly(ctx, s, func() { n, err = s.Memory.Alive(ctx, process) }); err != nil {
		return 0, err
	}
	return n, err
}

// A store that takes half a second and more for each answer, always, is used
// all the same: what one process is told holds for the others a little later.
func TestAStoreThatIsAlwaysSlowIsUsed(t *testing.T) {
	for _, takes := range []time.Duration{500 * time.Millisecond, 700 * time.Millisecond, 1200 * time.Millisecond, 1400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := fleet.NewMemory()
			p := []*process{join(t, &slow{s, takes}, nil), join(t, &slow{s, takes}, nil)}
			time.Sleep(10 * time.Second)
			for range 50 {
				require.True(t, p[0].member.Report().Connected, takes)
				require.Equal(t, 2, p[1].member.Report().Processes, takes)
				time.Sleep(100 * time.Millisecond)
			}
			p[0].breaker().BlockUntil(time.Now().Add(time.Minute))
			time.Sleep(4 * takes)
			require.NotZero(t, p[1].c.NamedWait(), takes)
			for _, x := range p {
				x.close()
			}
		})
	}
}

// However slow the store is, the members never use more than their rate; with a
// store in another region they use most of it.
func TestARateWithASlowStore(t *testing.T) {
	for takes, least := range map[time.Duration]int{
		0: 2950, 100 * time.Millisecond: 2850, 200 * time.Millisecond: 2850, 400 * time.Millisecond: 2700, 700 * time.Millisecond: 1800,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &slow{fleet.NewMemory(), takes}
			all := joinRated(t, s, 4)
			settle()
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			calling := callUntil(ctx, all)
			calling.Wait()
			sum := int(calling.taken.Load())
			t.Logf("a store of %v: %d of 3000", takes, sum)
			require.LessOrEqual(t, sum, 3000+100+4*10, takes)
			require.GreaterOrEqual(t, sum, least, takes)
			for _, p := range all {
				p.close()
			}
		})
	}
}
