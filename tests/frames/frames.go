// Package frames is for tests: [Serve] is an HTTP/2 server that is told frame
// by frame what to say. It imports nothing of the project.
package frames

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// Say answers the n-th request, which came on a stream; it returns whether the
// server goes on to read that connection.
type Say func(n int32, f *http2.Framer, stream uint32) (goOn bool)

// Server is a server that runs until its test ends.
type Server struct {
	Address               string // "127.0.0.1:port"
	CAFile                string // of its certificate
	Requests, Connections atomic.Int32

	say      Say
	settings []http2.Setting
}

// Serve starts a server.
func Serve(t testing.TB, say Say, settings ...http2.Setting) *Server {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // lends its certificate
	defer lender.Close()
	s := &Server{CAFile: filepath.Join(t.TempDir(), "ca.pem"), say: say, settings: settings}
	require.NoError(t, os.WriteFile(s.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw}), 0o600))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: lender.TLS.Certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	s.Address = listener.Addr().String()
	t.Cleanup(func() { _ = listener.Close() })
	go func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.Connections.Add(1)
			go s.serve(conn) // ends when the client leaves
		}
	}()
	return s
}

func (s *Server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings(s.settings...)
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
			if frame.StreamEnded() && !s.say(s.Requests.Add(1), f, frame.StreamID) {
				_, _ = io.Copy(io.Discard, conn)
				return
			}
		}
	}
}
