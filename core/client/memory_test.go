//go:build !race

package client_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// memoryCase is an answer that is large, with the default limits.
type memoryCase struct {
	stream bool
	answer func(w http.ResponseWriter)
	code   llm.Code
	most   float64 // MiB by which the peak may grow: L1's bound
}

// memorySlack is what the runtime takes by itself in MiB, whatever is read: its
// first connection, stacks, tables, and pages that its collector has not given
// back.
const memorySlack = 16

func memoryCases() map[string]memoryCase {
	repeat := func(w io.Writer, piece string, size int) {
		block := strings.Repeat(piece, 1+(256<<10)/len(piece))
		for sent := 0; sent < size; sent += len(block) {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	}
	json := func(w io.Writer) {
		_, _ = io.WriteString(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"`)
		repeat(w, "x", 300e6)
	}
	events := func(piece string, finish bool) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			repeat(w, "data: "+piece+"\n\n", 40e6)
			if finish {
				_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
			}
		}
	}
	text := func(size int) string {
		return `{"id":"c","choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", size) + `"},"finish_reason":null}]}`
	}
	const body, stream = 1.25 * 64, 2.5 * 40e6 / (1 << 20)
	return map[string]memoryCase{
		"body": {answer: func(w http.ResponseWriter) { json(w) }, code: llm.BadResponse, most: body},
		"announced": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "400000000")
			json(w)
		}, code: llm.BadResponse, most: body},
		"gzip": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			json(z)
			_ = z.Close()
		}, code: llm.BadResponse, most: body},
		"failure": {answer: func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadGateway)
			json(w)
		}, code: llm.BadResponse, most: body},
		"instead of a stream": {stream: true, answer: func(w http.ResponseWriter) { json(w) }, code: llm.BadResponse, most: body},
		"one event":           {stream: true, answer: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "data: "); json(w) }, code: llm.BadResponse, most: 2.5 * 16},
		"large pieces":        {stream: true, answer: events(text(10e3), true), most: stream},
		"small pieces":        {stream: true, answer: events(text(4), true), most: stream},
		"no choices":          {stream: true, answer: events(`{"choices":[]}`, true), most: stream},
		"empty deltas":        {stream: true, answer: events(`{"choices":[{"index":0,"delta":{}}]}`, true), most: stream},
		"roles":               {stream: true, answer: events(`{"choices":[{"index":0,"delta":{"role":"assistant"}}]}`, false), code: llm.StreamInterrupted, most: stream},
		"unknown fields":      {stream: true, answer: events(`{"choices":[{"index":0,"delta":{"zz":1}}],"yy":"aaaaaaaaaa"}`, true), most: stream},
		"comments":            {stream: true, answer: events("{\"choices\":[]}\n\n:"+strings.Repeat("\n:", 100), true), most: stream},
	}
}

// Each answer is read by a child process, whose peak of memory belongs to it
// alone.
func TestMemoryIsBounded(t *testing.T) {
	if os.Getenv("LLMAGG_MEMORY_URL") != "" {
		t.Skip("the child")
	}
	for name, c := range memoryCases() {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if strings.HasSuffix(r.URL.Path, "warm/chat/completions") {
					_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}`)
					return
				}
				requests++
				c.answer(w)
			}))
			defer server.Close()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemoryChild$", "-test.v")
			child.Env = append(os.Environ(), "LLMAGG_MEMORY_URL="+server.URL, "LLMAGG_MEMORY_CASE="+name)
			out, err := child.CombinedOutput()
			require.NoError(t, err, string(out))
			_, after, found := strings.Cut(string(out), "grown by ")
			require.True(t, found, string(out))
			number, _, _ := strings.Cut(after, " ")
			grown, err := strconv.ParseFloat(number, 64)
			require.NoError(t, err)
			t.Logf("grown by %.0f MiB, at most %.0f + %d", grown, c.most, memorySlack)
			require.Less(t, grown, c.most+memorySlack)
			if c.code == llm.BadResponse {
				require.Equal(t, 1, requests, "the route is not asked again")
			}
		})
	}
}

func TestMemoryChild(t *testing.T) {
	url := os.Getenv("LLMAGG_MEMORY_URL")
	if url == "" {
		t.Skip("only as the child of TestMemoryIsBounded")
	}
	c := memoryCases()[os.Getenv("LLMAGG_MEMORY_CASE")]
	ask := func(base string, stream bool) error {
		m, err := client.New(config.Model{Provider: "p", Name: "m", BaseURL: base}, client.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, m.Close(context.Background())) }()
		q := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
		if !stream {
			_, err = m.Chat(t.Context(), q)
			return err
		}
		s, err := m.Stream(t.Context(), q)
		if err != nil {
			return err
		}
		_, err = s.Collect()
		return err
	}
	require.NoError(t, ask(url+"/warm", false))
	before := peak(t)
	err := ask(url, c.stream)
	fmt.Printf("grown by %.1f MiB\n", float64(peak(t)-before)/1024)
	require.Equal(t, c.code, llm.CodeOfError(err), "%v", err)
}

// peak is the most memory that the process has had, in KiB.
func peak(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc")
	}
	_, after, found := strings.Cut(string(status), "VmHWM:")
	require.True(t, found)
	n, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(t, err)
	return n
}
