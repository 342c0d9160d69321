package client

import (
	"net/http"
	"strings"
)

// KeyHeader tells in which HTTP header the route's format sends the key, and
// the text before the key; false for a route that sends it in none.
func (c *Client) KeyHeader() (name, prefix string, found bool) {
	if c.upstream == nil || c.cfg.APIKey == "" {
		return "", "", false
	}
	h := http.Header{}
	c.upstream.Format.Authorize(h)
	for name, values := range h {
		if prefix, found := strings.CutSuffix(values[0], c.cfg.APIKey); found {
			return name, prefix, true
		}
	}
	return "", "", false
}
