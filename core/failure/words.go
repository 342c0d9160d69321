package failure

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

const (
	maxPhrase = 48  // bytes of a message that is but a name in words
	maxWords  = 100 // bytes of plain words that tell of a failure
)

// statusIn is the HTTP status that a message begins with, as a number with its
// words ("401 Unauthorized: …", "HTTP 503", "Error 429") or as the words alone
// ("Forbidden", "Not Found: …"). 0 without one.
func statusIn(message string) int {
	head := strings.ToLower(strings.TrimSpace(message[:min(len(message), maxWords)]))
	for _, before := range [...]string{"http/1.1 ", "http/1.0 ", "http ", "error: ", "error code: ", "error ", "status "} {
		head = strings.TrimPrefix(head, before)
	}
	if n, rest := numberIn(head); n != 0 && (rest == "" || opensWith(rest, wordsOf(n)) || hasPhrase(n, rest)) {
		return n
	}
	for _, n := range statuses {
		if rest, ok := strings.CutPrefix(head, wordsOf(n)); ok && isClosed(rest) {
			return n
		}
	}
	return 0
}

// sentences are how those begin in front of a server to say what became of it:
// Envoy and Istio, HAProxy, Traefik, Varnish, nginx, Kong, Cloudflare, the
// clouds' load balancers, LM Studio; and what Go, Node and curl say to programs
// that hand it on.
var sentences = [...]struct {
	status int
	closed bool   // they count only where they have ended, as others say more with them
	words  string // each ends with "|"
}{
	{429, false, "local_rate_limited|"},
	{429, true, "error code: 1015|"},
	{503, false, "no healthy upstream|no_healthy_upstream|upstream connect error|upstream_reset_|cluster_not_found|fault filter abort|dns resolution fail|" +
		"no server is available|backend fetch failed|failure to get a peer|our services aren't available|" +
		"the server is temporarily unable|upstream prematurely closed|upstream unavailable|" +
		"connection reset by peer|connect econnrefused|econnrefused|econnreset|socket hang up|dial tcp |no route to host|error occurred while trying to proxy|" +
		"an invalid response was received from the upstream|error: server error|"},
	// Cloudflare's other numbers are of the visitor, who is blocked for good.
	{503, true, "no available server|service temporarily unavailable|the service is unavailable|web server is down|connection refused|" +
		"error code: 1000|error code: 1001|error code: 1002|error code: 1016|error code: 1018|error code: 1019|error code: 1033|"},
	{504, false, "upstream request timeout|upstream max stream duration|the upstream server is timing out|timeout was reached|context deadline exceeded|etimedout|"},
	{504, true, "stream timeout|response timeout|the request timed out|request timed out|request timeout|request time-out|connection timed out|operation timed out|"},
	{403, false, "rbac: access denied|"},
	{401, false, "jwt is |jwt verification |jwt issuer is not |jwks doesn't have |"},
	{404, false, "default backend - 404|no route matched|unexpected endpoint or method|"},
}

// proxyStatus is the status of what a proxy says of the server behind it; 0 for
// any other text.
func proxyStatus(text string) int {
	text = strings.ToLower(strings.TrimSpace(text[:min(len(text), maxWords)]))
	for i := range sentences {
		for words := range strings.SplitSeq(sentences[i].words, "|") {
			if opensWith(text, words) {
				if rest := text[len(words):]; !sentences[i].closed || isClosed(rest) || strings.HasPrefix(rest, " after ") {
					return sentences[i].status
				}
			}
		}
	}
	return 0
}

// numberIn is the status of a failure with which a text begins, and what comes
// behind it; 0 for none.
func numberIn(text string) (status int, rest string) {
	if len(text) < 3 || len(text) > 3 && text[3] >= '0' && text[3] <= '9' {
		return 0, ""
	}
	if status = httpStatus(text[:3]); status == 0 {
		return 0, ""
	}
	return status, strings.TrimLeft(text[3:], " :-–|")
}

// phrases are the words that web servers and proxies have for a status in the
// place of its own: nginx, Go, Apache, Varnish, Google.
var phrases = [...]struct {
	status int
	words  string
}{
	{401, "authorization required"}, {404, "page not found"}, {408, "request time-out"}, {413, "payload too large"}, {413, "content too large"},
	{500, "server error"}, {502, "server error"}, {502, "proxy error"}, {503, "service temporarily unavailable"}, {503, "backend fetch failed"},
	{504, "gateway time-out"},
}

func hasPhrase(status int, text string) bool {
	for _, p := range phrases {
		if p.status == status && strings.HasPrefix(text, p.words) {
			return true
		}
	}
	return false
}

// statusOfPage is the status that the heading of a page names, whatever words
// stand behind it: "401 Authorization Required", "HTTP Status 404 – Not Found",
// "example.com | 522: Connection timed out". 0 without one.
func statusOfPage(heading string) int {
	for part := range strings.SplitSeq(strings.ToLower(heading), "|") {
		part = strings.TrimSpace(part)
		for _, before := range [...]string{"http ", "error ", "status "} {
			part = strings.TrimPrefix(part, before)
		}
		if n, _ := numberIn(part); n != 0 {
			return n
		}
	}
	return cmp.Or(statusIn(heading), proxyStatus(heading))
}

// statuses are those whose words alone, in the place of a message, mean
// nothing else.
var statuses = [...]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
	http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// wordsOf are the words of a status, in lower case; "" for one that has none.
func wordsOf(status int) string { return strings.ToLower(http.StatusText(status)) }

func opensWith(text, words string) bool { return words != "" && strings.HasPrefix(text, words) }

// isClosed tells whether a phrase has ended in front of rest.
func isClosed(rest string) bool {
	return rest == "" || strings.IndexByte(".:,;!-(", rest[0]) >= 0 || strings.HasPrefix(rest, " -")
}

// saysNothing tells whether a name for programs, folded, names no failure: a
// number that is nobody's, or a word for all of them.
func saysNothing(name string) bool {
	switch name = strings.Trim(name, "0123456789-"); name {
	case "", "error", "errors", "failed", "failure", "fail", "apierror", "exception":
		return true
	}
	return false
}

// nameIn is a short message as a name for programs, folded: servers that have
// no field for one write "quota exceeded" or "invalid_token" in the place of a
// message. "" for a longer message.
func nameIn(message string) string {
	message = strings.TrimRight(message, ".! ")
	if len(message) > maxPhrase {
		return ""
	}
	return suggest.Fold(message)
}

// OfText is the code of the failure that a text tells of which came in the
// place of an answer: a page by its heading, plain words as [OfWords] has it.
func OfText(body []byte) llm.Code {
	heading, isPage := headingIn(body)
	if !isPage {
		return OfWords(OneLine(WordsIn(body)))
	}
	if status := statusOfPage(heading); status != 0 {
		return codeOf(status, &said{message: heading})
	}
	if text := strings.ToLower(heading); wordlist.AnyIn(text, busy) || wordlist.AnyIn(text, later) {
		return llm.Unavailable
	}
	return OfWords(heading)
}

// OfWords is the code of the failure that plain words tell of which came in the
// place of an answer: BadResponse where they are not clear, and where they may
// be what a model wrote.
func OfWords(words string) llm.Code {
	behind := proxyStatus(words)
	if words == "" || len(words) > maxWords && behind == 0 {
		return llm.BadResponse
	}
	status := cmp.Or(statusIn(words), behind)
	switch code := codeOf(status, &said{message: words}); code {
	case llm.Authentication, llm.Quota, llm.RateLimit, llm.ModelNotFound, llm.ContextLength:
		return code
	case llm.Unavailable:
		if status != 0 {
			return code
		}
	}
	return llm.BadResponse
}
