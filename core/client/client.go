package client

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/exchange"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/limit"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/meter"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
	"github.com/llmagg/llmagg/core/strategy"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/llmagg/llmagg/core/vendor"
	"github.com/llmagg/llmagg/core/wire"
)

// Options are shared by the clients of a program. The zero value works.
type Options struct {
	// Logger receives warnings and failures; nil means silence.
	Logger *slog.Logger
	// Observers receive observations; nil means none.
	Observers *observe.Observers
	// Getenv reads the environment's proxies (http_proxy, https_proxy,
	// all_proxy, no_proxy), certificate authorities (SSL_CERT_FILE,
	// SSL_CERT_DIR) and what vendors' SDKs read for their base URLs
	// (GOOGLE_GEMINI_BASE_URL, AZURE_OPENAI_ENDPOINT, OPENAI_API_VERSION, …);
	// nil means none. The core does not read the environment itself.
	Getenv func(name string) (string, bool)
	// Tokens gives the tokens of models whose "auth" has the type "function";
	// nil means that the application has no such function.
	Tokens *credential.Functions
	// RoundTripper, if set, wraps the transport of each route's requests to its
	// provider: it gets the library's own and returns what is used instead. It
	// sees one request for each attempt, key included, and may answer itself.
	// Requests for credentials do not pass through it. Retries, timeouts,
	// breakers and limits are around it; it is called by many goroutines.
	RoundTripper func(http.RoundTripper) http.RoundTripper
	// OnSocket, if set, is called with the descriptor of each socket before the
	// socket connects, and again before a connection is closed; not when a
	// socket that never connected is closed. It must return at once.
	OnSocket func(fd uintptr, open bool)
}

// Client is one route. It is safe for concurrent use; its calls share the state
// of the route (breaker, retries, slots).
type Client struct {
	cfg      config.Model
	backend  Backend            // of a custom client, which the application wrote
	upstream *exchange.Upstream // of any other
	options  Options
	breaker  *breaker.Breaker
	retries  *limit.Retries
	slots    *limit.Concurrency
	rate     *rate.Limiter
	watch    atomic.Pointer[observe.Observers] // set by New, replaced by Observe
	meter    atomic.Pointer[meter.Route]       // nil before the first report
	fleet    atomic.Pointer[Shared]            // nil outside of a fleet
	unpriced atomic.Bool                       // see tellUnpriced
	embed    atomic.Int64                      // how many texts its server takes, once it has refused more; 0 before
	silent   bool                              // nobody tells what its answers cost: see TellsCost

	life context.Context // of health checks; ends when the client closes
	die  context.CancelCauseFunc
	pool *transport.Pool // nil for custom clients

	server string // the host that is asked, without the keys in it

	credential *credential.Authorizer // nil where a fixed key is enough
	keys       *keys                  // nil for a route with one key or none

	mu      sync.Mutex // guards what follows
	users   int        // turns and health checks under way
	turns   *turn      // the youngest of the turns under way
	holds   int        // calls that may still come to this route
	idle    chan struct{}
	closed  bool
	resting bool // see Rest
	retired bool // closes when the last user and the last hold are gone
	health  routeHealth
	pace    strategy.Pace
	pacing  bool // somebody has asked for pace
}

type routeHealth struct {
	lastError   *llm.Error
	lastErrorAt time.Time
	lastSuccess time.Time
	latency     time.Duration
	alive       *bool // of the last health check
}

// Version of the library.
const Version = "0.1.0"

// New makes the client of a route that is reached over HTTP. Nothing is
// connected yet. Errors are INVALID_ARGUMENT.
func New(cfg config.Model, o Options) (*Client, error) {
	given := cfg.MaxConcurrentCalls
	if err := cmp.Or(cfg.CheckNames(), cfg.CheckKeys(), vendor.CheckKeys(cfg.Provider+"/"+cfg.Name, cfg.APIKeys)); err != nil {
		return nil, err
	}
	if len(cfg.APIKeys) > 0 {
		cfg.APIKey = cfg.APIKeys[0]
	}
	cfg = cfg.WithDefaults()
	v, base, err := vendor.Resolve(vendor.Model{Provider: cfg.Provider, Name: cfg.Name, Like: cfg.Like, Type: cfg.Type, Site: cfg.Site, BaseURL: cfg.BaseURL, APIKey: cfg.APIKey,
		APIVersion: cfg.APIVersion, Deployment: cfg.Deployment, OwnAuth: holdsKey(cfg.Headers) || cfg.Auth != (config.Auth{}) || cfg.Token != nil, Region: cfg.Region, Auth: authOf(&cfg), Profile: cfg.Auth.Profile,
		Upstream: cfg.Model, Project: cfg.Project, Location: cfg.Location, Credentials: cfg.Auth.Credentials}, o.Getenv)
	if err != nil {
		return nil, err
	}
	cfg.BaseURL, cfg.APIKey = base, v.Key(cfg.APIKey)
	if cfg.Adaptive == (config.Adaptive{}) {
		cfg.MaxConcurrentCalls = cmp.Or(v.Concurrent(given), cfg.MaxConcurrentCalls)
	}
	if err := cfg.Check(); err != nil {
		return nil, v.Blame(err, o.Getenv)
	}
	if err := findPrice(&cfg, v.Name(), o.Getenv); err != nil {
		return nil, err
	}
	c := newClient(cfg, o, v.Concurrent(given) == 0)
	pool, err := transport.Borrow(transport.Options{BaseURL: cfg.BaseURL, Proxy: cfg.Proxy, CAFile: cfg.CAFile, ConnectTimeout: cfg.ConnectTimeout,
		HeaderBytes: cfg.Limits.HeaderBytes, Getenv: o.Getenv, OnSocket: o.OnSocket})
	if err != nil {
		e := *llm.AsError(err)
		e.Message = cfg.Provider + "/" + cfg.Name + ": " + e.Message
		return nil, &e
	}
	c.pool = pool
	if c.credential, err = newCredential(&cfg, &v, o); err != nil {
		pool.Release()
		return nil, err
	}
	host, _ := pool.Server()
	c.server = shown.Without(host, c.secrets())
	at, own := vendor.At(cfg.BaseURL)
	c.silent = cfg.Price.IsZero() && !v.TellsCost() && !at.TellsCost()
	upstream := exchange.Options{Route: c.Route(), Model: c.upstreamModel(), Format: v.Format(cfg.BaseURL, cfg.APIKey), Pool: pool,
		Organization: cfg.Organization, Headers: cfg.Headers, Agent: "llmagg/" + Version, Speaks: v.Speaks(), Own: own, KeyAdvice: v.AdviceOnKey(cfg.BaseURL, pool.Origin(), cfg.APIKey, o.Getenv), Credential: c.credential, Wrap: o.RoundTripper,
		Limits: exchange.Limits{ResponseBytes: cfg.Limits.ResponseBytes, EventBytes: cfg.Limits.EventBytes,
			StreamBytes: cfg.Limits.StreamBytes, HeaderBytes: cfg.Limits.HeaderBytes}}
	if cfg.APIKey == "" && c.credential == nil && !holdsKey(cfg.Headers) && len(shown.QuerySecrets(cfg.BaseURL)) == 0 {
		upstream.NoKeyAdvice = v.HowToSetKey(cfg.BaseURL, pool.Origin())
	}
	c.upstream, err = exchange.New(upstream)
	if err == nil && len(cfg.APIKeys) > 1 {
		err = c.makeKeys(upstream, func(key string) wire.Format { return v.Format(cfg.BaseURL, v.Key(key)) })
	}
	if err != nil {
		c.letGo()
		return nil, err
	}
	return c, nil
}

// NewCustom makes the client of a route whose attempts backend performs. cfg
// needs a provider and a name; its HTTP settings are not used.
func NewCustom(cfg config.Model, backend Backend, o Options) (*Client, error) {
	if backend == nil {
		return nil, llm.Errorf(llm.InvalidArgument, "a custom client needs a backend; none was given")
	}
	elastic := cfg.MaxConcurrentCalls == 0
	cfg = cfg.WithDefaults()
	if cfg.Provider == "" || cfg.Name == "" {
		return nil, llm.Errorf(llm.InvalidArgument, "a custom client needs a provider and a model name")
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	c := newClient(cfg, o, elastic)
	c.backend = backend
	return c, nil
}

// newClient makes a client without an upstream; elastic is for a route of which
// nobody has said how many attempts it takes at once.
func newClient(cfg config.Model, o Options, elastic bool) *Client {
	b := cfg.Breaker
	c := &Client{
		cfg:     cfg,
		options: o,
		retries: limit.NewRetries(cfg.Retry.BudgetRatio, cfg.Retry.BudgetPerSec),
		slots:   limit.NewConcurrency(cfg.MaxConcurrentCalls),
		rate:    rate.New(rate.Settings{RPM: cfg.Rate.RPM, TPM: cfg.Rate.TPM, Burst: cfg.Rate.Burst, Learn: !cfg.Rate.NoLearn && len(cfg.APIKeys) < 2}),
	}
	switch {
	case cfg.Adaptive != config.Adaptive{}:
		c.slots = limit.NewAdaptive(limit.Adaptive(cfg.Adaptive))
	case elastic:
		c.slots = limit.NewElastic(limit.Adaptive(config.Auto))
	}
	c.life, c.die = context.WithCancelCause(context.Background())
	c.watch.Store(o.Observers)
	c.breaker = breaker.New(breaker.Settings{Failures: uint32(b.Failures), Ratio: b.Ratio, MinRequests: uint32(b.MinRequests),
		Window: b.Window, Open: b.Open, Block: b.Block}, c.circuitChanged)
	return c
}

// Name is the name under which the model was configured, Model the upstream
// name, Provider the provider's name, Route "provider/name".
func (c *Client) Name() string { return c.cfg.Name }

// Model is the upstream name.
func (c *Client) Model() string { return c.cfg.Model }

// upstreamModel is what requests call the model.
func (c *Client) upstreamModel() string { return cmp.Or(c.cfg.Deployment, c.cfg.Model) }

// Provider is the provider's name.
func (c *Client) Provider() string { return c.cfg.Provider }

// Route is "provider/name".
func (c *Client) Route() string { return c.cfg.Provider + "/" + c.cfg.Name }

// Asks says whom the route asks: its names, the upstream's name of the model,
// the format, the address. Routes that may answer differently differ in it.
func (c *Client) Asks() string {
	return c.Route() + " " + c.upstreamModel() + " " + c.cfg.Type + " " + c.cfg.BaseURL
}

// Config is the configuration with its defaults filled in. It holds the key.
func (c *Client) Config() config.Model { return c.cfg }

// String names the route. No way of printing a client shows its key.
func (c *Client) String() string { return c.Route() }

// GoString is String.
func (c *Client) GoString() string { return c.Route() }

// Custom reports whether the application wrote the client's backend.
func (c *Client) Custom() bool { return c.backend != nil }

// Available is the application's switch; a breaker does not change it.
func (c *Client) Available() bool { return c.breaker.SwitchedOn() }

// SetAvailable sets the application's switch.
func (c *Client) SetAvailable(on bool) { c.breaker.Switch(on) }

// Observe makes o the client's observers.
func (c *Client) Observe(o *observe.Observers) { c.watch.Store(o) }

// NamedWait is the remaining time of the server's Retry-After, or 0.
func (c *Client) NamedWait() time.Duration {
	if _, named := c.breaker.ReopensAt(); !named.IsZero() {
		return max(time.Until(named), 1)
	}
	return 0
}

// Chat asks for a whole answer. Retries and waits are those of the last usable
// route (B6). A request with Stream set is streamed and accumulated. The
// *llm.Error lists the attempts.
func (c *Client) Chat(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return c.ChatPayload(ctx, p)
}

// ChatPayload is Chat with a request that is already checked.
func (c *Client) ChatPayload(ctx context.Context, p *llm.Payload) (*llm.Response, error) {
	if err := p.Refused(); err != nil {
		return nil, err
	}
	if p.Stream {
		s, err := c.stream(ctx, p, true)
		if err != nil {
			return nil, err
		}
		return s.Collect()
	}
	call, scope := c.begin(ctx, p)
	defer scope.End(nil)
	var w routing.Wanted
	if e := c.turn(call, nil, 0).askAlone(scope, &w); e != nil {
		return nil, call.Fail(e)
	}
	call.Finish(w.Response)
	return w.Response, nil
}

// begin begins a call on this route alone, where the request's model
// has no route to choose: a name that is neither the route's nor its upstream's
// is posted as it is.
func (c *Client) begin(ctx context.Context, p *llm.Payload) (*callstate.Call, *callstate.Scope) {
	call, scope := new(callstate.Begun).Begin(ctx, p)
	if m := p.Model; m != "" && m != c.cfg.Model && m != c.cfg.Name && m != c.Route() {
		call.Model = m
	}
	return call, scope
}

// Stream asks for a streamed answer on this route and returns at its first
// token. ctx bounds the whole stream.
func (c *Client) Stream(ctx context.Context, r *llm.Request) (*Stream, error) {
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return c.StreamPayload(ctx, p)
}

// StreamPayload is Stream with a request that is already checked.
func (c *Client) StreamPayload(ctx context.Context, p *llm.Payload) (*Stream, error) {
	return c.stream(ctx, p, false)
}

func (c *Client) stream(ctx context.Context, p *llm.Payload, restart bool) (*Stream, error) {
	call, scope := c.begin(ctx, p)
	return NewStream(scope, routing.StreamOptions{Call: call, Restart: restart}, &directOpener{c.turn(call, nil, 0)})
}

// askAlone is Ask where the call has no other route.
func (t *turn) askAlone(scope *callstate.Scope, w *routing.Wanted) *llm.Error {
	e := t.Ask(scope, w, false)
	if e != nil && e.Code == llm.CircuitOpen && t.made == 0 {
		e = t.Ask(scope, w, true)
	}
	return e
}

// directOpener streams from one route only.
type directOpener struct{ turn *turn }

func (d *directOpener) Open(scope *callstate.Scope) (routing.Opened, *llm.Error) {
	w := routing.Wanted{Stream: true}
	err := d.turn.askAlone(scope, &w)
	return w.Opened, err
}

func (d *directOpener) Reopen(scope *callstate.Scope, _ routing.Opened, reason *llm.Error) (routing.Opened, *llm.Error) {
	w := routing.Wanted{Stream: true}
	err := d.turn.Again(scope, &w, reason)
	return w.Opened, err
}

// EmbedLimits is how many texts the route's vendor takes in one request for
// vectors, and how many bytes of them; false where it makes none.
func (c *Client) EmbedLimits() (texts, bytes int, makes bool) {
	if c.upstream == nil {
		return 0, 0, false
	}
	f, makes := c.upstream.Format.(wire.Embedder)
	if !makes {
		return 0, 0, false
	}
	texts, bytes = f.EmbedLimits(c.upstream.Model)
	if n := int(c.embed.Load()); n > 0 {
		texts = min(texts, n)
	}
	return texts, bytes, true
}

// LimitEmbedTexts has the route know how many texts its server takes, which has
// refused more.
func (c *Client) LimitEmbedTexts(texts int) { c.embed.Store(int64(texts)) }
