package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArenaGivesBackWhatWasPushedInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a arena
	var want [][]byte
	for step := range 20_000 {
		if random.IntN(100) < 52 {
			size := random.IntN(300)
			if random.IntN(500) == 0 {
				size = largePayload + random.IntN(100)
			}
			payload := bytes.Repeat([]byte{byte(step)}, size)
			a.push(record{op: uint64(step)}, payload)
			want = append(want, bytes.Clone(payload))
			continue
		}
		if len(want) == 0 {
			continue
		}
		_, got := a.front()
		require.True(t, bytes.Equal(want[0], got), "step %d", step)
		want = want[1:]
		a.pop()
		a.compact()
		require.Equal(t, len(want), a.len())
	}
}

func TestArenaThatNeverEmptiesDoesNotGrow(t *testing.T) {
	var a arena
	payload := bytes.Repeat([]byte("x"), 100)
	a.push(record{}, payload)
	for range 100_000 {
		a.push(record{}, payload)
		a.pop()
		a.compact()
	}
	require.Less(t, cap(a.bytes), 64<<10)
	require.Less(t, cap(a.records), 4096)
}

func TestArenaLetsGoOfMemoryWhenEmpty(t *testing.T) {
	var a arena
	payload := bytes.Repeat([]byte("x"), 60<<10)
	for range 100 {
		a.push(record{}, payload)
	}
	for a.len() > 0 {
		a.pop()
	}
	require.Nil(t, a.bytes)
}

func TestChunksOfOneStreamJoinInABatchWhileTheyWait(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var a arena
	var want, got []string // by their operation, in order
	take := func() {
		r, payload := a.front()
		require.LessOrEqual(t, r.batch, maxBatch)
		var chunks []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(string(payload)+strings.TrimSuffix(r.tail(), "\x00")), &chunks))
		require.Len(t, chunks, r.batch)
		for _, c := range chunks {
			got = append(got, fmt.Sprint(r.op, string(c)))
		}
		a.pop()
		a.compact()
	}
	for step := range 5000 {
		chunk := fmt.Appendf(nil, `"%d %s"`, step, strings.Repeat("x", random.IntN(200)))
		if random.IntN(300) == 0 {
			chunk = fmt.Appendf(nil, `"%s"`, strings.Repeat("y", largePayload-10+random.IntN(20)))
		}
		op := uint64(random.IntN(8) / 6)
		a.pushBatch(record{op: op}, chunk)
		want = append(want, fmt.Sprint(op, string(chunk)))
		if random.IntN(40) == 0 {
			for a.len() > random.IntN(3) {
				take()
			}
		}
	}
	for a.len() > 0 {
		take()
	}
	require.Equal(t, want, got)
}

func TestABatchDoesNotJoinAnotherKindOfEvent(t *testing.T) {
	var a arena
	a.pushBatch(record{op: 1}, []byte("1"))
	a.push(record{op: 1, kind: eventRestart}, []byte("{}"))
	a.pushBatch(record{op: 1}, []byte("2"))
	require.Equal(t, 3, a.len())
}
