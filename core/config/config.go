// Package config is what a user writes down about providers and models: the
// types, the only place of their defaults, how they are read from JSON text or
// a file, and how a mistake in them is refused.
//
// It does no I/O but for [Load], and reads no environment: [Options.Getenv]
// does. It imports core/llm for its errors. Its main types are [Provider] and
// [Model].
package config

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/price"
)

// Model configures one route: one model at one provider. Its fields are the
// keys of the configuration, whose meanings and defaults [AllSettings] tells;
// the zero value of each but Provider and Name is its default. It holds the
// key: do not print it; its String and its JSON leave the key out.
type Model struct {
	Name         string // the key under which the model was configured
	Provider     string // the provider's name
	Model        string
	Type         string
	Like         string
	Site         string
	APIKey       string   `json:"-"`
	APIKeys      []string `json:"-"`
	BaseURL      string
	APIVersion   string
	Deployment   string
	Organization string
	Headers      map[string]string `json:"-"`
	Proxy        string            `json:"-"` // by default http_proxy, https_proxy and no_proxy of the environment
	CAFile       string

	Timeout        time.Duration
	ConnectTimeout time.Duration
	IdleTimeout    time.Duration
	ReaderTimeout  time.Duration

	MaxRetries         int
	MaxConcurrentCalls int
	// Adaptive, if set, lets the route find by overload answers how many
	// attempts may be in flight; MaxConcurrentCalls is then its Max.
	Adaptive Adaptive

	ContextWindow int
	Weight        float64
	Unsupported   llm.OnUnsupported

	Project  string
	Location string
	Region   string
	Auth     Auth `json:"-"` // where the credential comes from, instead of APIKey
	// Token, if set, gives the credential instead of APIKey: a token, sent as
	// "Authorization: Bearer …", and when it ends, the zero time where it does
	// not. It is asked once for all calls of the model, again before the token
	// ends, and once more after the server has refused it. ctx ends when the
	// client closes, or after 30 s.
	Token func(ctx context.Context) (token string, expires time.Time, err error) `json:"-"`

	Price price.Price

	Breaker Breaker
	Retry   Retry
	Limits  Limits
	Rate    Rate
}

// Adaptive are the bounds of max_concurrent_calls where it is "auto"; zero
// means the default, as long as one of them is set. [Auto] has all of them.
type Adaptive struct {
	Min   int // "min": 1
	Max   int // "max": 200
	Start int // "start": 10, within the other two
}

// Auto is what "max_concurrent_calls": "auto" means.
var Auto = Adaptive{Min: 1, Max: 200, Start: DefaultMaxConcurrent}

// Rate is the group "rate"; zero means the default.
type Rate struct {
	RPM     float64
	TPM     float64
	Burst   time.Duration
	NoLearn bool // "learn": false, which learns nothing from the headers of answers
}

// Auth is the group "auth": where a credential comes from that is no fixed key.
// What it leaves out comes from the environment and from where the vendor's own
// SDKs look.
type Auth struct {
	Type string

	AccessKeyID     string // AWS's
	SecretAccessKey string
	SessionToken    string
	Profile         string

	Credentials string // Google's

	TenantID     string // Entra's
	ClientID     string
	ClientSecret string
	TokenFile    string

	Name string // of the application's function

	Scope string // of Google's and Entra's tokens
}

// Breaker is the group "breaker"; zero means the default.
type Breaker struct {
	Open        time.Duration
	Block       time.Duration
	Window      time.Duration
	Failures    int
	Ratio       float64
	MinRequests int
}

// Retry is the group "retry"; zero means the default.
type Retry struct {
	Backoff      time.Duration
	BackoffMax   time.Duration
	Wait         time.Duration
	BudgetRatio  float64
	BudgetPerSec float64
}

// Limits is the group "limits"; zero means the default.
type Limits struct {
	ResponseBytes int64
	EventBytes    int64
	StreamBytes   int64
	HeaderBytes   int64
}

// Provider configures a provider. Models holds complete configurations,
// in the order in which they were written.
type Provider struct {
	Name   string
	Type   string
	Models []Model
	// Fleet and Bulk are those of the whole configuration, nil without them.
	Fleet *Fleet
	Bulk  *Bulk
	// LeftOut are models of the whole configuration that cannot be used; see
	// [Parse].
	LeftOut []LeftOut
}

// Model finds a model by its name.
func (p *Provider) Model(name string) (Model, bool) {
	for _, m := range p.Models {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}

// Defaults of the fields above.
const (
	DefaultTimeout        = 30 * time.Second
	DefaultConnectTimeout = 5 * time.Second
	DefaultReaderTimeout  = 300 * time.Second
	DefaultMaxRetries     = 3
	DefaultMaxConcurrent  = 10
)

// WithDefaults fills every zero field.
func (c Model) WithDefaults() Model {
	or(&c.Model, c.Name)
	or(&c.Name, c.Model)
	or(&c.Timeout, DefaultTimeout)
	or(&c.ConnectTimeout, DefaultConnectTimeout)
	or(&c.IdleTimeout, c.Timeout)
	or(&c.ReaderTimeout, DefaultReaderTimeout)
	or(&c.MaxRetries, DefaultMaxRetries)
	if a := &c.Adaptive; *a != (Adaptive{}) {
		or(&a.Min, Auto.Min)
		or(&a.Max, max(Auto.Max, a.Min, a.Start))
		or(&a.Start, min(max(Auto.Start, a.Min), a.Max))
		c.MaxConcurrentCalls = a.Max
	}
	or(&c.MaxConcurrentCalls, DefaultMaxConcurrent)
	or(&c.Weight, 1)
	or(&c.Breaker.Open, 10*time.Second)
	or(&c.Breaker.Block, 60*time.Second)
	or(&c.Breaker.Window, 30*time.Second)
	or(&c.Breaker.Failures, 5)
	or(&c.Breaker.Ratio, 0.5)
	or(&c.Breaker.MinRequests, 10)
	or(&c.Retry.Backoff, 500*time.Millisecond)
	or(&c.Retry.BackoffMax, 8*time.Second)
	or(&c.Retry.Wait, 3*time.Second)
	or(&c.Retry.BudgetRatio, 0.2)
	or(&c.Retry.BudgetPerSec, 3)
	or(&c.Rate.Burst, time.Second)
	or(&c.Limits.ResponseBytes, 64<<20)
	or(&c.Limits.EventBytes, 16<<20)
	or(&c.Limits.StreamBytes, 256<<20)
	or(&c.Limits.HeaderBytes, 1<<20)
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// String names the route and leaves the key out.
func (c Model) String() string {
	return fmt.Sprintf("%s/%s (model %s at %s)", c.Provider, c.Name, c.Model, shown.Without(shown.URL(c.BaseURL), append([]string{c.APIKey}, c.APIKeys...)))
}

// GoString is String: %#v must not print the key either.
func (c Model) GoString() string { return c.String() }

// LogValue keeps the key out of structured logs.
func (c Model) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Check reports wrong values, as INVALID_ARGUMENT.
func (c Model) Check() error {
	for _, n := range [][2]string{{"provider", c.Provider}, {"model name", c.Name}, {"model", c.Model}} {
		if err := llm.CheckName(n[0], n[1]); err != nil {
			return err
		}
	}
	where := c.Provider + "/" + c.Name
	if err := cmp.Or(c.CheckNames(), c.checkModelName(), c.checkBlanks(where)); err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"timeout", c.Timeout}, {"connect_timeout", c.ConnectTimeout}, {"idle_timeout", c.IdleTimeout},
		{"reader_timeout", c.ReaderTimeout}, {"breaker.open_s", c.Breaker.Open}, {"breaker.window_s", c.Breaker.Window},
		{"breaker.block_s", c.Breaker.Block}, {"retry.backoff_s", c.Retry.Backoff},
		{"retry.backoff_max_s", c.Retry.BackoffMax}, {"retry.wait_s", c.Retry.Wait}, {"rate.burst_s", c.Rate.Burst}} {
		if d.value < 0 {
			return llm.Errorf(llm.InvalidArgument, "%s: %s is %v; expected more than 0 seconds", where, d.name, d.value)
		}
	}
	for _, n := range []struct {
		name  string
		value float64
	}{{"max_concurrent_calls", float64(c.MaxConcurrentCalls)}, {"max_retries", float64(c.MaxRetries)}, {"weight", c.Weight}, {"context_window", float64(c.ContextWindow)},
		{"breaker.failures", float64(c.Breaker.Failures)}, {"breaker.min_requests", float64(c.Breaker.MinRequests)},
		{"breaker.ratio", c.Breaker.Ratio}, {"retry.budget_ratio", c.Retry.BudgetRatio}, {"retry.budget_per_s", c.Retry.BudgetPerSec},
		{"rate.rpm", c.Rate.RPM}, {"rate.tpm", c.Rate.TPM},
		{"limits.response_bytes", float64(c.Limits.ResponseBytes)}, {"limits.event_bytes", float64(c.Limits.EventBytes)},
		{"limits.stream_bytes", float64(c.Limits.StreamBytes)}, {"limits.header_bytes", float64(c.Limits.HeaderBytes)}} {
		if !(n.value >= 0) {
			return llm.Errorf(llm.InvalidArgument, "%s: %s is %v; expected a number greater than 0", where, n.name, n.value)
		}
	}
	if err := cmp.Or(c.checkAdaptive(where), checkKey(where, c.APIKey), c.Price.Check(where), c.CheckKeys()); err != nil {
		return err
	}
	if c.APIKey != "" && c.Auth != (Auth{}) {
		return llm.Errorf(llm.InvalidArgument, "%s has %s and auth; expected one of them", where, c.keyed())
	}
	if c.Token != nil && (c.APIKey != "" || c.Auth != (Auth{})) {
		return llm.Errorf(llm.InvalidArgument, "%s has a Token function and api_key or auth; expected one of them", where)
	}
	return c.checkHeaders(where)
}

// checkHeaders checks what is sent in headers beside the key.
func (c Model) checkHeaders(where string) error {
	if strings.TrimFunc(c.Organization, llm.IsBlank) != c.Organization {
		return llm.Errorf(llm.InvalidArgument, "%s: organization begins or ends with white space; remove it", where)
	}
	if err := llm.CheckHeaderValue(where+": organization", c.Organization); err != nil {
		return err
	}
	if err := llm.CheckHeaders(c.Headers); err != nil {
		return llm.Errorf(llm.InvalidArgument, "%s: %s", where, llm.AsError(err).Message)
	}
	return nil
}

// checkBlanks refuses blanks around what was copied from somewhere; keys and
// URLs have checks of their own.
func (c Model) checkBlanks(where string) error {
	for _, t := range [][2]string{{"model", c.Model}, {"type", c.Type}, {"like", c.Like}, {"site", c.Site}, {"api_version", c.APIVersion}, {"deployment", c.Deployment}, {"region", c.Region}, {"project", c.Project}, {"location", c.Location}, {"proxy", c.Proxy}, {"ca_file", c.CAFile}, {"provider's name", c.Provider}, {"name", c.Name}} {
		if strings.TrimFunc(t[1], llm.IsBlank) != t[1] {
			return llm.Errorf(llm.InvalidArgument, "%s: the %s begins or ends with white space; remove it", where, t[0])
		}
	}
	return nil
}
