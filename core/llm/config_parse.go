package llm

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseOptions say how configurations are read.
type ParseOptions struct {
	// Getenv resolves ${NAME}; nil means that such a reference is an error.
	// The core reads no environment itself.
	Getenv func(name string) (value string, ok bool)
	// Lenient is for old-style configurations: unknown keys are told to Warn
	// instead of being errors, and null and "" count as left out.
	Lenient bool
	// Warn receives what Lenient lets pass; it may be nil.
	Warn func(message string)
}

func (o *ParseOptions) warn(message string) {
	if o.Warn != nil {
		o.Warn(message)
	}
}

// ParseConfig reads {provider: {"models": {name: {…}}}} from JSON text. Keys
// at the provider's level other than "models" are defaults for its models. The
// order of the text is kept. Errors are INVALID_ARGUMENT, say where, and
// suggest the nearest known key for an unknown one.
func ParseConfig(data []byte, o ParseOptions) ([]ProviderConfig, error) {
	fields, err := fieldsOf(data)
	if err != nil {
		return nil, Errorf(InvalidArgument, "the configuration is not valid JSON: %v", err)
	}
	providers := make([]ProviderConfig, 0, len(fields))
	for _, f := range fields {
		p, err := ParseProvider(f.key, data[f.start:f.end], o)
		if err != nil {
			return nil, err
		}
		providers = append(providers, p)
	}
	return providers, nil
}

// ParseConfigMap reads a configuration from a Go map of the same shape.
func ParseConfigMap(m map[string]any, o ParseOptions) ([]ProviderConfig, error) {
	data, err := JSON.Marshal(m)
	if err != nil {
		return nil, Errorf(InvalidArgument, "the configuration cannot be written as JSON: %v", err)
	}
	return ParseConfig(data, o)
}

// ParseProvider reads one provider's object: {"type"?, defaults…, "models": {…}}.
func ParseProvider(name string, data []byte, o ParseOptions) (ProviderConfig, error) {
	p := ProviderConfig{Name: name}
	fields, err := fieldsOf(data)
	if err != nil {
		return p, Errorf(InvalidArgument, "provider %q: expected an object with \"models\": %v", name, err)
	}
	if name == "" || strings.Contains(name, "/") {
		return p, Errorf(InvalidArgument, "provider name %q: expected a name without a slash", name)
	}
	defaults := ModelConfig{Provider: name}
	var models json.RawMessage
	for _, f := range fields {
		v := data[f.start:f.end]
		switch f.key {
		case "models":
			models = v
		case "name":
		default:
			if err := defaults.set("provider "+strconv.Quote(name), f.key, v, o, providerKeys); err != nil {
				return p, err
			}
		}
	}
	p.Type = defaults.Type
	if models == nil {
		return p, Errorf(InvalidArgument, "provider %q has no \"models\"; expected {name: {…}}", name)
	}
	entries, err := fieldsOf(models)
	if err != nil {
		return p, Errorf(InvalidArgument, "provider %q: \"models\": expected {name: {…}}: %v", name, err)
	}
	for _, f := range entries {
		m, err := parseModel(defaults, f.key, models[f.start:f.end], o)
		if err != nil {
			return p, err
		}
		p.Models = append(p.Models, m)
	}
	return p, nil
}

func parseModel(m ModelConfig, name string, data []byte, o ParseOptions) (ModelConfig, error) {
	m.Name = name
	where := "model " + strconv.Quote(m.Provider+"/"+name)
	if name == "" {
		return m, Errorf(InvalidArgument, "provider %q has a model with an empty name", m.Provider)
	}
	fields, err := fieldsOf(data)
	if err != nil {
		return m, Errorf(InvalidArgument, "%s: expected an object: %v", where, err)
	}
	for _, f := range fields {
		if err := m.set(where, f.key, data[f.start:f.end], o, modelKeys); err != nil {
			return m, err
		}
	}
	return m, m.Check()
}

var modelKeys = []string{"api_key", "base_url", "model", "timeout", "max_retries", "max_concurrent_calls",
	"idle_timeout", "reader_timeout", "connect_timeout", "headers", "proxy", "ca_file", "organization", "type",
	"breaker", "retry", "limits"}

var providerKeys = append([]string{"models"}, modelKeys...)

// set reads one key of a model's (or a provider's) object; known are the keys
// that it may have.
func (c *ModelConfig) set(where, key string, v []byte, o ParseOptions, known []string) (err error) {
	if slices.Contains(known, key) && (v[0] == 'n' || o.Lenient && string(v) == `""`) {
		return nil // left out
	}
	switch key {
	case "api_key":
		return textOption(where, key, v, &c.APIKey, o)
	case "base_url":
		return textOption(where, key, v, &c.BaseURL, o)
	case "model":
		return textOption(where, key, v, &c.Model, o)
	case "type":
		return textOption(where, key, v, &c.Type, o)
	case "organization":
		return textOption(where, key, v, &c.Organization, o)
	case "proxy":
		return textOption(where, key, v, &c.Proxy, o)
	case "ca_file":
		return textOption(where, key, v, &c.CAFile, o)
	case "timeout":
		c.Timeout, err = secondsOption(key, v)
	case "idle_timeout":
		c.IdleTimeout, err = secondsOption(key, v)
	case "reader_timeout":
		c.ReaderTimeout, err = secondsOption(key, v)
	case "connect_timeout":
		c.ConnectTimeout, err = secondsOption(key, v)
	case "max_retries":
		c.MaxRetries, err = intOption(key, v, 0)
		c.MaxRetries = max(c.MaxRetries, 1) // R1: 0 means one attempt
	case "max_concurrent_calls":
		c.MaxConcurrentCalls, err = intOption(key, v, 1)
	case "headers":
		return c.setHeaders(where, v, o)
	case "breaker", "retry", "limits":
		err = c.setGroup(where, key, v, o)
	default:
		message := where + ": unknown key " + strconv.Quote(key) + suggest(key, known)
		if !o.Lenient {
			return Errorf(InvalidArgument, "%s", message)
		}
		o.warn(message)
	}
	if err != nil {
		return Errorf(InvalidArgument, "%s: %s", where, AsError(err).Message)
	}
	return nil
}

func (c *ModelConfig) setHeaders(where string, v []byte, o ParseOptions) error {
	var headers map[string]string
	if err := JSON.Unmarshal(v, &headers); err != nil {
		return Errorf(InvalidArgument, "%s: \"headers\" has the wrong type; expected {name: text}", where) // the values may be keys: not repeated
	}
	merged := make(map[string]string, len(headers)+len(c.Headers))
	for k, value := range c.Headers {
		merged[k] = value
	}
	for k, value := range headers {
		expanded, err := expand(where, "headers."+k, value, o)
		if err != nil {
			return err
		}
		merged[k] = expanded
	}
	c.Headers = merged
	return nil
}

// setGroup reads "breaker", "retry" or "limits".
func (c *ModelConfig) setGroup(where, group string, v []byte, o ParseOptions) error {
	seconds := map[string]*time.Duration{
		"breaker.open_s": &c.Breaker.Open, "breaker.block_s": &c.Breaker.Block, "breaker.window_s": &c.Breaker.Window,
		"retry.backoff_s": &c.Retry.Backoff, "retry.backoff_max_s": &c.Retry.BackoffMax, "retry.wait_s": &c.Retry.Wait,
	}
	ratios := map[string]*float64{"breaker.ratio": &c.Breaker.Ratio, "retry.budget_ratio": &c.Retry.BudgetRatio, "retry.budget_per_s": &c.Retry.BudgetPerSec}
	counts := map[string]*int{"breaker.failures": &c.Breaker.Failures, "breaker.min_requests": &c.Breaker.MinRequests}
	bytes := map[string]*int64{"limits.response_bytes": &c.Limits.ResponseBytes, "limits.event_bytes": &c.Limits.EventBytes,
		"limits.stream_bytes": &c.Limits.StreamBytes, "limits.header_bytes": &c.Limits.HeaderBytes}
	fields, err := fieldsOf(v)
	if err != nil {
		return Errorf(InvalidArgument, "%q is %s; expected an object", group, cut(v))
	}
	for _, f := range fields {
		key, value := group+"."+f.key, v[f.start:f.end]
		if value[0] == 'n' {
			continue
		}
		switch {
		case seconds[key] != nil:
			*seconds[key], err = secondsOption(key, value)
		case ratios[key] != nil:
			*ratios[key], err = strconv.ParseFloat(string(value), 64)
			if err != nil || *ratios[key] <= 0 {
				err = Errorf(InvalidArgument, "%q is %s; expected a number greater than 0", key, cut(value))
			}
		case counts[key] != nil:
			*counts[key], err = intOption(key, value, 1)
		case bytes[key] != nil:
			var n int
			n, err = intOption(key, value, 1)
			*bytes[key] = int64(n)
		default:
			known := []string{}
			for _, k := range groupKeys {
				if strings.HasPrefix(k, group+".") {
					known = append(known, strings.TrimPrefix(k, group+"."))
				}
			}
			err = Errorf(InvalidArgument, "unknown key %q in %q%s", f.key, group, suggest(f.key, known))
			if o.Lenient {
				o.warn(where + ": " + AsError(err).Message)
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var groupKeys = []string{"breaker.open_s", "breaker.block_s", "breaker.window_s", "breaker.ratio", "breaker.failures",
	"breaker.min_requests", "retry.backoff_s", "retry.backoff_max_s", "retry.wait_s", "retry.budget_ratio",
	"retry.budget_per_s", "limits.response_bytes", "limits.event_bytes", "limits.stream_bytes", "limits.header_bytes"}

func textOption(where, key string, v []byte, to *string, o ParseOptions) error {
	var s string
	if err := JSON.Unmarshal(v, &s); err != nil {
		return Errorf(InvalidArgument, "%s: %q must be a string", where, key) // the value may be a key: not repeated
	}
	s, err := expand(where, key, s, o)
	if err == nil {
		*to = s
	}
	return err
}

// expand replaces ${NAME} by the environment's value. What stands in a value is
// not expanded again.
func expand(where, key, s string, o ParseOptions) (string, error) {
	var out strings.Builder
	for {
		before, reference, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, rest, closed := strings.Cut(reference, "}")
		switch {
		case !closed:
			return "", Errorf(InvalidArgument, "%s: %q holds \"${\" without \"}\"", where, key)
		case name == "":
			return "", Errorf(InvalidArgument, "%s: %q holds \"${}\"; expected the name of an environment variable in it", where, key)
		}
		value, ok := "", false
		if o.Getenv != nil {
			value, ok = o.Getenv(name)
		}
		if !ok {
			return "", Errorf(InvalidArgument, "%s: %q refers to the environment variable %s, which is not set", where, key, name)
		}
		out.WriteString(value)
		s = rest
	}
}
