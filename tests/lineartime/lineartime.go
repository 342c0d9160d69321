// Package lineartime is for tests: [Check] tells whether a work takes time that
// is linear in what it is given. It imports nothing of the project.
package lineartime

import (
	"syscall"
	"testing"
	"time"
)

const (
	times  = 16 // as much is given to the second run as to the first
	slack  = 5  // linear is 1 to 3, with caches and the collector; quadratic is 16
	rounds = 6
	floor  = 2 * time.Millisecond // a first run that is shorter says nothing
	enough = time.Minute          // of work that is not linear
)

// Check fails the test if the work for n takes far more than 16 times as long
// as that for n/16. prepare makes the work, outside of the measurement. What
// counts is the least of several runs, of the process's time on its processors:
// a machine that is busy with other things makes no work look longer.
func Check(t testing.TB, n int, prepare func(n int) (work func())) {
	t.Helper()
	small, large := measure(n, prepare)
	if large > bound(small) {
		t.Errorf("%d times as much took %v instead of %v: not linear", times, large, small)
	}
}

func bound(small time.Duration) time.Duration { return times * slack * max(small, floor) }

// measure is the time for n/16 and for n, the least of the runs that it takes
// to see that the work is linear, or of all.
func measure(n int, prepare func(n int) (work func())) (small, large time.Duration) {
	small, large = 1<<62, 1<<62
	for all, round := time.Duration(0), 0; round < rounds && all < enough; round++ {
		small = min(small, took(prepare(n/times)))
		last := took(prepare(n))
		large, all = min(large, last), all+last
		if large <= bound(small) {
			break
		}
	}
	return small, large
}

func took(work func()) time.Duration {
	before := spent()
	work()
	return spent() - before
}

// spent is the time that the process has had on processors.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
