package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/llm"
)

// wire is a vendor's format: where a request goes and how it and its answer
// are written. It does no I/O.
type wire interface {
	// url of a model's endpoint.
	url(model string, stream bool) string
	// body appends the JSON to post.
	body(dst []byte, x *Exchange, stream bool) ([]byte, error)
	// response reads a whole answer.
	response(data []byte, x *Exchange) (*llm.Response, error)
	// chunks returns a reader of stream events; one for each stream, since it
	// may keep state between them.
	chunks(x *Exchange) func(data []byte) (*llm.Chunk, error)
	// authorize puts the key where the vendor wants it.
	authorize(h http.Header)
	// models is the URL of the list of models, for health checks.
	models() string
}

// httpBackend makes attempts over HTTP.
type httpBackend struct {
	wire   wire
	pool   *pool
	cfg    llm.ModelConfig
	preset preset
	header http.Header // ready-made: key, organization, configured headers
	where  string      // the host, for messages
}

func newHTTPBackend(cfg llm.ModelConfig, p preset, pool *pool) *httpBackend {
	b := &httpBackend{pool: pool, cfg: cfg, preset: p, header: http.Header{}, where: pool.key.origin}
	if p.gemini {
		b.wire = &geminiWire{base: cfg.BaseURL, key: cfg.APIKey}
	} else {
		b.wire = &openaiWire{base: cfg.BaseURL, key: cfg.APIKey, streamUsage: p.streamUsage}
	}
	b.header.Set("Content-Type", "application/json")
	b.header.Set("User-Agent", "llmagg/"+Version)
	if cfg.Organization != "" {
		b.header.Set("OpenAI-Organization", cfg.Organization)
	}
	b.wire.authorize(b.header)
	for name, value := range cfg.Headers {
		b.header.Set(name, value)
	}
	return b
}

// Version of the library.
const Version = "0.1.0"

// bodies are the buffers in which requests are written.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// Chat implements [Backend].
func (b *httpBackend) Chat(ctx context.Context, x *Exchange) (*llm.Response, error) {
	resp, err := b.post(ctx, x, false)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, b.failure(ctx, resp, x)
	}
	data, err := b.readAll(resp, x)
	if err != nil {
		return nil, err
	}
	r, err := b.whole(data, resp, x)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// failure is what a failed answer says. One that is cut off has its status and
// its headers nonetheless (E1, R4).
func (b *httpBackend) failure(ctx context.Context, resp *http.Response, x *Exchange) error {
	data, err := b.readAll(resp, x)
	if err != nil && (ctx.Err() != nil || errors.Is(err, errLimit)) {
		return err
	}
	return classify(resp.StatusCode, resp.Header, data)
}

// whole reads a complete answer, which may be an error object though its
// status is 200.
func (b *httpBackend) whole(data []byte, resp *http.Response, x *Exchange) (*llm.Response, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	r, err := b.wire.response(data, x)
	if err == nil {
		return r, nil
	}
	if hasError(data) {
		return nil, classify(resp.StatusCode, resp.Header, data)
	}
	var e *llm.Error
	if !errors.As(err, &e) {
		e = llm.Errorf(llm.BadResponse, "the answer is not a chat completion: %v", err)
	}
	if said := readable(data); said == "" {
		e.Message = "the answer is empty"
	} else if said[0] != '{' && said[0] != '[' { // a page, or words
		e.ProviderMessage = clip([]byte(said), maxMessage)
		e.Message = "the answer is no JSON: " + e.ProviderMessage
	}
	if e.Status == 0 {
		e.Status = resp.StatusCode
	}
	e.RequestID = requestID(resp.Header)
	e.Body = clip(data, maxBody)
	return nil, e
}

// hasError tells whether a body is, or holds, an error object: its "error" is
// there and says something. A server may put one beside choices, when it breaks
// off a stream with a last chunk (OpenRouter does).
func hasError(data []byte) bool {
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) > 0 && trimmed[0] == '[' {
		var list []struct {
			Error any `json:"error"`
		}
		return llm.JSON.Unmarshal(trimmed, &list) == nil && len(list) > 0 && saysSomething(list[0].Error)
	}
	var probe struct {
		Error any `json:"error"`
	}
	return llm.JSON.Unmarshal(trimmed, &probe) == nil && saysSomething(probe.Error)
}

func saysSomething(v any) bool {
	switch v := v.(type) {
	case string:
		return v != ""
	case bool:
		return v
	case float64:
		return v != 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// Stream implements [Backend].
func (b *httpBackend) Stream(ctx context.Context, x *Exchange) (ChunkReader, error) {
	// The exchange may outlive its attempt: what is left of a complete answer
	// is read aside. So it follows the attempt's context only until detach.
	attempt := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(attempt))
	detach := context.AfterFunc(attempt, func() { cancel(context.Cause(attempt)) })
	resp, err := b.post(ctx, x, true)
	if err != nil {
		detach()
		cancel(nil)
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer detach()
		defer cancel(nil)
		defer resp.Body.Close()
		return nil, b.failure(ctx, resp, x)
	}
	return newEventReader(b, ctx, cancel, detach, resp, x), nil
}

// post sends the request and returns the answer's head. A connection that was
// kept alive and ends before any byte of the answer is not the server's word
// about the request: it is sent again, once, on a new connection (R6).
func (b *httpBackend) post(ctx context.Context, x *Exchange, stream bool) (*http.Response, error) {
	buffer := bodies.Get().(*[]byte)
	body, err := b.wire.body((*buffer)[:0], x, stream)
	if err != nil {
		bodies.Put(buffer)
		return nil, err
	}
	// The transport may still read the body after it has returned, so the
	// buffer is given back only when the transport has closed it.
	shared := &sharedBody{data: body, buffer: buffer, users: 1}
	defer shared.drop()

	url := b.wire.url(x.Model, stream)
	resp, stale, err := b.send(ctx, b.pool.kept, url, shared, x, stream)
	if err != nil && stale && ctx.Err() == nil {
		resp, _, err = b.send(ctx, b.pool.fresh, url, shared, x, stream)
	}
	if err != nil {
		return nil, b.networkError(err)
	}
	x.Status = resp.StatusCode
	x.Alive()
	return resp, nil
}

func (b *httpBackend) send(ctx context.Context, t *http.Transport, url string, body *sharedBody, x *Exchange, stream bool) (resp *http.Response, stale bool, err error) {
	// Set by the transport's goroutines, which go on for a moment when ctx ends.
	var reused, answered atomic.Bool
	trace := &httptrace.ClientTrace{
		GotConn:              func(i httptrace.GotConnInfo) { reused.Store(i.Reused) },
		GotFirstResponseByte: func() { answered.Store(true) },
	}
	dialing := context.WithValue(ctx, attemptKey{}, ctx)
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(dialing, trace), http.MethodPost, url, body.open())
	if err != nil {
		return nil, false, err
	}
	req.ContentLength = int64(len(body.data))
	req.Header = b.headerFor(x.Payload.Options.Headers, stream)
	// The transport's RoundTrip instead of a Client: redirects are errors (L3).
	resp, err = t.RoundTrip(req)
	if err != nil {
		// The trace's hooks have run when RoundTrip fails for a lost
		// connection: the transport calls them before it reports.
		var broken *llm.Error
		return nil, reused.Load() && !answered.Load() && !errors.As(err, &broken), err
	}
	return resp, false, nil
}

func (b *httpBackend) headerFor(more map[string]string, stream bool) http.Header {
	h := make(http.Header, len(b.header)+len(more)+1)
	for name, values := range b.header {
		h[name] = values
	}
	if stream {
		h["Accept"] = acceptStream
	} else {
		h["Accept"] = acceptJSON
	}
	for name, value := range more {
		h.Set(name, value)
	}
	return h
}

var (
	acceptStream = []string{"text/event-stream"}
	acceptJSON   = []string{"application/json"}
)

// networkError says what happened to the connection. The transport's own
// timeouts and the caller's cancellation are told by the attempt's context.
func (b *httpBackend) networkError(err error) error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	if text := err.Error(); strings.Contains(text, "server response headers exceeded") || strings.Contains(text, "header list larger than") { // HTTP/1, HTTP/2
		return overLimit("the answer's headers exceed %d bytes (limits.header_bytes)", b.cfg.Limits.HeaderBytes)
	}
	text := err.Error()
	if strings.HasPrefix(text, "connection error: PROTOCOL_ERROR") {
		// The transport says no more, also where headers pass its limit.
		return &llm.Error{Code: llm.BadResponse, Cause: err, Message: fmt.Sprintf("%s: what came is no proper HTTP/2, or its headers exceed %d bytes (limits.header_bytes)", b.where, b.cfg.Limits.HeaderBytes)}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection ended before the answer began"
	case strings.Contains(text, "connection reset"):
		text = "the connection was reset before the answer began"
	}
	return &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("%s: %s", b.where, text), Cause: err}
}

// readAll reads a whole body within its limit (L1). What came before the body
// was cut off comes with the error.
func (b *httpBackend) readAll(resp *http.Response, x *Exchange) ([]byte, error) {
	limit := min(b.cfg.Limits.ResponseBytes, math.MaxInt64-1) // "no limit" is written as the largest number
	var data bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		data.Grow(int(min(n, limit, 1<<20)) + bytes.MinRead) // never what the server announces
	}
	n, err := data.ReadFrom(io.LimitReader(resp.Body, limit+1))
	x.Bytes += n
	if n > limit {
		return nil, overLimit("the answer exceeds %d bytes (limits.response_bytes)", limit)
	}
	if err != nil {
		e := &llm.Error{Code: llm.Unavailable, Status: resp.StatusCode, Cause: err,
			Message: fmt.Sprintf("the answer was cut after %d bytes: %v", n, err)}
		if strings.Contains(err.Error(), "gzip") || strings.Contains(err.Error(), "flate") {
			e.Code = llm.BadResponse
		}
		return data.Bytes(), e
	}
	return data.Bytes(), nil
}

// sharedBody lends one request's bytes to the transport, which may use them a
// little longer than the exchange lasts.
type sharedBody struct {
	data   []byte
	buffer *[]byte
	mu     sync.Mutex // guards users
	users  int
}

func (s *sharedBody) open() io.ReadCloser {
	s.mu.Lock()
	s.users++
	s.mu.Unlock()
	return &bodyReader{Reader: bytes.NewReader(s.data), shared: s}
}

func (s *sharedBody) drop() {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if last && cap(s.data) <= 1<<20 {
		*s.buffer = s.data
		bodies.Put(s.buffer)
	}
}

type bodyReader struct {
	*bytes.Reader
	once   sync.Once
	shared *sharedBody
}

func (r *bodyReader) Close() error {
	r.once.Do(r.shared.drop)
	return nil
}

// healthy asks for the list of models (O3): 404 and 405 count as alive, since
// some servers have none.
func (b *httpBackend) healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.wire.models(), nil)
	if err != nil {
		return false
	}
	req.Header = b.headerFor(nil, false)
	req.Header.Del("Content-Type")
	resp, err := b.pool.kept.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 256<<10)) // so that the connection can be used again
	return resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed
}

const healthTimeout = 5 * time.Second
