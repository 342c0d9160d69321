package config

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/price"
)

// keySetting is a key of the configuration and how it is read; v is not
// null.
type keySetting struct {
	setting.Setting
	set func(c *Model, at *place, v []byte) error
}

// keySettings is the table of the configuration's keys: all doors read by it.
var keySettings = []keySetting{
	{setting.Setting{Name: "api_key", Type: "text", Default: "the vendor's environment variable", Meaning: "sent to the origin of base_url and nowhere else"}, (*Model).setKey},
	{setting.Setting{Name: "api_keys", Type: "list of texts", Default: "none", Meaning: "several keys instead of api_key, used in turns: a key that is refused, or whose quota is spent, is tried again after breaker.block_s, then after twice as long each time, at most after ten minutes; a key that is limited rests until its reset"}, (*Model).setKeys},
	{setting.Setting{Name: "base_url", Type: "text", Default: "the vendor's", Meaning: "the API's root, such as https://api.openai.com/v1"}, text(func(c *Model) *string { return &c.BaseURL })},
	{setting.Setting{Name: "model", Type: "text", Default: "the name", Meaning: "the model's name at the provider"}, text(func(c *Model) *string { return &c.Model })},
	{setting.Setting{Name: "type", Type: "text", Default: "by the provider's name", Meaning: "the wire format: openai, azure, deepseek, anthropic, gemini, bedrock, bedrock-openai, vertex, vertex-anthropic, ollama, responses (OpenAI's Responses API) or openai-compatible"}, text(func(c *Model) *string { return &c.Type })},
	{setting.Setting{Name: "like", Type: "text", Default: "the provider's name", Meaning: "the vendor whose address, format, quirks and key variables hold (docs/vendors.md)"}, text(func(c *Model) *string { return &c.Like })},
	{setting.Setting{Name: "site", Type: "text", Default: "the vendor's first", Meaning: "where the vendor is asked, if it has several sites: cn, intl, us"}, text(func(c *Model) *string { return &c.Site })},
	{setting.Setting{Name: "api_version", Type: "text", Meaning: "Azure's api-version, such as 2024-10-21; the /openai/v1 address needs none"}, text(func(c *Model) *string { return &c.APIVersion })},
	{setting.Setting{Name: "deployment", Type: "text", Default: "model", Meaning: "Azure's name of the model"}, text(func(c *Model) *string { return &c.Deployment })},
	{setting.Setting{Name: "organization", Type: "text", Meaning: "the OpenAI-Organization header"}, text(func(c *Model) *string { return &c.Organization })},
	{setting.Setting{Name: "headers", Type: "object of texts", Meaning: "added to each request; a header Host is the name that the request gives the server, the connection goes to base_url"}, (*Model).setHeaders},
	{setting.Setting{Name: "proxy", Type: "text", Default: "the environment's", Meaning: "the URL of a proxy"}, text(func(c *Model) *string { return &c.Proxy })},
	{setting.Setting{Name: "ca_file", Type: "text", Default: "the system's roots", Meaning: "a PEM file with root certificates"}, text(func(c *Model) *string { return &c.CAFile })},
	{setting.Setting{Name: "timeout", Type: "seconds", Default: "30", Meaning: "time limit for one attempt, or for a stream's first token"}, seconds(func(c *Model) *time.Duration { return &c.Timeout })},
	{setting.Setting{Name: "connect_timeout", Type: "seconds", Default: "5", Meaning: "time limit for DNS, TCP and TLS together"}, seconds(func(c *Model) *time.Duration { return &c.ConnectTimeout })},
	{setting.Setting{Name: "idle_timeout", Type: "seconds", Default: "timeout", Meaning: "longest silence inside a stream"}, seconds(func(c *Model) *time.Duration { return &c.IdleTimeout })},
	{setting.Setting{Name: "reader_timeout", Type: "seconds", Default: "300", Meaning: "how long a stream waits for its reader"}, seconds(func(c *Model) *time.Duration { return &c.ReaderTimeout })},
	{setting.Setting{Name: "max_retries", Type: "integer", Default: "3", Meaning: "attempts on this route (at most two while another route is available); 0 and 1 mean one attempt"}, setMaxRetries},
	{setting.Setting{Name: "max_concurrent_calls", Type: "integer, \"auto\" or {\"min\", \"max\", \"start\"}", Default: "10", Meaning: "attempts in flight on this route; \"auto\" finds how many the server takes, between \"min\" (1) and \"max\" (200), beginning with \"start\" (10)"}, (*Model).setMaxConcurrent},
	{setting.Setting{Name: "context_window", Type: "integer", Default: "not known", Meaning: "how many tokens of prompt and answer the model takes: a request that is too long goes to a route with a larger window, before it is sent where its size says so"}, count(func(c *Model) *int { return &c.ContextWindow })},
	{setting.Setting{Name: "weight", Type: "number", Default: "1", Meaning: "this route's share of the calls under the strategy \"weighted\""}, (*Model).setWeight},
	{setting.Setting{Name: "unsupported", Type: "\"adapt\" or \"error\"", Default: "\"adapt\"", Meaning: "what the vendor cannot do: \"adapt\" leaves it out or changes it, or asks the next route where it gives the answer its shape; \"error\" ends the call with UNSUPPORTED"}, (*Model).setUnsupported},

	{setting.Setting{Name: "project", Type: "text", Default: "GOOGLE_CLOUD_PROJECT, or that of the credentials", Meaning: "Vertex AI's project"}, text(func(c *Model) *string { return &c.Project })},
	{setting.Setting{Name: "location", Type: "text", Default: "GOOGLE_CLOUD_LOCATION", Meaning: "Vertex AI's location, such as us-central1 or global"}, text(func(c *Model) *string { return &c.Location })},
	{setting.Setting{Name: "region", Type: "text", Default: "AWS_REGION, AWS_DEFAULT_REGION or the profile's", Meaning: "the region of a cloud's service, such as us-east-1"}, text(func(c *Model) *string { return &c.Region })},

	{setting.Setting{Group: "auth", Name: "type", Type: "text", Default: "the vendor's", Meaning: "the sort of a credential that is no fixed key: aws, google, entra or function (of the application)"}, text(func(c *Model) *string { return &c.Auth.Type })},
	{setting.Setting{Group: "auth", Name: "access_key_id", Type: "text", Default: "where AWS's SDKs look", Meaning: "AWS's key"}, text(func(c *Model) *string { return &c.Auth.AccessKeyID })},
	{setting.Setting{Group: "auth", Name: "secret_access_key", Type: "text", Meaning: "the secret of access_key_id"}, text(func(c *Model) *string { return &c.Auth.SecretAccessKey })},
	{setting.Setting{Group: "auth", Name: "session_token", Type: "text", Meaning: "the session token of temporary keys"}, text(func(c *Model) *string { return &c.Auth.SessionToken })},
	{setting.Setting{Group: "auth", Name: "profile", Type: "text", Default: "AWS_PROFILE or default", Meaning: "a profile in AWS's shared files"}, text(func(c *Model) *string { return &c.Auth.Profile })},
	{setting.Setting{Group: "auth", Name: "credentials", Type: "text", Default: "GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the metadata server", Meaning: "the path of the file of Google's service account or user, or the JSON in it"}, text(func(c *Model) *string { return &c.Auth.Credentials })},
	{setting.Setting{Group: "auth", Name: "tenant_id", Type: "text", Default: "AZURE_TENANT_ID", Meaning: "Entra's tenant"}, text(func(c *Model) *string { return &c.Auth.TenantID })},
	{setting.Setting{Group: "auth", Name: "client_id", Type: "text", Default: "AZURE_CLIENT_ID", Meaning: "Entra's client: an application or a managed identity"}, text(func(c *Model) *string { return &c.Auth.ClientID })},
	{setting.Setting{Group: "auth", Name: "client_secret", Type: "text", Default: "AZURE_CLIENT_SECRET", Meaning: "the secret of client_id"}, text(func(c *Model) *string { return &c.Auth.ClientSecret })},
	{setting.Setting{Group: "auth", Name: "token_file", Type: "text", Default: "AZURE_FEDERATED_TOKEN_FILE", Meaning: "the file with the token of a workload's identity, instead of client_secret"}, text(func(c *Model) *string { return &c.Auth.TokenFile })},
	{setting.Setting{Group: "auth", Name: "name", Type: "text", Meaning: "the name by which the application's function is asked for the token"}, text(func(c *Model) *string { return &c.Auth.Name })},
	{setting.Setting{Group: "auth", Name: "scope", Type: "text", Default: "the models'", Meaning: "what Google's and Entra's tokens are for"}, text(func(c *Model) *string { return &c.Auth.Scope })},
	{setting.Setting{Group: "price", Name: "input", Type: "number", Meaning: "the price of the prompt's tokens, for \"per\" tokens"}, money(func(p *price.Price) **float64 { return &p.Input })},
	{setting.Setting{Group: "price", Name: "output", Type: "number", Meaning: "the price of the answer's tokens, thoughts among them"}, money(func(p *price.Price) **float64 { return &p.Output })},
	{setting.Setting{Group: "price", Name: "cached_input", Type: "number", Default: "input", Meaning: "the price of the prompt's tokens that a cache gave"}, money(func(p *price.Price) **float64 { return &p.CachedInput })},
	{setting.Setting{Group: "price", Name: "cache_write", Type: "number", Default: "input", Meaning: "the price of the prompt's tokens that a cache took"}, money(func(p *price.Price) **float64 { return &p.CacheWrite })},
	{setting.Setting{Group: "price", Name: "cache_write_1h", Type: "number", Default: "cache_write", Meaning: "the price of the prompt's tokens that a cache keeps for an hour"}, money(func(p *price.Price) **float64 { return &p.CacheWrite1h })},
	{setting.Setting{Group: "price", Name: "input_audio", Type: "number", Meaning: "the price of the prompt's tokens of sound; without a price their cost is not known"}, money(func(p *price.Price) **float64 { return &p.InputAudio })},
	{setting.Setting{Group: "price", Name: "output_audio", Type: "number", Meaning: "the price of the answer's tokens of sound"}, money(func(p *price.Price) **float64 { return &p.OutputAudio })},
	{setting.Setting{Group: "price", Name: "above", Type: "list of objects", Default: "none", Meaning: "what all tokens of a request cost if its prompt has more than input_tokens tokens (cached tokens included), as [{\"input_tokens\": 200000, \"input\": 2.5, \"output\": 15}]; a price that an entry lacks is that of shorter prompts; the prices of an entry without any price are not known"}, setAbove},
	{setting.Setting{Group: "price", Name: "service_tiers", Type: "object", Default: "{\"batch\": 0.5}", Meaning: "how many times the price answers of another service tier cost, as {\"flex\": 0.5, \"priority\": 2}; the cost of a tier that is not listed is not known"}, setServices},
	{setting.Setting{Group: "price", Name: "request", Type: "number", Default: "none", Meaning: "the price of each request, in addition to its tokens"}, money(func(p *price.Price) **float64 { return &p.Request })},
	{setting.Setting{Group: "price", Name: "per", Type: "number", Default: "1000000", Meaning: "for how many tokens the prices are"}, ratio(setting.MostCount, func(c *Model) *float64 { return &c.Price.Per })},
	{setting.Setting{Group: "price", Name: "currency", Type: "text", Default: "USD", Meaning: "the currency's three letters"}, text(func(c *Model) *string { return &c.Price.Currency })},
	{setting.Setting{Group: "breaker", Name: "open_s", Type: "seconds", Default: "10", Meaning: "how long the circuit breaker stays open"}, seconds(func(c *Model) *time.Duration { return &c.Breaker.Open })},
	{setting.Setting{Group: "breaker", Name: "block_s", Type: "seconds", Default: "60", Meaning: "how long a wrong key or a spent quota blocks the route"}, seconds(func(c *Model) *time.Duration { return &c.Breaker.Block })},
	{setting.Setting{Group: "breaker", Name: "window_s", Type: "seconds", Default: "30", Meaning: "the window in which outcomes are counted"}, seconds(func(c *Model) *time.Duration { return &c.Breaker.Window })},
	{setting.Setting{Group: "breaker", Name: "failures", Type: "integer", Default: "5", Meaning: "consecutive failures that open the breaker"}, count(func(c *Model) *int { return &c.Breaker.Failures })},
	{setting.Setting{Group: "breaker", Name: "ratio", Type: "number", Default: "0.5", Meaning: "share of failures in the window that opens the breaker, at most 1"}, ratio(1, func(c *Model) *float64 { return &c.Breaker.Ratio })},
	{setting.Setting{Group: "breaker", Name: "min_requests", Type: "integer", Default: "10", Meaning: "requests in the window before the ratio counts"}, count(func(c *Model) *int { return &c.Breaker.MinRequests })},
	{setting.Setting{Group: "retry", Name: "backoff_s", Type: "seconds", Default: "0.5", Meaning: "pause before the second attempt; doubles with each further attempt"}, seconds(func(c *Model) *time.Duration { return &c.Retry.Backoff })},
	{setting.Setting{Group: "retry", Name: "backoff_max_s", Type: "seconds", Default: "8", Meaning: "the longest backoff"}, seconds(func(c *Model) *time.Duration { return &c.Retry.BackoffMax })},
	{setting.Setting{Group: "retry", Name: "wait_s", Type: "seconds", Default: "3", Meaning: "the longest Retry-After that a call waits for on the same route"}, seconds(func(c *Model) *time.Duration { return &c.Retry.Wait })},
	{setting.Setting{Group: "retry", Name: "budget_ratio", Type: "number", Default: "0.2", Meaning: "share of requests that may be retried"}, ratio(setting.MostCount, func(c *Model) *float64 { return &c.Retry.BudgetRatio })},
	{setting.Setting{Group: "retry", Name: "budget_per_s", Type: "number", Default: "3", Meaning: "retries per second, in addition to budget_ratio"}, ratio(setting.MostCount, func(c *Model) *float64 { return &c.Retry.BudgetPerSec })},
	{setting.Setting{Group: "rate", Name: "rpm", Type: "number", Default: "as learned", Meaning: "requests a minute"}, ratio(setting.MostCount, func(c *Model) *float64 { return &c.Rate.RPM })},
	{setting.Setting{Group: "rate", Name: "tpm", Type: "number", Default: "as learned", Meaning: "tokens a minute, of requests and answers together"}, ratio(setting.MostCount, func(c *Model) *float64 { return &c.Rate.TPM })},
	{setting.Setting{Group: "rate", Name: "burst_s", Type: "seconds", Default: "1", Meaning: "how much of the rate may be used at once"}, seconds(func(c *Model) *time.Duration { return &c.Rate.Burst })},
	{setting.Setting{Group: "rate", Name: "learn", Type: "bool", Default: "true", Meaning: "learn limits, and how much of them is left, from the headers of answers"}, setLearn},
	{setting.Setting{Group: "limits", Name: "response_bytes", Type: "bytes", Default: "67108864", Meaning: "largest response body"}, count(func(c *Model) *int64 { return &c.Limits.ResponseBytes })},
	{setting.Setting{Group: "limits", Name: "event_bytes", Type: "bytes", Default: "16777216", Meaning: "largest event of a stream"}, count(func(c *Model) *int64 { return &c.Limits.EventBytes })},
	{setting.Setting{Group: "limits", Name: "stream_bytes", Type: "bytes", Default: "268435456", Meaning: "largest stream in total"}, count(func(c *Model) *int64 { return &c.Limits.StreamBytes })},
	{setting.Setting{Group: "limits", Name: "header_bytes", Type: "bytes", Default: "1048576", Meaning: "largest response headers"}, count(func(c *Model) *int64 { return &c.Limits.HeaderBytes })},
}

// settingOf finds a setting by its key, "breaker.open_s" inside of a
// group; modelKeys are the keys of a model's object, groupKeys those of each
// group.
var settingOf, modelKeys, groupKeys = func() (map[string]*keySetting, []string, map[string][]string) {
	of, keys, groups, names := map[string]*keySetting{}, []string{}, map[string][]string{}, []string{}
	for i := range keySettings {
		s := &keySettings[i]
		if s.Group == "" {
			of[s.Name] = s
			keys = append(keys, s.Name)
			continue
		}
		of[s.Group+"."+s.Name] = s
		if groups[s.Group] == nil {
			names = append(names, s.Group)
		}
		groups[s.Group] = append(groups[s.Group], s.Name)
	}
	return of, append(keys, names...), groups
}()

var providerKeys = append([]string{"models", "name"}, modelKeys...)

func text(field func(*Model) *string) func(*Model, *place, []byte) error {
	return func(c *Model, at *place, v []byte) error {
		s, err := at.text(v)
		if err == nil {
			*field(c) = s
		}
		return err
	}
}

// text reads a text, and replaces references in it.
func (at *place) text(v []byte) (s string, err error) {
	if v[0] != '"' || llm.JSON.Unmarshal(v, &s) != nil {
		hint := ""
		if at.key == "model" && v[0] == '{' {
			hint = `; did you mean "models"?`
		}
		return "", at.fail("%q must be a string, got %s%s", at.key, kindOfValue(v), hint) // it may be a key or a password: not repeated
	}
	return at.expand(s)
}

// kindOfValue says what a value is, without repeating it.
func kindOfValue(v []byte) string {
	switch c := v[0]; {
	case c == '"':
		return "a string"
	case c == '[':
		return "an array"
	case c == '{':
		return "an object"
	case c == 't' || c == 'f':
		return "true or false"
	case c == 'n':
		return "null"
	}
	return "a number"
}

func seconds(field func(*Model) *time.Duration) func(*Model, *place, []byte) error {
	return func(c *Model, at *place, v []byte) error {
		d, err := setting.Seconds(at.key, v)
		*field(c) = d
		return at.wrap(err)
	}
}

// count reads an integer greater than 0.
func count[T int | int64](field func(*Model) *T) func(*Model, *place, []byte) error {
	return func(c *Model, at *place, v []byte) error {
		n, err := setting.Integer(at.key, v, 1)
		*field(c) = T(n)
		return at.wrap(err)
	}
}

func setMaxRetries(c *Model, at *place, v []byte) error {
	n, err := setting.Integer(at.key, v, 0)
	c.MaxRetries = max(n, 1) // R1: 0 means one attempt
	return at.wrap(err)
}

func setLearn(c *Model, at *place, v []byte) error {
	if text := string(v); text != "true" && text != "false" {
		return at.fail("%q is %s; expected true or false", at.key, shown.Value(v))
	}
	c.Rate.NoLearn = string(v) == "false"
	return nil
}

func (c *Model) setUnsupported(at *place, v []byte) (err error) {
	c.Unsupported, err = llm.ReadOnUnsupported(strconv.Quote(at.key), v)
	return at.wrap(err)
}

// ratio reads a number greater than 0, at most most.
func ratio(most float64, field func(*Model) *float64) func(*Model, *place, []byte) error {
	return func(c *Model, at *place, v []byte) error {
		n, err := at.number(v, most)
		if err == nil {
			*field(c) = n
		}
		return err
	}
}

// number reads a number greater than 0, at most most.
func (at *place) number(v []byte, most float64) (float64, error) {
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(n > 0) || n > most {
		if most == 1 {
			n = 2 // its bound is always told
		}
		return 0, at.fail("%q is %s; expected a number greater than 0%s", at.key, shown.Value(v), setting.Bound(n, most))
	}
	return n, nil
}

func (c *Model) setWeight(at *place, v []byte) error {
	if err := ratio(setting.MostCount, func(c *Model) *float64 { return &c.Weight })(c, at, v); err != nil {
		return llm.Errorf(llm.InvalidArgument, "%s; a model that is not to be asked is left out of \"models\"", llm.AsError(err).Message)
	}
	return nil
}

// money reads a price, which may be 0.
func money(field func(*price.Price) **float64) func(*Model, *place, []byte) error {
	return func(c *Model, at *place, v []byte) (err error) {
		*field(&c.Price), err = setting.Money(at.key, v)
		return at.wrap(err)
	}
}

func setAbove(c *Model, at *place, v []byte) (err error) {
	c.Price.Above, err = price.ReadTiers(at.key, v)
	return at.wrap(err)
}

func setServices(c *Model, at *place, v []byte) (err error) {
	c.Price.Services, err = price.ReadServices(at.key, v)
	return at.wrap(err)
}

func (c *Model) setHeaders(at *place, v []byte) error {
	headers, err := llm.ReadHeaders(v)
	if err != nil {
		return at.fail("%s", llm.AsError(err).Message)
	}
	merged := make(map[string]string, len(headers)+len(c.Headers))
	maps.Copy(merged, c.Headers)
	for _, k := range slices.Sorted(maps.Keys(headers)) {
		inner := at.inside("headers." + k)
		delete(inner.unset, inner.key)
		expanded, err := inner.expand(headers[k])
		if err != nil {
			return err
		}
		merged[k] = expanded
	}
	c.Headers = merged
	return nil
}

// setMaxConcurrent reads "max_concurrent_calls": an integer, "auto", or an
// object with bounds.
func (c *Model) setMaxConcurrent(at *place, v []byte) error {
	switch {
	case string(v) == `"auto"`:
		c.MaxConcurrentCalls, c.Adaptive = 0, Auto
		return nil
	case v[0] == '{':
		return c.setBounds(at, v)
	case v[0] == '"':
		return at.fail("%q is %s; expected an integer, at least 1, or \"auto\"", at.key, shown.Value(v))
	}
	n, err := setting.Integer(at.key, v, 1)
	c.MaxConcurrentCalls, c.Adaptive = n, Adaptive{}
	return at.wrap(err)
}

// mostAdaptive is the largest bound: all of the slots are there from the start.
const mostAdaptive = 1 << 20

func (c *Model) setBounds(at *place, v []byte) error {
	fields, err := objectFields(v)
	if err != nil {
		return at.fail("%q %v", at.key, err)
	}
	a := Adaptive{Min: Auto.Min}
	bounds := map[string]*int{"min": &a.Min, "max": &a.Max, "start": &a.Start}
	for _, f := range fields {
		bound, known := bounds[f.Key]
		if !known {
			return at.unknown("unknown key "+shown.Name(f.Key)+" in \"max_concurrent_calls\"", f.Key, []string{"min", "max", "start"})
		}
		if *bound, err = setting.Integer("max_concurrent_calls."+f.Key, v[f.Start:f.End], 1); err != nil {
			return at.wrap(err)
		}
		if *bound > mostAdaptive {
			return at.fail("\"max_concurrent_calls.%s\" is %d; expected at most %d", f.Key, *bound, mostAdaptive)
		}
	}
	c.MaxConcurrentCalls, c.Adaptive = 0, a
	return nil
}

// checkAdaptive refuses bounds in the wrong order; those that are zero have
// their defaults.
func (c Model) checkAdaptive(where string) error {
	a := c.WithDefaults().Adaptive
	if a.Min < 0 || a.Start < a.Min || a.Max < a.Start {
		return llm.Errorf(llm.InvalidArgument, "%s: max_concurrent_calls has min %d, start %d and max %d; expected 1 <= min <= start <= max", where, a.Min, a.Start, a.Max)
	}
	return nil
}
