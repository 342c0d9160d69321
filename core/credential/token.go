package credential

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// This file asks for tokens (RFC 6749, section 5) and reads them.

// token sends a form to a token endpoint.
func (o *Options) token(ctx context.Context, address string, form url.Values) (*Secret, error) {
	began := time.Now()
	data, err := o.post(ctx, address, form)
	if err != nil {
		return nil, err
	}
	return readToken(data, address, began)
}

// askMachine asks the service of a cloud's machine for a token; errNone where
// nothing answers there, as on machines that are not in this cloud.
func (o *Options) askMachine(ctx context.Context, address, name string, headers ...string) (*Secret, error) {
	began := time.Now()
	r, err := get(address, headers...)
	if err != nil {
		return nil, err
	}
	near := *o
	near.ConnectTimeout = machineTime
	data, err := near.ask(ctx, r, true)
	if gone := (unreached{}); errors.As(err, &gone) && ctx.Err() == nil {
		return nil, none("%s does not answer at %s", name, shown.Host(r.URL.Host))
	}
	if err != nil {
		return nil, err
	}
	return readToken(data, name, began)
}

// readToken reads the answer to a request that was sent at began. Clouds write
// the numbers as texts, too.
func readToken(data []byte, from string, began time.Time) (*Secret, error) {
	var answer struct {
		Token   string          `json:"access_token"`
		Seconds json.RawMessage `json:"expires_in"`
		At      json.RawMessage `json:"expires_on"`
	}
	if err := llm.JSON.Unmarshal(data, &answer); err != nil { // it may hold a token: not repeated
		return nil, llm.Errorf(llm.Authentication, "%s did not answer with the JSON of a token", from)
	}
	if answer.Token == "" {
		return nil, llm.Errorf(llm.Authentication, "%s gives no access_token", from)
	}
	if err := checked("the token of "+from, answer.Token); err != nil {
		return nil, err
	}
	s := &Secret{Token: answer.Token}
	if n, ok := whole(answer.Seconds); ok {
		s.Expires = began.Add(time.Duration(n) * time.Second)
	} else if n, ok := whole(answer.At); ok {
		s.Expires = time.Unix(n, 0)
	}
	return s, nil
}

// checked refuses, as AUTHENTICATION, what no credential holds: the caller of
// whoever gives such a one cannot help it, and another route may.
func checked(what, value string) error {
	err := llm.CheckCredential(what, value)
	if err != nil {
		return llm.Errorf(llm.Authentication, "%s", llm.AsError(err).Message)
	}
	return nil
}

// whole reads a number, or a text of digits, of up to a hundred thousand years.
func whole(value json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(string(value), `"`), 10, 64)
	return n, err == nil && n > 0 && n < 1<<41
}
