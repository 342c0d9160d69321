package exchange

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/failure"
)

// This file authorizes requests with credentials that are fetched, and asks
// once more where a server refuses one: with another, or by its own clock.

// authorizing is what an exchange knows of its credential. Its attempt's
// goroutine owns it.
type authorizing struct {
	secret *credential.Secret // nil where the endpoint's header has a fixed key
	clock  string             // what a refusal owes to a wrong clock, for the message
}

// refusedBytes bounds what is read of a refusal before it is known to be the
// answer.
const refusedBytes = 64 << 10

// authorized sends a request with its credential. A call that says itself how
// it is authorized, by a header of its own or of the configuration, is left
// alone.
func (u *Upstream) authorized(ctx context.Context, to *endpoint, body []byte, x *Exchange) (*http.Response, error) {
	x.authorizing = authorizing{}
	if u.Credential == nil || x.Payload.Options.HeadersOnly || to.with(&x.Payload.Options).Get("Authorization") != "" {
		return u.way(ctx, to, body, x)
	}
	secret, err := u.Credential.Get(ctx)
	if err != nil {
		return nil, err
	}
	x.secret = secret
	resp, err := u.way(ctx, to, body, x)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		u.Credential.Accepted(secret)
		return resp, nil
	}
	return u.again(ctx, to, body, x, resp)
}

// again asks once more after the refusal resp, where there is another
// credential to ask with; else it gives the refusal back.
func (u *Upstream) again(ctx context.Context, to *endpoint, body []byte, x *Exchange, resp *http.Response) (*http.Response, error) {
	for range 2 { // the clock, then the credential
		data, err := io.ReadAll(io.LimitReader(resp.Body, refusedBytes))
		e := failure.Classify(resp.StatusCode, resp.Header, data)
		e.Message = ""
		secret := u.Credential.Refused(ctx, x.secret, resp.Header, e)
		if secret == nil || err != nil {
			x.clock = e.Message
			resp.Body = &rest{io.MultiReader(bytes.NewReader(data), resp.Body), resp.Body}
			return resp, nil
		}
		_ = resp.Body.Close() // nothing more is wanted from it
		x.secret = secret
		if resp, err = u.way(ctx, to, body, x); err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			u.Credential.Accepted(secret)
			return resp, nil
		}
	}
	return resp, nil
}

// rest is a body of which the beginning was read already.
type rest struct {
	io.Reader
	body io.Closer
}

func (r *rest) Close() error { return r.body.Close() }
