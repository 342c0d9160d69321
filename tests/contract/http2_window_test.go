package contract

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

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
			address, caFile := serveWideWindows(t)
			config, err := json.Marshal(map[string]any{"openai": map[string]any{"api_key": Key, "base_url": "https://" + address + "/v1",
				"ca_file": caFile, "timeout": 2, "max_retries": 1, "models": map[string]any{"m": map[string]any{}}}})
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

// serveWideWindows answers each request by two increments of its window, which
// together pass 2^31-1.
func serveWideWindows(t *testing.T) (address, caFile string) {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // lends its certificate
	defer lender.Close()
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw}), 0o600))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: lender.TLS.Certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go widen(conn) // ends when the client leaves
		}
	}()
	return listener.Addr().String(), caFile
}

func widen(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				_ = f.WriteWindowUpdate(frame.StreamID, 1<<31-1)
				_ = f.WriteWindowUpdate(frame.StreamID, 1<<31-1)
			}
		}
	}
}
