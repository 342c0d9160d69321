package valkey_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/fleet/valkey"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
)

// late copies what comes from one connection to another, each piece later.
func late(from, to net.Conn, by time.Duration) {
	type piece struct {
		data []byte
		at   time.Time
	}
	pieces := make(chan piece, 1000)
	go func() {
		defer func() { _ = to.Close() }()
		for p := range pieces {
			time.Sleep(time.Until(p.at)) // the delay is what is tried
			if _, err := to.Write(p.data); err != nil {
				_ = from.Close()
			}
		}
	}()
	defer close(pieces)
	for {
		data := make([]byte, 64<<10)
		n, err := from.Read(data)
		if err != nil {
			return
		}
		pieces <- piece{data[:n], time.Now().Add(by)}
	}
}

// slowly gives the address of a server in front of s, whose answers come later.
func (s *server) slowly(by time.Duration) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	done := make(chan struct{})
	s.t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", "127.0.0.1:"+s.port)
			if err != nil {
				_ = c.Close()
				continue
			}
			go late(c, up, 0)
			go late(up, c, by)
		}
	}()
	return l.Addr().String()
}

// A server whose every answer takes 600 ms, or a second, is a store, with the
// times that a member gives it.
func TestAServerThatIsAlwaysSlow(t *testing.T) {
	for _, by := range []time.Duration{600 * time.Millisecond, time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			a, err := valkey.Open(t.Context(), config.Fleet{URL: "redis://" + s.slowly(by)})
			require.NoError(t, err)
			defer a.Close()
			_, err = a.Alive(t.Context(), "a")
			require.NoError(t, err)
			require.NoError(t, a.Tell(t.Context(), []fleet.Change{{Route: "r", What: "opened", For: time.Minute, Process: "a"}}))
			heard, from, err := a.Listen(t.Context(), "")
			require.NoError(t, err)
			require.Len(t, heard, 1)
			heard, _, err = a.Listen(t.Context(), from)
			require.NoError(t, err)
			require.Empty(t, heard)
			n, _, err := a.Lease(t.Context(), fleet.Budget{Route: "r", Of: "rpm", PerSecond: 10, Burst: 10}, 5)
			require.NoError(t, err)
			require.Equal(t, 5, n)
		})
	}
}

// A member joins a store that takes 600 ms, or a second, for each answer, and
// is counted there. That it stays is tried in time that a busy machine cannot
// take from it (TestAStoreThatIsAlwaysSlowIsUsed).
func TestAMemberOfASlowServer(t *testing.T) {
	for _, by := range []time.Duration{600 * time.Millisecond, time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			open, err := valkey.Opener(config.Fleet{URL: "redis://" + s.slowly(by)})
			require.NoError(t, err)
			m := manager.New(manager.Options{})
			seen := m.Observers().Subscribe(100)
			defer seen.Close()
			member, err := fleet.Join(t.Context(), m, fleet.Options{Open: open})
			require.NoError(t, err)
			require.Eventually(t, func() bool { return member.Report().Connected }, 30*time.Second, 10*time.Millisecond, "%+v", member.Report())
			require.Equal(t, observe.FleetJoined, (<-seen.C()).Kind)
			n, err := s.open().Alive(t.Context(), "another")
			require.NoError(t, err)
			require.Equal(t, 2, n)
			require.NoError(t, m.Close(context.Background()))
		})
	}
}
