package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/llm"
)

const (
	fetchTime   = 30 * time.Second // the longest that a fetch may take
	renewBefore = 5 * time.Minute  // its end, or a fifth of its time if that is less
	lastMoment  = 10 * time.Second // before its end, in which a credential is not used any more
	renewPause  = 10 * time.Second // after a renewal that failed
	keptSecrets = 4                // earlier credentials that errors may still tell of
)

// source fetches a credential. It must end soon after ctx.
type source interface {
	fetch(ctx context.Context) (*Secret, error)
	// secrets are texts of the configuration that may appear nowhere.
	secrets() []string
}

// shared is a credential that routes share.
type shared struct {
	key      string // in holders; "" for one of its own
	users    int    // guarded by holders.mu
	source   source
	patience time.Duration // with a fetch

	life context.Context // of fetches; ends when the last user is gone
	die  context.CancelFunc
	work sync.WaitGroup // fetches under way

	mu      sync.Mutex // guards what follows
	current *Secret
	since   time.Time // when current was fetched
	flight  *flight   // the fetch under way
	pause   time.Time // no renewal before it
	known   []string  // secrets of current and of those before it
}

// flight is one fetch. Its results are set before done is closed.
type flight struct {
	done   chan struct{}
	secret *Secret
	err    error
}

// holders are the process's shared credentials.
var holders = struct {
	mu   sync.Mutex // guards open and the users of each
	open map[string]*shared
}{open: map[string]*shared{}}

func borrow(o Options) *shared {
	if o.Token != nil {
		return newShared(function(o.Token))
	}
	key := o.key()
	holders.mu.Lock()
	defer holders.mu.Unlock()
	if s := holders.open[key]; s != nil {
		s.users++
		return s
	}
	s := newShared(o.source())
	s.key = key
	holders.open[key] = s
	return s
}

func newShared(from source) *shared {
	s := &shared{users: 1, source: from, patience: fetchTime}
	s.life, s.die = context.WithCancel(context.Background())
	return s
}

func (s *shared) release() {
	holders.mu.Lock()
	s.users--
	last := s.users == 0
	if last && holders.open[s.key] == s {
		delete(holders.open, s.key)
	}
	holders.mu.Unlock()
	if last {
		s.die()
		s.work.Wait()
	}
}

// get gives the credential. One that ends soon is renewed beside its callers;
// one that has ended is waited for.
func (s *shared) get(ctx context.Context) (*Secret, error) {
	s.mu.Lock()
	if now := time.Now(); s.current != nil && !s.ended(now) {
		current := s.current
		if s.due(now) && s.flight == nil {
			s.begin()
		}
		s.mu.Unlock()
		return current, nil
	}
	f := s.flight
	if f == nil {
		f = s.begin()
	}
	s.mu.Unlock()
	return f.wait(ctx)
}

func (f *flight) wait(ctx context.Context) (*Secret, error) {
	select {
	case <-f.done:
		return f.secret, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrFetching, context.Cause(ctx))
	}
}

// ended tells whether the credential is of no use any more; s.mu is held.
func (s *shared) ended(now time.Time) bool {
	return !s.current.Expires.IsZero() && now.After(s.current.Expires.Add(-lastMoment))
}

// due tells whether the credential is to be renewed; s.mu is held.
func (s *shared) due(now time.Time) bool {
	expires := s.current.Expires
	if expires.IsZero() || now.Before(s.pause) {
		return false
	}
	return now.After(expires.Add(-min(renewBefore, expires.Sub(s.since)/5)))
}

// begin starts a fetch; s.mu is held. It ends with the last user, whatever
// becomes of those who wait for it.
func (s *shared) begin() *flight {
	f := &flight{done: make(chan struct{})}
	s.flight = f
	s.work.Go(func() {
		ctx, stop := alarm.WithTimeout(s.life, s.patience, context.DeadlineExceeded)
		defer stop()
		f.secret, f.err = s.fetch(ctx)
		s.landed(f)
		close(f.done)
	})
	return f
}

// fetch asks the source; a panic of the application's function is its failure.
func (s *shared) fetch(ctx context.Context) (secret *Secret, err error) {
	defer func() {
		if p := recover(); p != nil {
			secret, err = nil, llm.Errorf(llm.Internal, "fetching the credential panicked: %v", p)
		}
	}()
	var ahead time.Duration
	secret, err = s.source.fetch(context.WithValue(ctx, aheadKey{}, &ahead))
	if err == nil && ahead.Abs() >= mostSkew && !secret.Expires.IsZero() && secret.Expires == secret.Expires.Round(0) {
		secret.Expires = time.Now().Add(time.Until(secret.Expires) - ahead) // it was a time by the source's clock
	}
	switch {
	case s.life.Err() != nil:
		err = llm.Errorf(llm.Closed, "the client was closed")
	case err != nil && (context.Cause(ctx) == context.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded)):
		err = &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("the credential was not there within %v: %v", llm.Seconds(s.patience), err), Cause: err}
	case err == nil && secret.Token == "" && (secret.AWS.ID == "" || secret.AWS.Secret == ""):
		err = llm.Errorf(llm.Authentication, "the source of the credential gave an empty one")
	case err == nil && !secret.Expires.IsZero() && !time.Now().Before(secret.Expires):
		err = llm.Errorf(llm.Authentication, "the source of the credential gave one that ended at %s; this machine says that it is %s: its clock may be wrong",
			secret.Expires.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
	}
	if err != nil {
		return nil, err
	}
	return secret, nil
}

func (s *shared) landed(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	now := time.Now()
	if f.err != nil {
		s.pause = now.Add(renewPause)
		return
	}
	s.current, s.since = f.secret, now
	s.known = append([]string{f.secret.Token, f.secret.AWS.Secret, f.secret.AWS.Session}, s.known...)
	s.known = s.known[:min(len(s.known), 3*keptSecrets)]
}

// replace gives another credential than old, which was refused: the one that
// is there already, or a new one. It is nil where there is none, or where old
// came as such a replacement and was never accepted: then the account is
// refused. The error is that of fetching a new one.
func (s *shared) replace(ctx context.Context, old *Secret) (*Secret, error) {
	s.mu.Lock()
	switch {
	case old.trial:
		s.mu.Unlock()
		return nil, nil
	case s.current != nil && s.current != old && !s.ended(time.Now()):
		current := s.current
		s.mu.Unlock()
		if current.same(old) {
			return nil, nil
		}
		return current, nil
	}
	f := s.flight
	if f == nil {
		f = s.begin()
	}
	s.mu.Unlock()
	fresh, err := f.wait(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == fresh { // nobody else who waited has marked it; on a copy: others may read the secret already
		copied := *fresh
		copied.trial = true
		s.current = &copied
	}
	if s.current.same(old) { // fixed keys: nothing new to try
		return nil, nil
	}
	return s.current, nil
}

// accepted ends the trial of a credential.
func (s *shared) accepted(secret *Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == secret {
		copied := *secret
		copied.trial = false
		s.current = &copied
	}
}

func (s *shared) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(append(s.source.secrets(), s.known...), func(text string) bool { return len(text) < 4 })
}
