package exchange

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

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
	if u.Credential == nil || x.Payload.Options.HeadersOnly || to.header.Get("Authorization") != "" {
		return u.way(ctx, to, body, x)
	}
	secret, err := u.Credential.Get(ctx)
	if err != nil {
		return nil, err
	}
	x.secret = secret
	for tries := 0; ; tries++ { // again for the clock, then for the credential
		resp, err := u.way(ctx, to, body, x)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			u.Credential.Accepted(x.secret)
			return resp, nil
		}
		if tries == 2 || !u.another(ctx, x, resp) {
			return resp, nil
		}
	}
}

// another tells whether there is another credential to ask with after the
// refusal resp, which is the answer where there is none.
func (u *Upstream) another(ctx context.Context, x *Exchange, resp *http.Response) bool {
	data, err := io.ReadAll(io.LimitReader(resp.Body, refusedBytes))
	e := failure.Classify(resp.StatusCode, resp.Header, data)
	e.Message = ""
	secret := u.Credential.Refused(ctx, x.secret, resp.Header, e)
	if secret == nil || err != nil {
		x.clock = strings.TrimPrefix(e.Message, "; ")
		resp.Body = unpacked{io.MultiReader(bytes.NewReader(data), resp.Body), resp.Body}
		return false
	}
	_ = resp.Body.Close() // nothing more is wanted from it
	x.secret = secret
	return true
}
