package credential

import (
	"context"
	"errors"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// Functions are the application's functions, by the names that configurations
// give them. Routes share the token of a name.
type Functions struct {
	Get func(ctx context.Context, name string) (token string, expires time.Time, err error)
}

// named is the function of a name.
func (f *Functions) named(name string) function {
	return func(ctx context.Context) (string, time.Time, error) { return f.Get(ctx, name) }
}

// function is a source that the application wrote.
type function func(ctx context.Context) (token string, expires time.Time, err error)

func (f function) fetch(ctx context.Context) (*Secret, error) {
	token, expires, err := f(ctx)
	var e *llm.Error
	if err != nil && !errors.As(err, &e) && !errors.Is(err, context.DeadlineExceeded) {
		err = &llm.Error{Code: llm.Unavailable, Message: "the application's function gave no token: " + err.Error(), Cause: err}
	}
	if err == nil {
		err = llm.CheckCredential("the application's token", token)
	}
	if err != nil {
		return nil, err
	}
	return &Secret{Token: token, Expires: expires}, nil
}

func (f function) secrets() []string { return nil }
