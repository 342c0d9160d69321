package vendor

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// endpoints are the ends of addresses that are those of one endpoint instead of
// an API's root, as they stand in documentation and are pasted from there.
var endpoints = []string{"/chat/completions", "/completions", "/responses", "/embeddings", "/rerank", "/messages", "/api/chat", "/api/generate", "/api/embed",
	"/v1/models", "/v1/chat"}

// endpointOf is the endpoint with which a path ends, or "".
func endpointOf(path string) string {
	for _, end := range endpoints {
		if n := len(path) - len(end); n >= 0 && strings.EqualFold(path[n:], end) {
			return strings.TrimPrefix(end, "/v1") // without it the path may be a root
		}
	}
	return ""
}

// readBaseURL checks a base_url, completes one that has no path where its host
// is a vendor's, and finds the wire format that the address speaks. typed tells
// whether the configuration names the format itself. The URL is not repeated in
// messages where it may hold a password.
func readBaseURL(where, base string, v Vendor, typed bool) (string, Vendor, error) {
	u, err := parseBaseURL(where, base, "https://host/v1")
	if err != nil {
		return "", v, err
	}
	rewrite := func(path string) string {
		other := *u
		other.Path, other.RawPath = path, ""
		return shown.URL(other.String())
	}
	path := strings.TrimRight(u.Path, "/")
	if end := endpointOf(path); end != "" {
		n, typed := len(path)-len(end), ""
		if end == "/responses" && v.name != responsesName {
			typed = `, and "type": "responses" to use that endpoint`
		}
		return "", v, llm.Errorf(llm.InvalidArgument, "%s: base_url %s ends with an endpoint, %q; write the API's root: %q%s", where, shownBase(base), path[n:], rewrite(path[:n]), typed)
	}
	if i := strings.Index(path, "/models/"); i >= 0 && (v.own != "" || strings.Contains(path[i:], ":")) {
		return "", v, llm.Errorf(llm.InvalidArgument, "%s: base_url %s is the endpoint of a model; write the API's root: %q", where, shownBase(base), rewrite(path[:i]))
	}
	host, own := At(base)
	root, compatiblePath := v.cutOpenAI(path)
	_, hostCompatible := host.cutOpenAI(path)
	switch {
	case compatiblePath && typed:
		return "", v, llm.Errorf(llm.InvalidArgument, "%s: base_url %s is %s's OpenAI-compatible endpoint, but the type is %q; write \"type\": %q, or the base_url %q",
			where, shownBase(base), v.own, v.name, compatible.name, rewrite(root))
	case compatiblePath:
		v = compatible
	case v.own != "" && own && host.own != v.own && (v.elsewhere == "" || !strings.Contains(path, v.elsewhere) && !host.speaksMessagesAt(base)):
		return "", v, llm.Errorf(llm.InvalidArgument, "%s: base_url %s is %s's, which does not speak %s's format; write \"type\": %q", where, shownBase(base), host.name, v.own, host.name)
	case v.own == "" && own && host.own != "" && !hostCompatible && !(host.sharesRoot() && (typed || v.name != compatible.name)):
		instead := ""
		if host.sharesRoot() {
			instead = fmt.Sprintf(", or %q for OpenAI's", compatible.name)
		} else if host.openaiPath != "" {
			instead = fmt.Sprintf(", or the base_url %q, which speaks OpenAI's", rewrite(host.openaiPath))
		}
		return "", v, llm.Errorf(llm.InvalidArgument, "%s: base_url %s speaks %s's own format; write \"type\": %q%s", where, shownBase(base), host.own, host.name, instead)
	}
	if path == "" && own && host.root != "" {
		path = host.root
	}
	u.Path, u.RawPath = path, strings.TrimRight(u.RawPath, "/")
	if u.RawPath != "" && u.EscapedPath() != u.RawPath {
		u.RawPath = ""
	}
	return u.String(), v, nil
}

// shown quotes a base_url without what may be a secret.
func shownBase(base string) string { return shown.Name(shown.URL(base)) }

// parseBaseURL reads a base_url that requests can be sent to; example is such
// a URL.
func parseBaseURL(where, base, example string) (*url.URL, error) {
	if strings.TrimFunc(base, llm.IsBlank) != base {
		return nil, llm.Errorf(llm.InvalidArgument, "%s: base_url begins or ends with white space; remove it", where)
	}
	whole := withScheme(base)
	u, err := url.Parse(whole)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "%s: base_url cannot be read as a URL; expected something like %s", where, example)
	}
	if err := checkBaseURL(where, whole, u); err != nil {
		return nil, err
	}
	if whole != base {
		return nil, llm.Errorf(llm.InvalidArgument, "%s: base_url begins neither with http:// nor with https://; write %q", where, shown.URL(whole))
	}
	return u, nil
}

// withScheme gives a URL without the scheme of HTTP the one that is probably
// meant: http for this machine and its networks, https for all others.
func withScheme(base string) string {
	rest := base
	if scheme, after, found := strings.Cut(base, "://"); found && !strings.ContainsAny(scheme, "/?#@:.") {
		if strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") {
			return base
		}
		rest = after
	}
	for _, scheme := range []string{"http:", "https:", "http//", "https//", "//"} {
		if n := len(scheme); len(rest) >= n && strings.EqualFold(rest[:n], scheme) {
			rest = strings.TrimLeft(rest[n:], "/")
		}
	}
	u, err := url.Parse("http://" + rest)
	if err != nil {
		return "https://" + rest
	}
	host := u.Hostname()
	if at, err := netip.ParseAddr(host); err == nil && (at.IsLoopback() || at.IsPrivate() || at.IsUnspecified()) || err != nil && !strings.Contains(host, ".") {
		return u.Scheme + "://" + rest
	}
	return "https://" + rest
}

// checkBaseURL refuses what a request could not or should not be sent to.
func checkBaseURL(where, base string, u *url.URL) error {
	switch {
	case u.User != nil:
		return llm.Errorf(llm.InvalidArgument, "%s: base_url holds credentials; put the key into api_key instead", where)
	case secretInQuery(u) != "":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url holds %q in its query, where keys end up in logs; put the key into api_key, or into headers", where, secretInQuery(u))
	case u.Hostname() == "":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url %s has no host", where, shownBase(base))
	case (u.Hostname() == "http" || u.Hostname() == "https") && strings.HasPrefix(u.Path, "//"):
		return llm.Errorf(llm.InvalidArgument, "%s: base_url %s has two schemes; remove the first", where, shownBase(base))
	case !isPort(u.Port()):
		return llm.Errorf(llm.InvalidArgument, "%s: base_url %s has the port %s; expected 1 to 65535", where, shownBase(base), u.Port())
	case strings.Contains(u.Hostname(), ":") && !isAddress(u.Hostname()):
		return llm.Errorf(llm.InvalidArgument, "%s: base_url has two ports, or a part of an IPv6 address; expected host:port or [address]:port", where)
	case strings.ContainsFunc(base, llm.IsBlank):
		return llm.Errorf(llm.InvalidArgument, "%s: base_url has white space, or a character without width, in it; remove that", where)
	case strings.ContainsAny(u.Host+u.Path, "<>"):
		return llm.Errorf(llm.InvalidArgument, "%s: base_url %s has a placeholder in it; write the value instead", where, shownBase(base))
	case strings.Contains(base, ",http") || strings.Contains(base, ";http"):
		return llm.Errorf(llm.InvalidArgument, "%s: base_url holds several addresses; expected one: each server is a provider of its own", where)
	case u.Fragment != "":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url has a fragment (#…), which is never sent; leave it out", where)
	}
	return nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isPort tells whether a connection can go to a port; "" is the scheme's.
func isPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n < 1<<16
}

// secretInQuery is the name of a parameter that seems to hold a key.
func secretInQuery(u *url.URL) string {
	for item := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(item, "=")
		if shown.NamesSecret(name) {
			return name
		}
	}
	return ""
}

// noVariable in the place of an sdkVariable: the environment does not say where
// the vendor is.
const noVariable = "-"

// addressVariable is the environment variable in which the vendor's address
// stands where a configuration has none: that of its own SDK, else
// NAME_BASE_URL with the whole address; "" for a vendor without an address.
// whole tells whether the variable holds the API's root, too.
func (v *Vendor) addressVariable() (name string, whole bool) {
	switch {
	case v.sdkVariable == noVariable:
		return "", false
	case v.sdkVariable != "":
		return v.sdkVariable, v.sdkWhole
	case v.baseURL == "" || strings.Contains(v.baseURL, "{"): // a cloud's, in a region
		return "", false
	}
	return strings.ToUpper(strings.ReplaceAll(v.name, "-", "_")) + "_BASE_URL", true
}

// defaultBaseURL is where a vendor is that the configuration gives no base_url
// of, and the environment variable that says so, or "".
func (v *Vendor) defaultBaseURL(getenv func(string) (string, bool)) (base, variable string) {
	name, whole := v.addressVariable()
	if name == "" || getenv == nil {
		return v.baseURL, ""
	}
	base, set := getenv(name)
	if base = strings.TrimSpace(base); !set || base == "" {
		return v.baseURL, ""
	}
	if v.name == ollamaName {
		base = ollamaHost(base)
	}
	root, query, _ := strings.Cut(base, "?")
	if root = strings.TrimRight(root, "/"); !whole && !strings.HasSuffix(root, "/v1") && !strings.HasSuffix(root, v.root) {
		root += v.root
	}
	return strings.TrimSuffix(root+"?"+query, "?"), name
}

const (
	ollamaName = "ollama"
	ollamaPort = "11434"
)

// ollamaHost makes a base URL of OLLAMA_HOST, which Ollama's server reads too:
// the scheme and the port may be missing, and the address may be the one that
// stands for all of the machine's.
func ollamaHost(text string) string {
	text = strings.TrimSpace(text)
	scheme, rest, found := strings.Cut(text, "://")
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	if !found {
		scheme, rest, port = "http", text, ollamaPort
	}
	address, path, _ := strings.Cut(rest, "/")
	host, given, err := net.SplitHostPort(address)
	if err == nil {
		port = given
	} else {
		host = strings.Trim(address, "[]")
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	if path != "" {
		path = "/" + path
	}
	return scheme + "://" + net.JoinHostPort(host, port) + strings.TrimRight(path, "/")
}
