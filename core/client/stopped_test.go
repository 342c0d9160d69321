//go:build unix

package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

const stoppedStreams = 40

// A process that was stopped for longer than its deadlines, while its server
// went on sending, loses nothing; a server that is silent is noticed as ever.
func TestAStoppedProcessLosesNothing(t *testing.T) {
	if os.Getenv("LLMAGG_STOPPED_URL") != "" {
		t.Skip("the child")
	}
	stopped := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		flush := func() { _ = http.NewResponseController(w).Flush() }
		event := func(piece string) {
			_, _ = fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{%s}}]}\n\n", piece)
			flush()
		}
		switch {
		case strings.HasPrefix(r.URL.Path, "/whole/"):
			_, _ = io.WriteString(w, " ")
			flush()
			<-stopped
			_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}`)
			return
		case strings.HasPrefix(r.URL.Path, "/first/"):
			event(`"role":"assistant"`)
			<-stopped
		default:
			event(`"content":"x"`)
			<-stopped
		}
		event(`"content":"x"`)
		if strings.HasPrefix(r.URL.Path, "/silent/") {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	defer server.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoppedChild$", "-test.v")
	child.Env = append(os.Environ(), "LLMAGG_STOPPED_URL="+server.URL)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "under way" {
	}
	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	close(stopped)
	time.Sleep(2500 * time.Millisecond) // the stop itself: longer than the child's deadlines
	require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	said, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NoError(t, child.Wait(), string(said))
}

func TestStoppedChild(t *testing.T) {
	url := os.Getenv("LLMAGG_STOPPED_URL")
	if url == "" {
		t.Skip("only as the child of TestAStoppedProcessLosesNothing")
	}
	route := func(kind string) *client.Client {
		return routeTo(t, url+"/"+kind, func(cfg *config.Model) {
			cfg.Timeout, cfg.IdleTimeout, cfg.MaxConcurrentCalls = 1500*time.Millisecond, 1500*time.Millisecond, stoppedStreams
		})
	}
	streams, first, whole, silent := route("stream"), route("first"), route("whole"), route("silent")
	var begun, done sync.WaitGroup
	results := make(chan error, 3*stoppedStreams)
	for range stoppedStreams {
		begun.Add(1)
		done.Go(func() {
			s, err := streams.Stream(t.Context(), ask())
			begun.Done()
			if err == nil {
				_, err = s.Collect()
			}
			results <- err
		})
		done.Go(func() {
			s, err := first.Stream(t.Context(), ask())
			if err == nil {
				_, err = s.Collect()
			}
			results <- err
		})
		done.Go(func() {
			_, err := whole.Chat(t.Context(), ask())
			results <- err
		})
	}
	s, err := silent.Stream(t.Context(), ask())
	require.NoError(t, err)
	begun.Wait()
	fmt.Println("\nunder way")
	_, err = s.Collect()
	require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err), "the silent one: %v", err)
	done.Wait()
	for range 3 * stoppedStreams {
		require.NoError(t, <-results)
	}
}
