package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/llmagg/llmagg/core/wire"
)

// endpoint is the address of one kind of requests and the header that they
// share. Neither is ever changed.
type endpoint struct {
	url    *url.URL
	header http.Header
	usual  http.Header // the part of header that no configuration and no key is in
}

// endpoint makes one of the upstream's two.
func (u *Upstream) endpoint(stream bool) (endpoint, error) {
	at, err := u.parsed(u.Format.URL(u.Model, stream))
	if err != nil {
		return endpoint{}, err
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", u.Agent)
	h.Set("Accept", "application/json")
	h.Set("Accept-Encoding", "gzip") // as the transport would, for each request anew
	if stream {
		h.Set("Accept", "text/event-stream")
		if f, names := u.Format.(wire.Accepter); names {
			h.Set("Accept", f.Accept())
		}
	}
	usual := copied(h)
	if u.Organization != "" {
		h.Set("OpenAI-Organization", u.Organization)
	}
	u.Format.Authorize(h)
	for name, value := range u.Headers {
		h.Set(name, value)
	}
	return endpoint{at, h, usual}, nil
}

// parsed reads an address that the format has made.
func (u *Upstream) parsed(address string) (*url.URL, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "%s: base_url and model do not form a valid URL: %v", u.Route, err)
	}
	return at, nil
}

// to is the endpoint of an exchange: one of the upstream's two, or a new one if
// the exchange names a model of its own.
func (u *Upstream) to(x *Exchange, stream bool) (*endpoint, error) {
	to := &u.chat
	if stream {
		to = &u.stream
	}
	if x.Model == u.Model {
		return to, nil
	}
	at, err := u.parsed(u.Format.URL(x.Model, stream))
	if err != nil {
		return nil, err
	}
	return &endpoint{at, to.header, to.usual}, nil
}

// with joins the endpoint's header and the call's. If the call gives all
// headers itself, only what every request needs is added: no key, and none of
// the configured headers.
func (e *endpoint) with(o *llm.CallOptions) http.Header {
	if len(o.Headers) == 0 && !o.HeadersOnly {
		return e.header
	}
	h := e.header
	if o.HeadersOnly {
		h = e.usual
	}
	h = copied(h)
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	return h
}

// hostOf is the host that the header names, as for a server behind a proxy that
// goes by it; net/http would pass over it in silence. The connection goes to
// the URL's.
func hostOf(h http.Header, u *url.URL) string { return cmp.Or(h.Get("Host"), u.Host) }

// post sends the request and returns the answer's head. A connection that was
// kept alive and ends before any byte of the answer is not the server's word
// about the request: it is sent again, once, on a new connection (R6). So is,
// up to twice, what an HTTP/2 server says it has not looked at, and more often
// what found its connection full or left before it was sent.
func (u *Upstream) post(ctx context.Context, x *Exchange, stream bool) (*http.Response, error) {
	if x.again == 0 {
		x.Omit = u.memoryOf(x).omitted()
	}
	// Not from a pool: the transport may read the body after RoundTrip has
	// returned, and does not say when it has finished. Only a body in memory
	// goes out in one write with the header.
	body, err := x.written(func() ([]byte, error) { return u.body(x, stream) })
	if err != nil {
		return nil, err
	}
	to, err := u.to(x, x.Stream)
	if err != nil {
		return nil, err
	}
	return u.deliver(ctx, x, to, body)
}

// written is the request that write writes; one that had to be adapted is an
// error to a strict call.
func (x *Exchange) written(write func() ([]byte, error)) ([]byte, error) {
	x.Left, x.Adapted = nil, nil
	body, err := write()
	if err == nil && x.Strict && len(x.Adapted) > 0 {
		err = wire.Unsupported("the vendor cannot do what the request asks for (%s), and \"unsupported\" is \"error\"", strings.Join(x.Adapted, ", "))
	}
	return body, err
}

// deliver sends body, authorized, and returns the answer's head, as post says.
func (u *Upstream) deliver(ctx context.Context, x *Exchange, to *endpoint, body []byte) (*http.Response, error) {
	resp, err := u.authorized(ctx, &endpoint{url: to.url, header: to.with(&x.Payload.Options)}, body, x)
	if err != nil {
		return nil, err
	}
	x.Status = resp.StatusCode
	x.alive()
	if x.Listener != nil {
		x.Listener.Headed(resp.Header)
	}
	var encoding string
	if x.coding, encoding = decode(resp); encoding != "" {
		_ = resp.Body.Close() // nobody can read it
		return nil, unreadable(resp, encoding)
	}
	transcode(resp)
	return resp, nil
}

// way sends body and returns the answer's head, as post says.
func (u *Upstream) way(ctx context.Context, to *endpoint, body []byte, x *Exchange) (*http.Response, error) {
	way := u.Pool.Next()
	resp, kept, err := u.send(ctx, way, to, body, x)
	if err == nil && kept && resp.StatusCode == http.StatusRequestTimeout && resp.Close {
		_ = resp.Body.Close() // the connection had been idle too long: the answer crossed the request
		err = io.EOF
	}
	if err != nil && kept && lost(err) && ctx.Err() == nil {
		resp, _, err = u.send(ctx, u.Pool.Fresh(), to, body, x)
	}
	for left := resends; err != nil && left > 0 && unprocessed(err) && ctx.Err() == nil; {
		if left--; !unsent(err) {
			left -= perRefusal - 1
		}
		again := u.Pool.Kept()
		if left <= 0 {
			again = u.Pool.Own() // where no other request is in its way
		}
		resp, _, err = u.send(ctx, again, to, body, x)
	}
	if err != nil {
		u.Pool.Failed(ctx, way, kept)
		return nil, u.networkError(err)
	}
	u.Pool.Answered(way, resp.ProtoMajor)
	return resp, nil
}

// bodyRoom is room for what an attempt adds to a request beside its model's
// name: these keys, and stream_options where they are asked for.
const bodyRoom = len(`"model":"","stream":true,"stream_options":{"include_usage":true},`)

// send sends body once; kept tells that its connection had been used before,
// and that no byte came back if there is an error.
func (u *Upstream) send(ctx context.Context, t *http.Transport, to *endpoint, body []byte, x *Exchange) (resp *http.Response, kept bool, err error) {
	s := &sending{Context: ctx}
	s.body.Reset(body)
	plain := http.Request{Method: http.MethodPost, URL: to.url, Host: hostOf(to.header, to.url), Header: to.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)), Body: io.NopCloser(&s.body)}
	if x.secret != nil {
		plain.Header = copied(plain.Header)
		u.Credential.Authorize(&plain, body, x.secret)
	}
	s.trace.GotConn = func(i httptrace.GotConnInfo) {
		s.reused.Store(i.Reused)
		s.connected.Store(true)
	}
	if u.Wrap != nil {
		s.trace.GetConn = func(string) { s.sought.Store(true) }
	}
	s.trace.GotFirstResponseByte = func() { s.answered.Store(true) }
	if httptrace.ContextClientTrace(ctx) != nil {
		_ = httptrace.WithClientTrace(ctx, &s.trace) // joins the application's hooks to ours
	}
	req := plain.WithContext(s)
	// The transport's RoundTrip instead of a Client: redirects are errors (L3).
	resp, err = u.roundTrip(t, req)
	if err != nil {
		// The trace's hooks have run when RoundTrip fails for a lost
		// connection: the transport calls them before it reports.
		x.Reached = x.Reached || s.connected.Load() || u.Wrap != nil && !s.sought.Load() // else by other ways than ours
		return nil, s.reused.Load() && !s.answered.Load(), err
	}
	return resp, s.reused.Load(), nil
}

// lost tells whether a request failed with its connection. A request of HTTP/1
// whose context ends fails with the context's cause, an *llm.Error; and where
// an HTTP/2 server ends a stream, it is not the connection that ends. What was
// not processed is sent again anyhow.
func lost(err error) bool {
	var broken *llm.Error
	return !errors.As(err, &broken) && !strings.Contains(err.Error(), "stream error: ") && !unprocessed(err)
}

// unprocessed tells whether a request reached a server that did nothing about
// it: its stream was refused, or is beyond the last one that a GOAWAY names
// (RFC 9113, section 8.7); or did not reach it. The transport itself sends such
// a request again only where it can rewind its body, and also where a stream
// ended with PROTOCOL_ERROR, which says nothing of what was done.
func unprocessed(err error) bool {
	text := err.Error()
	return strings.Contains(text, cannotRetry) && !strings.Contains(text, "; PROTOCOL_ERROR;") || strings.Contains(text, goneAway) || unsent(err)
}

// unsent tells whether a request was not sent at all: when its turn came, its
// HTTP/2 connection had as many streams as its server allows, or was left.
func unsent(err error) bool { return strings.Contains(err.Error(), cannotRewind) }

// What the transport says of it, since it has no types for it.
const (
	cannotRetry  = "cannot retry err ["
	cannotRewind = "cannot rewind body"
	goneAway     = "Transport received GOAWAY from server"
	brokenHTTP1  = "net/http: HTTP/1.x transport connection broken: "
	tlsAlert     = `malformed HTTP response "\x15\x03` // a record's type and version
)

// How often a request that was not processed is sent again: twice if it is
// refused; if it was not even sent, as often as a herd of calls needs that
// meets on few new connections.
const (
	resends    = 24
	perRefusal = resends / 2
)

// unprocessedText is the server's part in such an error; the rest is advice to
// the transport's programmers.
func unprocessedText(text string) string {
	if _, rest, found := strings.Cut(text, cannotRetry); found {
		text, _, _ = strings.Cut(rest, "]")
	}
	switch {
	case strings.Contains(text, "REFUSED_STREAM"):
		return "the server refused the request before processing it (HTTP/2 REFUSED_STREAM)"
	case strings.Contains(text, "GOAWAY"):
		return "the server closed the connection before processing the request (HTTP/2 GOAWAY)"
	case strings.Contains(text, cannotRewind):
		return "no connection took the request: each had as many streams as the server allows, or was being closed"
	}
	return text
}

// sending is the context of a request in flight, and what the transport reports
// about that request.
type sending struct {
	context.Context // the attempt's
	body            bytes.Reader
	trace           httptrace.ClientTrace
	// Set by the transport's goroutines, which go on for a moment when the
	// context ends.
	sought, connected, reused, answered atomic.Bool
}

func (s *sending) Value(key any) any {
	if _, asked := key.(transport.RequestKey); asked {
		return s.Context
	}
	if key == traceKey {
		return &s.trace
	}
	return s.Context.Value(key)
}

// traceKey is what httptrace looks for in a context. With it [sending] is the
// context of its own trace; httptrace.WithClientTrace would make two more
// objects for each request, and a longer way to each value.
var traceKey = func() any {
	asked := &askedFor{Context: context.Background()}
	httptrace.ContextClientTrace(asked)
	return asked.key
}()

// askedFor notes the key of the last value that it was asked for.
type askedFor struct {
	context.Context
	key any
}

func (a *askedFor) Value(key any) any {
	a.key = key
	return nil
}

// networkError says what happened to the connection. The transport's own
// timeouts and the caller's cancellation are told by the attempt's context.
func (u *Upstream) networkError(err error) error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	text := err.Error()
	if strings.Contains(text, "server response headers exceeded") || strings.Contains(text, "header list larger than") { // HTTP/1, HTTP/2
		return failure.OverLimit("the answer's headers exceed %d bytes (limits.header_bytes)", u.Limits.HeaderBytes)
	}
	if strings.HasPrefix(text, "connection error: PROTOCOL_ERROR") {
		// The transport says no more, also where headers pass its limit.
		return &llm.Error{Code: llm.BadResponse, Cause: err, Message: fmt.Sprintf("%s: the answer is not valid HTTP/2, or its headers exceed %d bytes (limits.header_bytes)", u.Pool.Origin(), u.Limits.HeaderBytes)}
	}
	if why, found := strings.CutPrefix(text, brokenHTTP1); found {
		text = "the answer is not valid HTTP/1.1: " + why
		if strings.HasPrefix(why, tlsAlert) {
			text = "the answer is TLS, expected plain HTTP; " + writeHTTPS
		}
	}
	switch {
	case unprocessed(err), strings.Contains(text, cannotRetry):
		text = unprocessedText(text)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection ended before the answer began" + u.orTLS()
	case strings.Contains(text, "connection reset"):
		text = "the connection was reset before the answer began" + u.orTLS()
	}
	return &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("%s: %s", u.Pool.Origin(), text), Cause: err}
}

const writeHTTPS = "write https:// in the place of http://"

// orTLS is another reason why a server says nothing: where a request comes in
// the place of a handshake, OpenSSL's end the connection without an alert.
func (u *Upstream) orTLS() string {
	if strings.HasPrefix(u.Pool.Origin(), "http:") {
		return "; if the server expects TLS, " + writeHTTPS
	}
	return ""
}

// copied is a copy of headers that many requests share. Called, not inlined:
// 3.7 KB less of the library.
//
//go:noinline
func copied(h http.Header) http.Header { return h.Clone() }
