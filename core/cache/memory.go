package cache

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// overhead is about what an entry takes beside its value.
const overhead = 256

// Memory is a [Store] in memory. When it is full, it forgets what was not used
// for the longest time.
type Memory struct {
	most int64
	now  func() time.Time

	mu     sync.Mutex // guards what follows
	of     map[Key]*list.Element
	recent *list.List // of *entry, the last used first
	bytes  int64
}

type entry struct {
	key   Key
	value []byte
	until time.Time // zero for ever
}

// NewMemory makes a store of at most that many bytes; 0 means DefaultBytes. now
// is its clock; nil means time.Now.
func NewMemory(most int64, now func() time.Time) *Memory {
	if most <= 0 {
		most = DefaultBytes
	}
	if now == nil {
		now = time.Now
	}
	return &Memory{most: most, now: now, of: map[Key]*list.Element{}, recent: list.New()}
}

// Get implements [Store].
func (m *Memory) Get(_ context.Context, key Key) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.of[key]
	if at == nil {
		return nil, nil
	}
	e := at.Value.(*entry)
	if !e.until.IsZero() && !m.now().Before(e.until) {
		m.drop(at)
		return nil, nil
	}
	m.recent.MoveToFront(at)
	return e.value, nil
}

// Put implements [Store]. A value that is larger than the store is not kept.
func (m *Memory) Put(_ context.Context, key Key, value []byte, ttl time.Duration) error {
	e := &entry{key: key, value: value}
	if ttl > 0 {
		e.until = m.now().Add(ttl)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.of[key]; old != nil {
		m.drop(old)
	}
	if e.size() > m.most {
		return nil
	}
	m.of[key] = m.recent.PushFront(e)
	for m.bytes += e.size(); m.bytes > m.most; {
		m.drop(m.recent.Back())
	}
	return nil
}

func (e *entry) size() int64 { return int64(cap(e.value)) + overhead }

// drop forgets an entry. The caller holds mu.
func (m *Memory) drop(at *list.Element) {
	e := m.recent.Remove(at).(*entry)
	delete(m.of, e.key)
	m.bytes -= e.size()
}

func (m *Memory) size() (entries int, bytes, most int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.of), m.bytes, m.most
}
