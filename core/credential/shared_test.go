package credential

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// The sleeps here are on the clock of testing/synctest and take no time.

// counted is a source whose fetches the test answers.
type counted struct {
	mu    sync.Mutex // guards calls
	calls int
	give  func(ctx context.Context, n int) (*Secret, error)
}

func (c *counted) fetch(ctx context.Context) (*Secret, error) {
	c.mu.Lock()
	c.calls++
	n := c.calls
	c.mu.Unlock()
	return c.give(ctx, n)
}

func (c *counted) secrets() []string { return []string{"of the source"} }

func (c *counted) fetches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// lasting gives a new token each time, which ends after d.
func lasting(d time.Duration) *counted {
	return &counted{give: func(_ context.Context, n int) (*Secret, error) {
		return &Secret{Token: fmt.Sprintf("token-%d", n), Expires: time.Now().Add(d)}, nil
	}}
}

func TestACredentialIsFetchedOnceForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &counted{give: func(context.Context, int) (*Secret, error) {
			time.Sleep(time.Second)
			return &Secret{Token: "token"}, nil
		}}
		s := newShared(from)
		defer s.release()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				got, err := s.get(t.Context())
				require.NoError(t, err)
				require.Equal(t, "token", got.Token)
			})
		}
		all.Wait()
		require.Equal(t, 1, from.fetches())
	})
}

func TestACallersDeadlineDoesNotEndTheFetchOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &counted{give: func(ctx context.Context, _ int) (*Secret, error) {
			select {
			case <-time.After(time.Second):
				return &Secret{Token: "token"}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		s := newShared(from)
		defer s.release()
		why := errors.New("the caller left")
		ctx, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { leave(why) })
		_, err := s.get(ctx)
		require.ErrorIs(t, err, why)
		got, err := s.get(t.Context())
		require.NoError(t, err)
		require.Equal(t, "token", got.Token)
		require.Equal(t, 1, from.fetches())
	})
}

func TestACredentialIsRenewedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := lasting(time.Hour)
		s := newShared(from)
		defer s.release()
		token := func() string {
			got, err := s.get(t.Context())
			require.NoError(t, err)
			return got.Token
		}
		require.Equal(t, "token-1", token())
		time.Sleep(54 * time.Minute)
		require.Equal(t, "token-1", token())
		require.Equal(t, 1, from.fetches())
		time.Sleep(2 * time.Minute)
		require.Equal(t, "token-1", token(), "nobody waits for the renewal")
		synctest.Wait()
		require.Equal(t, "token-2", token())
		time.Sleep(3 * time.Hour)
		require.Equal(t, "token-3", token(), "one that has ended is waited for")
	})
}

func TestARenewalThatFailsLeavesTheCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := lasting(time.Hour)
		good := from.give
		s := newShared(from)
		defer s.release()
		_, err := s.get(t.Context())
		require.NoError(t, err)
		from.give = func(context.Context, int) (*Secret, error) { return nil, llm.Errorf(llm.Unavailable, "down") }
		time.Sleep(58 * time.Minute)
		for range 10 {
			got, err := s.get(t.Context())
			require.NoError(t, err)
			require.Equal(t, "token-1", got.Token)
			synctest.Wait()
		}
		require.Equal(t, 2, from.fetches(), "there is a pause after a failure")
		time.Sleep(2 * time.Minute)
		_, err = s.get(t.Context())
		require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
		from.give = good
		_, err = s.get(t.Context())
		require.NoError(t, err)
	})
}

// replaced is what a credential that was refused is replaced by.
func replaced(t *testing.T, s *shared, old *Secret) *Secret {
	t.Helper()
	fresh, err := s.replace(t.Context(), old)
	require.NoError(t, err)
	return fresh
}

func TestARefusedCredentialIsReplacedOnce(t *testing.T) {
	from := lasting(time.Hour)
	s := newShared(from)
	defer s.release()
	first, err := s.get(t.Context())
	require.NoError(t, err)
	second := replaced(t, s, first)
	require.Equal(t, "token-2", second.Token)
	require.Same(t, second, replaced(t, s, first), "another call gets the same")
	require.Nil(t, replaced(t, s, second), "the account is refused, not the token")
	require.Equal(t, 2, from.fetches())
	s.accepted(second)
	third, err := s.get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "token-3", replaced(t, s, third).Token, "it had worked before")
}

func TestFixedKeysAreNotSentTwice(t *testing.T) {
	from := &counted{give: func(context.Context, int) (*Secret, error) {
		return &Secret{AWS: AWSKeys{ID: "id", Secret: "secret"}}, nil
	}}
	s := newShared(from)
	defer s.release()
	first, err := s.get(t.Context())
	require.NoError(t, err)
	for range 3 {
		require.Nil(t, replaced(t, s, first))
	}
	require.Equal(t, 2, from.fetches())
}

func TestTheLastUserEndsTheFetch(t *testing.T) {
	begun := make(chan struct{})
	from := &counted{give: func(ctx context.Context, n int) (*Secret, error) {
		if n == 1 {
			close(begun)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	s := newShared(from)
	failed := make(chan error)
	go func() {
		_, err := s.get(context.Background())
		failed <- err
	}()
	<-begun
	s.release()
	require.Equal(t, llm.Closed, llm.CodeOfError(<-failed))
}

func TestWhatASourceMayNotGive(t *testing.T) {
	for name, c := range map[string]struct {
		give func(context.Context, int) (*Secret, error)
		code llm.Code
		says string
	}{
		"nothing": {func(context.Context, int) (*Secret, error) { return &Secret{}, nil }, llm.Authentication, "empty"},
		"old": {func(context.Context, int) (*Secret, error) {
			return &Secret{Token: "t", Expires: time.Now().Add(-time.Hour)}, nil
		}, llm.Authentication, "its clock may be wrong"},
		"panic": {func(context.Context, int) (*Secret, error) { panic("oh") }, llm.Internal, "panicked: oh"},
	} {
		s := newShared(&counted{give: c.give})
		_, err := s.get(t.Context())
		s.release()
		require.Equal(t, c.code, llm.CodeOfError(err), name)
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestSecretsAreKnownForTheMask(t *testing.T) {
	s := newShared(lasting(time.Hour))
	defer s.release()
	_, err := s.get(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"of the source", "token-1"}, s.secrets())
}

// Calls that are refused at the same time all go on with the replacement.
func TestAReplacementIsForAllThatWereRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &counted{give: func(_ context.Context, n int) (*Secret, error) {
			time.Sleep(time.Second)
			return &Secret{Token: fmt.Sprintf("token-%d", n)}, nil
		}}
		s := newShared(from)
		defer s.release()
		old, err := s.get(t.Context())
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				fresh := replaced(t, s, old)
				require.NotNil(t, fresh)
				require.Equal(t, "token-2", fresh.Token)
				s.accepted(fresh)
			})
		}
		all.Wait()
		require.Equal(t, 2, from.fetches())
	})
}
