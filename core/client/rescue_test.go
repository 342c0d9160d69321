package client_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// faulty is a backend whose side doors panic.
type faulty struct{ deaf }

func (*faulty) Healthy(context.Context) bool { panic("no idea") }

func (d *faulty) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	<-d.free
	return d, nil
}

func (d *faulty) Close() error { defer close(d.closed); panic("not now") }

// What an application's client does wrong on a goroutine of the library's must
// not end the process.
func TestAPanicOnAGoroutineOfTheLibraryEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &faulty{deaf{free: make(chan struct{}), closed: make(chan struct{})}}
		c := custom(t, d, func(cfg *config.Model) { cfg.MaxRetries, cfg.Timeout = 1, time.Second })
		require.False(t, c.CheckHealth(t.Context()))
		_, err := c.Stream(t.Context(), ask())
		require.Equal(t, llm.Timeout, llm.CodeOfError(err))
		close(d.free) // its reader comes when nobody waits any more, and is closed
		<-d.closed
		synctest.Wait()
	})
}

func TestRescueTellsWhatPanicked(t *testing.T) {
	c := custom(t, &deaf{}, nil)
	require.Nil(t, c.Rescue("test", func() {}))
	failed := c.Rescue("test", func() { panic("oh") })
	require.Equal(t, llm.Internal, failed.Code)
	require.Contains(t, failed.Message, "test")
	require.Contains(t, failed.Message, "oh")
}
