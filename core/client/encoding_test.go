package client_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

func packed(t *testing.T, open func(io.Writer) io.WriteCloser, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := open(&out)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

// Bodies in encodings that nobody asked for are read where that can be done,
// and named where it cannot; no binary is in a message (E2).
func TestContentEncodings(t *testing.T) {
	zip := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	zl := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	bare := func(w io.Writer) io.WriteCloser {
		f, err := flate.NewWriter(w, 6)
		require.NoError(t, err)
		return f
	}
	odd := func(s string) string {
		return strings.ReplaceAll(s, `{"choices"`, "{\"id\":\"Schl\xfcssel\",\"choices\"")
	}
	const binary = "\x28\xb5\x2f\xfd\x04\x00\x00\xff\xfe"
	const answer = `{"choices":[{"index":0,"message":{"content":"Hello."},"finish_reason":"stop"}]}`
	const events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
	for name, c := range map[string]struct {
		encoding string
		pack     func(string) string
		refused  bool
		named    string
	}{
		"x-gzip":                  {"x-gzip", func(s string) string { return packed(t, zip, s) }, false, ""},
		"gzip in capitals, twice": {"GZIP, gzip", func(s string) string { return packed(t, zip, packed(t, zip, s)) }, false, ""},
		"deflate":                 {"deflate", func(s string) string { return packed(t, zl, s) }, false, ""},
		"bare deflate":            {"deflate", func(s string) string { return packed(t, bare, s) }, false, ""},
		"bare, not in UTF-8":      {"deflate", func(s string) string { return packed(t, bare, odd(s)) }, false, ""},
		"bare as gzip, the same":  {"gzip", func(s string) string { return packed(t, bare, odd(s)) }, false, ""},
		"identity":                {"identity", func(s string) string { return s }, false, ""},
		"a mistake":               {"UTF-8", func(s string) string { return s }, false, ""},
		"br":                      {"br", func(string) string { return binary }, true, `"br"`},
		"zstd":                    {"zstd", func(string) string { return binary }, true, `"zstd"`},
		"br inside gzip":          {"br, gzip", func(string) string { return packed(t, zip, binary) }, true, `"br"`},
		"a word with odd letters": {"b\u202er", func(string) string { return binary }, true, `"b\u202er"`},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := 200, ""
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", c.encoding)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, c.pack(text))
			}))
			defer s.Close()
			try := func(code int, body string, call func(*client.Client) (string, error)) (string, error) {
				status, text = code, body
				return call(routeTo(t, s.URL, nil))
			}
			chat := func(c *client.Client) (string, error) { r, err := c.Chat(t.Context(), ask()); return r.Text(), err }
			stream := func(c *client.Client) (string, error) {
				s, err := c.Stream(t.Context(), ask())
				if err != nil {
					return "", err
				}
				r, err := s.Collect()
				return r.Text(), err
			}
			for _, err := range []error{
				second(try(200, answer, chat)), second(try(200, events, stream)), second(try(500, `{"error":"out of order"}`, chat)), second(try(429, `{"error":"out of order"}`, stream)),
			} {
				if err == nil {
					require.False(t, c.refused)
					continue
				}
				e := llm.AsError(err)
				require.NotContains(t, e.Message, "\uFFFD")
				if c.refused {
					require.Contains(t, e.Message, "Content-Encoding")
					require.Contains(t, e.Message, c.named)
				} else {
					require.Contains(t, e.Message, "out of order")
				}
				require.Equal(t, map[int]llm.Code{200: llm.BadResponse, 500: llm.Unavailable, 429: llm.RateLimit}[e.Status], e.Code)
			}
			if !c.refused {
				got, err := try(200, answer, chat)
				require.NoError(t, err)
				require.Equal(t, "Hello.", got)
				got, err = try(200, events, stream)
				require.NoError(t, err)
				require.Equal(t, "Hello.", got)
			}
		})
	}
}

func second(_ string, err error) error { return err }

// noEncoding is a body in no encoding that can be read, and no text.
func noEncoding(r *rand.Rand) []byte {
	begin := [...]string{"", "", "", "\x1f\x8b\x08\x00", "\x78\x9c", "\x4b", "\x00\x05\x00\xfa\xffhello", "\x28\xb5\x2f\xfd", "\x1b\xaa\x00\x60", "{\"a\":\x01", "data: {\x80", "no words \xff"}
	body := []byte(begin[r.IntN(len(begin))])
	for range r.IntN(100) + 1 {
		body = append(body, byte(r.Uint32()))
	}
	return append(body, 0xff, 0)
}

// Whatever bytes come under the name of an encoding, an error about them says
// which name, and how they begin.
func TestGarbageNamesItsContentEncoding(t *testing.T) {
	var name string
	var body []byte
	status := 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", name)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	defer s.Close()
	c := routeTo(t, s.URL, nil)
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		name, body = [...]string{"gzip", "x-gzip", "deflate"}[r.IntN(3)], noEncoding(r)
		for what, call := range map[string]func() error{
			"chat": func() error { return second2(c.Chat(t.Context(), ask())) },
			"stream": func() error {
				s, err := c.Stream(t.Context(), ask())
				if err == nil {
					_, err = s.Collect()
				}
				return err
			},
		} {
			for _, status = range []int{200, 401} {
				err := call()
				require.Error(t, err)
				e := llm.AsError(err)
				if strings.Contains(e.Message, "unexpected EOF") && !strings.Contains(e.Message, "Content-Encoding") { // what begins well may have been cut off
					require.Contains(t, "\x1f\x78", string(body[:1]))
					continue
				}
				require.Contains(t, e.Message, "Content-Encoding", "%s, %d: %q", what, status, body)
				require.Contains(t, e.Message, strconv.Quote(name))
				require.Contains(t, e.Message, fmt.Sprintf("% x", body[:3]))
				if status == 401 {
					require.Equal(t, llm.Authentication, e.Code)
				} else {
					require.Contains(t, []llm.Code{llm.BadResponse, llm.StreamInterrupted, llm.Unavailable}, e.Code)
				}
			}
		}
	}
}

func second2[T any](_ T, err error) error { return err }
