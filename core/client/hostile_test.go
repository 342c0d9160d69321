package client_test

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// hostile is the route to a server that does what serve says.
func hostile(t *testing.T, serve http.HandlerFunc, change func(*config.Model)) *client.Client {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return routeTo(t, server.URL, change)
}

func routeTo(t *testing.T, url string, change func(*config.Model)) *client.Client {
	t.Helper()
	cfg := config.Model{Provider: "p", Name: "m", BaseURL: url, APIKey: "sk-secret-key", MaxRetries: 1, Timeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(t.Context())) })
	return c
}

// The body of an error is bounded like an answer, whatever it expands to, and
// memory does not follow it.
func TestABombInAnErrorsBodyIsCut(t *testing.T) {
	c := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusInternalServerError)
		z := gzip.NewWriter(w)
		for block := make([]byte, 1<<20); ; {
			if _, err := z.Write(block); err != nil {
				return // the client has left
			}
		}
	}, func(cfg *config.Model) { cfg.Limits.ResponseBytes = 1 << 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Chat(t.Context(), ask())
	runtime.ReadMemStats(&after)
	require.Equal(t, llm.BadResponse, llm.CodeOfError(err), "%v", err)
	require.ErrorContains(t, err, "response_bytes")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20), "bytes allocated by both sides for 1 MiB read")
}

// Informational answers without end, and headers without end, end the attempt.
func TestEndlessHeadersEndTheAttempt(t *testing.T) {
	for name, unit := range map[string]string{
		"informational answers": "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
		"headers":               "X-A: b\r\n",
		"one header":            "aaaaaaaaaaaaaaaa",
		"trailers":              "X-A: b\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			ended := make(chan int64, 1)
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					ended <- -1
					return
				}
				defer conn.Close()
				first := "HTTP/1.1 200 OK\r\nX-A: "
				switch name {
				case "informational answers":
					first = ""
				case "trailers":
					first = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2\r\n{}\r\n0\r\n"
				}
				_, _ = io.WriteString(conn, first)
				var sent int64
				for block := strings.Repeat(unit, 100); ; {
					n, err := io.WriteString(conn, block)
					if sent += int64(n); err != nil {
						ended <- sent
						return
					}
				}
			}()
			c := routeTo(t, "http://"+listener.Addr().String(), nil)
			begun := time.Now()
			_, err = c.Chat(t.Context(), ask())
			require.Contains(t, []llm.Code{llm.BadResponse, llm.Unavailable}, llm.CodeOfError(err), "%v", err)
			require.Less(t, time.Since(begun), 15*time.Second, "it is the bytes that end it, not the deadline")
			require.Less(t, <-ended, int64(32<<20), "bytes that the server got rid of")
			require.NoError(t, listener.Close())
		})
	}
}

// Addresses in messages are passed on as they are: whoever writes a message
// makes the library neither fetch anything nor read a file.
func TestAddressesInMessagesAreNotOpened(t *testing.T) {
	var fetched atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	t.Cleanup(other.Close)
	secret := filepath.Join(t.TempDir(), "secret.png")
	require.NoError(t, os.WriteFile(secret, []byte("of-the-file"), 0o600))
	for _, kind := range []string{"openai", "gemini"} {
		for _, address := range []string{other.URL + "/a.png", "file://" + secret} {
			var posted string
			c := hostile(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				posted = string(body)
				_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"a"}}],"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`)
			}, func(cfg *config.Model) { cfg.Type = kind })
			q := ask()
			q.Messages[0] = llm.Message{Role: llm.RoleUser, Parts: []llm.Part{llm.Image(address), {Type: "file", File: &llm.File{FileID: address, Filename: "a.png"}}}}
			_, err := c.Chat(t.Context(), q)
			require.NoError(t, err)
			require.Contains(t, posted, address)
			require.NotContains(t, posted, "of-the-file")
		}
	}
	require.Zero(t, fetched.Load())
}

// The name of a model is one segment of Gemini's URL, whatever it holds.
func TestGeminiURLKeepsTheNameInOneSegment(t *testing.T) {
	for _, name := range []string{"../../evil", "a/b", "a?x=1", "a#b", "a%2fb", "..", "a:b", "models/../x", "@h/", "\\\\h\\x", "ä b"} {
		var asked string
		c := hostile(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r.RequestURI
			_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`)
		}, func(cfg *config.Model) {
			cfg.Type, cfg.Name, cfg.Model = "gemini", "m", name
			cfg.BaseURL += "/v1beta"
		})
		_, err := c.Chat(t.Context(), ask())
		require.NoError(t, err)
		segment, ok := strings.CutPrefix(asked, "/v1beta/models/")
		require.True(t, ok, asked)
		segment, ok = strings.CutSuffix(segment, ":generateContent")
		require.True(t, ok, asked)
		require.NotContains(t, segment, "/")
		require.NotContains(t, segment, "?")
		back, err := url.PathUnescape(segment)
		require.NoError(t, err)
		require.Equal(t, strings.TrimPrefix(name, "models/"), back)
	}
}
