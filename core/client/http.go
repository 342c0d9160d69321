package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/llmagg/llmagg/core/vendor"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// exchange is one HTTP exchange of an attempt, whose goroutine owns it: what is
// asked, and facts for the trail.
type exchange struct {
	wire.Call
	status  int
	bytes   int64 // of the answer's body, after decompression
	skipped int   // malformed stream events that were skipped

	asking
	attempt *attempt // told by alive
}

// alive tells the attempt that bytes have arrived.
func (x *exchange) alive() {
	if x.attempt != nil {
		x.attempt.alive()
	}
}

// httpBackend makes attempts over HTTP.
type httpBackend struct {
	format wire.Format
	pool   *transport.Pool
	cfg    llm.ModelConfig
	chat   endpoint // of whole answers
	stream endpoint // of streamed ones
	where  string   // the host, for messages
	own    bool     // it is a vendor's own origin
	memory memory   // of what the server refused
}

func newHTTPBackend(cfg llm.ModelConfig, v *vendor.Vendor, pool *transport.Pool) (*httpBackend, error) {
	b := &httpBackend{format: v.Format(cfg.BaseURL, cfg.APIKey), pool: pool, cfg: cfg, where: pool.Origin()}
	_, b.own = vendor.At(cfg.BaseURL)
	var err error
	if b.chat, err = b.endpoint(false); err == nil {
		b.stream, err = b.endpoint(true)
	}
	return b, err
}

// Version of the library.
const Version = "0.1.0"

// Chat asks for a whole answer.
func (b *httpBackend) Chat(ctx context.Context, x *exchange) (*llm.Response, error) {
	resp, err := b.post(ctx, x, false)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, b.failure(resp, x)
	}
	body := resp.Body
	buffer := answers.Get().(*answerBuffer)
	defer buffer.giveBack()
	buffer.watched.ReadCloser = body
	resp.Body = &buffer.watched
	data, err := b.readAll(resp, x, &buffer.data)
	resp.Body = body
	if errors.Is(err, errEventStream) {
		x.bytes -= int64(len(data)) // they are read again
		return b.gather(ctx, resp, x, func(r *eventReader) source { return r.events(io.MultiReader(bytes.NewReader(data), body)) })
	}
	if err != nil {
		return nil, err
	}
	r, err := b.whole(data, resp, x)
	if err != nil && hasSeveral(data) {
		return b.gather(ctx, resp, x, func(r *eventReader) source { return eventstream.NewValueReader(bytes.NewReader(data), r.limits(), nil) })
	}
	return r, err
}

// failure is what a failed answer says. One that is cut off has its status and
// its headers nonetheless (E1, R4); where the attempt's deadline cut it off, the
// attempt is told to be TIMEOUT by explain (D2), which keeps these facts.
func (b *httpBackend) failure(resp *http.Response, x *exchange) error {
	data, err := b.readAll(resp, x, new([]byte))
	if failure.IsOverLimit(err) {
		return err
	}
	e := failure.Classify(resp.StatusCode, resp.Header, data)
	e.Message = failure.WithAddress(e, resp)
	return e
}

// whole reads a complete answer, which may be an error object though its
// status is 200.
func (b *httpBackend) whole(data []byte, resp *http.Response, x *exchange) (*llm.Response, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = validUTF8(data)
	r, err := b.format.Response(data, &x.Call)
	if err != nil {
		data = jsontext.WithoutOddNumbers(data) // a failure's body is for strict readers
		return nil, b.refused(b.unread(data, err, resp), data, resp)
	}
	if e := failure.OfResponse(r, data); e != nil {
		return nil, b.refused(e, data, resp)
	}
	onlyReasons(r)
	return r, nil
}

// unread is why the wire cannot read a whole answer.
func (b *httpBackend) unread(data []byte, err error, resp *http.Response) *llm.Error {
	var e *llm.Error
	if errors.As(err, &e) && e.Code != llm.BadResponse { // a blocked prompt
		return e
	}
	e = b.noCompletion(data, err)
	if !failure.IsJSON(data) {
		e.Message += "; the request went to " + failure.Address(resp)
	}
	return e
}

// refused gives e, which is read out of a whole answer, the facts of the answer.
func (b *httpBackend) refused(e *llm.Error, data []byte, resp *http.Response) *llm.Error {
	if e.Status == 0 {
		e.Status = resp.StatusCode
	}
	failure.ReadHead(e, resp.Header)
	e.Body = failure.Body(data)
	return e
}

// noCompletion is the error for a whole answer that the wire cannot read: what
// it says of a failure, or else why it is no completion.
func (b *httpBackend) noCompletion(data []byte, err error) *llm.Error {
	if e := failure.Of(data); e != nil {
		return e
	}
	var e *llm.Error
	if !errors.As(err, &e) {
		e = llm.Errorf(llm.BadResponse, "the answer is not a chat completion: %v", err)
	}
	switch said := failure.OneLine(failure.WordsIn(data)); {
	case said == "":
		e.Message = "the answer is empty"
	case !failure.IsJSON(data): // a page, or words
		e.ProviderMessage = said
		e.Message = "the answer is not JSON: " + said
	default:
		if e.ProviderMessage = failure.Said(data); e.ProviderMessage != "" {
			e.Message += "; the provider said: " + e.ProviderMessage
		}
	}
	return e
}

// Stream begins a streamed answer and returns when its head is there.
func (b *httpBackend) Stream(ctx context.Context, x *exchange) (*eventReader, error) {
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
		return nil, b.failure(resp, x)
	}
	return newEventReader(b, ctx, cancel, detach, resp, x), nil
}

// healthy asks for the list of models (O3): 404 and 405 count as alive, since
// some servers have none.
func (b *httpBackend) healthy(ctx context.Context) bool {
	ctx, cancel := alarm.WithTimeout(ctx, healthTimeout, context.DeadlineExceeded)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.format.Models(), nil)
	if err != nil {
		return false
	}
	req.Header = b.chat.header.Clone()
	req.Header.Del("Content-Type")
	resp, err := b.pool.Kept().RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 256<<10)) // so that the connection can be used again
	return resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed
}

const healthTimeout = 5 * time.Second
