package fleet_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/provider"
)

// hanging is a store that, once it hangs, answers nothing until a question's
// context ends.
type hanging struct {
	*fleet.Memory
	hangs atomic.Bool
}

func (h *hanging) wait(ctx context.Context) error {
	if !h.hangs.Load() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (h *hanging) Tell(ctx context.Context, changes []fleet.Change) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Memory.Tell(ctx, changes)
}

func (h *hanging) Mark(ctx context.Context, route, process string, lasts time.Duration) (bool, time.Duration, error) {
	if err := h.wait(ctx); err != nil {
		return false, 0, err
	}
	return h.Memory.Mark(ctx, route, process, lasts)
}

func (h *hanging) Unmark(ctx context.Context, route string) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Memory.Unmark(ctx, route)
}

func (h *hanging) Alive(ctx context.Context, process string) (int, error) {
	if err := h.wait(ctx); err != nil {
		return 0, err
	}
	return h.Memory.Alive(ctx, process)
}

// stopped is a store whose next questions end long after their time, as in a
// process that was stopped.
type stopped struct {
	*fleet.Memory
	alive, listens atomic.Bool
}

func (s *stopped) Alive(ctx context.Context, process string) (int, error) {
	if s.alive.CompareAndSwap(true, false) {
		time.Sleep(time.Minute) // of synctest
		return 0, ctx.Err()
	}
	return s.Memory.Alive(ctx, process)
}

func (s *stopped) Listen(ctx context.Context, from string) ([]fleet.Change, string, error) {
	if s.listens.CompareAndSwap(true, false) {
		time.Sleep(time.Minute) // of synctest
		return nil, from, context.DeadlineExceeded
	}
	return s.Memory.Listen(ctx, from)
}

// What a process does not hear since it was stopped says nothing of the store.
func TestAStoppedProcessDoesNotLoseItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stopped{Memory: fleet.NewMemory()}
		m := manager.New(manager.Options{})
		member, err := fleet.Join(context.Background(), m, fleet.Options{Open: func(context.Context) (fleet.Store, error) { return s, nil }})
		require.NoError(t, err)
		settle()
		require.True(t, member.Report().Connected)
		seen := m.Observers().Subscribe(100)
		defer seen.Close()
		s.alive.Store(true)
		s.listens.Store(true)
		time.Sleep(90 * time.Second) // of synctest
		require.False(t, s.alive.Load() || s.listens.Load())
		require.True(t, member.Report().Connected)
		require.Empty(t, seen.C(), "told")
		_ = m.Close(context.Background())
	})
}

// backend answers at once, or fails at once.
type backend struct{ fails atomic.Bool }

func (b *backend) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	if b.fails.Load() {
		return nil, io()
	}
	return &llm.Response{Choices: []llm.Choice{{Message: llm.Message{Content: "hello"}, FinishReason: "stop"}}}, nil
}

func (b *backend) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return nil, io()
}

// No call waits for a store that hangs, by a clock that only waiting moves:
// neither while the route fails, nor when its circuit opens, is half-open and
// closes.
func TestNoCallWaitsForAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := &hanging{Memory: fleet.NewMemory()}, &backend{}
		made, err := provider.NewCustom(config.Provider{Name: "p", Models: []config.Model{{Name: "m", Provider: "p", MaxRetries: 1}}}, b, provider.Options{})
		require.NoError(t, err)
		require.NoError(t, made.Initialize(t.Context()))
		m := manager.New(manager.Options{})
		require.NoError(t, m.Register(made))
		member, err := fleet.Join(context.Background(), m, fleet.Options{Open: func(context.Context) (fleet.Store, error) { return s, nil }})
		require.NoError(t, err)
		settle()
		require.True(t, member.Report().Connected)
		s.hangs.Store(true)
		c, seen := m.Clients()[0], map[string]int{}
		for i := range 2000 { // 40 s
			b.fails.Store(i > 100 && i < 1000)
			began := time.Now()
			c.MayProbe()
			_, _ = c.Chat(t.Context(), &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
			require.Zero(t, time.Since(began), "call %d waited", i)
			seen[c.Report().Circuit]++
			time.Sleep(20 * time.Millisecond) // of synctest
		}
		require.Greater(t, seen["open"], 100)
		require.Equal(t, "closed", c.Report().Circuit)
		require.False(t, member.Report().Connected)
		s.hangs.Store(false)
		began := time.Now()
		for !member.Report().Connected {
			time.Sleep(10 * time.Millisecond) // of synctest
		}
		require.Less(t, time.Since(began), 2*time.Second, "used again")
		_ = m.Close(context.Background())
	})
}

// deaf is a store that answers all questions, but not what is told.
type deaf struct {
	*fleet.Memory
	on atomic.Bool
}

func (d *deaf) Listen(ctx context.Context, from string) ([]fleet.Change, string, error) {
	if d.on.Load() {
		return nil, from, errors.New("NOPERM")
	}
	return d.Memory.Listen(ctx, from)
}

// A store that does not say what is told, by missing rights or a key that is
// another's, is out of reach, which is told once and not with each heartbeat;
// rates are leased from it all the same.
func TestAStoreThatDoesNotSayWhatIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &deaf{Memory: fleet.NewMemory()}
		s.on.Store(true)
		p := join(t, s, nil)
		defer p.close()
		seen := p.m.Observers().Subscribe(100)
		defer seen.Close()
		kinds := func() (all []observe.Kind) {
			for len(seen.C()) > 0 {
				all = append(all, (<-seen.C()).Kind)
			}
			return all
		}
		time.Sleep(30 * time.Second) // of synctest
		r := p.member.Report()
		require.False(t, r.Connected)
		require.Equal(t, "NOPERM", r.Error)
		require.Zero(t, r.RateShare)
		require.LessOrEqual(t, len(kinds()), 3, "lost, joined by a heartbeat before that was sure, and lost")
		s.on.Store(false)
		time.Sleep(2 * time.Second) // of synctest
		require.True(t, p.member.Report().Connected)
		require.Equal(t, []observe.Kind{observe.FleetJoined}, kinds())
		s.on.Store(true)
		time.Sleep(30 * time.Second) // of synctest
		require.False(t, p.member.Report().Connected)
		require.LessOrEqual(t, len(kinds()), 3)
	})
}

// leaseless is a store that refuses leases.
type leaseless struct{ *fleet.Memory }

func (leaseless) Lease(context.Context, fleet.Budget, int) (granted, asked int, err error) {
	return 0, 0, errors.New("unknown command 'EVAL'")
}

// A store that refuses leases and takes heartbeats is out of reach, which is
// not told with each of them; each member keeps the rate at its share.
func TestAStoreThatRefusesLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := joinRated(t, leaseless{fleet.NewMemory()}, 4)
		seen := all[0].m.Observers().Subscribe(1000)
		defer seen.Close()
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		calling := callUntil(ctx, all)
		calling.Wait()
		require.InEpsilon(t, 3000, calling.taken.Load(), 0.1)
		require.LessOrEqual(t, len(seen.C()), 4, "joined and lost, once more after the first refusal")
		r := all[0].member.Report()
		require.Equal(t, 0.25, r.RateShare)
		require.Contains(t, r.Error, "EVAL")
		for _, p := range all {
			p.close()
		}
	})
}
