// Package fleet lets processes that use the same routes learn from each other:
// a [Member] tells what its own attempts found out about a route (it opened, it
// closed, its server asked to wait, its key was refused), and heeds what the
// others tell. All of that goes through a [Store], in the background: no call
// waits for it. Rates are leased from the store in portions (budget.go).
//
// It imports breaker, client, manager, observe, rate and llm. The store in
// Valkey or Redis is core/fleet/valkey.
package fleet

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
)

// What can be shared.
const (
	ShareWaits    = "waits"    // waits that servers ask for, keys that are refused
	ShareBreakers = "breakers" // circuits that open and close
	ShareRates    = "rates"    // configured rates: all processes together keep them
)

// Options say who shares what. Open is needed; all else has a default.
type Options struct {
	// These are the keys of "fleet", which [config.AllSettings] explains.
	Name      string
	Agree     int
	Processes int
	Share     []string
	// Open connects the store. It is called in the background, and again where
	// it failed.
	Open func(ctx context.Context) (Store, error)
	// Logger receives one record for each change of the connection, and for each
	// kind of change that is not known; nil means silence.
	Logger *slog.Logger
}

// Check fills in the defaults. The error is INVALID_ARGUMENT.
func (o *Options) Check() error {
	o.Name, o.Agree, o.Processes = cmp.Or(o.Name, "default"), cmp.Or(o.Agree, 2), cmp.Or(o.Processes, 1)
	if o.Share == nil {
		o.Share = []string{ShareWaits, ShareBreakers, ShareRates}
	}
	for _, s := range o.Share {
		if s != ShareWaits && s != ShareBreakers && s != ShareRates {
			return llm.Errorf(llm.InvalidArgument, "fleet: share has %s; expected \"waits\", \"breakers\" or \"rates\"", shown.Name(s))
		}
	}
	switch {
	case o.Open == nil:
		return llm.Errorf(llm.InvalidArgument, "fleet: no store is given; set Options.Open, for example to valkey.Opener's result")
	case len(o.Share) == 0:
		return llm.Errorf(llm.InvalidArgument, "fleet: share is empty; expected some of \"waits\", \"breakers\", \"rates\", or no fleet at all")
	case o.Agree < 1:
		return llm.Errorf(llm.InvalidArgument, "fleet: agree is %d; expected at least 1", o.Agree)
	case o.Processes < 1:
		return llm.Errorf(llm.InvalidArgument, "fleet: processes is %d; expected at least 1", o.Processes)
	case strings.ContainsAny(o.Name, "{}: \t\r\n"):
		return llm.Errorf(llm.InvalidArgument, "fleet: the name %s is not valid; expected one without braces, colons and blanks", shown.Name(o.Name))
	}
	return nil
}

// Member is a process's membership in a fleet. A route is known to the others
// by a hash of its address, model and credential. It is safe for concurrent
// use.
type Member struct {
	o          Options
	configured *config.Fleet // by which it was joined; nil: by Options
	process    string
	observers  *observe.Observers
	left       chan struct{} // closed when the goroutines have ended
	leave      context.CancelFunc
	refused    time.Time     // when the store answered no question but the heartbeat; of run's goroutine …
	refuses    bool          // … as it did shortly before; of the same
	wake       chan struct{} // there is something to tell or to ask; room for one

	mu        sync.Mutex // guards what follows
	routes    map[string]*route
	verdicts  map[string]*verdict // heard, by route; also of routes that are not here
	queue     []outgoing          // to be told
	asking    []*route            // whose mark is to be asked for
	done      []string            // routes whose mark is to be given back
	state     Report
	since     time.Time // of the loss; zero while connected
	connected bool
	answers   bool // the store answers questions, if not what is told
	deaf      bool // it does not say what is told
	gone      bool
	tellingAt map[string]time.Time // of own changes that have not been heard back
}

// Report is the state of a membership.
type Report struct {
	Name      string
	Process   string // this process, as others know it
	Connected bool
	Processes int           // that are alive, this one included
	Lag       time.Duration // until what this process told last was heard
	Told      int
	Heard     int       // changes that others told
	Unknown   []string  // kinds of changes that others told and that this version passes over, at most 16
	Routes    []Told    // what others told of routes, and still holds
	LostSince time.Time // zero while connected
	RateShare float64   // of each shared rate, that this process keeps to while the store is out of reach; 0: rates are leased, or not shared
	Error     string    // why the store is out of reach
}

// Join makes the routes of m, those of now and those of later, members of a
// fleet. Nothing is connected before Join returns: a fleet that cannot be
// reached changes nothing. The membership ends with ctx, with Leave, with m,
// and when m joins another fleet. The error is INVALID_ARGUMENT.
func Join(ctx context.Context, m *manager.Manager, o Options) (*Member, error) {
	return join(ctx, m, o, nil)
}

// join is [Join] that knows the configuration that it is for, nil for none.
func join(ctx context.Context, m *manager.Manager, o Options, c *config.Fleet) (*Member, error) {
	member, err := newMember(ctx, m.Observers(), o, c)
	if err != nil {
		return nil, err
	}
	if err := m.Share(member); err != nil {
		member.Leave()
		return nil, err
	}
	return member, nil
}

// Of is the membership of a manager, nil without one.
func Of(m *manager.Manager) *Member {
	member, _ := m.Sharing().(*Member)
	return member
}

// newMember makes a member that has no routes yet; see Attach.
func newMember(ctx context.Context, observers *observe.Observers, o Options, c *config.Fleet) (*Member, error) {
	o.Share = slices.Clone(o.Share)
	if err := o.Check(); err != nil {
		return nil, err
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	m := &Member{o: o, configured: c, process: hex.EncodeToString(id[:]), observers: observers, left: make(chan struct{}), wake: make(chan struct{}, 1),
		routes: map[string]*route{}, verdicts: map[string]*verdict{}, tellingAt: map[string]time.Time{}, since: time.Now()}
	ctx, m.leave = context.WithCancel(ctx)
	go m.run(ctx)
	return m, nil
}

// Leave ends the membership and waits, for a second at most, until the others
// were told what is left to tell. A second Leave waits in the same way.
func (m *Member) Leave() {
	m.leave()
	<-m.left
}

// Name is the fleet's.
func (m *Member) Name() string { return m.o.Name }

// Report gives the state now.
func (m *Member) Report() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.state
	r.Name, r.Process, r.Connected = m.o.Name, m.process, m.connected
	r.Unknown = append([]string{}, r.Unknown...)
	r.Routes = m.toldOfRoutes(time.Now())
	if !m.connected {
		r.LostSince, r.RateShare = m.since, m.kept()
	}
	return r
}

// routeID is how the fleet knows a route: nobody can tell the key from it.
func (m *Member) routeID(c *client.Client) string {
	h := hmac.New(sha256.New, []byte(m.o.Name))
	h.Write([]byte(c.Identity()))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (m *Member) shares(what string) bool { return slices.Contains(m.o.Share, what) }

// MarshalJSON writes the member's report.
func (m *Member) MarshalJSON() ([]byte, error) { return m.Report().MarshalJSON() }

// MarshalJSON writes the report as C and Python give it.
func (r Report) MarshalJSON() ([]byte, error) {
	var since, share *float64
	if r.RateShare > 0 {
		share = &r.RateShare
	}
	if !r.LostSince.IsZero() {
		at := float64(r.LostSince.UnixMicro()) / 1e6
		since = &at
	}
	return llm.JSON.Marshal(struct {
		Name      string   `json:"name"`
		Process   string   `json:"process"`
		Connected bool     `json:"connected"`
		Processes int      `json:"processes"`
		Lag       float64  `json:"lag_ms"`
		Told      int      `json:"told"`
		Heard     int      `json:"heard"`
		Unknown   []string `json:"unknown"`
		Routes    []Told   `json:"routes"`
		Since     *float64 `json:"degraded_since"`
		Share     *float64 `json:"rate_share"`
		Error     string   `json:"error,omitempty"`
	}{r.Name, r.Process, r.Connected, r.Processes, float64(r.Lag.Microseconds()) / 1e3, r.Told, r.Heard, r.Unknown, r.Routes, since, share, r.Error})
}

// Store is what the processes of a fleet share. It is safe for concurrent use.
// Every method returns when its context ends; none is called by a call of the
// application.
type Store interface {
	// Tell appends changes to the fleet's stream.
	Tell(ctx context.Context, changes []Change) error
	// Listen waits, for about a second at most, for what was told after from,
	// and returns the place after it. From "" it returns what was told in the
	// last ten minutes.
	Listen(ctx context.Context, from string) (changes []Change, next string, err error)
	// Lease takes up to n units of a budget that all processes share. It adds
	// to, and returns, what the requests of all of them have asked for.
	Lease(ctx context.Context, b Budget, n int) (granted, asked int, err error)
	// Mark takes the mark of a route for a process, or says how long another
	// process has it. A process has its own mark already.
	Mark(ctx context.Context, route, process string, lasts time.Duration) (mine bool, left time.Duration, err error)
	// Unmark gives a mark back.
	Unmark(ctx context.Context, route string) error
	// Alive says that the process is alive, and counts those that said so
	// within the last few seconds.
	Alive(ctx context.Context, process string) (processes int, err error)
	// Close ends the connections.
	Close()
}

// Change is what a process tells of a route.
type Change struct {
	Route   string // see Member
	What    breaker.What
	For     time.Duration // how long it holds; what is left of that where it is heard
	Process string
	Age     time.Duration // since it was told, where it is heard
}

// Tokens is the name of a limit of tokens.
const Tokens = rate.Tokens

// Budget is a limit that the processes of a fleet share.
type Budget struct {
	Route     string
	Of        string // "rpm" or "tpm"
	PerSecond float64
	Burst     float64 // units that may be taken at once
	Asked     int     // tokens that requests asked for at most, since the last lease
}

// Opener gives what connects the store of a configuration; the error is
// INVALID_ARGUMENT.
type Opener func(config.Fleet) (func(context.Context) (Store, error), error)

// joiner is what Register leaves. Nothing else leads to joinConfigured: a build
// without a store links no member.
type joiner struct {
	open Opener
	join func(*manager.Manager, *config.Fleet, Options) error
}

var registered atomic.Pointer[joiner]

// Register makes f the opener of the stores that configurations name.
// core/fleet/valkey calls it where it is imported.
func Register(f Opener) { registered.Store(&joiner{f, joinConfigured}) }

// Check checks a configuration's fleet without joining it. The error is
// INVALID_ARGUMENT.
func Check(c *config.Fleet) error {
	if c == nil {
		return nil
	}
	_, err := optionsOf(c, nil)
	return err
}

func optionsOf(c *config.Fleet, l *slog.Logger) (Options, error) {
	r := registered.Load()
	if r == nil {
		return Options{}, llm.Errorf(llm.InvalidArgument, "the configuration has \"fleet\", and this build has no store for it; "+
			"in Go import github.com/llmagg/llmagg/core/fleet/valkey, build the C library by 'make lib FLEET=1'; wheels have it")
	}
	open, err := r.open(*c)
	if err != nil {
		return Options{}, err
	}
	o := Options{Name: c.Name, Agree: c.Agree, Processes: c.Processes, Share: c.Share, Open: open, Logger: l}
	return o, o.Check()
}

// JoinConfigured joins the fleet of a configuration, nil: none. A manager that
// is a member of the same fleet by the same configuration stays so. The error
// is INVALID_ARGUMENT or CLOSED.
func JoinConfigured(m *manager.Manager, c *config.Fleet, l *slog.Logger) error {
	if c == nil {
		return nil
	}
	if now := Of(m); now != nil && now.configured != nil && now.configured.Equal(c) {
		return nil
	}
	o, err := optionsOf(c, l)
	if err != nil {
		return err
	}
	return registered.Load().join(m, c, o)
}

func joinConfigured(m *manager.Manager, c *config.Fleet, o Options) error {
	copied := *c
	_, err := join(context.Background(), m, o, &copied)
	return err
}
