package client

import (
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/transport"
)

// holdsKey tells whether a header's name says that it carries a key.
func holdsKey(headers map[string]string) bool {
	for name := range headers {
		if shown.NamesSecret(name) {
			return true
		}
	}
	return false
}

// secrets are the texts that may appear nowhere: the key, the values of
// headers that carry one and of the base_url's query, and what a proxy is told.
func (c *Client) secrets() []string {
	s := append(failure.HeaderSecrets(c.cfg.Headers), transport.ProxySecrets(c.cfg.Proxy)...)
	s = append(s, shown.QuerySecrets(c.cfg.BaseURL)...)
	if c.pool != nil {
		s = append(s, c.pool.Secrets()...)
	}
	if len(c.cfg.APIKey) >= failure.ShortestSecret {
		s = append(s, c.cfg.APIKey)
	}
	return s
}
