//go:build !netgo

package faultwall

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// seesFrames: the wall can say what net/http's server never says. Not in the
// wall of the C library, which is built with the tag netgo: it is smaller.
const seesFrames = true

// framed is a connection of HTTP/2 on which the wall changes and adds frames.
type framed struct {
	net.Conn // TLS; not a *tls.Conn here, whose other methods net/http would call
	// refusing counts the streams whose RST_STREAM says REFUSED_STREAM.
	refusing atomic.Int32

	mu      sync.Mutex // guards pending, and that frames stay whole
	pending []byte     // the beginning of a frame
}

// seeFrames lets net/http speak HTTP/2 in the clear, within the TLS that the
// wall speaks itself.
func seeFrames(server *http.Server) {
	server.TLSConfig, server.Protocols = nil, new(http.Protocols)
	server.Protocols.SetUnencryptedHTTP2(true)
}

func withFrames(secure *tls.Conn) net.Conn { return &framed{Conn: secure} }

func secureOf(c net.Conn) *tls.Conn { return c.(*framed).Conn.(*tls.Conn) }

// Parts of a frame (RFC 9113, sections 4.1, 6.4, 6.8 and 7).
const (
	frameHead     = 9
	rstStream     = 3
	goAway        = 7
	refusedStream = 7
)

// Write implements io.Writer: it sends whole frames.
func (f *framed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, p...)
	for {
		rest := f.pending
		if len(rest) < frameHead {
			return len(p), nil
		}
		size := frameHead + (int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2]))
		if len(rest) < size {
			return len(p), nil
		}
		if rest[3] == rstStream && f.refusing.Load() > 0 {
			f.refusing.Add(-1)
			rest[size-1] = refusedStream
		}
		f.pending = rest[size:]
		if _, err := f.Conn.Write(rest[:size]); err != nil {
			return 0, err
		}
	}
}

// disown says, by a reset or by a GOAWAY, that the request was not looked at.
func (h *http2) disown(how string) {
	_ = h.flush()
	h.abort = true
	f := h.wire.(*framed)
	if how == CutRefuse {
		f.refusing.Add(1)
		return
	}
	f.mu.Lock()
	_, _ = f.Conn.Write([]byte{2: 8, 3: goAway, frameHead + 7: 0}) // the last stream that it looked at is 0
	f.mu.Unlock()
	<-h.gone() // a reset would say something else
}
