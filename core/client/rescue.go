package client

import (
	"fmt"
	"runtime/debug"

	"github.com/llmagg/llmagg/core/llm"
)

// Rescue runs what a goroutine of the library does for this route. A panic in
// it becomes an error (INTERNAL) and an entry in the log: it must not end the
// process, in which the library is a guest. nil if body returned. in names the
// work, for both.
func (c *Client) Rescue(in string, body func()) (failed *llm.Error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if l := c.options.Logger; l != nil {
			l.Error("panic recovered", "in", in, "provider", c.cfg.Provider, "model", c.cfg.Name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
		failed = llm.Errorf(llm.Internal, "recovered from a panic in the %s of %s: %v", in, c.Route(), v)
	}()
	injectPanic(in)
	body()
	return nil
}
