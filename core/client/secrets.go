package client

import (
	"cmp"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/llmagg/llmagg/core/vendor"
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

// authOf is the type of the credential that a configuration names.
func authOf(cfg *config.Model) string {
	if cfg.Token != nil {
		return "token"
	}
	return cfg.Auth.Type
}

// newCredential makes the credential of a route. It is nil if the route has a
// fixed key, or if headers of the configuration hold a key.
func newCredential(cfg *config.Model, v *vendor.Vendor, o Options) (*credential.Authorizer, error) {
	spec := cfg.Auth
	kind, region, service := v.Signs(cfg.BaseURL)
	spec.Type = cmp.Or(spec.Type, kind)
	if cfg.Token != nil {
		return credential.New(credential.Options{Token: cfg.Token}), nil
	}
	if spec.Type == "" && spec != (config.Auth{}) {
		return nil, llm.Errorf(llm.InvalidArgument, "%s/%s: \"auth\" has no type; expected %s", cfg.Provider, cfg.Name, credential.Types())
	}
	if spec.Type == "" || cfg.APIKey != "" || cfg.Auth == (config.Auth{}) && holdsKey(cfg.Headers) {
		return nil, nil
	}
	if err := credential.Check(&spec, cfg.Provider+"/"+cfg.Name); err != nil {
		return nil, err
	}
	if spec.Type == credential.Function && o.Tokens == nil {
		return nil, llm.Errorf(llm.InvalidArgument, "%s/%s: \"auth\" names the application's function %s, but there are none (client.Options.Tokens)", cfg.Provider, cfg.Name, shown.Name(spec.Name))
	}
	if spec.Type == credential.Entra {
		service = vendor.AzureCloud(cfg.BaseURL)
	}
	return credential.New(credential.Options{Spec: spec, Functions: o.Tokens, Region: region, Service: service, Getenv: o.Getenv, Proxy: cfg.Proxy, CAFile: cfg.CAFile,
		ConnectTimeout: cfg.ConnectTimeout, OnSocket: o.OnSocket}), nil
}

// secrets are the texts that may appear nowhere: the keys, the values of
// headers that carry a key, the values of the base_url's query, parts of its
// host and path that look like keys, and the user and password of the proxy.
func (c *Client) secrets() []string {
	s := append(failure.HeaderSecrets(c.cfg.Headers), transport.ProxySecrets(c.cfg.Proxy)...)
	s = append(s, shown.QuerySecrets(c.cfg.BaseURL)...)
	s = append(s, shown.PlaceSecrets(c.cfg.BaseURL)...)
	if c.pool != nil {
		s = append(s, c.pool.Secrets()...)
	}
	if c.credential != nil {
		s = append(s, c.credential.Secrets()...)
	}
	if len(c.cfg.APIKey) >= failure.ShortestSecret {
		s = append(s, c.cfg.APIKey)
	}
	for _, key := range c.cfg.APIKeys {
		if len(key) >= failure.ShortestSecret {
			s = append(s, key)
		}
	}
	return s
}

// Address is the route's base_url, with *** for the keys in it.
func (c *Client) Address() string { return shown.Without(shown.URL(c.cfg.BaseURL), c.secrets()) }
