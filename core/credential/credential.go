// Package credential fetches what requests are authorized with where that is
// no fixed key: AWS's keys, and the tokens of Google and of Microsoft Entra. An
// [Authorizer] authorizes the requests of a route; routes with the same
// configuration share what is fetched (shared.go): it is fetched once for all
// callers, renewed before it ends and replaced when the server refuses it. A
// [Spec] says where it comes from (aws*.go, google.go, entra.go); sigv4.go
// signs for AWS. It imports core/transport to fetch and core/failure to read
// failures. It reads no environment: [Options.Getenv] does.
package credential

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// AWSKeys are what AWS's requests are signed with.
type AWSKeys struct{ ID, Secret, Session string }

// Secret is a credential: a token, or AWS's keys.
type Secret struct {
	Token   string // sent as "Authorization: Bearer …"
	Project string // of Google's, which pays for the request; "" for the one of the token
	AWS     AWSKeys
	Expires time.Time // zero where it does not end

	trial bool // it replaced one that was refused, and has not been accepted yet
}

func (s *Secret) same(other *Secret) bool { return s.Token == other.Token && s.AWS == other.AWS }

// Options are how a credential is fetched.
type Options struct {
	Spec
	// Region and Service are those that AWS's signatures name. Service is the
	// cloud's domain for Entra: azure.com, azure.us, azure.cn.
	Region, Service string

	// Token, if set, is the application's source of the credential; the rest is
	// not used then, and nothing is shared with other routes.
	Token func(ctx context.Context) (token string, expires time.Time, err error)

	// Functions give the tokens of the type [Function]; they must be there.
	Functions *Functions

	Getenv         func(name string) (string, bool) // nil means that no variable is set
	Proxy          string
	CAFile         string
	ConnectTimeout time.Duration
	OnSocket       func(fd uintptr, open bool)
}

func (o *Options) getenv(name string) string {
	if o.Getenv == nil {
		return ""
	}
	if value, set := o.Getenv(name); set {
		return value
	}
	return ""
}

// Authorizer authorizes the requests of one route. It is safe for concurrent
// use. Whoever makes it calls [Authorizer.Close].
type Authorizer struct {
	shared          *shared
	region, service string
	skew            atomic.Int64 // by how much the server's clock is ahead, in nanoseconds
	last            atomic.Pointer[dayKey]
}

// New makes the authorizer of a route. Nothing is fetched yet.
func New(o Options) *Authorizer {
	return &Authorizer{shared: borrow(o), region: o.Region, service: o.Service}
}

// Close gives the credential back; the last route to do so ends its fetching.
func (a *Authorizer) Close() { a.shared.release() }

// ErrFetching is in the error of a caller whose wait for a credential has
// ended.
var ErrFetching = errors.New("the credential has not been fetched yet")

// Get gives the credential, fetched if need be; ctx ends this caller's wait,
// not the fetching that others wait for. Errors are those of a failed attempt,
// or [ErrFetching] with ctx's cause.
func (a *Authorizer) Get(ctx context.Context) (*Secret, error) { return a.shared.get(ctx) }

// Authorize puts the credential into a request with the given body. The header
// is changed.
func (a *Authorizer) Authorize(r *http.Request, body []byte, s *Secret) {
	if s.Token != "" {
		r.Header.Set("Authorization", "Bearer "+s.Token)
		if s.Project != "" {
			r.Header.Set("X-Goog-User-Project", s.Project)
		}
		return
	}
	signing := signing{keys: s.AWS, region: a.region, service: a.service, now: time.Now().Add(time.Duration(a.skew.Load())), last: &a.last}
	signing.sign(r, body)
}

// Accepted notes that the server took the credential.
func (a *Authorizer) Accepted(s *Secret) {
	if s.trial {
		a.shared.accepted(s)
	}
}

// Refused says what to authorize the request with that was refused with the
// credential s, in an answer with the given head and error: nil to leave it.
// That is the same credential where it was signed at a wrong time and is to be
// signed by the server's clock, else a new one. Where a wrong clock is the
// cause, or no new one can be fetched, the error's message says so.
func (a *Authorizer) Refused(ctx context.Context, s *Secret, head http.Header, e *llm.Error) *Secret {
	if s.Token == "" {
		if again, skewed := a.skewed(head, e); skewed {
			if again {
				return s
			}
			return nil
		}
	}
	fresh, err := a.shared.replace(ctx, s)
	if err != nil && ctx.Err() == nil {
		e.Message = "; no new credential could be fetched: " + llm.AsError(err).Message
	}
	return fresh
}

// Secrets are the texts that may appear nowhere.
func (a *Authorizer) Secrets() []string { return a.shared.secrets() }
