package aggregator

import (
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
)

// bytesOfToken is how many bytes of a request a token has at most, nearly
// always: what seems too long by it is too long.
const bytesOfToken = 6

// findSmall marks the routes whose configured window the request probably does
// not fit. It costs nothing where no window is configured.
func (w *routeLoop) findSmall(p *llm.Payload) {
	least := -1
	for i := range w.candidates {
		c := &w.candidates[i]
		window := c.client.ContextWindow()
		if window == 0 {
			continue
		}
		if least < 0 {
			least = leastTokens(p)
		}
		c.small = least > window
	}
}

// leastTokens is how many tokens the request has at least, with the answer that
// it asks for; 0 where that cannot be said, as it holds images or sound.
func leastTokens(p *llm.Payload) int {
	if p.Mentions(";base64,") || p.Mentions(`"input_audio"`) {
		return 0
	}
	answer, _ := strconv.Atoi(string(p.Field("max_tokens")))
	longer, _ := strconv.Atoi(string(p.Field("max_completion_tokens")))
	return len(p.JSON())/bytesOfToken + max(answer, longer, 0)
}

// leaveSmaller gives up the routes whose window is known not to be larger than
// that of the i-th, which the request did not fit.
func (w *routeLoop) leaveSmaller(i int) {
	window := w.candidates[i].client.ContextWindow()
	for j := range w.candidates {
		c := &w.candidates[j]
		if other := c.client.ContextWindow(); other > 0 && other <= window {
			c.given.Store(true)
		}
	}
}
