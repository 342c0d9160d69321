package main

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

type thing struct{ name string }

func (*thing) kind() string { return "thing" }

type other struct{}

func (*other) kind() string { return "other" }

func TestHandlesAreNeverGivenTwiceAndLeaveNothing(t *testing.T) {
	before := len(handles.of)
	seen := map[uintptr]bool{}
	for range 10000 {
		one := &thing{}
		h := newHandle(one)
		require.False(t, seen[uintptr(h)], "given twice")
		seen[uintptr(h)] = true
		found, err := lookup[*thing]("x", h)
		require.NoError(t, err)
		require.Same(t, one, found)
		taken, ok := take[*thing](h, nil)
		require.True(t, ok)
		require.Same(t, one, taken)
		_, ok = take[*thing](h, nil)
		require.False(t, ok, "freed twice")
	}
	for h := range seen {
		_, why := objectOf(h)
		require.Equal(t, "a handle that was freed", why)
	}
	require.Len(t, handles.of, before)
}

func TestNumbersThatAreNoHandles(t *testing.T) {
	h := newHandle(&thing{})
	defer take[*thing](h, nil)
	_, err := lookup[*other]("x", h)
	require.ErrorContains(t, err, "argument x is the handle of a thing")
	_, ok := take[*other](h, nil)
	require.False(t, ok)
	_, ok = take(h, func(*thing) bool { return true })
	require.False(t, ok, "kept")
	for _, n := range []uintptr{0, 1, uintptr(h) + 1, uintptr(h) - 1, uintptr(h) + handleStep, uintptr(h) &^ handleMark, uintptr(h) | 1<<63>>1,
		handleMark | handles.first - handleStep, ^uintptr(0)} {
		_, why := objectOf(n)
		require.Equal(t, "no handle of this library", why, "%#x", n)
	}
}

func TestHandleNumbersGoRound(t *testing.T) {
	first, issued := handles.first, handles.issued
	defer func() { handles.first, handles.issued = first, issued }()
	handles.first, handles.issued = handleBits, 0 // the last number of all
	a, b := newHandle(&thing{"a"}), newHandle(&thing{"b"})
	require.Equal(t, []uintptr{handleMark | handleBits, handleMark | 1}, []uintptr{uintptr(a), uintptr(b)})
	found, err := lookup[*thing]("x", b)
	require.NoError(t, err)
	require.Equal(t, "b", found.name)
	_, ok := take[*thing](a, nil)
	require.True(t, ok)
	_, why := objectOf(uintptr(a))
	require.Equal(t, "a handle that was freed", why)
	take[*thing](b, nil)
}

// A forked child loads the library again. Its handles must not be those of the
// parent's copy.
func TestHandlesOfCopiesDiffer(t *testing.T) {
	require.NotEqual(t, firstHandle(), firstHandle())
}

func TestOneOfManyThreadsFreesAHandle(t *testing.T) {
	for range 200 {
		h := newHandle(&thing{})
		var freed atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, ok := take[*thing](h, nil); ok {
					freed.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, freed.Load())
	}
}
