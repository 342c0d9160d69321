package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
)

// container is the endpoint of a container's credentials; give is the secret of
// the n-th fetch.
func container(t *testing.T, give func(ctx context.Context, n int64) string) (o client.Options, fetches *atomic.Int64) {
	t.Helper()
	fetches = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret := give(r.Context(), fetches.Add(1))
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":"ASIA%d","SecretAccessKey":%q,"Token":"session-token-%d","Expiration":%q}`, fetches.Load(), secret, fetches.Load(),
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	return client.Options{Getenv: func(name string) (string, bool) {
		if name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" {
			return s.URL + "/creds", true
		}
		return "", false
	}}, fetches
}

func bedrockAt(t *testing.T, w *faultwall.Wall, model string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.New(config.Model{Provider: "bedrock", Name: model, BaseURL: w.URL(), Region: "us-east-1", MaxRetries: 1}, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

func asked(ctx context.Context, c *client.Client) (string, error) {
	r, err := c.Chat(ctx, &llm.Request{Messages: []llm.Message{{Role: "user", Content: "hi"}}})
	if err != nil {
		return "", err
	}
	return r.Choices[0].Message.Content, nil
}

func started(t *testing.T, script string) *faultwall.Wall {
	t.Helper()
	s, err := faultwall.ParseScript([]byte(script))
	require.NoError(t, err)
	w, err := faultwall.Start(s, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// Calls on all routes that share a credential fetch it once.
func TestRoutesFetchTheirCredentialOnce(t *testing.T) {
	w := started(t, `{}`)
	o, fetches := container(t, func(context.Context, int64) string { return faultwall.AWSSecret })
	a, b := bedrockAt(t, w, "a", o), bedrockAt(t, w, "b", o)
	var all sync.WaitGroup
	for range 8 {
		for _, c := range []*client.Client{a, b} {
			all.Go(func() {
				text, err := asked(t.Context(), c)
				require.NoError(t, err)
				require.Equal(t, "Hello from "+c.Name()+".", text)
			})
		}
	}
	all.Wait()
	require.EqualValues(t, 1, fetches.Load())
}

// Keys that the server refuses are replaced within the attempt, once.
func TestARefusedCredentialIsReplacedWithinTheAttempt(t *testing.T) {
	w := started(t, `{}`)
	o, fetches := container(t, func(_ context.Context, n int64) string {
		if n == 1 {
			return "an-old-secret"
		}
		return faultwall.AWSSecret
	})
	text, err := asked(t.Context(), bedrockAt(t, w, "m", o))
	require.NoError(t, err)
	require.Equal(t, "Hello from m.", text)
	require.EqualValues(t, 2, fetches.Load())

	o, fetches = container(t, func(context.Context, int64) string { return "a-wrong-secret" })
	_, err = asked(t.Context(), bedrockAt(t, w, "m", o))
	require.Equal(t, llm.Authentication, llm.CodeOfError(err))
	require.EqualValues(t, 2, fetches.Load())
}

// A call that ends while the credential is fetched ends at once, and the fetch
// goes on for the others.
func TestACallLeavesTheFetchToTheOthers(t *testing.T) {
	w := started(t, `{}`)
	begun, release := make(chan struct{}), make(chan struct{})
	o, fetches := container(t, func(ctx context.Context, n int64) string {
		if n == 1 {
			close(begun)
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return faultwall.AWSSecret
	})
	c := bedrockAt(t, w, "m", o)
	ctx, leave := context.WithCancel(t.Context())
	left, stays := make(chan error), make(chan error)
	go func() { _, err := asked(ctx, c); left <- err }()
	go func() { _, err := asked(t.Context(), c); stays <- err }()
	<-begun
	leave()
	require.Equal(t, llm.Canceled, llm.CodeOfError(<-left))
	close(release)
	require.NoError(t, <-stays)
	require.EqualValues(t, 1, fetches.Load())
}

// A call whose time ends before its credential is there says so: the server was
// not asked.
func TestATimeOutWithoutACredentialSaysWhatWasMissing(t *testing.T) {
	w := started(t, `{}`)
	o, _ := container(t, func(ctx context.Context, _ int64) string {
		<-ctx.Done()
		return ""
	})
	c, err := client.New(config.Model{Provider: "bedrock", Name: "m", BaseURL: w.URL(), Region: "us-east-1", MaxRetries: 1, Timeout: 50 * time.Millisecond}, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	_, err = asked(t.Context(), c)
	require.Equal(t, llm.Timeout, llm.CodeOfError(err))
	require.ErrorContains(t, err, "no complete answer within 0.05 s; the server was not asked yet: the credential has not been fetched yet")
	require.Empty(t, w.Seen().Requests)
}

// Nothing that an error says holds a part of the credential.
func TestAFetchedCredentialIsMasked(t *testing.T) {
	w := started(t, `{"models":{"m":{"steps":[{"status":403,"body":{"message":"the token session-token-1 and the secret `+faultwall.AWSSecret+` are refused"}}]}}}`)
	o, _ := container(t, func(context.Context, int64) string { return faultwall.AWSSecret })
	_, err := asked(t.Context(), bedrockAt(t, w, "m", o))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "session-token-1")
	require.NotContains(t, err.Error(), faultwall.AWSSecret)
	require.NotContains(t, llm.AsError(err).Body, "session-token")
}

// A client that closes does not wait for a fetch that hangs.
func TestClosingEndsTheFetch(t *testing.T) {
	w := started(t, `{}`)
	begun := make(chan struct{})
	o, _ := container(t, func(ctx context.Context, n int64) string {
		if n == 1 {
			close(begun)
		}
		<-ctx.Done()
		return ""
	})
	c := bedrockAt(t, w, "m", o)
	failed := make(chan error)
	go func() { _, err := asked(context.Background(), c); failed <- err }()
	<-begun
	require.NoError(t, c.Close(context.Background()))
	require.Equal(t, llm.Closed, llm.CodeOfError(<-failed))
}

// A source that gives nothing fails the attempt, and says what to set.
func TestWithoutACredentialTheAttemptFails(t *testing.T) {
	w := started(t, `{}`)
	c := bedrockAt(t, w, "m", client.Options{Getenv: func(name string) (string, bool) {
		return map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}[name], name == "AWS_EC2_METADATA_DISABLED"
	}})
	_, err := asked(t.Context(), c)
	require.Equal(t, llm.Authentication, llm.CodeOfError(err))
	require.ErrorContains(t, err, "set AWS_BEARER_TOKEN_BEDROCK")
	require.Empty(t, w.Seen().Requests)
}

// A function of the application gives the token: once for all calls, and again
// when the server refuses it.
func TestAFunctionGivesTheToken(t *testing.T) {
	w := started(t, `{"require_key":"token-2"}`)
	var asked atomic.Int64
	c, err := client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), MaxRetries: 1, Token: func(context.Context) (string, time.Time, error) {
		return fmt.Sprintf("token-%d", asked.Add(1)), time.Now().Add(time.Hour), nil
	}}, client.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close(context.Background())) }()
	for range 3 {
		r, err := c.Chat(t.Context(), ask())
		require.NoError(t, err)
		require.Equal(t, "Hello from m.", r.Text())
	}
	require.EqualValues(t, 2, asked.Load())
	_, err = client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), APIKey: "k", Token: func(context.Context) (string, time.Time, error) { return "", time.Time{}, nil }}, client.Options{})
	require.ErrorContains(t, err, "expected one of them")
}

// What the function says of its failure is the attempt's.
func TestAFunctionThatFailsFailsTheAttempt(t *testing.T) {
	w := started(t, `{}`)
	c, err := client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), MaxRetries: 1, Token: func(context.Context) (string, time.Time, error) {
		return "", time.Time{}, errors.New("the vault is closed")
	}}, client.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close(context.Background())) }()
	_, err = c.Chat(t.Context(), ask())
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.ErrorContains(t, err, "the vault is closed")
	require.Empty(t, w.Seen().Requests)
}

// Models that name a function share its token; what it gives is masked.
func TestModelsShareTheTokenOfANamedFunction(t *testing.T) {
	w := started(t, `{"require_key":"token-2","models":{"odd":{"require_key":"token-2","steps":[{"status":400,"body":{"error":{"message":"token-2 is odd"}}}]}}}`)
	var asked atomic.Int64
	o := client.Options{Tokens: &credential.Functions{Get: func(_ context.Context, name string) (string, time.Time, error) {
		if name != "vault" {
			return "", time.Time{}, errors.New("no token of the name " + name)
		}
		return fmt.Sprintf("token-%d", asked.Add(1)), time.Now().Add(time.Hour), nil
	}}}
	ask := func(model, name string) error {
		c, err := client.New(config.Model{Provider: "p", Name: model, BaseURL: w.BaseURL(), MaxRetries: 1, Auth: config.Auth{Type: "function", Name: name}}, o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
		_, err = c.Chat(t.Context(), ask())
		return err
	}
	for _, model := range []string{"a", "b", "c"} {
		require.NoError(t, ask(model, "vault"))
	}
	err := ask("odd", "vault")
	require.Equal(t, llm.BadRequest, llm.CodeOfError(err))
	require.NotContains(t, err.Error(), "token-2")
	require.EqualValues(t, 2, asked.Load())
	err = ask("m", "other")
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.ErrorContains(t, err, "no token of the name other")
	_, err = client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), Auth: config.Auth{Type: "function", Name: "vault"}}, client.Options{})
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	_, err = client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), Auth: config.Auth{Type: "function"}}, o)
	require.ErrorContains(t, err, "the name of the application's function")
}

// tokens is a function whose n-th token is token-n. The first ends within the
// time in which a token is not used any more, so that the next call renews it;
// fails says whether that fetch fails.
func tokens(t *testing.T, w *faultwall.Wall, fails func(n int64) error) (*client.Client, *atomic.Int64) {
	t.Helper()
	fetches := new(atomic.Int64)
	c, err := client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), MaxRetries: 1, Token: func(context.Context) (string, time.Time, error) {
		n := fetches.Add(1)
		ends := time.Now().Add(time.Hour)
		if n == 1 {
			ends = time.Now().Add(time.Second)
		}
		return fmt.Sprintf("token-%d", n), ends, fails(n)
	}}, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c, fetches
}

// halfway is a stream whose first piece has come, and whose rest waits until
// the wall releases "rest".
func halfway(t *testing.T, c *client.Client) *client.Stream {
	t.Helper()
	s, err := c.Stream(t.Context(), ask())
	require.NoError(t, err)
	_, err = s.Next()
	require.NoError(t, err)
	return s
}

func finish(t *testing.T, s *client.Stream) (text string) {
	t.Helper()
	for {
		event, err := s.Next()
		if errors.Is(err, io.EOF) {
			return text
		}
		require.NoError(t, err)
		if event.Chunk != nil {
			text += event.Chunk.Text()
		}
	}
}

const halves = `{"events":[{"text":"half "},{"hold":"rest"},{"text":"whole"},{"finish_reason":"stop"}],"done":true}`

// A token that ends while a stream flows is renewed by the next calls, once for
// all of them; the stream is not touched.
func TestATokenThatEndsDuringAStreamIsRenewedBesideIt(t *testing.T) {
	w := started(t, `{"models":{"m":{"steps":[`+halves+`],"after":"ok"}}}`)
	c, fetches := tokens(t, w, func(int64) error { return nil })
	s := halfway(t, c)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := asked(t.Context(), c)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.EqualValues(t, 2, fetches.Load())
	w.Release("rest")
	require.Equal(t, "whole", finish(t, s))
}

// A renewal that fails meanwhile fails the calls that need it, as a moment's
// failure of theirs, and neither the stream nor the call after it.
func TestARenewalThatFailsDuringAStream(t *testing.T) {
	w := started(t, `{"models":{"m":{"steps":[`+halves+`],"after":"ok"}}}`)
	c, fetches := tokens(t, w, func(n int64) error {
		if n == 2 {
			return errors.New("the vault is sealed")
		}
		return nil
	})
	s := halfway(t, c)
	_, err := asked(t.Context(), c)
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.ErrorContains(t, err, "the application's function gave no token: the vault is sealed")
	_, err = asked(t.Context(), c)
	require.NoError(t, err)
	require.EqualValues(t, 3, fetches.Load())
	w.Release("rest")
	require.Equal(t, "whole", finish(t, s))
	require.Len(t, w.Seen().Requests, 2)
}

// A token that the server refuses while a stream of the same token flows is
// replaced once for all calls. A replacement that cannot be fetched is told in
// the error of the refusal.
func TestATokenThatIsRefusedDuringAStream(t *testing.T) {
	for _, fails := range []bool{false, true} {
		w := started(t, `{"models":{"m":{"steps":[`+halves+`],"after":"ok"},"other":{"require_key":"token-2"}}}`)
		fetches := new(atomic.Int64)
		o := client.Options{Tokens: &credential.Functions{Get: func(context.Context, string) (string, time.Time, error) {
			n := fetches.Add(1)
			if fails && n > 1 {
				return "", time.Time{}, errors.New("the vault is sealed")
			}
			return fmt.Sprintf("token-%d", n), time.Now().Add(time.Hour), nil
		}}}
		var both [2]*client.Client
		for i, model := range []string{"m", "other"} {
			c, err := client.New(config.Model{Provider: "p", Name: model, BaseURL: w.BaseURL(), MaxRetries: 1, Auth: config.Auth{Type: "function", Name: "vault"}}, o)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
			both[i] = c
		}
		s := halfway(t, both[0])
		if fails {
			_, err := asked(t.Context(), both[1])
			require.Equal(t, llm.Authentication, llm.CodeOfError(err))
			require.ErrorContains(t, err, "; no new credential could be fetched: the application's function gave no token: the vault is sealed")
			require.NotContains(t, err.Error(), "; ;")
		} else {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					_, err := asked(t.Context(), both[1])
					require.NoError(t, err)
				})
			}
			all.Wait()
		}
		require.EqualValues(t, 2, fetches.Load())
		w.Release("rest")
		require.Equal(t, "whole", finish(t, s))
	}
}
