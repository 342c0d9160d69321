package exchange

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Embed asks for the vectors of e's texts. That they come in base64 is the
// core's own wish: a server that refuses it, or answers it with nothing, is
// asked again at once without, and the route remembers that (T5).
func (u *Upstream) Embed(ctx context.Context, x *Exchange, e *wire.Embedding) error {
	f, makes := u.Format.(wire.Embedder)
	if !makes {
		return wire.Unsupported("%s makes no embeddings"+wire.Embedders, u.Route)
	}
	e.Call, e.Plain = &x.Call, u.memoryOf(x).plain.Load()
	e.Packed, e.Empty = false, false // an attempt before this one may have set them
	ask := func() error {
		return u.ask(ctx, x, f.EmbedURL(x.Model), reading{
			write: func() ([]byte, error) { return f.EmbedBody(e) },
			all: func(resp *http.Response) ([]byte, error) {
				e.Header = resp.Header
				return u.readLifting(resp, x, e.NewLift())
			},
			read: func(data []byte) error { return f.Vectors(data, e) },
		})
	}
	err := ask()
	if e.Packed && (e.Empty && llm.CodeOfError(err) == llm.BadResponse || refusedFor(err, "encoding_format", "base64")) {
		e.Plain = true
		if err = ask(); err == nil {
			u.memoryOf(x).plain.Store(true)
		}
	}
	return err
}

// refusedFor tells whether err is the refusal of a request in a body that has
// one of the words.
func refusedFor(err error, words ...string) bool {
	var e *llm.Error
	return errors.As(err, &e) && e.Code == llm.BadRequest && wordlist.AnyIn(e.Body, words)
}

// Rerank asks for the ranking of r's documents. A server that calls them texts
// says so when it refuses them, and is asked again at once; the route remembers
// it.
func (u *Upstream) Rerank(ctx context.Context, x *Exchange, r *wire.Ranking) error {
	f, ranks := u.Format.(wire.Reranker)
	if !ranks || f.RerankURL(x.Model) == "" {
		return wire.Unsupported("%s ranks no documents"+wire.Rankers, u.Route)
	}
	r.Call, r.Texts = &x.Call, u.memoryOf(x).texts.Load()
	ask := func() error {
		return u.ask(ctx, x, f.RerankURL(x.Model), reading{
			write: func() ([]byte, error) { return f.RerankBody(r), nil },
			all:   func(resp *http.Response) ([]byte, error) { return u.readAll(resp, x, new([]byte)) },
			read:  func(data []byte) error { return f.Ranks(data, r) },
		})
	}
	err := ask()
	if !r.Texts && refusedFor(err, "missing field `texts`") {
		r.Texts = true
		if err = ask(); err == nil {
			u.memoryOf(x).texts.Store(true)
		}
	}
	return err
}

// reading is how a request that is no chat is written and its answer read.
type reading struct {
	write func() ([]byte, error)
	all   func(resp *http.Response) ([]byte, error) // the whole body, or what is left of it
	read  func(data []byte) error
}

// ask posts what is no chat to an endpoint, and reads its answer.
func (u *Upstream) ask(ctx context.Context, x *Exchange, to string, how reading) error {
	body, err := x.written(how.write)
	if err != nil {
		return err
	}
	at, err := u.parsed(to)
	if err != nil {
		return err
	}
	resp, err := u.deliver(ctx, x, &endpoint{at, u.chat.header, u.chat.usual}, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return u.failure(resp, x)
	}
	data, err := how.all(resp)
	if err != nil {
		return err
	}
	data = bare(data)
	if err = how.read(data); err == nil {
		return nil
	}
	if inside := enveloped(data); inside != nil && failure.Of(data) == nil && how.read(inside) == nil {
		return nil
	}
	e := u.noCompletion(plainJSON(data), llm.AsError(err))
	x.coding.tellOf(data, e)
	return u.refused(e, data, resp)
}

// liftPieces are where the pieces of answers are read whose vectors are lifted
// out of them.
var liftPieces = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// roomy is data with room for more bytes behind it. Behind the first megabyte a
// buffer grows to the limit in steps that are eight times the one before: all
// that were outgrown have a seventh of the limit, so that a body that is
// refused costs little more than it (L1). Memory that nothing is written to
// costs nothing.
func roomy(data []byte, more int, limit int64) []byte {
	need := len(data) + more
	if need <= max(cap(data), keptAnswer) {
		return data
	}
	size := max(limit, int64(len(data)))
	for size/8 >= int64(need) {
		size /= 8
	}
	return append(make([]byte, 0, size+int64(more)), data...)
}

// readLifting reads a whole body within its limit, as [Upstream.readAll] does,
// but for the vectors in base64, which the lift takes out of it.
func (u *Upstream) readLifting(resp *http.Response, x *Exchange, l *wire.Lift) ([]byte, error) {
	piece := liftPieces.Get().(*[256 << 10]byte)
	defer liftPieces.Put(piece)
	var err error
	for kept, packed := 0, 0; err == nil; {
		var n int
		n, err = resp.Body.Read(piece[kept:])
		if l.Size == 0 && packed < maxEncodings && isPacked(piece[:n]) {
			resp.Body, err = repacked(piece[:n], resp.Body), nil
			packed++
			continue
		}
		x.Bytes += int64(n)
		if n > 0 && err == nil { // else the attempt is about to end
			x.alive()
		}
		l.Text = roomy(l.Text, 2*len(piece), u.Limits.ResponseBytes)
		taken := l.Add(piece[:kept+n], err != nil)
		kept = copy(piece[:], piece[taken:kept+n])
		if l.Size > u.Limits.ResponseBytes {
			return nil, u.overLimit()
		}
	}
	return x.ended(l.Text, l.Size, err, resp)
}
