package faultwall_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

func TestGeneratedBodiesHaveTheirExactSize(t *testing.T) {
	for _, n := range []int{0, 5_000, 65_536, 1_000_000, 5_000_003} {
		w := start(t, `{}`)
		w.Script("m", faultwall.Step{RepeatBytes: int64(max(n, 1))})
		h := client(t, w)
		for _, stream := range []bool{false, true} {
			r := ask(t, w, h, "m", stream)
			require.NoError(t, r.err)
			if n > 0 {
				require.Len(t, r.body, n, "stream %v", stream)
			}
			if stream {
				_, done := chunks(t, r.body)
				require.True(t, done)
				continue
			}
			require.True(t, json.Valid([]byte(r.body)))
			require.NotEqual(t, "", r.header.Get("Content-Length"))
		}
		r, err := post(t, h, w.GeminiURL()+"/models/m:streamGenerateContent?alt=sse", `{}`)
		require.NoError(t, err)
		if n > 0 {
			require.Len(t, r.body, n)
		}
	}
}

func TestCompressedBomb(t *testing.T) {
	w := start(t, script(`{"repeat_bytes":20000000,"gzip":true}`))
	response, err := client(t, w).Post(w.BaseURL()+"/chat/completions", "", strings.NewReader(plain))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	counted := &counter{r: response.Body}
	unzip, err := gzip.NewReader(counted)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, unzip)
	require.NoError(t, err)
	require.EqualValues(t, 20_000_000, n)
	require.Less(t, counted.n, 200_000)
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestEndlessAnswersAreBounded(t *testing.T) {
	for _, options := range []faultwall.Options{{ForeverBytes: 100_000}, {ForeverS: 0.05}} {
		w, err := faultwall.Start(faultwall.MustScript(script(`{"forever":true}`)), options)
		require.NoError(t, err)
		defer w.Close()
		h := client(t, w)
		for _, stream := range []bool{false, true} {
			r := ask(t, w, h, "m", stream)
			require.ErrorIs(t, r.err, io.ErrUnexpectedEOF)
			require.Greater(t, len(r.body), 1000)
		}
		for _, r := range w.Seen().Requests {
			require.Equal(t, "limit", r.Cut)
			require.False(t, r.Disconnected)
		}
	}
}

func TestFlushEveryWritesManyEventsAtOnce(t *testing.T) {
	w := start(t, script(`{"text_bytes":10000,"chunk_chars":10,"flush_every":50}`))
	r := ask(t, w, client(t, w), "m", true)
	require.NoError(t, r.err)
	require.Len(t, contentOf(t, r.body), 10000)
}

func BenchmarkStream(b *testing.B) {
	w, err := faultwall.Start(faultwall.MustScript(script(`{"text_bytes":10000,"chunk_chars":10}`)), faultwall.Options{})
	require.NoError(b, err)
	defer w.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for b.Loop() {
		response, err := http.Post(w.BaseURL()+"/chat/completions", "", strings.NewReader(streaming))
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(b, err)
		_ = response.Body.Close()
	}
	b.ReportMetric(float64(b.N)*1004/b.Elapsed().Seconds(), "events/s")
}
