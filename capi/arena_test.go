package main

import (
	"bytes"
	"math/rand/v2"
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
