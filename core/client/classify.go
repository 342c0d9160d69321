package client

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/llm"
)

const (
	maxMessage = 1 << 10  // of a readable message (E2)
	maxBody    = 64 << 10 // of the original body that an error keeps
	maxHost    = 200      // of a redirect's host; quoted, it is still shorter than a message
)

// classify turns a failed answer into an error: by body first, then by status
// (E1). status is 0 for an error inside a stream.
func classify(status int, h http.Header, body []byte) *llm.Error {
	return classifySaid(status, h, body, readSaid(body))
}

// classifySaid is classify of a body that has been read.
func classifySaid(status int, h http.Header, body []byte, s *said) *llm.Error {
	e := &llm.Error{Status: status, Body: clip(body, maxBody)}
	if s.message == "" {
		s.message = readable(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	}
	e.ProviderMessage, e.Type, e.ProviderCode, e.RequestID = oneLine(s.message), oneLine(s.kind), oneLine(s.code), oneLine(s.request)
	if h != nil {
		if id := requestID(h); id != "" {
			e.RequestID = oneLine(id)
		}
		e.RetryAfter, e.HasRetryAfter = namedWait(h, time.Now())
		switch strings.ToLower(h.Get("X-Should-Retry")) {
		case "true", "false":
			again := strings.EqualFold(h.Get("X-Should-Retry"), "true")
			e.ShouldRetry = &again
		}
	}
	if !e.HasRetryAfter && s.hasDelay {
		e.RetryAfter, e.HasRetryAfter = s.delay, true
	}
	effective := status
	if status == 0 || status/100 == 2 {
		effective = s.status
	}
	e.Code = codeOf(effective, s)
	e.Message = s.whole()
	if e.Message == "" {
		e.Message = "the provider sent no message"
	}
	if status >= 300 && status < 400 {
		e.Code = llm.BadResponse
		e.Message = fmt.Sprintf("the server redirects to %q; a request with a key is not sent elsewhere: correct base_url", redirectHost(h))
	} else if status != 0 && status/100 != 2 {
		e.Message = fmt.Sprintf("HTTP %d: %s", status, e.Message)
	}
	return e
}

func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "Request-Id", "X-Ds-Trace-Id", "Cf-Ray"} {
		if v := h.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// redirectHost is the host that a redirect leads to, without credentials; the
// path where it stays on its host.
func redirectHost(h http.Header) string {
	to, err := url.Parse(h.Get("Location"))
	if err != nil {
		return "an unreadable location"
	}
	if to.Host == "" {
		return clip([]byte(to.Path), maxHost)
	}
	return clip([]byte(to.Host), maxHost)
}

// codeOf is the error table: first what the body says, then the status.
func codeOf(status int, s *said) llm.Code {
	text := strings.ToLower(s.message)
	name := strings.ToLower(s.code + " " + s.kind + " " + s.reason)
	has := func(in string, any ...string) bool {
		for _, a := range any {
			if strings.Contains(in, a) {
				return true
			}
		}
		return false
	}
	switch {
	case has(name, "insufficient_quota", "insufficient_balance", "billing_hard_limit", "billing_not_active"):
		return llm.Quota
	case has(name, "content_filter", "content_policy", "moderation", "responsibleaipolicyviolation", "prohibited_content"),
		status == http.StatusForbidden && has(text, "moderation", "flagged", "content policy"),
		status == http.StatusBadRequest && has(text, "content management policy", "content policy", "content filter", "content exists risk"):
		return llm.ContentFilter
	case has(name, "context_length", "context_size", "string_above_max_length"),
		(status == 0 || status == 400 || status == 413 || status == 422) &&
			has(text, "maximum context length", "context length", "context size", "context window", "prompt is too long", "exceeds the maximum number of tokens", "input token count"):
		return llm.ContextLength
	case has(name, "invalid_api_key", "api_key_invalid", "authentication_error", "invalid_authentication"),
		has(text, "api key not valid", "incorrect api key"):
		return llm.Authentication
	case has(name, "model_not_found", "model_not_exist", "unknown_model"),
		status != 429 && status < 500 && has(text, "model") && has(text, "does not exist", "not found", "unknown model", "model not exist", "is not supported for generatecontent"):
		return llm.ModelNotFound
	case has(name, "rate_limit", "resource_exhausted", "too_many_requests"):
		return llm.RateLimit
	case status < 400 && has(name, "overloaded", "server_error", "unavailable", "internal"):
		return llm.Unavailable
	case status < 400 && has(name, "permission", "unauthenticated", "unauthorized"): // no status says it
		return llm.Authentication
	case status < 400 && has(name, "invalid_request", "invalid_argument", "bad_request", "failed_precondition"):
		return llm.BadRequest
	}
	return codeOfStatus(status, text, name)
}

func codeOfStatus(status int, text, name string) llm.Code {
	switch {
	case status == http.StatusUnauthorized:
		return llm.Authentication
	case status == http.StatusForbidden:
		for _, word := range []string{"key", "permission", "credential", "unauthorized", "token", "access denied", "forbidden"} {
			if strings.Contains(text, word) || strings.Contains(name, word) {
				return llm.Authentication
			}
		}
		return llm.BadRequest
	case status == http.StatusPaymentRequired:
		return llm.Quota
	case status == http.StatusNotFound:
		return llm.ModelNotFound
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status >= 500:
		return llm.Unavailable
	case status == http.StatusTooManyRequests:
		return llm.RateLimit
	case status >= 400:
		return llm.BadRequest
	}
	return llm.Unavailable // an error without a status: inside a stream or a 200
}

// clip makes valid UTF-8 of b, cut to n bytes and an ellipsis.
func clip(b []byte, n int) string {
	read := min(len(b), n+utf8.UTFMax) // what a cut splits here is cut off below
	text := strings.ToValidUTF8(string(b[:read]), "\uFFFD")
	if len(text) > n {
		for !utf8.RuneStart(text[n]) {
			n--
		}
		return text[:n] + "…"
	}
	if read < len(b) { // runs of garbage became single marks
		text += "…"
	}
	return text
}

// masked takes the route's key out of everything that an error says.
func (c *Client) masked(e *llm.Error) *llm.Error { return maskError(e, c.secrets()) }

func maskError(e *llm.Error, secrets []string) *llm.Error {
	if e == nil || len(secrets) == 0 {
		return e
	}
	copied := *e
	for _, text := range []*string{&copied.Message, &copied.ProviderMessage, &copied.Body, &copied.Type, &copied.ProviderCode, &copied.RequestID} {
		for _, secret := range secrets {
			for _, spelled := range spellings(secret) {
				*text = strings.ReplaceAll(*text, spelled, "***")
				*text = maskCut(*text, spelled)
			}
		}
	}
	if copied.Cause != nil && copied.Cause != errLimit {
		if inner, ok := copied.Cause.(*llm.Error); ok {
			copied.Cause = maskError(inner, secrets)
		} else if text := copied.Cause.Error(); containsAny(text, secrets) {
			copied.Cause = nil
		}
	}
	return &copied
}

// spellings are the forms that a secret has in a body: JSON writers escape
// slashes and pluses, or do not.
func spellings(secret string) []string {
	if !strings.ContainsAny(secret, "/+") {
		return []string{secret}
	}
	all := make([]string, 0, 6)
	for _, plus := range []string{"+", `\u002B`, `\u002b`} {
		for _, slash := range []string{"/", `\/`} {
			all = append(all, strings.NewReplacer("+", plus, "/", slash).Replace(secret))
		}
	}
	return all
}

// maskCut masks the beginning of a secret in which clip has cut a text off.
func maskCut(text, secret string) string {
	head, ok := strings.CutSuffix(text, "…")
	if !ok {
		return text
	}
	for n := min(len(secret)-1, len(head)); n >= 4; n-- {
		if strings.HasSuffix(head, secret[:n]) {
			return head[:len(head)-n] + "***…"
		}
	}
	return text
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// secrets are the texts that may appear nowhere: the key, the values of
// headers that carry one, and what a proxy is told.
func (c *Client) secrets() []string {
	s := append(headerSecrets(c.cfg.Headers), proxySecrets(c.cfg.Proxy)...)
	if c.pool != nil {
		s = append(append(s, proxySecrets(c.pool.key.environment.http)...), proxySecrets(c.pool.key.environment.https)...)
	}
	if len(c.cfg.APIKey) >= 4 {
		s = append(s, c.cfg.APIKey)
	}
	return s
}

// headerSecrets are the values of headers whose names speak of keys.
func headerSecrets(headers map[string]string) (secrets []string) {
	for name, value := range headers {
		if !containsAny(strings.ToLower(name), []string{"auth", "key", "token", "cookie"}) {
			continue
		}
		if len(value) >= 4 {
			secrets = append(secrets, value)
		}
		// Servers repeat the token without its scheme ("Bearer …").
		if i := strings.LastIndexByte(value, ' '); i >= 0 && len(value)-i > 4 {
			secrets = append(secrets, value[i+1:])
		}
	}
	return secrets
}
