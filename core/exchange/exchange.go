// Package exchange is one HTTP exchange with the server of a route, an
// [Upstream], in its vendor's format: the request (send.go), what it leaves out
// where the server refuses it (pared.go), a whole answer (body.go) or a
// [Stream] (events.go, with odd.go for events that are no chunks), in whatever
// form (form.go) and encoding (encoding.go) it comes, within [Limits]; and
// which other format it may be in (odd.go). What is retried, and when, is
// not known here. It imports core/wire, core/failure and core/transport.
package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// Exchange is a request and the facts of its answer. If the server is asked
// again with fewer fields, the same Exchange covers these requests too. One
// goroutine uses it.
type Exchange struct {
	wire.Call
	Listener Listener // may be nil
	// Strict makes an adapted request an error.
	Strict bool

	Reached bool // a connection was had, so the server may have got the request
	asking
	Skipped int32 // malformed stream events that were skipped
	Status  int
	Bytes   int64 // of the answer's body, after decompression

	base []string // what was left out before the server was asked again
	authorizing
	coding *coding // of the answer at hand
}

// Listener hears the headers of an answer, and when bytes of it arrive. It is
// an interface, not a function: an attempt implements it, which saves an
// allocation.
type Listener interface {
	// Alive says that bytes have arrived, or that a stream begins to wait for
	// some.
	Alive()
	// Rest says that a stream does not wait for bytes any more.
	Rest()
	Headed(http.Header)
}

func (x *Exchange) alive() {
	if x.Listener != nil {
		x.Listener.Alive()
	}
}

// Options are what an [Upstream] is made of.
type Options struct {
	Route        string // "provider/name", for messages
	Model        string // the upstream's name of it
	Format       wire.Format
	Pool         *transport.Pool
	Organization string            // OpenAI-Organization
	Headers      map[string]string // of each request, beside the format's own
	Agent        string            // the User-Agent
	Limits       Limits
	// Wrap, if set, puts the application's own code around the pool's requests.
	Wrap func(http.RoundTripper) http.RoundTripper
	// Credential authorizes each request; nil where the format's key does.
	Credential *credential.Authorizer
	// Speaks is the "type" of the format in a configuration.
	Speaks string
	// Own says that the pool connects to a vendor's own servers, whose fields
	// are known.
	Own bool
	// Beside is an upstream of the same server with another key: what one learns
	// of the server, both know.
	Beside *Upstream
	// KeyAdvice is what a refused key may be due to, "" where nothing is known.
	KeyAdvice string
	// NoKeyAdvice is how to set the key of a route that has none, "" where it has.
	NoKeyAdvice string
}

// Limits bound an answer, in bytes (L1).
type Limits struct {
	ResponseBytes int64 // of a whole answer
	EventBytes    int64 // of one event of a stream
	StreamBytes   int64
	HeaderBytes   int64 // which the pool enforces; here for messages
}

// Upstream is a route's server: its addresses, its headers, and which fields it
// refuses. It is safe for concurrent use.
type Upstream struct {
	Options
	chat   endpoint // of whole answers
	stream endpoint // of streamed ones
	memory *memory  // of what the server refused
	outer  outer
}

// New makes an upstream; nothing is connected yet. Errors are INVALID_ARGUMENT.
func New(o Options) (*Upstream, error) {
	u := &Upstream{Options: o, memory: new(memory)}
	if o.Beside != nil {
		u.memory = o.Beside.memory
	}
	err := u.wrap()
	if err == nil {
		u.chat, err = u.endpoint(false)
	}
	if err == nil {
		u.stream, err = u.endpoint(true)
	}
	return u, err
}

// Chat asks for a whole answer.
func (u *Upstream) Chat(ctx context.Context, x *Exchange) (*llm.Response, error) {
	resp, err := u.post(ctx, x, false)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, u.failure(resp, x)
	}
	body := resp.Body
	buffer := answers.Get().(*answerBuffer)
	defer buffer.giveBack()
	buffer.watched.ReadCloser = body
	resp.Body = &buffer.watched
	data, err := u.readAll(resp, x, &buffer.data)
	resp.Body = body
	if errors.Is(err, errEventStream) {
		x.Bytes -= int64(len(data)) // they are read again
		return u.gather(ctx, resp, x, func(r *Stream) source { return r.sourceOf(data, io.MultiReader(bytes.NewReader(data), r)) })
	}
	if err != nil {
		return nil, err
	}
	if data = bare(data); startsStream(data) == yes {
		return u.gather(ctx, resp, x, func(r *Stream) source { return r.sourceOf(data, bytes.NewReader(data)) })
	}
	r, err := u.whole(data, resp, x)
	if err != nil && hasSeveral(data) {
		return u.gather(ctx, resp, x, func(r *Stream) source { return eventstream.NewValueReader(bytes.NewReader(data), r.limits(), nil) })
	}
	return r, err
}

// failure turns a failed answer into an error. An answer that is cut off still
// has its status and headers (E1, R4). If the attempt's deadline cut it off,
// the attempt itself reports TIMEOUT (D2) and keeps these facts.
func (u *Upstream) failure(resp *http.Response, x *Exchange) error {
	data, err := u.readAll(resp, x, new([]byte))
	if failure.IsOverLimit(err) {
		return err
	}
	e := failure.Classify(resp.StatusCode, resp.Header, data)
	advice := x.clock
	if a, ok := u.Format.(wire.Adviser); ok && advice == "" {
		advice = a.Advice(e, &x.Call)
	}
	e.Message = failure.WithAddress(e, resp, advice)
	if x.coding.tellOf(data, e); err != nil && (len(data) == 0 || isCoding(err)) {
		x.coding.tell(e)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && err != io.ErrUnexpectedEOF { // the compressed body
		e.Message += "; " + err.Error()
	}
	if advice == "" || u.NoKeyAdvice != "" {
		u.tellOfKey(e, resp)
	}
	return e
}

// tellOfKey adds to the message about a refused key what it may be due to.
func (u *Upstream) tellOfKey(e *llm.Error, resp *http.Response) {
	if text := u.aboutKey(e, resp); text != "" {
		e.Message = strings.TrimSuffix(e.Message, ".") + "; " + text
	}
}

func (u *Upstream) aboutKey(e *llm.Error, resp *http.Response) string {
	if e.Code != llm.Authentication || u.Wrap != nil || resp.Request == nil {
		return ""
	}
	if u.NoKeyAdvice == "" {
		if e.Status == http.StatusUnauthorized || e.Status/100 == 2 && e.ProviderCode+e.Type != "" {
			return u.KeyAdvice
		}
		return "" // a right key may lack a right
	}
	for name := range resp.Request.Header {
		if shown.NamesSecret(name) { // an option of the call has a key
			return ""
		}
	}
	return "no key was sent: " + u.NoKeyAdvice
}

// whole reads a complete answer. It may be an error object even if its status
// is 200.
func (u *Upstream) whole(data []byte, resp *http.Response, x *Exchange) (*llm.Response, error) {
	data = jsontext.ToValid(data)
	r, err := u.Format.Response(data, &x.Call)
	if err != nil {
		r, data, err = u.freed(data, x, err)
	}
	if err != nil {
		data = jsontext.WithoutOddNumbers(data) // a failure's body is for strict readers
		return nil, u.refused(u.unread(data, err, resp, x), data, resp)
	}
	if e := failure.OfResponse(r, data); e != nil {
		failure.Explain(e, data)
		return nil, u.refused(e, data, resp)
	}
	wire.InOpenAIsWords(r)
	return r, nil
}

// freed reads a whole answer that could not be read, for the reason err,
// without what some servers do to its JSON or put around it.
func (u *Upstream) freed(data []byte, x *Exchange, err error) (*llm.Response, []byte, error) {
	if clean := jsontext.WithoutControls(data); len(clean) != len(data) {
		data = clean
		r, e := u.Format.Response(data, &x.Call)
		if err = e; err == nil {
			return r, data, nil
		}
	}
	if inside := enveloped(data); inside != nil && failure.Of(data) == nil {
		if r, e := u.Format.Response(inside, &x.Call); e == nil {
			return r, inside, nil
		}
	}
	return nil, data, err
}

// unread is the error for a whole answer that the wire format cannot read.
func (u *Upstream) unread(data []byte, err error, resp *http.Response, x *Exchange) *llm.Error {
	var e *llm.Error
	if errors.As(err, &e) && e.Code != llm.BadResponse { // a blocked prompt
		return e
	}
	e = u.noCompletion(data, err)
	if !failure.IsJSON(data) {
		e.Message += "; the request went to " + failure.Address(resp)
		x.coding.tellOf(data, e)
	}
	return e
}

// refused adds status, headers and body of a whole answer to the error e that
// was read from it.
func (u *Upstream) refused(e *llm.Error, data []byte, resp *http.Response) *llm.Error {
	e.Status = cmp.Or(e.Status, resp.StatusCode)
	failure.AddHead(e, resp.Header)
	e.Body = failure.Body(data)
	u.tellOfKey(e, resp)
	if e.Code == llm.BadResponse {
		tellType(e, u.otherType("", data))
	}
	return e
}

// noCompletion is the error for a whole answer that is not a completion: the
// failure that the answer reports, or else the reason why it cannot be read.
func (u *Upstream) noCompletion(data []byte, err error) *llm.Error {
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
		e.Code, e.ProviderMessage = failure.OfText(data), said
		e.Message = "the answer is not JSON: " + said
	default:
		if e.ProviderMessage = failure.Said(data); e.ProviderMessage != "" {
			if data[0] == '"' { // failure.Of has seen the objects
				e.Code = failure.OfWords(e.ProviderMessage)
			}
			e.Message += "; the provider said: " + e.ProviderMessage
		}
	}
	return e
}

// Stream starts a streamed answer and returns when its head has arrived.
func (u *Upstream) Stream(ctx context.Context, x *Exchange) (*Stream, error) {
	// The rest of a complete answer is read in the background, after its
	// attempt has ended. So the exchange follows the attempt's context only
	// until detach.
	attempt := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(attempt))
	detach := context.AfterFunc(attempt, func() { cancel(context.Cause(attempt)) })
	resp, err := u.post(ctx, x, true)
	if err != nil {
		detach()
		cancel(nil)
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer detach()
		defer cancel(nil)
		defer resp.Body.Close()
		return nil, u.failure(resp, x)
	}
	return newStream(u, ctx, cancel, detach, resp, x), nil
}

// Healthy asks for the list of models (O3): 404 and 405 count as alive, since
// some servers have none.
func (u *Upstream) Healthy(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Format.Models(), nil)
	if err != nil {
		return false
	}
	req.Header = copied(u.chat.header)
	req.Header.Del("Content-Type")
	req.Host = hostOf(req.Header, req.URL)
	if u.Credential != nil {
		secret, err := u.Credential.Get(ctx)
		if err != nil {
			return false
		}
		u.Credential.Authorize(req, nil, secret)
	}
	resp, err := u.roundTrip(u.Pool.Kept(), req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 256<<10)) // so that the connection can be used again
	return resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed
}
