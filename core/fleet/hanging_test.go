package fleet_test

import (
	"context"
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
