package client

import (
	"fmt"
	"runtime/debug"

	"github.com/llmagg/llmagg/core/llm"
)

// Rescue runs the body of a goroutine that works for this route. A panic in it
// becomes an INTERNAL error and a log record; it does not end the host's
// process. The result is nil if body returned. in names the work, for the error
// and the log.
func (c *Client) Rescue(in string, body func()) (failed *llm.Error) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(in, v)
			failed = llm.Errorf(llm.Internal, "recovered from a panic in the %s of %s: %v", in, c.Route(), v)
		}
	}()
	injectPanic(in)
	body()
	return nil
}

func (c *Client) logPanic(in string, v any) {
	if l := c.options.Logger; l != nil {
		l.Error("panic recovered", "in", in, "provider", c.cfg.Provider, "model", c.cfg.Name, "error_owner", llm.OwnerCaller, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}
