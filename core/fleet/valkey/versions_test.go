package valkey_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/fleet/valkey"
	"github.com/llmagg/llmagg/core/manager"
)

// entries are of other versions of the library, or of nobody of ours: with
// fields that are not known, of kinds that are not known, without fields that
// were always there, with values that are none.
var entries = []string{
	"route r what opened for_ms 60000 process later weight 3 reason overload",
	"route r what drained for_ms 60000 process later",
	"route r what drained for_ms 60000 process latest",
	"route r what retired process later",
	"route r what OPENED for_ms 60000 process later",
	"route r what opened process earlier",
	"what opened for_ms 60000 process earlier",
	"route r for_ms 60000 process earlier",
	"route r what wait for_ms 60000",
	"route r what opened for_ms soon process earlier",
	"route r what opened for_ms 99999999999999999999 process later",
	"route r what opened for_ms -5 process later",
	"route r what wait for_ms 1.5e3 process later",
	"version 9",
}

// What other versions tell is heard as far as it is known, and what comes after
// it, too.
func TestEntriesOfOtherVersionsAreHeardAsFarAsTheyAreKnown(t *testing.T) {
	var records bytes.Buffer // read after Leave
	s := start(t)
	a := s.open()
	for _, e := range entries {
		s.say("XADD llmagg:{default}:changes * " + e)
	}
	heard, from, err := a.Listen(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, "later", heard[0].Process)
	require.InDelta(t, 60, heard[0].For.Seconds(), 1)
	require.NoError(t, a.Tell(t.Context(), []fleet.Change{{Route: "r", What: "opened", For: time.Minute, Process: "a"}}))
	heard, _, err = a.Listen(t.Context(), from)
	require.NoError(t, err)
	require.Len(t, heard, 1)

	open, err := valkey.Opener(s.config())
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	log := slog.New(slog.NewTextHandler(&records, nil))
	member, err := fleet.Join(t.Context(), m, fleet.Options{Open: open, Logger: log})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(context.Background())) }()
	require.Eventually(t, func() bool { return member.Report().Heard >= 4 }, 10*time.Second, 10*time.Millisecond)
	s.say("XADD llmagg:{default}:changes * route r what closed for_ms 0 process later")
	require.Eventually(t, func() bool { return member.Report().Heard == 5 }, 10*time.Second, 10*time.Millisecond, "%+v", member.Report())
	require.True(t, member.Report().Connected)
	require.Equal(t, []string{"drained", "retired", "OPENED", "opened without a time", "", "opened for too long", "wait without a time"}, member.Report().Unknown)
	member.Leave()
	require.Equal(t, 4, strings.Count(records.String(), "does not know"), records.String())
	require.Equal(t, 3, strings.Count(records.String(), "cannot use"), records.String())
	require.Contains(t, records.String(), "kind=drained process=later\n")
}

// What stands under the key of a rate and is no time of ours counts as nothing;
// a key of another type is told.
func TestARateOfAnotherVersion(t *testing.T) {
	s := start(t)
	a := s.open()
	budget := fleet.Budget{Route: "r", Of: "rpm", PerSecond: 100, Burst: 10}
	for _, value := range []string{"garbage", "{tat:5}", "-5", "0", "nan", "-nan", "inf", "-inf", "1e400", "0x10"} {
		s.say("SET llmagg:{default}:rate:r:rpm " + value + " PX 60000")
		given := 0
		require.Eventually(t, func() bool {
			n, _, err := a.Lease(t.Context(), budget, 5)
			require.NoError(t, err, value)
			require.LessOrEqual(t, n, 5, value)
			given += n
			return given > 0
		}, 2*time.Second, 10*time.Millisecond, value)
	}
	s.say("DEL llmagg:{default}:rate:r:rpm")
	s.say("HSET llmagg:{default}:rate:r:rpm tat 5")
	_, _, err := a.Lease(t.Context(), budget, 5)
	require.ErrorContains(t, err, `other programs use keys of the fleet's: give it another "name"`)
}
