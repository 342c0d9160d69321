package exchange

import (
	"net/http"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
)

// outer is the application's code around the two ways of the pool; without any
// both are nil.
type outer struct{ kept, fresh http.RoundTripper }

// keptWay is the pool's kept connections, which change when they turn deaf.
type keptWay struct{ pool *transport.Pool }

func (k keptWay) RoundTrip(r *http.Request) (*http.Response, error) {
	return k.pool.Kept().RoundTrip(r)
}

// wrap makes the application's code around the pool's ways.
func (u *Upstream) wrap() error {
	if u.Wrap == nil {
		return nil
	}
	u.outer = outer{u.Wrap(keptWay{u.Pool}), u.Wrap(u.Pool.Fresh())}
	if u.outer.kept == nil || u.outer.fresh == nil {
		return llm.Errorf(llm.InvalidArgument, "the application's function for a RoundTripper returned nil; expected a RoundTripper, for example the one it was given")
	}
	return nil
}

// roundTrip sends a request on one of the pool's ways, through the
// application's code if there is any.
func (u *Upstream) roundTrip(t *http.Transport, req *http.Request) (*http.Response, error) {
	if u.Wrap == nil {
		return t.RoundTrip(req)
	}
	way := u.outer.fresh
	if t == u.Pool.Kept() {
		way = u.outer.kept
	}
	req.Header = copied(req.Header) // all requests share it
	resp, err := way.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp == nil || resp.Body == nil {
		return nil, llm.Errorf(llm.Internal, "%s: the application's RoundTripper returned neither an answer with a body nor an error", u.Route)
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	return resp, nil
}
