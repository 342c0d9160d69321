package exchange

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Embed asks for the vectors of e's texts. That they come in base64 is the
// core's own wish: a server that refuses it is asked again at once without, and
// the route remembers that (T5).
func (u *Upstream) Embed(ctx context.Context, x *Exchange, e *wire.Embedding) error {
	f, makes := u.Format.(wire.Embedder)
	if !makes {
		return wire.Unsupported("%s makes no embeddings", u.Route)
	}
	e.Call, e.Plain = &x.Call, u.memory.plain.Load()
	ask := func() error {
		return u.ask(ctx, x, f.EmbedURL(x.Model), func() ([]byte, error) { return f.EmbedBody(nil, e) }, func(data []byte) error { return f.Vectors(data, e) })
	}
	err := ask()
	var told *llm.Error
	if errors.As(err, &told) && told.Code == llm.BadRequest && !e.Plain && strings.Contains(told.Body, "encoding_format") {
		e.Plain = true
		if err = ask(); err == nil {
			u.memory.plain.Store(true)
		}
	}
	return err
}

// Rerank asks for the ranking of r's documents.
func (u *Upstream) Rerank(ctx context.Context, x *Exchange, r *wire.Ranking) error {
	f, ranks := u.Format.(wire.Reranker)
	if !ranks || f.RerankURL() == "" {
		return wire.Unsupported("%s ranks no documents", u.Route)
	}
	r.Call = &x.Call
	return u.ask(ctx, x, f.RerankURL(), func() ([]byte, error) { return f.RerankBody(nil, r) }, func(data []byte) error { return f.Ranks(data, r) })
}

// ask posts what is no chat to an endpoint, and reads its answer.
func (u *Upstream) ask(ctx context.Context, x *Exchange, to string, write func() ([]byte, error), read func([]byte) error) error {
	x.Left, x.Adapted = nil, nil
	body, err := write()
	if err == nil && x.Strict && len(x.Adapted) > 0 {
		err = wire.Unsupported("the vendor cannot do what the request asks for (%s), and \"unsupported\" is \"error\"", strings.Join(x.Adapted, ", "))
	}
	if err != nil {
		return err
	}
	at, err := url.Parse(to)
	if err != nil {
		return llm.Errorf(llm.InvalidArgument, "%s: base_url and model do not form a valid URL: %v", u.Route, err)
	}
	resp, err := u.deliver(ctx, x, &endpoint{at, u.chat.header, u.chat.usual}, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return u.failure(resp, x)
	}
	data, err := u.readAll(resp, x, new([]byte))
	if err != nil {
		return err
	}
	if err = read(data); err == nil {
		return nil
	}
	if said := failure.Of(plainJSON(data)); said != nil {
		err = said
	}
	return u.refused(llm.AsError(err), data, resp)
}
