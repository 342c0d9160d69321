//go:build unix

package credential

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

const (
	stoppedFetches = 40
	stoppedLimit   = 1500 * time.Millisecond // of the child's fetches
)

// A process that was stopped for longer than a fetch may take, while the
// server of credentials answered, has its credentials.
func TestAStoppedProcessHasItsCredentials(t *testing.T) {
	if os.Getenv("LLMAGG_STOPPED_URL") != "" {
		t.Skip("the child")
	}
	arrived, stopped := make(chan struct{}, stoppedFetches+1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, " ")
		_ = http.NewResponseController(w).Flush()
		arrived <- struct{}{}
		<-stopped
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, `{"AccessKeyId":"id","SecretAccessKey":"secret"}`)
	}))
	defer server.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoppedChild$", "-test.v")
	child.Env = append(os.Environ(), "LLMAGG_STOPPED_URL="+server.URL)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	for range stoppedFetches + 1 {
		<-arrived
	}
	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	close(stopped)
	time.Sleep(stoppedLimit + time.Second) // the stop itself
	require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	said, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NoError(t, child.Wait(), string(said))
}

func TestStoppedChild(t *testing.T) {
	url := os.Getenv("LLMAGG_STOPPED_URL")
	if url == "" {
		t.Skip("only as the child of TestAStoppedProcessHasItsCredentials")
	}
	fetchers := func(path string) *shared {
		o := Options{Spec: Spec{Type: AWS}, Region: "eu-west-1", ConnectTimeout: 5 * time.Second, Getenv: func(name string) (string, bool) {
			return url + path, name == "AWS_CONTAINER_CREDENTIALS_FULL_URI"
		}}
		s := newShared(o.source())
		s.patience = stoppedLimit
		return s
	}
	var done sync.WaitGroup
	results := make(chan error, stoppedFetches)
	for i := range stoppedFetches {
		s := fetchers(fmt.Sprintf("/%d", i))
		defer s.release()
		done.Go(func() {
			_, err := s.get(context.Background())
			results <- err
		})
	}
	silent := fetchers("/silent")
	defer silent.release()
	_, err := silent.get(context.Background())
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.ErrorContains(t, err, "was not there within 1.5 s")
	done.Wait()
	for range stoppedFetches {
		require.NoError(t, <-results)
	}
}

// A host that ignores SIGCHLD, or waits for every child, has the program's end
// before us. It is a child, since Go does not give back a signal that it
// ignored.
func TestAProgramWhoseEndNobodyHearsOf(t *testing.T) {
	const deaf = "LLMAGG_DEAF_TO_CHILDREN"
	if os.Getenv(deaf) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), deaf+"=1")
		said, err := child.CombinedOutput()
		require.NoError(t, err, string(said))
		return
	}
	signal.Ignore(syscall.SIGCHLD)
	s, err := runProcess(t.Context(), `printf '%s' '{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s3cret"}'`)
	require.NoError(t, err)
	require.Equal(t, "ASIA1", s.AWS.ID)
	_, err = runProcess(t.Context(), "exit 3")
	require.ErrorContains(t, err, "credential_process failed")
}
