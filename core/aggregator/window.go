package aggregator

import (
	"github.com/llmagg/llmagg/core/llm"
)

// bytesOfToken is more than the bytes of nearly every token: a request that is
// too long by this measure is too long.
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

// leastTokens is how many tokens the request has at least, together with the
// answer that it asks for. It is 0 for images and sound, whose tokens nobody
// can tell from the bytes.
func leastTokens(p *llm.Payload) int {
	if p.Mentions(";base64,") || p.Mentions(`"input_audio"`) {
		return 0
	}
	return len(p.JSON())/bytesOfToken + p.AnswerTokens()
}

// leaveSmaller gives up routes after the request did not fit the window of the
// i-th: those whose window is known and no larger.
func (w *routeLoop) leaveSmaller(i int) {
	window := w.candidates[i].client.ContextWindow()
	for j := range w.candidates {
		c := &w.candidates[j]
		if other := c.client.ContextWindow(); other > 0 && other <= window {
			c.given.Store(true)
		}
	}
}
