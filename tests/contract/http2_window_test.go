package contract

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/llmagg/llmagg/tests/frames"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// An HTTP/2 server that widens a stream's window beyond what there can be ends
// its own call, and no other: net/http locks the connection for ever there, so
// calls went on beyond every deadline (D2, S10). The library is built with a
// copy that does not (packaging/goruntime.sh); Go programs are built with their
// own Go.
func TestAnHTTP2WindowTooWideEndsTheCall(t *testing.T) {
	for _, name := range []string{"c", "python"} {
		t.Run(name, func(t *testing.T) {
			door, err := builders[name](t)
			if err != nil {
				t.Skipf("THE %s DOOR IS MISSING: %v", name, err)
			}
			server := frames.Serve(t, widen)
			config, err := json.Marshal(map[string]any{"openai": map[string]any{"api_key": Key, "base_url": "https://" + server.Address + "/v1",
				"ca_file": server.CAFile, "timeout": 2, "max_retries": 1, "models": map[string]any{"m": map[string]any{}}}})
			require.NoError(t, err)
			ask := []byte(`{"messages":[{"role":"user","content":"hi"}]}`)
			do := func(c Command) Event {
				over := make(chan Event, 1)
				c.Session = 1
				door.Do(c, func(e Event) {
					if e.terminal() {
						over <- e
					}
				})
				select {
				case e := <-over:
					return e
				case <-time.After(20 * time.Second):
					require.FailNow(t, c.Verb+" hangs")
					return Event{}
				}
			}
			require.Equal(t, "done", do(Command{ID: 1, Verb: "open", First: config}).Kind)
			for i := range uint64(3) {
				e := do(Command{ID: 2 + i, Verb: "chat", First: ask})
				require.Equal(t, "error", e.Kind)
				require.Contains(t, string(e.Data), "UNAVAILABLE")
				require.NotContains(t, string(e.Data), "TIMEOUT")
			}
			do(Command{ID: 9, Verb: "close"})
			require.NoError(t, door.Stop())
		})
	}
}

// widen answers a request by two increments of its window, which together pass
// 2^31-1.
func widen(_ int32, f *http2.Framer, stream uint32) bool {
	_ = f.WriteWindowUpdate(stream, 1<<31-1)
	_ = f.WriteWindowUpdate(stream, 1<<31-1)
	return true
}
