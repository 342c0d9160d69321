package bulk

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// syncEvery is how often written lines are brought to the disk. The system has
// them at once, so a kill of the process loses none.
const syncEvery = 500 * time.Millisecond

// mostRows is more than a ledger has; a file with a larger number is none.
const mostRows = 1<<31 - 1

// page is so many places of lines, held together: a row far from the others
// takes one page.
type page [256]int64

// job is what all rows of a ledger have in common.
type job struct {
	Form   int      `json:"form"`
	Models []string `json:"models"`
}

// entry is a line of the ledger: a result, or in the first line the job.
type entry struct {
	Job    json.RawMessage `json:"job,omitempty"`
	Key    string          `json:"key,omitempty"`
	Result Result          `json:"result,omitzero"`
}

// ledger is a file of JSON lines; the last line of a row counts. In memory are
// the places of the lines, 8 bytes a row, in pages.
type ledger struct {
	path string
	job  []byte // its JSON
	lock *os.File
	file *os.File

	written chan struct{} // holds a word after lines that are not on the disk yet
	stop    chan struct{}
	stopped chan struct{}

	mu     sync.Mutex    // guards what follows
	places map[int]*page // by the row's number: the place of its line + 1; 0: none
	end    int64
	room   *room
}

// openLedger opens the ledger of a job, or makes it.
func openLedger(path string, of job, resume bool) (_ *ledger, err error) {
	data, err := llm.JSON.Marshal(of)
	if err != nil {
		return nil, err
	}
	l := &ledger{
		path: path, job: data, places: map[int]*page{},
		written: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if l.lock, err = os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the ledger cannot be opened: %v", shown.File(err))
	}
	defer func() {
		if err != nil {
			_ = l.lock.Close()
			_ = l.file.Close()
		}
	}()
	switch err := syscall.Flock(int(l.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, llm.Errorf(llm.InvalidArgument, "another run uses the ledger %s; wait until it has ended, or use another output", shown.Path(path))
	case err != nil:
		return nil, llm.Errorf(llm.InvalidArgument, "the ledger %s cannot be locked: %v; use an output on another file system", shown.Path(path), err)
	}
	if l.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the ledger cannot be opened: %v", shown.File(err))
	}
	if err = l.scan(resume); err != nil {
		return nil, err
	}
	if l.room, err = newRoom(path); err != nil {
		return nil, fmt.Errorf("the ledger %s cannot be written: %w", shown.Path(path), cause(err))
	}
	go l.syncs()
	return l, nil
}

// scan reads the lines that there are, drops a torn last line, and writes the
// job into an empty ledger.
func (l *ledger) scan(resume bool) error {
	lines := bufio.NewReaderSize(l.file, 1<<16)
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if first && !begins(line) {
				return l.foreign() // it is not emptied
			}
			break
		}
		if err != nil {
			return err
		}
		var read entry
		if err := llm.JSON.Unmarshal(line, &read); err != nil || first != (read.Job != nil) || first != (read.Key == "") || read.Result.N < 0 || read.Result.N > mostRows {
			return l.foreign()
		}
		switch {
		case !first:
			l.place(read.Result.N, l.end)
		case !resume:
			return llm.Errorf(llm.InvalidArgument, "the ledger %s exists; Options.Resume goes on with it; to begin anew, remove it", shown.Path(l.path))
		case !bytes.Equal(read.Job, l.job):
			return llm.Errorf(llm.InvalidArgument, "the ledger %s belongs to another job (%s, now %s); use another output, or remove the ledger", shown.Path(l.path), read.Job, l.job)
		}
		l.end += int64(len(line))
	}
	if err := l.file.Truncate(l.end); err != nil {
		return err
	}
	if l.end > 0 {
		return nil
	}
	return l.append(fmt.Appendf(nil, "{\"job\":%s}\n", l.job))
}

// begins tells whether a torn first line is a ledger's.
func begins(torn []byte) bool {
	const head = `{"job":`
	return bytes.HasPrefix(torn, []byte(head)) || strings.HasPrefix(head, string(torn))
}

func (l *ledger) foreign() error {
	return llm.Errorf(llm.InvalidArgument, "%s is not a ledger of this program (byte %d); name another file, or another output", shown.Path(l.path), l.end)
}

func (l *ledger) place(n int, at int64) {
	number := n / len(page{})
	if l.places[number] == nil {
		l.places[number] = &page{}
	}
	l.places[number][n%len(page{})] = at + 1
}

func hexKey(key [16]byte) string { return hex.EncodeToString(key[:]) }

// put appends a row's line.
func (l *ledger) put(n int, key [16]byte, result *Result) error {
	data, err := llm.JSON.Marshal(entry{Key: hexKey(key), Result: *result})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.end
	l.room.learn(int64(len(data)))
	if err = l.append(append(data, '\n')); err != nil && l.room.drop() {
		if l.append(append(data, '\n')) == nil {
			l.place(n, at)
		}
		return err // also of a line that was written now: the run ends
	}
	if err != nil {
		return err
	}
	l.place(n, at)
	return nil
}

// rows is how many rows, up to wanted, may be on their way, so that their
// results can still be written; 0: none.
func (l *ledger) rows(wanted int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room.rows(wanted, l.end)
}

// append writes whole lines, or none; l.mu is held, except while opening.
func (l *ledger) append(data []byte) error {
	if _, err := l.file.WriteAt(data, l.end); err != nil {
		_ = l.file.Truncate(l.end)
		return err
	}
	l.end += int64(len(data))
	select {
	case l.written <- struct{}{}:
	default:
	}
	return nil
}

// syncs brings lines to the disk, some time after they were written, until the
// ledger is closed.
func (l *ledger) syncs() {
	defer close(l.stopped)
	for {
		select {
		case <-l.stop:
			return
		case <-l.written:
		}
		select {
		case <-l.stop:
			return
		case <-time.After(syncEvery):
			_ = l.file.Sync() // close tells
		}
	}
}

// find is the line of a row, nil if there is none.
func (l *ledger) find(n int) (*entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	places := l.places[n/len(page{})]
	if places == nil || places[n%len(page{})] == 0 {
		return nil, nil
	}
	at := places[n%len(page{})] - 1
	lines := bufio.NewReader(io.NewSectionReader(l.file, at, l.end-at))
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	read := &entry{}
	return read, llm.JSON.Unmarshal(line, read)
}

// spent is what all rows cost.
func (l *ledger) spent() (sum float64, err error) {
	for _, number := range slices.Sorted(maps.Keys(l.places)) {
		for i := range len(page{}) {
			kept, err := l.find(number*len(page{}) + i)
			if err != nil {
				return 0, err
			}
			if kept != nil && kept.Result.Cost != nil {
				sum += kept.Result.Cost.Amount
			}
		}
	}
	return sum, nil
}

// give writes the first rows to a sink, in their order.
func (l *ledger) give(sink Sink, rows int) (err error) {
	defer func() {
		if err != nil {
			sink.Abort()
		}
	}()
	for n := range rows {
		kept, err := l.find(n)
		if err != nil {
			return err
		}
		if kept == nil {
			continue // cannot be: all rows were asked
		}
		if err := sink.Write(&kept.Result); err != nil {
			return l.unwritten(err)
		}
	}
	if err := sink.Commit(); err != nil {
		return l.unwritten(err)
	}
	return nil
}

// unwritten is the error of a sink.
func (l *ledger) unwritten(err error) error {
	return fmt.Errorf("the output cannot be written; every answer is in the ledger %s, so run again with Resume: %w", shown.Path(l.path), cause(err))
}

// close brings everything to the disk and lets others use the ledger.
func (l *ledger) close() error {
	close(l.stop)
	<-l.stopped
	l.room.drop()
	return errors.Join(l.file.Sync(), l.file.Close(), l.lock.Close())
}

// cause is an error of a file without the path, which the message has.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
