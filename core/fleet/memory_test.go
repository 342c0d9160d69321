package fleet

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"
)

// Memory is a [Store] whose processes are members of one process.
type Memory struct {
	mu      sync.Mutex // guards what follows
	told    []Change
	at      []time.Time // of told
	more    chan struct{}
	alive   map[string]time.Time
	marks   map[string]mark
	budgets map[string]time.Time // theoretical arrival times (GCRA)
	asked   map[string]int
	down    error
}

type mark struct {
	process string
	until   time.Time
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{more: make(chan struct{}), alive: map[string]time.Time{}, marks: map[string]mark{}, budgets: map[string]time.Time{}, asked: map[string]int{}}
}

// Fail makes every method fail with err, until it is called with nil.
func (s *Memory) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
	close(s.more)
	s.more = make(chan struct{})
}

// Forget empties the store.
func (s *Memory) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.alive)
	clear(s.marks)
	clear(s.budgets)
	clear(s.asked)
}

// Tell is [Store.Tell].
func (s *Memory) Tell(_ context.Context, changes []Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	for _, c := range changes {
		s.told, s.at = append(s.told, c), append(s.at, time.Now())
	}
	close(s.more)
	s.more = make(chan struct{})
	return nil
}

// Listen is [Store.Listen].
func (s *Memory) Listen(ctx context.Context, from string) ([]Change, string, error) {
	place, _ := strconv.Atoi(from)
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	for over := false; ; {
		s.mu.Lock()
		if s.down != nil {
			defer s.mu.Unlock()
			return nil, from, s.down
		}
		var heard []Change
		for i := place; i < len(s.told); i++ {
			c := s.told[i]
			c.Age = time.Since(s.at[i])
			c.For -= c.Age
			heard = append(heard, c)
		}
		next, more := strconv.Itoa(len(s.told)), s.more
		s.mu.Unlock()
		if over || len(heard) > 0 || from == "" {
			return heard, next, nil
		}
		select {
		case <-more:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			return nil, from, ctx.Err()
		}
	}
}

// Lease is [Store.Lease].
func (s *Memory) Lease(_ context.Context, b Budget, n int) (granted, asked int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, 0, s.down
	}
	now, key := time.Now(), b.Route+":"+b.Of
	s.asked[key] += b.Asked
	tat := s.budgets[key]
	if tat.Before(now) {
		tat = now
	}
	room := (b.Burst/b.PerSecond - tat.Sub(now).Seconds()) * b.PerSecond
	n = min(n, int(math.Floor(room+1e-6)))
	if n <= 0 {
		return 0, s.asked[key], nil
	}
	s.budgets[key] = tat.Add(time.Duration(float64(n) / b.PerSecond * float64(time.Second)))
	return n, s.asked[key], nil
}

// Mark is [Store.Mark].
func (s *Memory) Mark(_ context.Context, route, process string, lasts time.Duration) (bool, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return false, 0, s.down
	}
	now := time.Now()
	if m := s.marks[route]; m.process != process && now.Before(m.until) {
		return false, m.until.Sub(now), nil
	}
	s.marks[route] = mark{process, now.Add(lasts)}
	return true, 0, nil
}

// Unmark is [Store.Unmark].
func (s *Memory) Unmark(_ context.Context, route string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.marks, route)
	return s.down
}

// Alive is [Store.Alive].
func (s *Memory) Alive(_ context.Context, process string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, s.down
	}
	s.alive[process] = time.Now()
	n := 0
	for _, at := range s.alive {
		if time.Since(at) < 5*time.Second {
			n++
		}
	}
	return n, nil
}

// Close is [Store.Close]; the store goes on for the others.
func (s *Memory) Close() {}
