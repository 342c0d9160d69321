package llmagg

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
)

// Aggregator makes calls over the configured models, with failover. It is safe
// for concurrent use.
type Aggregator struct {
	core      *aggregator.Aggregator
	observers *observe.Observers
	chat      ChatFunc   // with the middleware around it
	stream    StreamFunc // likewise
}

// Option changes what [New] makes. Of an option that is given twice the later
// one counts; only [WithMiddleware] adds to the earlier one.
type Option func(*settings)

type settings struct {
	models       []string   // not nil: the application's list
	groups       [][]string // likewise
	cache        *Cache
	call         CallOptions
	logger       *slog.Logger
	getenv       func(string) (string, bool)
	environment  func() []string // nil if the application gives its own getenv
	roundTripper func(http.RoundTripper) http.RoundTripper
	middleware   []Middleware
}

// WithModels says which of the configured models are asked, in this order, as
// "name" or "provider/name". Without it all of them are.
func WithModels(names ...string) Option {
	return func(s *settings) { s.models = append([]string{}, names...) }
}

// WithGroups is [WithModels] with groups of models: the Strategy of
// [CallOptions] orders the models of a group, and all of them are asked before
// those of the next. New takes one of the two options.
func WithGroups(groups ...[]string) Option {
	return func(s *settings) { s.groups = append([][]string{}, groups...) }
}

// NewBudget makes a budget for the Budgets of [CallOptions], which bounds what
// all calls that have it cost together; the name is for messages.
func NewBudget(name string, limit MaxCost) (*Budget, error) { return llm.NewBudget(name, limit) }

// WithCallOptions are the defaults for the options of calls.
func WithCallOptions(o CallOptions) Option { return func(s *settings) { s.call = o } }

// WithCache answers requests that equal earlier ones; aggregators may share the
// cache. An answer that it gave says so in its Cache field, and
// CallOptions.Cache lets a call ask anew.
func WithCache(c *Cache) Option { return func(s *settings) { s.cache = c } }

// NewCache makes a cache for [WithCache]; the zero CacheOptions give it 64 MiB
// of memory.
func NewCache(o CacheOptions) *Cache { return cache.New(o) }

// WithLogger receives warnings and failures. By default only the warnings about
// a configuration are logged, such as a model that is left out: by
// [slog.Default].
func WithLogger(l *slog.Logger) Option { return func(s *settings) { s.logger = l } }

// WithEnvironment replaces [os.LookupEnv], for keys, proxies and ${NAME}; with
// nil, no variable is set.
func WithEnvironment(getenv func(name string) (string, bool)) Option {
	if getenv == nil {
		getenv = func(string) (string, bool) { return "", false }
	}
	return func(s *settings) { s.getenv, s.environment = getenv, nil }
}

// WithRoundTripper wraps the HTTP transport of each route: wrap gets the
// library's own, which it may call, and returns what is used instead. It sees
// one request for each attempt, key included. Retries, breakers, limits and
// timeouts are around it. Requests for OAuth tokens do not pass through it.
func WithRoundTripper(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings) { s.roundTripper = wrap }
}

// WithMiddleware puts functions around calls. The first is the outermost.
func WithMiddleware(m ...Middleware) Option {
	return func(s *settings) { s.middleware = append(s.middleware, m...) }
}

// ChatFunc makes a call for a whole answer.
type ChatFunc func(ctx context.Context, r *Request) (*Response, error)

// StreamFunc makes a call for a streamed answer.
type StreamFunc func(ctx context.Context, r *Request) (*Stream, error)

// Middleware is around calls: it may look at or copy the request, answer
// itself, call next once or more, and look at the answer. A nil function leaves
// its kind of calls as it is. The calls of [Aggregator.Ask], [Parse] and
// [Aggregator.RunTools] pass through Chat, each of their rounds by itself,
// those of [Aggregator.Events] and [Aggregator.Texts] through Stream. An error
// of its own reaches the caller as the Cause of an *[Error] with the code
// INTERNAL.
type Middleware struct {
	Chat   func(next ChatFunc) ChatFunc
	Stream func(next StreamFunc) StreamFunc
}

// New makes an aggregator for a configuration; nothing is connected yet. The
// error is an *[Error] and says what in the configuration is wrong. Close the
// aggregator when it is no longer needed.
func New(c Config, options ...Option) (*Aggregator, error) {
	s, err := settingsOf(c, options)
	if err != nil {
		return nil, err
	}
	providers, models, err := c.read(s.readOptions())
	if err != nil {
		return nil, err
	}
	models, sizes, err := s.order(c, models)
	if err != nil {
		return nil, err
	}
	if err := llm.CheckModels(models); err != nil {
		return nil, err
	}
	if len(providers) == 0 && len(models) == 0 {
		return nil, llm.Errorf(llm.InvalidArgument, `the configuration has no providers; expected {provider: {"models": {name: {…}}}}`)
	}
	m := manager.New(manager.Options{})
	each := client.Options{Logger: s.logger, Getenv: s.getenv, RoundTripper: s.roundTripper}
	core := aggregator.New(m, aggregator.Options{Models: models, Groups: sizes, Call: s.call, Cache: s.cache, Provider: each})
	if err := core.Initialize(context.Background(), providers); err != nil {
		_ = m.Close(context.Background()) // nothing of it is in use
		return nil, withFile(err, fileOf(c, s.getenv), providers, each)
	}
	a := &Aggregator{core: core, observers: m.Observers(), stream: core.Stream}
	a.chat = a.ask
	if err := a.surround(s.middleware); err != nil {
		_ = a.Close()
		return nil, err
	}
	return a, nil
}

// settingsOf are the settings that the options make, with what is wrong with
// them and no other part would find.
func settingsOf(c Config, options []Option) (settings, error) {
	s := settings{getenv: os.LookupEnv, environment: os.Environ}
	if c == nil {
		return s, llm.Errorf(llm.InvalidArgument, "the configuration is nil; expected llmagg.Models, JSON, File, Map or Environment")
	}
	for i, o := range options {
		if o == nil {
			return s, llm.Errorf(llm.InvalidArgument, "options[%d] of llmagg.New is nil; leave it out", i)
		}
		o(&s)
	}
	if s.cache != nil {
		return s, s.cache.Check()
	}
	return s, nil
}

// order gives the models that are asked, and the sizes of their groups, nil for
// one group; configured are those of the configuration c.
func (s *settings) order(c Config, configured []string) (models []string, sizes []int, err error) {
	switch models = s.models; {
	case s.models != nil && s.groups != nil:
		return nil, nil, llm.Errorf(llm.InvalidArgument, "WithModels and WithGroups both say which models are asked; leave one of them out (a group of WithGroups may have one model)")
	case s.groups != nil:
		models = slices.Concat(s.groups...)
		for _, names := range s.groups {
			sizes = append(sizes, len(names))
		}
	case s.models == nil:
		return configured, nil, nil
	}
	if len(models) == 0 {
		return nil, nil, llm.ErrNoModels()
	}
	if _, listed := c.(Models); listed {
		for _, name := range models {
			if name != "" && !slices.ContainsFunc(configured, func(full string) bool { return full == name || strings.HasSuffix(full, "/"+name) }) {
				return nil, nil, llm.Errorf(llm.ModelNotFound, "model %q is not among those of llmagg.Models (%s); add it there", name, strings.Join(configured, ", "))
			}
		}
	}
	return models, sizes, nil
}

// surround puts the middleware around the calls, and a check around it: what a
// middleware returns is an answer or an error, and that an *[Error].
func (a *Aggregator) surround(all []Middleware) error {
	none := func(kind string) error {
		return llm.Errorf(llm.InvalidArgument, "the %s function of a middleware returned nil; expected a function, for example the next one that it was given", kind)
	}
	for _, m := range slices.Backward(all) {
		if m.Chat != nil {
			if a.chat = m.Chat(a.chat); a.chat == nil {
				return none("Chat")
			}
		}
		if m.Stream != nil {
			if a.stream = m.Stream(a.stream); a.stream == nil {
				return none("Stream")
			}
		}
	}
	if chat, stream := a.chat, a.stream; len(all) > 0 {
		a.chat = func(ctx context.Context, r *Request) (*Response, error) {
			response, err := chat(ctx, r)
			return response, judged(err, response == nil, "answer")
		}
		a.stream = func(ctx context.Context, r *Request) (*Stream, error) {
			s, err := stream(ctx, r)
			return s, judged(err, s == nil, "stream")
		}
	}
	return nil
}

// judged is the error of a call that middleware is around.
func judged(err error, nothing bool, what string) error {
	var known *Error
	switch {
	case err == nil && nothing:
		return llm.Errorf(llm.Internal, "a middleware returned neither %s nor error", what)
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return &Error{Code: Canceled, Message: "a middleware ended the call: " + err.Error(), Cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Timeout, Message: "a middleware ended the call: " + err.Error(), Cause: err}
	}
	return &Error{Code: Internal, Message: "a middleware failed: " + err.Error(), Cause: err}
}

// routesKey is the context's key of the routes that a call may use.
type routesKey struct{}

// ask is the innermost ChatFunc.
func (a *Aggregator) ask(ctx context.Context, r *Request) (*Response, error) {
	routes, _ := ctx.Value(routesKey{}).([]*client.Client)
	if routes == nil {
		return a.core.Chat(ctx, r)
	}
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return a.core.ChatRoutes(ctx, routes, p)
}

// Ask sends a text and returns the text of the answer. An empty text is an
// error of the code [InvalidArgument].
func (a *Aggregator) Ask(ctx context.Context, text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", llm.Errorf(llm.InvalidArgument, "the text of the call is empty, so nothing is asked; pass a question (a Request may hold an empty message)")
	}
	r, err := a.Chat(ctx, &Request{Messages: []Message{User(text)}})
	if err != nil {
		return "", err
	}
	return r.Text(), nil
}

// Chat asks for a whole answer. A request with a model asks the routes of that
// name, any other the aggregator's. The error is an *[Error] that lists the
// attempts, and so does the answer.
func (a *Aggregator) Chat(ctx context.Context, r *Request) (*Response, error) {
	if err := a.usable(ctx, r != nil, "a *Request"); err != nil {
		return nil, err
	}
	return a.chat(ctx, r)
}

// usable is the error of a call that has not what every call needs; kind says
// of which type its request is.
func (a *Aggregator) usable(ctx context.Context, request bool, kind string) error {
	switch {
	case a == nil || a.core == nil:
		return llm.Errorf(llm.NotInitialized, "the aggregator was not made by llmagg.New")
	case ctx == nil:
		return llm.Errorf(llm.InvalidArgument, "the context is nil; pass context.Background()")
	case !request:
		return llm.Errorf(llm.InvalidArgument, "the request is nil; pass %s", kind)
	}
	return nil
}

// Stream asks for a streamed answer and returns at its first token. Read its
// Events to the end, or close it.
func (a *Aggregator) Stream(ctx context.Context, r *Request) (*Stream, error) {
	if err := a.usable(ctx, r != nil, "a *Request"); err != nil {
		return nil, err
	}
	return a.stream(ctx, r)
}

// Events asks for a streamed answer and yields its events: chunks, restarts,
// and at the end Done with the whole answer. An error, of the call or the
// stream, is the last that it yields. Leaving the loop ends the call.
func (a *Aggregator) Events(ctx context.Context, r *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s, err := a.Stream(ctx, r)
		if err != nil {
			yield(Event{}, err)
			return
		}
		s.Events()(yield)
	}
}

// Texts is [Aggregator.Events] with the text of the chunks only. A request that
// asks for restarts is refused: its texts would have to be taken back.
func (a *Aggregator) Texts(ctx context.Context, r *Request) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := a.usable(ctx, r != nil, "a *Request"); err != nil {
			yield("", err)
			return
		}
		if r.Options.OnInterrupt == llm.InterruptRestart {
			yield("", llm.Errorf(llm.InvalidArgument, "Texts cannot tell of a restart; use Events where OnInterrupt is %q", llm.InterruptRestart))
			return
		}
		asked := *r
		asked.Options.OnInterrupt = llm.InterruptError
		for event, err := range a.Events(ctx, &asked) {
			if err != nil {
				yield("", err)
				return
			}
			if event.Kind != EventChunk {
				continue
			}
			if text := event.Chunk.Text(); text != "" && !yield(text, nil) {
				return
			}
		}
	}
}

// Embed gives the vectors of texts, in their order.
func (a *Aggregator) Embed(ctx context.Context, r *EmbeddingRequest) (*EmbeddingResponse, error) {
	if err := a.usable(ctx, r != nil, "an *EmbeddingRequest"); err != nil {
		return nil, err
	}
	return a.core.Embed(ctx, r)
}

// Rerank ranks documents by how well they fit a query.
func (a *Aggregator) Rerank(ctx context.Context, r *RerankRequest) (*RerankResponse, error) {
	if err := a.usable(ctx, r != nil, "a *RerankRequest"); err != nil {
		return nil, err
	}
	return a.core.Rerank(ctx, r)
}

// Models are the names of the models that calls use.
func (a *Aggregator) Models() []string { return a.core.Models() }

// Report is the state of each route: breaker, slots, rate, last failure.
func (a *Aggregator) Report() []RouteReport { return a.core.Report() }

// Observe calls f with everything that happens during calls, attempts, retries,
// failovers and breakers, until stop is called. f must return at once; a panic
// of f is recovered and logged. Observe panics if f is nil.
func (a *Aggregator) Observe(f func(Observation)) (stop func()) { return a.observers.Listen(f) }

// Core is what the aggregator is made of, for what this package does not have.
func (a *Aggregator) Core() *aggregator.Aggregator { return a.core }

// Close ends all calls with CLOSED and closes the connections. A nil
// Aggregator, as New returns it beside an error, has nothing to close.
func (a *Aggregator) Close() error {
	if a == nil || a.core == nil {
		return nil
	}
	err := a.core.Close(context.Background())
	if closed := a.core.Manager().Close(context.Background()); err == nil {
		err = closed
	}
	return err
}
