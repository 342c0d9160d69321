package aggregator

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Embed gives the vectors of texts, in their order. The texts are split into
// requests as large as the vendor takes, which are made at the same time; each
// has the retries, breakers, limits and failover of a chat. Only routes of one
// model are asked: the vectors of another mean something else.
func (a *Aggregator) Embed(ctx context.Context, r *llm.EmbeddingRequest) (*llm.EmbeddingResponse, error) {
	routes, err := a.routes(r.Model)
	if err != nil {
		return nil, err
	}
	return a.EmbedRoutes(ctx, routes, r)
}

// EmbedRoutes is Embed over the given routes instead of the manager's.
func (a *Aggregator) EmbedRoutes(ctx context.Context, routes []*client.Client, r *llm.EmbeddingRequest) (*llm.EmbeddingResponse, error) {
	if err := cmp.Or(a.wrong, r.Check()); err != nil {
		return nil, err
	}
	routes, others := ofOneModel(routes)
	if routes == nil {
		return nil, withOthers(wire.Unsupported("no route of the model makes embeddings"+wire.Embedders), others)
	}
	e := embedding{by: a, routes: routes, request: r, payload: llm.Payload{Options: r.Options, N: 1}, id: callstate.NextID()}
	a.fill(&e.payload, &e.payload.Options)
	e.payload.Options.BoundCost() // of all requests together
	if d := e.payload.Options.Deadline; d > 0 {
		e.ends = time.Now().Add(d)
	}
	e.batches = []batch{{Embedding: wire.Embedding{Texts: r.Input}}}
	for most := len(r.Input); ; {
		e.split(most)
		err := e.run(ctx)
		if err == nil {
			for _, c := range routes {
				if e.takes > 0 { // what was too long says nothing of other texts
					c.LimitEmbedTexts(e.takes)
				}
			}
			return e.response()
		}
		if most = e.fewer(err); most == 0 {
			return nil, withOthers(err, others)
		}
	}
}

// ofOneModel leaves the routes that make embeddings and have the model of the
// first of them, by its upstream's name or by the name that the configuration
// gives it. The others come as attempts that were not made.
func ofOneModel(routes []*client.Client) (same []*client.Client, others []llm.Attempt) {
	for _, c := range routes {
		_, _, makes := c.EmbedLimits()
		if makes && (len(same) == 0 || c.Model() == same[0].Model() || c.Name() == same[0].Name()) {
			same = append(same, c)
			continue
		}
		why := "it makes no embeddings"
		if makes {
			why = "its model is another, whose vectors mean something else"
		}
		others = append(others, llm.Attempt{Provider: c.Provider(), Model: c.Name(), Start: time.Now(), Code: llm.Unsupported, Message: why})
	}
	return same, others
}

// withOthers adds the routes that were not asked to the trail of a failed call.
func withOthers(err error, others []llm.Attempt) error {
	if len(others) == 0 {
		return err
	}
	told := *llm.AsError(err)
	told.Attempts = append(told.Attempts[:len(told.Attempts):len(told.Attempts)], others...)
	return &told
}

// embedding is one call of Embed.
type embedding struct {
	by      *Aggregator
	routes  []*client.Client
	request *llm.EmbeddingRequest
	payload llm.Payload // its options only
	ends    time.Time   // the deadline of the whole call, where it has one
	batches []batch
	refused []llm.Attempt // with too many texts
	takes   int           // texts in one request, by refusals that spoke of their number; 0 for none
	id      uint64        // of the call, which all requests share

	mu         sync.Mutex
	dimensions int       // of the first vector; guarded by mu
	memory     []float32 // of all vectors, the application's; guarded by mu
}

// batch is one request. The goroutine that makes it owns it.
type batch struct {
	wire.Embedding
	trail []llm.Attempt // nil until it is answered
	model string
}

// tooMany are words of servers that take fewer texts in one request; all but
// the last are about their number.
var tooMany = []string{"batch size", "batch_size", "batch too large", "array too long", "in one batch", "too many inputs", "too many texts", " items",
	"number of inputs", "number of texts", "tokens per request"}

// fewer is how many texts to send in one request after a failure: as many as
// the server names, else half of them; 0 if it is of something else.
func (e *embedding) fewer(err error) (most int) {
	sent := 0
	for i := range e.batches {
		if e.batches[i].trail == nil {
			sent = max(sent, len(e.batches[i].Texts))
		}
	}
	trail := llm.AsError(err).Attempts
	if sent < 2 || len(trail) == 0 {
		return 0
	}
	last := &trail[len(trail)-1]
	text, named := strings.ToLower(last.Message), false
	if !strings.Contains(text, "://") { // whose numbers are of no texts, as that of "HTTP 422: "
		_, text, named = strings.Cut(text, ":")
	}
	if last.Code != llm.BadRequest && last.Code != llm.ContextLength || last.Status != http.StatusRequestEntityTooLarge && !wordlist.AnyIn(text, tooMany) {
		return 0
	}
	for _, number := range strings.FieldsFunc(text, func(c rune) bool { return c < '0' || c > '9' }) {
		if n, _ := strconv.Atoi(number); named && n < sent {
			most = max(most, n)
		}
	}
	e.refused = append(e.refused, trail...)
	most = cmp.Or(most, sent/2)
	if wordlist.AnyIn(text, tooMany[:len(tooMany)-1]) {
		e.takes = most
	}
	return most
}

// split makes batches that each route takes, of so many texts at most, of those
// that are not answered.
func (e *embedding) split(most int) {
	texts, bytes, _ := e.routes[0].EmbedLimits()
	for _, c := range e.routes[1:] {
		n, size, _ := c.EmbedLimits()
		texts, bytes = min(texts, n), min(bytes, size)
	}
	texts = min(texts, most)
	before, from, to := e.batches, 0, 0
	e.batches = nil
	for _, b := range before {
		to += len(b.Texts)
		if b.trail != nil {
			e.batches, from = append(e.batches, b), to
			continue
		}
		size := 0
		for i := from; i < to; i++ {
			text := e.request.Input[i]
			if i > from && (i-from >= texts || size+len(text) > bytes) {
				e.add(from, i)
				from, size = i, 0
			}
			size += len(text)
		}
		e.add(from, to)
		from = to
	}
}

func (e *embedding) add(from, to int) {
	b := batch{Embedding: wire.Embedding{Texts: e.request.Input[from:to], Request: e.request}}
	if e.request.Memory != nil {
		b.Memory = func(dimensions int) []float32 { return e.memoryOf(from, to, dimensions) }
	}
	e.batches = append(e.batches, b)
}

// memoryOf is the part of the application's memory for some texts' vectors. It
// is asked for when the first vector tells how much all need; nil for vectors
// of another length.
func (e *embedding) memoryOf(from, to, dimensions int) []float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dimensions == 0 {
		e.dimensions = dimensions
		if all := e.request.Memory(len(e.request.Input) * dimensions); len(all) == len(e.request.Input)*dimensions {
			e.memory = all
		}
	}
	if e.memory == nil || dimensions != e.dimensions {
		return nil
	}
	return e.memory[from*dimensions : to*dimensions]
}

// run makes the requests, as many at a time as the first route takes. The
// first that fails ends the others.
func (e *embedding) run(ctx context.Context) error {
	if len(e.batches) == 1 {
		return e.ask(ctx, &e.batches[0])
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		all   sync.WaitGroup
		once  sync.Once
		first error // written once, read when all have ended
	)
	slots := make(chan struct{}, e.routes[0].Config().MaxConcurrentCalls)
	for i := range e.batches {
		if e.batches[i].trail != nil {
			continue
		}
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			if err := e.ask(ctx, &e.batches[i]); err != nil {
				once.Do(func() {
					first = err
					cancel(err)
				})
			}
		})
	}
	all.Wait()
	if first == nil && context.Cause(ctx) != nil {
		return e.ask(ctx, &e.batches[len(e.batches)-1]) // says how the context ended
	}
	return first
}

// ask makes one request, on the routes one after the other.
func (e *embedding) ask(ctx context.Context, b *batch) error {
	p := e.payload
	if p.Options.Deadline > 0 {
		p.Options.Deadline = max(time.Until(e.ends), 1)
	}
	w, err := e.by.loopOver(ctx, e.routes, &p, false)
	if err != nil {
		return err
	}
	defer w.leave()
	w.call.ID = e.id
	for _, text := range b.Texts {
		w.call.Bytes += len(text)
	}
	if err := w.run(e.routes[0].Machinery().Vectors(&b.Embedding)); err != nil {
		return err
	}
	b.trail, b.model = w.call.Attempts(), b.Embedding.Model
	return nil
}

// response joins the answers.
func (e *embedding) response() (*llm.EmbeddingResponse, error) {
	r := &llm.EmbeddingResponse{Model: e.batches[0].model, CallID: e.id, Vectors: make([][]float32, 0, len(e.request.Input)), Attempts: e.refused}
	tokens, told := 0, true
	for i := range e.batches {
		b := &e.batches[i]
		if n := len(b.Vectors[0]); i > 0 && n != len(r.Vectors[0]) {
			return nil, llm.Errorf(llm.BadResponse, "two answers have vectors of %d and %d numbers; the routes of %q have different models", len(r.Vectors[0]), n, r.Model)
		}
		r.Vectors = append(r.Vectors, b.Vectors...)
		r.Attempts = append(r.Attempts, b.trail...)
		if known, _, _ := b.Usage.Counts(); known {
			tokens += b.Usage.PromptTokens
		} else {
			told = false
		}
	}
	if told {
		r.Usage = wire.TokensOf(strconv.AppendInt(nil, int64(tokens), 10))
	}
	r.Cost = llm.TotalCost(r.Attempts)
	return r, nil
}
