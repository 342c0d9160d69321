package failure

import (
	"errors"

	"github.com/llmagg/llmagg/core/llm"
)

// errLimit is the cause of an error about a limit, which is not retried on its
// route (L1).
var errLimit = errors.New("a limit of the configuration")

// OverLimit makes the error of exceeding a limit (L1).
func OverLimit(format string, args ...any) *llm.Error {
	e := llm.Errorf(llm.BadResponse, format, args...)
	e.Cause = errLimit
	return e
}

// IsOverLimit tells whether an answer failed by exceeding a limit.
func IsOverLimit(err error) bool { return errors.Is(err, errLimit) }
