package main

// What an arena keeps by reference instead of copying, how much memory it
// keeps when it is empty, and how many chunks an event carries at most: half of
// the default window, so that the other half is on its way meanwhile.
const (
	largePayload = 64 << 10
	keptArena    = 1 << 20
	maxBatch     = defaultWindow / 2
)

// record is one event that waits. Its payload lies in the arena, behind those
// of the events before it, or is own.
type record struct {
	kind, status int32
	op, tag      uint64
	batch        int // chunks in the payload, an array that tail closes; 0: the payload is as it is
	size         int
	own          []byte
}

// tail is what stands behind the payload: the NUL, and before it the end of the
// array that a batch is.
func (r *record) tail() string {
	if r.batch > 0 {
		return "]\x00"
	}
	return "\x00"
}

// arena is a line of events and their payloads in two slices that are used
// again and again, so that an event costs no allocation. Whoever has it
// serializes its use.
type arena struct {
	records []record
	head    int // of records
	bytes   []byte
	start   int // of bytes: the payload of records[head]
}

func (a *arena) len() int { return len(a.records) - a.head }

// push adds an event. A large payload belongs to the arena from now on; others
// are copied.
func (a *arena) push(r record, payload []byte) {
	r.size = len(payload)
	if r.size >= largePayload {
		r.own = payload
	} else {
		a.bytes = append(a.bytes, payload...)
	}
	a.records = append(a.records, r)
}

// pushBatch adds a chunk to the last event, where that is a batch of the same
// operation, or begins one.
func (a *arena) pushBatch(r record, chunk []byte) {
	if n := len(a.records); n > a.head {
		last := &a.records[n-1]
		if last.op == r.op && last.batch > 0 && last.batch < maxBatch && last.own == nil && last.size+len(chunk) < largePayload {
			a.bytes = append(append(a.bytes, ','), chunk...)
			last.size += 1 + len(chunk)
			last.batch++
			return
		}
	}
	r.batch = 1
	if len(chunk) >= largePayload-1 {
		a.push(r, append([]byte{'['}, chunk...))
		return
	}
	r.size = 1 + len(chunk)
	a.bytes = append(append(a.bytes, '['), chunk...)
	a.records = append(a.records, r)
}

// front is the first event and its payload, which stays valid until the next
// push or pop.
func (a *arena) front() (*record, []byte) {
	r := &a.records[a.head]
	if r.own != nil {
		return r, r.own
	}
	return r, a.bytes[a.start : a.start+r.size]
}

// pop drops the first event.
func (a *arena) pop() {
	r := &a.records[a.head]
	if r.own == nil {
		a.start += r.size
	}
	r.own = nil
	a.head++
	if a.head < len(a.records) {
		return
	}
	a.records, a.head = a.records[:0], 0
	a.bytes, a.start = a.bytes[:0], 0
	if cap(a.bytes) > keptArena {
		a.bytes = nil
	}
	if cap(a.records) > keptArena/64 {
		a.records = nil
	}
}

// compact moves what waits to the front when what was read takes up more, so
// that a line that never becomes empty does not grow for ever.
func (a *arena) compact() {
	if a.head > 64 && a.head > len(a.records)/2 {
		n := copy(a.records, a.records[a.head:])
		clear(a.records[n:])
		a.records, a.head = a.records[:n], 0
	}
	if a.start > 4096 && a.start > len(a.bytes)/2 {
		n := copy(a.bytes, a.bytes[a.start:])
		a.bytes, a.start = a.bytes[:n], 0
	}
}
