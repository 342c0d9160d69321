package client

import (
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// apiRoot is a base_url as requests use it: the root of an API, and a query that
// stands behind every path (Azure's api-version).
type apiRoot struct{ root, query string }

func rootOf(base string) apiRoot {
	root, query, _ := strings.Cut(base, "?")
	return apiRoot{root, query}
}

// with is the URL of a path of the API; more is a query of its own.
func (a apiRoot) with(path, more string) string {
	query := a.query
	if query != "" && more != "" {
		query += "&"
	}
	if query += more; query != "" {
		query = "?" + query
	}
	return a.root + path + query
}

// endpoints are the ends of addresses that are those of one endpoint instead of an API's
// root, as they stand in documentation and are pasted from there.
var endpoints = []string{"/chat/completions", "/completions", "/responses", "/embeddings", "/messages"}

// vendorOf finds the preset whose own origin base is.
func vendorOf(base string) (preset, bool) {
	name := Vendor(base)
	if name == "" {
		return preset{}, false
	}
	return findPreset(name)
}

// readBaseURL checks a base_url, completes one that has no path where its host is a vendor's,
// and finds the wire format that the address speaks. typed tells whether the configuration names
// the format itself. The URL is not repeated in messages where it may hold a password.
func readBaseURL(where, base string, p preset, typed bool) (string, preset, error) {
	if strings.TrimSpace(base) != base {
		return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url begins or ends with white space; remove it", where)
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url cannot be read as a URL; expected something like https://host/v1", where)
	}
	if err := checkBaseURL(where, base, u); err != nil {
		return "", p, err
	}
	rewrite := func(path string) string {
		v := *u
		v.Path, v.RawPath = path, ""
		return v.String()
	}
	path := strings.TrimRight(u.Path, "/")
	for _, end := range endpoints {
		if n := len(path) - len(end); n >= 0 && strings.EqualFold(path[n:], end) {
			return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url %s ends with an endpoint, %q; write the API's root: %q", where, llm.QuoteName(base), path[n:], rewrite(path[:n]))
		}
	}
	if i := strings.Index(path, "/models/"); i >= 0 && (p.gemini || strings.Contains(path[i:], ":")) {
		return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url %s is the endpoint of a model; write the API's root: %q", where, llm.QuoteName(base), rewrite(path[:i]))
	}
	vendor, own := vendorOf(base)
	compatibleGemini := strings.HasSuffix(path, "/openai") && strings.Contains(path, "/v1")
	switch {
	case p.gemini && compatibleGemini && typed:
		return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url %s is Gemini's OpenAI-compatible endpoint, but the type is %q; write \"type\": %q, or the base_url %q",
			where, llm.QuoteName(base), p.name, compatible.name, rewrite(strings.TrimSuffix(path, "/openai")))
	case p.gemini && compatibleGemini:
		p = compatible
	case p.gemini && own && !vendor.gemini:
		return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url %s is %s's, which does not speak Gemini's format; write \"type\": %q", where, llm.QuoteName(base), vendor.name, vendor.name)
	case !p.gemini && own && vendor.gemini && !compatibleGemini:
		return "", p, llm.Errorf(llm.InvalidArgument, "%s: base_url %s speaks Gemini's own format; write \"type\": %q, or the base_url %q, which speaks OpenAI's",
			where, llm.QuoteName(base), vendor.name, rewrite("/v1beta/openai"))
	}
	if path == "" && own && vendor.root != "" {
		path = vendor.root
	}
	u.Path, u.RawPath = path, strings.TrimRight(u.RawPath, "/")
	if u.RawPath != "" && u.EscapedPath() != u.RawPath {
		u.RawPath = ""
	}
	return u.String(), p, nil
}

// checkBaseURL refuses what a request could not or should not be sent to.
func checkBaseURL(where, base string, u *url.URL) error {
	switch {
	case u.User != nil:
		return llm.Errorf(llm.InvalidArgument, "%s: base_url holds credentials; put the key into api_key instead", where)
	case secretInQuery(u) != "":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url holds %q in its query, where keys end up in logs; put the key into api_key, or into headers", where, secretInQuery(u))
	case u.Scheme != "http" && u.Scheme != "https":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url %s: expected http:// or https://", where, llm.QuoteName(base))
	case u.Hostname() == "":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url %s has no host", where, llm.QuoteName(base))
	case u.Fragment != "":
		return llm.Errorf(llm.InvalidArgument, "%s: base_url has a fragment (#…), which is never sent; leave it out", where)
	}
	return nil
}

// secretInQuery is the name of a parameter that seems to hold a key.
func secretInQuery(u *url.URL) string {
	for item := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(item, "=")
		if llm.NamesSecret(name) {
			return name
		}
	}
	return ""
}

// geminiSDK is the variable in which Gemini's own SDK takes its base URL, without the API's
// version, where its program names none.
const geminiSDK = "GOOGLE_GEMINI_BASE_URL"

// defaultBaseURL is where a vendor is that the configuration gives no base_url of.
func (p *preset) defaultBaseURL(getenv func(string) (string, bool)) string {
	if p.gemini && getenv != nil {
		if base, _ := getenv(geminiSDK); base != "" {
			root, query, _ := strings.Cut(strings.TrimSpace(base), "?")
			if root = strings.TrimRight(root, "/"); !strings.HasSuffix(root, "/v1") && !strings.HasSuffix(root, p.root) {
				root += p.root
			}
			return strings.TrimSuffix(root+"?"+query, "?")
		}
	}
	return p.baseURL
}
