package transport

import (
	"cmp"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// proxyEnvironment is what the environment says about proxies. It is
// comparable, since it is a part of a pool's key.
//
// golang.org/x/net/http/httpproxy reads http_proxy, https_proxy and no_proxy in
// the same way and is what the tests compare with. It is not linked because it
// brings the tables of internationalized domain names, 190 KB of a shared
// library that every process of every user loads. The differences: a name with
// letters beyond ASCII in no_proxy must be spelled as the base_url spells it;
// all_proxy is read; and no_proxy may have blanks between its items, brackets
// around IPv6 addresses, and schemes before them, as curl, requests or httpx
// read it.
type proxyEnvironment struct{ http, https, except string }

func readProxyEnvironment(getenv func(string) (string, bool)) proxyEnvironment {
	first := func(names ...string) string {
		for _, n := range names {
			if getenv != nil {
				if v, ok := getenv(n); ok && strings.TrimSpace(v) != "" {
					return strings.TrimSpace(v)
				}
			}
		}
		return ""
	}
	// HTTP_PROXY in upper case is left out on purpose: in a CGI program it is
	// a request header (httpoxy); the lower-case name is safe.
	return proxyEnvironment{http: first("http_proxy", "all_proxy", "ALL_PROXY"), https: first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
		except: first("no_proxy", "NO_PROXY")}
}

// pick returns the function that tells the proxy for a URL, nil for none.
func (e proxyEnvironment) pick() func(*url.URL) *url.URL {
	byScheme := map[string]*url.URL{"http": proxyAddress(e.http), "https": proxyAddress(e.https)}
	direct := directHosts(e.except)
	return func(to *url.URL) *url.URL {
		proxy := byScheme[to.Scheme]
		if proxy == nil || direct.hold(to) {
			return nil
		}
		return proxy
	}
}

// Secrets are the texts of the pool's proxies that may be shown nowhere.
func (p *Pool) Secrets() []string {
	return append(append(ProxySecrets(p.key.proxy), ProxySecrets(p.key.environment.http)...), ProxySecrets(p.key.environment.https)...)
}

// ProxySecrets are the texts in which a proxy's URL holds a password, or a name
// that stands for one, and in which it is sent; and a host that is none, but a
// key in the place of the URL.
func ProxySecrets(text string) (secrets []string) {
	u := proxyAddress(text)
	if u == nil {
		return nil
	}
	if host := u.Hostname(); shown.SecretHost(host) {
		secrets = append(secrets, host, strings.ToLower(host))
	}
	if u.User == nil {
		return secrets
	}
	user := u.User.Username()
	password, _ := u.User.Password()
	_, written, _ := strings.Cut(u.User.String(), ":")
	if shown.SecretHost(user) {
		secrets = append(secrets, user)
	}
	for _, s := range []string{cmp.Or(password, user), written} {
		if len(s) >= 4 {
			secrets = append(secrets, s)
		}
	}
	return append(secrets, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// proxyAddress reads a URL, or host and port of an HTTP proxy. What is neither
// counts as not set.
func proxyAddress(text string) *url.URL {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err == nil && u.Scheme != "" && u.Host != "" {
		if u.Scheme == "socks" { // as desktops write it into all_proxy
			u.Scheme = "socks5"
		}
		return u
	}
	if withScheme, err := url.Parse("http://" + text); err == nil {
		return withScheme
	}
	return u
}

// proxySchemes are the ways in which proxies are spoken to.
var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// checkProxy refuses a proxy that nobody here can speak to. Its URL may hold a
// password, so it is not repeated.
func checkProxy(u *url.URL, from string) error {
	if u == nil {
		return nil
	}
	if port, err := strconv.ParseUint(cmp.Or(portOf(u), "1080"), 10, 16); err != nil || port == 0 {
		return llm.Errorf(llm.InvalidArgument, "%s has no port that a connection can go to; expected 1 to 65535", from)
	}
	if slices.Contains(proxySchemes, u.Scheme) && u.Hostname() != "" {
		return nil
	}
	if u.Hostname() == "" {
		return llm.Errorf(llm.InvalidArgument, "%s has no host; expected something like http://host:port, without quotes or blanks", from)
	}
	return llm.Errorf(llm.InvalidArgument, "%s has the scheme %s; expected one of %s", from, shown.Name(u.Scheme), strings.Join(proxySchemes, ", "))
}

// direct is the hosts that are asked without a proxy.
type direct struct {
	all   bool
	hosts []directHost
}

type directHost struct {
	network *net.IPNet // an address or a network, else nil
	name    string     // this name and …
	suffix  string     // … every name that ends so
	port    string     // empty: every port
	scheme  string     // empty: every scheme
}

// directHosts reads no_proxy: names (with everything below them; a leading dot
// or "*." leaves the name itself out), addresses, networks, each but networks
// with a port or without, separated by commas or blanks; IPv6 with brackets or
// without; "*" is every host.
func directHosts(list string) (d direct) {
	apart := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	for item := range strings.FieldsFuncSeq(strings.ToLower(list), apart) {
		if item == "*" {
			return direct{all: true}
		}
		if h, ok := readDirectHost(item); ok {
			d.hosts = append(d.hosts, h)
		}
	}
	return d
}

func readDirectHost(item string) (h directHost, ok bool) {
	if scheme, rest, found := strings.Cut(item, "://"); found {
		item = strings.TrimSuffix(rest, "/")
		if scheme != "all" {
			h.scheme = scheme
		}
	}
	if _, network, err := net.ParseCIDR(strings.NewReplacer("[", "", "]", "").Replace(item)); err == nil {
		h.network = network
		return h, true
	}
	host, port, err := net.SplitHostPort(item)
	if err != nil {
		host, port = item, ""
	}
	if inner, found := strings.CutPrefix(host, "["); found {
		host = strings.TrimSuffix(inner, "]")
	}
	if host == "" {
		return h, false
	}
	if rest, found := strings.CutPrefix(host, "*."); found {
		host = "." + rest
	}
	h.port = port
	address, _, _ := strings.Cut(host, "%") // a zone is this machine's own name for a link
	if ip := net.ParseIP(address); ip != nil {
		bits := 8 * len(ip)
		h.network = &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)}
	} else if strings.HasPrefix(host, ".") {
		h.suffix = host
	} else {
		h.name, h.suffix = host, "."+host
	}
	return h, true
}

// hold reports whether the host of a URL is among them. This machine always is.
func (d direct) hold(to *url.URL) bool {
	host := strings.ToLower(to.Hostname())
	port := portOf(to)
	var ip net.IP
	if address, err := netip.ParseAddr(host); err == nil {
		ip = address.AsSlice()
	}
	if d.all || host == "localhost" || ip.IsLoopback() {
		return true
	}
	for _, h := range d.hosts {
		var is bool
		switch {
		case h.network != nil:
			is = ip != nil && h.network.Contains(ip)
		case ip == nil:
			is = host != "" && host == h.name || strings.HasSuffix(host, h.suffix)
		}
		if is && (h.port == "" || h.port == port) && (h.scheme == "" || h.scheme == to.Scheme) {
			return true
		}
	}
	return false
}

// proxyOf gives each request the proxy, nil for none. One for another host than
// that of its URL, by a header Host, is refused: the proxy would go there, with
// the key (L3).
func proxyOf(via *url.URL) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if via != nil && r.Host != r.URL.Host {
			return nil, llm.Errorf(llm.InvalidArgument, "the header Host cannot be sent through an HTTP proxy without TLS, which would ask that host; leave out the header or the proxy")
		}
		return via, nil
	}
}
