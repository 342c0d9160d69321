package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
)

// mostBytes is the largest answer with a credential.
const mostBytes = 1 << 20

// ask sends one request and returns its answer. Redirects are failures:
// credentials go where they are meant to go. local is for the metadata servers
// of clouds, which no proxy stands before.
func (o *Options) ask(ctx context.Context, r *http.Request, local bool) ([]byte, error) {
	t := transport.Options{BaseURL: r.URL.String(), ConnectTimeout: o.ConnectTimeout, HeaderBytes: mostBytes, OnSocket: o.OnSocket, Credentials: true}
	if !local {
		t.Proxy, t.CAFile, t.Getenv = o.Proxy, o.CAFile, o.Getenv
	}
	pool, err := transport.Borrow(t)
	if err != nil {
		return nil, err
	}
	defer pool.Release()
	resp, err := pool.Fresh().RoundTrip(r.WithContext(ctx))
	where := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
	if err != nil {
		var e *llm.Error
		if errors.As(err, &e) {
			told := *e
			told.Cause = unreached{err}
			return nil, &told
		}
		return nil, &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("%s: %v", where, err), Cause: unreached{err}}
	}
	defer resp.Body.Close()
	if ahead, ok := ctx.Value(aheadKey{}).(*time.Duration); ok {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			*ahead = time.Until(date)
		}
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, mostBytes))
	if err != nil {
		return nil, &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("%s: the answer was cut after %d bytes: %v", where, len(data), err), Cause: err}
	}
	if resp.StatusCode/100 != 2 {
		e := failure.Classify(resp.StatusCode, resp.Header, data)
		if resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusRequestTimeout {
			e.Code = llm.Authentication // whatever is wrong, it is wrong with the credential
		}
		if resp.StatusCode/100 == 3 {
			e.Message = fmt.Sprintf("HTTP %d: it leads elsewhere, and credentials are not fetched from there", resp.StatusCode)
		}
		e.Message = where + " gives no credential: " + e.Message + clock(resp.Header)
		e.Status = 0 // it is not the model's server that said it
		return nil, e
	}
	return data, nil
}

// aheadKey finds, in the context of a fetch, by how much the clock of who
// answered last is ahead of ours. Only the fetch's own goroutine uses it.
type aheadKey struct{}

// unreached is the cause of a failure to which no server said anything.
type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

// safe tells whether credentials may go to an address: encrypted, or to this
// machine.
func safe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return u.Scheme == "https" || u.Scheme == "http" && (strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback())
}

func get(address string, headers ...string) (*http.Request, error) {
	return request(http.MethodGet, address, nil, headers...)
}

func request(method, address string, body io.Reader, headers ...string) (*http.Request, error) {
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, llm.Errorf(llm.Authentication, "the address of the credential's source is not a URL: %v", err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r, nil
}

// post sends a form and returns its answer.
func (o *Options) post(ctx context.Context, address string, form url.Values) ([]byte, error) {
	r, err := request(http.MethodPost, address, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	return o.ask(ctx, r, false)
}
