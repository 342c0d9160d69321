package faultwall

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// Options of a wall. The zero value is plain HTTP/1.1 on a free loopback port.
// In JSON they are a script's "options".
type Options struct {
	// Addr to listen on. Empty: 127.0.0.1:0.
	Addr string `json:"addr,omitempty"`
	// TLS serves https with a certificate of the wall's own; see Wall.CACertPEM.
	TLS bool `json:"tls,omitempty"`
	// HTTP2 offers HTTP/2 to clients, over TLS.
	HTTP2 bool `json:"http2,omitempty"`
	// Cert is what is wrong with the certificate: "" (nothing, once a client
	// trusts the wall's own authority), CertExpired or CertWrongHost.
	Cert string `json:"cert,omitempty"`
	// CAFile, if not empty, is written with CACertPEM when the wall starts.
	CAFile string `json:"ca_file,omitempty"`
	// MaxRequests is how many requests Seen keeps, the latest ones. 0: 10 000.
	MaxRequests int `json:"max_requests,omitempty"`
	// MaxBodyBytes is how much of a request's body Seen keeps. 0: 1 MiB;
	// negative: nothing.
	MaxBodyBytes int `json:"max_body_bytes,omitempty"`
	// ForeverS and ForeverBytes bound answers that never end. 0: 60 s, 1 GiB.
	ForeverS     float64 `json:"forever_s,omitempty"`
	ForeverBytes int64   `json:"forever_bytes,omitempty"`
	// Control adds paths for a wall in a process of its own: GET /_wall/seen,
	// POST /_wall/script, POST /_wall/release?name=…
	Control bool `json:"control,omitempty"`
}

// Values of Options.Cert.
const (
	CertExpired   = "expired"
	CertWrongHost = "wrong_host"
)

func (o *Options) check(path string) error {
	if err := oneOf(path+".cert", o.Cert, "", CertExpired, CertWrongHost); err != nil {
		return err
	}
	if err := positive(path+".forever_s", o.ForeverS); err != nil {
		return err
	}
	return positive(path+".forever_bytes", float64(o.ForeverBytes))
}

// over returns o with its zero fields taken from a script's options, then from
// the defaults.
func (o Options) over(script *Options) Options {
	if script != nil {
		o.Addr = orElse(o.Addr, script.Addr)
		o.TLS = o.TLS || script.TLS
		o.HTTP2 = o.HTTP2 || script.HTTP2
		o.Cert = orElse(o.Cert, script.Cert)
		o.CAFile = orElse(o.CAFile, script.CAFile)
		o.MaxRequests = orElse(o.MaxRequests, script.MaxRequests)
		o.MaxBodyBytes = orElse(o.MaxBodyBytes, script.MaxBodyBytes)
		o.ForeverS = orElse(o.ForeverS, script.ForeverS)
		o.ForeverBytes = orElse(o.ForeverBytes, script.ForeverBytes)
		o.Control = o.Control || script.Control
	}
	o.Addr = orElse(o.Addr, "127.0.0.1:0")
	o.TLS = o.TLS || o.HTTP2 || o.Cert != ""
	o.MaxRequests = orElse(o.MaxRequests, 10_000)
	o.MaxBodyBytes = orElse(o.MaxBodyBytes, 1<<20)
	o.ForeverS = orElse(o.ForeverS, 60)
	o.ForeverBytes = orElse(o.ForeverBytes, 1<<30)
	return o
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Wall is a running server. Start makes one, Close ends it.
type Wall struct {
	options Options
	ledger  *ledger
	caPEM   []byte
	tls     *tls.Config // nil: plain HTTP
	h2      *http2Server
	addr    string

	// mu guards the fields below it.
	mu       sync.Mutex
	behavior *behavior
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
		ledger:   newLedger(options.MaxRequests),
		behavior: newBehavior(script),
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
	return w, nil
}

// listen opens the listener and starts its accept loop.
func (w *Wall) listen() error {
	listener, err := net.Listen("tcp", w.addr)
	if err != nil {
		return fmt.Errorf("faultwall: %w", err)
	}
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

// SetScript replaces the whole script, from its first steps on. Answers under
// way go on by the old one; holds are closed again. What was seen is kept.
func (w *Wall) SetScript(script Script) error {
	if err := script.check(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behavior = newBehavior(script)
	w.accepted = 0
	for name, gate := range w.holds {
		if isClosed(gate) {
			delete(w.holds, name)
		}
	}
	return nil
}

// Script replaces the steps of one model: the next request uses the first of
// them, and the last one repeats. No steps: healthy answers. It panics on a
// step that ParseScript would refuse.
func (w *Wall) Script(model string, steps ...Step) {
	plan := Plan{Steps: slices.Clone(steps)}
	if err := plan.check("models." + model); err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behavior.models[model] = &cursor{plan: plan}
}

// Release lets through everything that waits, or will wait, at a Hold of this
// name.
func (w *Wall) Release(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gate := w.gateLocked(name)
	if !isClosed(gate) {
		close(gate)
	}
}

func (w *Wall) gate(name string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gateLocked(name)
}

func (w *Wall) gateLocked(name string) chan struct{} {
	gate, ok := w.holds[name]
	if !ok {
		gate = make(chan struct{})
		w.holds[name] = gate
	}
	return gate
}

func isClosed(gate <-chan struct{}) bool {
	select {
	case <-gate:
		return true
	default:
		return false
	}
}

// Seen is a snapshot of what the wall saw so far.
func (w *Wall) Seen() Seen {
	seen := w.ledger.snapshot()
	seen.CACert = string(w.caPEM)
	return seen
}

// SeenJSON is Seen as JSON.
func (w *Wall) SeenJSON() []byte { return toJSON(w.Seen()) }

// Wait blocks until condition holds for what the wall saw, or until ctx ends,
// whose error it then returns. The condition is asked at once and after each
// change, outside of the wall's locks; it must not change what it is handed.
func (w *Wall) Wait(ctx context.Context, condition func(Seen) bool) error {
	for {
		changed := w.ledger.subscribe()
		if condition(w.Seen()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

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
