package llm

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
)

// Within is [context.WithTimeoutCause] by a timer that notices that it is late
// itself, since the process was stopped, and then gives what has arrived time
// to be read. The context's Err is Canceled at the end of d, too; its cause
// tells.
func Within(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	return alarm.WithTimeout(ctx, d, cause)
}
