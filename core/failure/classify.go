package failure

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

const (
	MaxMessage = 1 << 10  // of a readable message (E2)
	maxBody    = 64 << 10 // of the original body that an error keeps
	maxHost    = 200      // of a redirect's host; quoted, it is still shorter than a message
	maxAddress = 400      // of the address that was asked
)

// Classify turns a failed answer into an error: by body first, then by status
// (E1). status is 0 for an error inside a stream.
func Classify(status int, h http.Header, body []byte) *llm.Error {
	return classifySaid(status, h, body, readBody(body))
}

// classifySaid is Classify of a body that has been read.
func classifySaid(status int, h http.Header, body []byte, s *said) *llm.Error {
	e := &llm.Error{Status: status, Body: clip(body, maxBody)}
	if s.message == "" {
		s.message = WordsIn(body)
	}
	e.ProviderMessage, e.Type, e.ProviderCode, e.RequestID = OneLine(s.message), OneLine(s.kind), OneLine(s.code), OneLine(cmp.Or(s.request, s.id))
	if h != nil {
		if s.kind == "" { // Amazon's
			s.kind = h.Get("X-Amzn-Errortype")
			e.Type = OneLine(s.kind)
		}
		readHead(e, h)
	}
	if !e.HasRetryAfter {
		e.RetryAfter, e.HasRetryAfter = s.delay, s.hasDelay
	}
	s.delay = e.RetryAfter
	effective := status
	quoted := quotedStatus(s.message)
	if quoted == 0 && isVague(status) {
		quoted = statusIn(s.message)
	}
	behind := s.behind(status, body)
	if quoted = cmp.Or(quoted, behind); quoted != 0 && !exact(s.status) {
		s.status = quoted
	}
	if s.status != 0 && (!exact(status) || behind != 0) {
		effective = s.status
	} else if status/100 == 2 {
		effective = 0
	}
	e.Code = codeOf(effective, s)
	if status == http.StatusTooManyRequests {
		s.fields = nil // Cerebras's "param" is the limit, no field of the request
	}
	e.Message = cmp.Or(s.whole(), "the provider sent no message")
	switch {
	case status >= 300 && status < 400:
		e.Code = llm.BadResponse
		e.Message = fmt.Sprintf("HTTP %d: %s", status, redirects(h))
	case status != 0 && status/100 != 2:
		e.Message = fmt.Sprintf("HTTP %d: %s", status, e.Message)
	}
	e.Message += waitIn(e)
	return e
}

// behind is the status of what a proxy says of the server behind it; 0 where
// the answer says more than that: with an exact status, a code or a refused
// field, and in a 400 whose body is more than the sentence.
func (s *said) behind(status int, body []byte) int {
	if s.code != "" || len(s.fields) > 0 || !saysNothing(suggest.Fold(s.kind+" "+s.reason)) {
		return 0
	}
	switch n := proxyStatus(s.message); {
	case status == http.StatusNotFound && n >= 500, isVague(status) && (status != http.StatusBadRequest || !IsJSON(body)):
		return n
	}
	return 0
}

// waitIn is the end of a message that tells the wait which the server asks
// for, "" without one.
func waitIn(e *llm.Error) string {
	if !e.HasRetryAfter || e.RetryAfter <= 0 {
		return ""
	}
	return " (Retry-After: " + strconv.FormatFloat(e.RetryAfter.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s)"
}

// AddHead adds to an error that was read from an answer's body what the
// headers say, as readHead does, and tells their wait in the message.
func AddHead(e *llm.Error, h http.Header) {
	e.Message = strings.TrimSuffix(e.Message, waitIn(e))
	readHead(e, h)
	e.Message += waitIn(e)
}

// readHead reads from the headers of a failed answer, whatever its status: the
// request's id, the wait that the server asks for, and whether the request may
// be repeated (R4).
func readHead(e *llm.Error, h http.Header) {
	if id := requestID(h); id != "" {
		e.RequestID = OneLine(id)
	}
	if wait, ok := namedWait(h.Get, time.Now()); ok {
		e.RetryAfter, e.HasRetryAfter = wait, true
	}
	switch again := strings.ToLower(h.Get("X-Should-Retry")); again {
	case "true", "false":
		may := again == "true"
		e.ShouldRetry = &may
	}
}

// redirects says where a 3xx leads, which is not followed (L3): its host,
// without credentials, or its path if it stays on its host.
func redirects(h http.Header) string {
	location := h.Get("Location")
	if location == "" {
		return "a redirect without a Location header; correct base_url"
	}
	place := "an unreadable location"
	if to, err := url.Parse(location); err == nil {
		place = clip([]byte(cmp.Or(to.Host, to.Path)), maxHost)
	}
	return fmt.Sprintf("the server redirects to %q; llmagg does not follow redirects, so that the key stays with its origin; correct base_url", place)
}

// WithAddress is an error's message with the address that was asked, where the
// failure is likely one of the address: when nothing is there, when the server
// leads elsewhere, when a page answers. advice says what to do about it, "" for
// nothing that the vendor's format knows.
func WithAddress(e *llm.Error, resp *http.Response, advice string) string {
	text := withAddress(e, resp, advice == "")
	if advice != "" {
		text = strings.TrimSuffix(text, ".") + "; " + advice
	}
	return text
}

// rightPlaces are words of messages that say what is missing at an address that
// is right: a model, OpenRouter's for one, NVIDIA's function, Ark's endpoint.
var rightPlaces = []string{"model", "endpoints found", "for account", "targeted an endpoint"}

func withAddress(e *llm.Error, resp *http.Response, guess bool) string {
	status := fmt.Sprintf("HTTP %d", resp.StatusCode)
	rest, ok := strings.CutPrefix(e.Message, status)
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusMisdirectedRequest, http.StatusNotImplemented:
		if guess && !wordlist.AnyIn(strings.ToLower(rest), rightPlaces) {
			rest += " (is base_url right?)"
		}
	case http.StatusProxyAuthRequired:
		rest += "; expected the user:password that the proxy accepts in its URL"
	default:
		if resp.StatusCode >= 400 && (IsJSON([]byte(e.Body)) || resp.StatusCode == http.StatusTooManyRequests) {
			return e.Message
		}
	}
	if !ok {
		return e.Message
	}
	return status + " from " + Address(resp) + rest
}

// Address is the requested URL without query and credentials.
func Address(resp *http.Response) string {
	if resp.Request == nil || resp.Request.URL == nil {
		return "the server"
	}
	u := url.URL{Scheme: resp.Request.URL.Scheme, Host: resp.Request.URL.Host, Path: resp.Request.URL.Path, RawPath: resp.Request.URL.RawPath}
	return clip([]byte(u.String()), maxAddress)
}

// IsJSON tells whether a body begins like a JSON object, list or string.
func IsJSON(body []byte) bool {
	body = jsontext.Bare(body)
	return len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"')
}

// exact tells whether an HTTP status says more than that something failed:
// gateways answer 400, 500 or 200 whatever the server behind them said.
func exact(status int) bool {
	return status >= 401 && status < 500
}

// isVague tells whether a status, or none, is one behind which any failure may
// stand.
func isVague(status int) bool {
	return status < http.StatusUnauthorized || status == http.StatusInternalServerError
}

// requestIDs are the headers with a request's id: the vendor's first, then
// those of gateways in front of it.
var requestIDs = []string{"X-Request-Id", "Request-Id", "X-Ds-Trace-Id", "X-Amzn-Requestid", "Apim-Request-Id", "X-Ms-Request-Id", "X-Tt-Logid",
	"Trace-Id", "X-Trace-Id", "Cf-Ray"}

func requestID(h http.Header) string {
	for _, name := range requestIDs {
		if v := h.Get(name); v != "" {
			return v
		}
	}
	return ""
}

func codeOfStatus(status int, text, name string) llm.Code {
	switch {
	case status == http.StatusUnauthorized:
		return llm.Authentication
	case status == http.StatusForbidden:
		words := []string{"key", "permission", "credential", "unauthorized", "token", "access denied", "accessdenied", "forbidden", "authenticat", "authoriz", "signature", "real-name", "实名"}
		if wordlist.AnyIn(text, words) || wordlist.AnyIn(name, words) {
			return llm.Authentication
		}
		return llm.BadRequest
	case status == http.StatusPaymentRequired:
		return llm.Quota
	case status == http.StatusNotFound, status == http.StatusGone:
		return llm.ModelNotFound
	case passes(status):
		return llm.Unavailable
	case status == http.StatusTooManyRequests:
		return llm.RateLimit
	case status >= 400:
		return llm.BadRequest
	}
	return llm.Unavailable // an error without a status: inside a stream or a 200
}

// passes tells whether a status says nothing against the request, which may
// succeed at another moment or elsewhere: of 4xx those of gateways that gave up
// (408, 499, Google's CANCELLED too), of connections (421, 425), of proxies
// that do not know who asks (407), of what stands behind the server (424, a
// model that failed at Bedrock and TGI), of states (409), and Groq's 498, too
// little capacity.
func passes(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusConflict, http.StatusMisdirectedRequest, http.StatusFailedDependency, http.StatusTooEarly, 498, 499:
		return true
	}
	return status >= 500
}

// Body is the part of a failed answer that its error keeps.
func Body(b []byte) string { return clip(b, maxBody) }

// clip is b as valid UTF-8, cut to n bytes and an ellipsis.
func clip(b []byte, n int) string {
	read := min(len(b), n+utf8.UTFMax) // what a cut splits here is cut off below
	text := strings.ToValidUTF8(string(b[:read]), "\uFFFD")
	if len(text) > n {
		return shown.Cut(text, n) + "…"
	}
	if read < len(b) { // runs of garbage became single marks
		text += "…"
	}
	return text
}
