package bulk

import (
	"errors"
	"math"
	"os"
	"syscall"
)

const (
	leastReserve = 4 << 20
	knownAfter   = 20       // results, before their size says anything
	guessed      = 64 << 10 // bytes of a result, until then
	beside       = 1 << 10  // what a result may take more than the largest
)

// errNearLimit ends a run while its rows on their way can still be written.
var errNearLimit = errors.New("it comes near to the largest file that this process may write (ulimit -f)")

// room is kept for the results of rows that are on their way: a file that is
// given back when the disk is full, and what is left below the largest file
// that the process may write. The ledger's mutex guards it.
type room struct {
	path    string
	limit   int64 // of a file; math.MaxInt64: none
	size    int64 // of the file
	grows   bool
	dropped bool
	results int
	largest int64
}

// newRoom makes the file beside a ledger.
func newRoom(ledger string) (*room, error) {
	r := &room{path: ledger + ".reserve", limit: math.MaxInt64, grows: true}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit) == nil && int64(limit.Cur) >= 0 {
		r.limit = int64(limit.Cur)
	}
	if err := r.grow(min(leastReserve, r.limit)); err != nil {
		_ = os.Remove(r.path)
		return nil, err
	}
	return r, nil
}

// grow gives the file a size, or leaves it as it is.
func (r *room) grow(size int64) error {
	file, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	if err = allocate(file, size); err != nil {
		_ = file.Truncate(r.size)
		_ = file.Close()
		r.grows = false
		return err
	}
	r.size = size
	return file.Close()
}

// fill writes zeros up to a size.
func fill(file *os.File, size int64) error {
	for zeros, at := make([]byte, 1<<20), int64(0); at < size; at += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros[:min(size-at, int64(len(zeros)))], at); err != nil {
			return err
		}
	}
	return nil
}

// learn notes the size of a result.
func (r *room) learn(size int64) {
	r.results++
	r.largest = max(r.largest, size)
}

// drop gives the file back; false: it was given back before.
func (r *room) drop() bool {
	if r == nil || r.dropped {
		return false
	}
	r.dropped = true
	_ = os.Remove(r.path)
	return true
}

// rows is how many rows, up to wanted, may be on their way to a ledger of this
// size.
func (r *room) rows(wanted int, size int64) int {
	if r.dropped {
		return 0
	}
	row := r.largest + r.largest/4 + beside
	known := r.results >= knownAfter
	n := int64(wanted)
	if r.limit != math.MaxInt64 {
		least := row
		if !known {
			least = max(row, guessed)
		}
		n = min(n, max(r.limit-size, 0)/least)
	}
	if !known {
		return int(n)
	}
	if r.grows && n*row > r.size {
		_ = r.grow(min(n*row, r.limit))
	}
	return int(min(n, max(r.size/row, 1)))
}
