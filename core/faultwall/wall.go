// Package faultwall is an HTTP server whose misbehaviour is scripted, step by
// step for each model, in the formats of the vendors (SCRIPT.md). It is to
// tests of LLM clients what net/http/httptest is to tests of HTTP:
//
//	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
//	…
//	defer wall.Close()
//	wall.Script("gpt-a", faultwall.Step{Status: 503}, faultwall.Step{Text: faultwall.Set("at last")})
//	// point a client at wall.BaseURL(), let it ask gpt-a, then look at wall.Seen()
package faultwall

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Wall is a running server. Start makes one, Close ends it. Its methods are
// safe for concurrent use.
//
// It writes HTTP/1.1 by itself on the TCP connection, so that faults below HTTP
// occur for real: a reset is a TCP reset (SO_LINGER 0), a body cut short is a
// FIN before Content-Length or the last chunk, a chunk can be torn, headers can
// drip, bytes can be garbage, a kept-alive connection can turn out to be stale.
// Healthy answers keep the connection alive. With [Options].HTTP2 clients may
// negotiate HTTP/2 over TLS; there a cut is a reset of the stream, and fields
// about bytes below HTTP are answered with status 501.
type Wall struct {
	options Options
	ledger  *ledger
	caPEM   []byte
	tls     *tls.Config // nil: plain HTTP
	h2      *http2Server
	addr    string

	// turn is held while the wall begins to listen or stops: a stop waits for
	// what it ends, and nothing new may be counted meanwhile. It comes before
	// mu.
	turn sync.Mutex

	// mu guards the fields below it.
	mu       sync.Mutex
	behavior *behavior
	batches  batches                  // guards itself
	holds    map[string]chan struct{} // closed: released
	listener net.Listener             // nil while killed
	conns    map[*conn]struct{}
	accepted int
	closed   bool

	// work counts the accept loop and the connections.
	work sync.WaitGroup
}

// Start checks the script and starts a wall that follows it. Options given here
// win over the script's.
func Start(script Script, options Options) (*Wall, error) {
	if err := script.check(); err != nil {
		return nil, err
	}
	if err := options.check("options"); err != nil {
		return nil, err
	}
	options = options.over(script.Options)
	w := &Wall{
		options:  options,
		ledger:   &ledger{begun: time.Now(), keep: options.MaxRequests, models: map[string]*SeenModel{}},
		behavior: newBehavior(script, nil),
		holds:    map[string]chan struct{}{},
		conns:    map[*conn]struct{}{},
		addr:     options.Addr,
	}
	if options.TLS {
		if err := w.makeCertificate(); err != nil {
			return nil, fmt.Errorf("faultwall: certificate: %w", err)
		}
	}
	if options.HTTP2 {
		w.h2 = newHTTP2Server(w)
	}
	if err := w.listen(); err != nil {
		w.h2.close()
		return nil, err
	}
	if script.Down {
		w.Kill()
	}
	return w, nil
}

// listen opens the listener and starts its accept loop.
func (w *Wall) listen() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	listener, err := net.Listen("tcp", w.addr)
	if err != nil {
		return fmt.Errorf("faultwall: %w", err)
	}
	w.options.told(listener.(*net.TCPListener))
	w.mu.Lock()
	if w.closed || w.listener != nil {
		w.mu.Unlock()
		_ = listener.Close()
		return errors.New("faultwall: the wall is closed, or listens already")
	}
	w.listener = listener
	w.addr = listener.Addr().String()
	w.work.Add(1)
	w.mu.Unlock()
	go w.acceptLoop(listener)
	return nil
}

// Addr is HOST:PORT.
func (w *Wall) Addr() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addr
}

// URL is the wall's address, without a path and without a slash at its end.
func (w *Wall) URL() string {
	if w.options.TLS {
		return "https://" + w.Addr()
	}
	return "http://" + w.Addr()
}

// BaseURL is the base URL for OpenAI's wire format: URL()/v1.
func (w *Wall) BaseURL() string { return w.URL() + "/v1" }

// GeminiURL is the base URL for Gemini's wire format: URL()/v1beta.
func (w *Wall) GeminiURL() string { return w.URL() + "/v1beta" }

// CACertPEM is the certificate of the authority that signed the wall's own; nil
// without TLS.
func (w *Wall) CACertPEM() []byte { return slices.Clone(w.caPEM) }

// Kill stops listening and resets all connections, as if the server had died.
// It returns when everything has ended; Revive brings the wall back.
func (w *Wall) Kill() { w.stop(false) }

// Revive listens again on the same port after Kill.
func (w *Wall) Revive() error {
	// A client's outgoing connection may sit on the port for a moment.
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := w.listen()
		if err == nil || time.Since(begun) > 2*time.Second {
			return err
		}
		w.mu.Lock()
		hopeless := w.closed || w.listener != nil
		w.mu.Unlock()
		if hopeless {
			return err
		}
	}
}

// Close ends the wall: it stops listening, resets all connections and waits
// until everything that the wall started has ended. What was seen stays
// readable. Closing twice is harmless.
func (w *Wall) Close() {
	w.stop(true)
	w.h2.close()
	if w.options.CAFile != "" {
		_ = os.Remove(w.options.CAFile)
	}
}

func (w *Wall) stop(forGood bool) {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	listener := w.listener
	w.listener = nil
	w.closed = w.closed || forGood
	conns := make([]*conn, 0, len(w.conns))
	for c := range w.conns {
		conns = append(conns, c)
	}
	w.mu.Unlock()
	if listener != nil {
		_ = listener.Close()
	}
	for _, c := range conns {
		c.kill()
	}
	w.work.Wait()
}

// controlPrefix is where a wall in a process of its own is asked about itself;
// see Options.Control. These requests are no part of what the wall saw.
const controlPrefix = "/_wall/"

func (w *Wall) control(out sink, r *http.Request, body []byte) {
	step := &Step{Body: object("ok", true)}
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, controlPrefix) {
	case "GET seen":
		step.Body = w.Seen()
	case "POST release":
		w.Release(r.URL.Query().Get("name"))
	case "POST script":
		script, err := ParseScript(body)
		if script.Down {
			err = errors.New("faultwall: a wall that is down could not be reached to bring it back")
		}
		if err == nil {
			err = w.SetScript(script)
		}
		if err != nil {
			step = &Step{Status: http.StatusBadRequest, Body: object("error", object("message", err.Error()))}
		}
	default:
		step = &Step{Status: http.StatusNotFound, Body: object("error", object("message", "faultwall: unknown control path"))}
	}
	c := &call{dialect: openAI{}, kind: KindOther}
	a := compose(c, step)
	if out.head(headOf(c, step, a), nil) != nil {
		return
	}
	for p := range a.pieces {
		if out.write(p.data) != nil {
			return
		}
	}
	_ = out.finish()
}
